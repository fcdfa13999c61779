//! Between the gateway and telemetry, which know nothing of each other.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};

use anyhow::Context;
use toolgate_gateway::{
    Alert, AlertDelivery, AlertId, AlertMemory, AlertState, Alerting, Announce, Config, DownServer,
    Gateway, GatewayStatus, MonthlyUsage, PastCall, StoreError, WorkspaceId,
};
use toolgate_telemetry::{MetricsListener, Subject, Telemetry, TelemetryConfig, TlsFiles, Watched};

/// What the flags say of telemetry.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) config: TelemetryConfig,
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// Names that scrapers know the listener by.
    pub(crate) metrics_hosts: Vec<String>,
}

/// Telemetry of a gateway that is about to run.
pub(crate) struct Telling {
    telemetry: Arc<Telemetry>,
    egress: toolgate_telemetry::EgressConfig,
    /// Kept until the last figures were sent: only the gateway knows the names in them.
    gateway: OnceLock<Arc<Gateway>>,
    /// Where metrics are served, as a URL.
    pub(crate) metrics: Option<String>,
}

impl Telling {
    /// Listens for scrapers, and has the gateway tell what happens.
    pub(crate) fn prepare(wanted: Wanted, config: &mut Config) -> anyhow::Result<Self> {
        let telemetry = Telemetry::new(wanted.config)?;
        config.traces = telemetry.traces();
        config.observer = Some(telemetry.clone());
        let mut metrics = None;
        if let Some(address) = wanted.metrics_listen {
            let tls = config.tls.as_ref().map(|files| TlsFiles {
                certificate: files.certificate.clone(),
                key: files.key.clone(),
            });
            let listener = MetricsListener::open(address, tls.as_ref(), config.proxies.clone())
                .with_context(|| format!("serving metrics on {address}"))?;
            let listener = wanted
                .metrics_hosts
                .iter()
                .fold(listener, |listener, host| listener.named(host));
            let address = listener.local_addr();
            metrics = Some(format!("{}://{address}/metrics", listener.scheme()));
            // A server or a webhook that is this listener would make no sense (S-64).
            config.egress.own_listeners.push(address);
            telemetry.serve_metrics(listener);
        }
        Ok(Self {
            telemetry,
            egress: config.egress.clone(),
            gateway: OnceLock::new(),
            metrics,
        })
    }

    /// The gateway is there.
    pub(crate) fn start(&self, announce: &Announce) {
        let gateway = self.gateway.get_or_init(|| announce.gateway.clone());
        gateway.watched_by(Arc::new(Alerts(self.telemetry.clone())));
        let mut egress = self.egress.clone();
        egress.own_listeners.push(announce.address);
        let gate = Arc::new(Gate(Arc::downgrade(gateway)));
        if let Err(error) = self.telemetry.start(gate, egress) {
            tracing::error!(%error, "telemetry is off");
        }
    }

    /// Sends what is left.
    pub(crate) async fn stop(&self) {
        self.telemetry.stop().await;
    }
}

/// The gateway as telemetry sees it; it does not keep it alive.
struct Gate(Weak<Gateway>);

impl Watched for Gate {
    fn status(&self) -> Option<GatewayStatus> {
        self.0.upgrade().map(|gateway| gateway.status())
    }

    fn usage(&self) -> Option<MonthlyUsage> {
        self.0.upgrade().map(|gateway| gateway.usage())
    }

    fn slug(&self, workspace: &WorkspaceId) -> Option<String> {
        self.0.upgrade()?.workspace_slug(workspace)
    }

    fn alerts(&self) -> Arc<[Alert]> {
        let gateway = self.0.upgrade();
        gateway.map_or_else(|| Arc::from([]), |gateway| gateway.alerts())
    }

    fn held_tools(&self, workspace: Option<&WorkspaceId>) -> Vec<Subject> {
        let Some(gateway) = self.0.upgrade() else {
            return Vec::new();
        };
        let held = gateway.held_tools(workspace).into_iter();
        held.map(|held| Subject {
            workspace: Some(held.workspace),
            server: Some(held.server),
            tool: Some(held.tool),
        })
        .collect()
    }

    fn down_servers(&self, workspace: Option<&WorkspaceId>) -> Vec<Subject> {
        let Some(gateway) = self.0.upgrade() else {
            return Vec::new();
        };
        subjects(gateway.down_servers(workspace))
    }

    fn unheard_servers(&self, workspace: Option<&WorkspaceId>) -> Vec<Subject> {
        let Some(gateway) = self.0.upgrade() else {
            return Vec::new();
        };
        subjects(gateway.unheard_servers(workspace))
    }

    fn alert_memories(&self) -> Result<Vec<AlertMemory>, StoreError> {
        let gateway = self.0.upgrade();
        gateway.map_or_else(|| Ok(Vec::new()), |gateway| gateway.alert_memories())
    }

    fn remember_alerts(&self, memories: &[AlertMemory]) -> Result<(), StoreError> {
        let gateway = self.0.upgrade();
        gateway.map_or(Ok(()), |gateway| gateway.remember_alerts(memories))
    }

    fn past_calls(
        &self,
        since_ms: u64,
        until_ms: u64,
        visit: &mut dyn FnMut(&PastCall<'_>),
    ) -> Result<(), StoreError> {
        let gateway = self.0.upgrade();
        gateway.map_or(Ok(()), |gateway| {
            gateway.past_calls(since_ms, until_ms, visit)
        })
    }

    fn sign(&self, alert: &AlertId, message: &[u8]) -> Option<String> {
        self.0.upgrade()?.sign_webhook(alert, message)
    }
}

fn subjects(servers: Vec<DownServer>) -> Vec<Subject> {
    let servers = servers.into_iter();
    servers
        .map(|server| Subject {
            workspace: Some(server.workspace),
            server: Some(server.server),
            tool: None,
        })
        .collect()
}

/// Telemetry as the gateway's control socket sees it.
struct Alerts(Arc<Telemetry>);

impl Alerting for Alerts {
    fn states(&self) -> Vec<AlertState> {
        self.0.alert_states()
    }

    fn test(
        &self,
        alert: AlertId,
    ) -> Pin<Box<dyn Future<Output = Option<AlertDelivery>> + Send + '_>> {
        Box::pin(async move { self.0.test_alert(&alert).await })
    }
}
