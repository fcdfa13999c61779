//! How the gateway fares: what health checks and `toolgatectl status` are told.

use toolgate_router::{Circuit, Link};
use toolgate_store::control::{GatewayStatus, Gauge, LinkStatus};

use crate::gateway::Gateway;
use crate::overload::Level;

/// Whether requests should be sent here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    /// Everything is as it should be.
    Ready,
    /// It serves, with something shed or lost.
    Degraded,
    /// It ends, or cannot use its store.
    NotReady,
}

impl Health {
    pub(crate) fn of(gateway: &Gateway) -> Self {
        if gateway.is_draining() || !gateway.is_store_sound() || !gateway.recorder().is_alive() {
            Self::NotReady
        } else if gateway.overload().level() > Level::Nothing {
            Self::Degraded
        } else {
            Self::Ready
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Degraded => "degraded",
            Self::NotReady => "not_ready",
        }
    }
}

impl Gateway {
    /// How the gateway fares: every figure there is.
    pub fn status(&self) -> GatewayStatus {
        status(self)
    }
}

/// Every figure there is.
pub(crate) fn status(gateway: &Gateway) -> GatewayStatus {
    let overload = gateway.overload();
    GatewayStatus {
        uptime_ms: gateway.monotonic_ms(),
        health: Health::of(gateway).as_str().to_owned(),
        sheds: overload.level().as_str().to_owned(),
        shed: overload.shed(),
        gauges: gauges(gateway),
        links: links(gateway),
    }
}

fn gauges(gateway: &Gateway) -> Vec<Gauge> {
    let counted = |what: &str, used: usize, limit: Option<usize>| Gauge {
        what: what.to_owned(),
        used: used as u64,
        limit: limit.map(|limit| limit as u64),
    };
    let bounded = |what, (used, limit)| counted(what, used, Some(limit));
    let pressure = gateway.overload().pressure();
    let resource = |what: &str, full: Option<u32>| {
        full.map(|full| Gauge {
            what: format!("{what}, thousandths"),
            used: full.into(),
            limit: Some(1_000),
        })
    };
    let records = gateway.recorder().counters();
    let figure = |what: &str, used| Gauge {
        what: what.to_owned(),
        used,
        limit: None,
    };
    let mut gauges: Vec<Gauge> = [
        resource("memory", pressure.memory),
        resource("open descriptors", pressure.descriptors),
        resource("event loop delay", pressure.event_loop),
    ]
    .into_iter()
    .flatten()
    .collect();
    gauges.extend([
        bounded("calls under way", gateway.overload().calls()),
        bounded("sessions", gateway.sessions().fill()),
        counted("calls parked for a question", gateway.parked().len(), None),
        counted("streams of 2024-11-05", gateway.connections().len(), None),
        bounded("background tasks", gateway.background().fill()),
        bounded("call records waiting", gateway.recorder().waiting()),
        figure("call records written", records.written),
        figure("call records dropped", records.dropped),
        figure("call records failed", records.failed),
    ]);
    gauges
}

/// In one word how it stands with a server.
fn state(link: &Link) -> &'static str {
    match link.circuit() {
        _ if link.upstream().hold().is_some() => "crashed",
        Circuit::Open { .. } => "circuit_open",
        Circuit::Probing => "probing",
        Circuit::Closed if link.is_down() => "reconnecting",
        Circuit::Closed if link.was_heard() => "connected",
        Circuit::Closed => "unknown",
    }
}

fn links(gateway: &Gateway) -> Vec<LinkStatus> {
    let snapshot = gateway.snapshot();
    let mut links = Vec::new();
    for (slug, entry) in &snapshot.workspaces {
        for link in entry.workspace.links() {
            let (circuit, retry_after_ms) = match link.circuit() {
                Circuit::Closed => ("closed", None),
                Circuit::Probing => ("probing", None),
                Circuit::Open { retry_after_ms } => ("open", Some(retry_after_ms)),
            };
            let counters = link.upstream().counters();
            links.push(LinkStatus {
                workspace: slug.clone(),
                server: link.spec().slug.as_str().to_owned(),
                circuit: circuit.to_owned(),
                retry_after_ms,
                under_way: link.bulkhead().under_way() as u64,
                waiting: link.bulkhead().waiting() as u64,
                state: state(link).to_owned(),
                sessions: counters.sessions,
                streams: counters.streams,
                connections_busy: counters.connections.busy as u64,
                connections_idle: counters.connections.idle as u64,
                crashes: counters.crashes,
                messages_dropped: counters.messages_dropped,
            });
        }
    }
    links.sort_by(|a, b| (&a.workspace, &a.server).cmp(&(&b.workspace, &b.server)));
    links
}
