//! The one list of figures: what Prometheus scrapes and what is exported as OpenTelemetry metrics.

mod servers;

use std::collections::HashMap;

use toolgate_namespace::WorkspaceId;
use toolgate_store::control::{GatewayStatus, MonthlyUsage};

use crate::tally::{BOUNDS_MS, Series};
use crate::{Telemetry, Watched, unix_ms};

/// Figures under one name.
#[derive(Debug)]
pub(crate) struct Family {
    /// Words with dots between them; Prometheus gets underscores.
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    /// `s`, `By` or nothing.
    pub(crate) unit: &'static str,
    pub(crate) kind: Kind,
    pub(crate) samples: Vec<Sample>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Only grows while the process lives.
    Counter,
    Gauge,
    Histogram,
}

#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) labels: Vec<(&'static str, String)>,
    pub(crate) value: Value,
}

#[derive(Debug)]
pub(crate) enum Value {
    Count(u64),
    Level(f64),
    /// Seconds: how many calls are in each bucket of [`BOUNDS_MS`] and above, and their sum.
    Durations {
        buckets: [u64; BOUNDS_MS.len() + 1],
        sum_s: f64,
    },
}

/// Every figure there is.
pub(crate) fn figures(telemetry: &Telemetry) -> Vec<Family> {
    let mut families = of_calls(telemetry);
    if let Some(watched) = telemetry.watched() {
        if let Some(status) = watched.status() {
            of_gateway(&mut families, &status);
            families.extend(servers::figures(&status.links));
        }
        if let Some(usage) = watched.usage() {
            of_quota(&mut families, &usage);
        }
    }
    of_telemetry(&mut families, telemetry);
    families.push(gauge(
        "toolgate.build_info",
        "The version that runs.",
        "",
        vec![level([("version", env!("CARGO_PKG_VERSION"))], 1.0)],
    ));
    families
}

fn of_calls(telemetry: &Telemetry) -> Vec<Family> {
    let mut slugs = HashMap::new();
    let (mut calls, mut durations, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    for (key, series) in telemetry.tally.series() {
        let workspace = key.workspace.as_ref();
        let workspace = workspace.map_or_else(
            || "(others)".to_owned(),
            |id| slug(&mut slugs, telemetry.watched(), id),
        );
        let server = key
            .server
            .map_or_else(|| "(none)".to_owned(), |slug| slug.to_string());
        let mut labels = vec![("workspace", workspace), ("server", server)];
        labels.extend(key.tool.map(|tool| ("tool", tool.to_string())));
        push_series(&mut calls, &mut durations, &mut bytes, &labels, &series);
    }
    vec![
        counter("toolgate.calls", "Tool calls that ended.", "", calls),
        Family {
            name: "toolgate.call.duration",
            help: "From the arrival of a tool call to the last byte of its answer.",
            unit: "s",
            kind: Kind::Histogram,
            samples: durations,
        },
        counter(
            "toolgate.call.size",
            "Bytes of tool calls and of their answers.",
            "By",
            bytes,
        ),
    ]
}

fn push_series(
    calls: &mut Vec<Sample>,
    durations: &mut Vec<Sample>,
    bytes: &mut Vec<Sample>,
    labels: &[(&'static str, String)],
    series: &Series,
) {
    let with = |name, value: &str| {
        let mut labels = labels.to_vec();
        labels.push((name, value.to_owned()));
        labels
    };
    for (status, count) in &series.by_status {
        calls.push(Sample {
            labels: with("status", status.as_str()),
            value: Value::Count(*count),
        });
    }
    durations.push(Sample {
        labels: labels.to_vec(),
        value: Value::Durations {
            buckets: series.buckets,
            sum_s: thousandths(series.sum_ms),
        },
    });
    for (direction, count) in [("in", series.bytes_in), ("out", series.bytes_out)] {
        bytes.push(Sample {
            labels: with("direction", direction),
            value: Value::Count(count),
        });
    }
}

fn slug(
    slugs: &mut HashMap<WorkspaceId, String>,
    watched: Option<&dyn Watched>,
    id: &WorkspaceId,
) -> String {
    if let Some(slug) = slugs.get(id) {
        return slug.clone();
    }
    // A workspace that was deleted is known by its id alone.
    let slug = watched.and_then(|watched| watched.slug(id));
    let slug = slug.unwrap_or_else(|| id.to_string());
    slugs.insert(id.clone(), slug.clone());
    slug
}

fn of_gateway(families: &mut Vec<Family>, status: &GatewayStatus) {
    let (mut used, mut limits, mut records) = (Vec::new(), Vec::new(), Vec::new());
    for gauge in &status.gauges {
        if let Some(outcome) = ["written", "dropped", "failed"]
            .iter()
            .find(|outcome| gauge.what.strip_prefix("call records ") == Some(outcome))
        {
            records.push(count([("outcome", outcome)], gauge.used));
            continue;
        }
        let resource = gauge.what.replace(", ", "_").replace([' ', '.', '-'], "_");
        used.push(level([("resource", &resource)], as_f64(gauge.used)));
        let limit = gauge.limit.map(as_f64);
        limits.extend(limit.map(|limit| level([("resource", &resource)], limit)));
    }
    let shedding = match &*status.sheds {
        "streams" => 1.0,
        "calls" => 2.0,
        "connections" => 3.0,
        _ => 0.0,
    };
    let ready = f64::from(u8::from(status.health != "not_ready"));
    let started = unix_ms().saturating_sub(status.uptime_ms);
    families.extend([
        gauge(
            "toolgate.resource.used",
            "How much of a queue or a resource is in use.",
            "",
            used,
        ),
        gauge(
            "toolgate.resource.limit",
            "How much of it may be in use.",
            "",
            limits,
        ),
        counter(
            "toolgate.call_records",
            "Call records, by what became of them.",
            "",
            records,
        ),
        counter(
            "toolgate.requests.shed",
            "Requests refused because there was too much to do.",
            "",
            vec![count([], status.shed)],
        ),
        gauge(
            "toolgate.shedding",
            "What is refused: 0 nothing, 1 streams, 2 calls, 3 connections.",
            "",
            vec![level([], shedding)],
        ),
        gauge(
            "toolgate.ready",
            "Whether requests should be sent here.",
            "",
            vec![level([], ready)],
        ),
        gauge(
            "process.start_time",
            "When the process started, in seconds since 1970.",
            "s",
            vec![level([], thousandths(started))],
        ),
    ]);
    if let Some(bytes) = resident_bytes() {
        families.push(gauge(
            "process.resident_memory",
            "Memory of the process that is in use.",
            "By",
            vec![level([], as_f64(bytes))],
        ));
    }
}

fn of_quota(families: &mut Vec<Family>, usage: &MonthlyUsage) {
    let (mut used, mut limits) = (Vec::new(), Vec::new());
    for gauge in &usage.workspaces {
        used.push(level([("workspace", &*gauge.what)], as_f64(gauge.used)));
        let limit = gauge.limit.map(as_f64);
        limits.extend(limit.map(|limit| level([("workspace", &*gauge.what)], limit)));
    }
    used.push(level(
        [("workspace", "(all)")],
        as_f64(usage.installation.used),
    ));
    let limit = usage.installation.limit.map(as_f64);
    limits.extend(limit.map(|limit| level([("workspace", "(all)")], limit)));
    families.extend([
        gauge("toolgate.quota.used", "Calls of this month.", "", used),
        gauge(
            "toolgate.quota.limit",
            "Calls there may be in a month.",
            "",
            limits,
        ),
    ]);
}

fn of_telemetry(families: &mut Vec<Family>, telemetry: &Telemetry) {
    let webhooks = telemetry.alerts.webhooks();
    families.extend([
        gauge(
            "toolgate.alerts.firing",
            "Alerts that fire now.",
            "",
            vec![level([], as_f64(telemetry.alerts.firing()))],
        ),
        counter(
            "toolgate.alerts.webhooks",
            "Webhooks of alerts, by what became of them.",
            "",
            webhooks
                .map(|(outcome, n)| count([("outcome", outcome)], n))
                .into(),
        ),
    ]);
    if let Some(exporter) = &telemetry.exporter {
        families.push(counter(
            "toolgate.otlp.items",
            "Spans, metrics and logs, by whether the collector took them.",
            "",
            exporter
                .outcomes()
                .into_iter()
                .map(|(signal, outcome, n)| count([("signal", signal), ("outcome", outcome)], n))
                .collect(),
        ));
    }
}

/// Resident memory as Linux tells it.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn counter(
    name: &'static str,
    help: &'static str,
    unit: &'static str,
    samples: Vec<Sample>,
) -> Family {
    Family {
        name,
        help,
        unit,
        kind: Kind::Counter,
        samples,
    }
}

fn gauge(
    name: &'static str,
    help: &'static str,
    unit: &'static str,
    samples: Vec<Sample>,
) -> Family {
    Family {
        kind: Kind::Gauge,
        ..counter(name, help, unit, samples)
    }
}

fn count<const N: usize>(labels: [(&'static str, &str); N], count: u64) -> Sample {
    Sample {
        labels: owned(labels),
        value: Value::Count(count),
    }
}

fn level<const N: usize>(labels: [(&'static str, &str); N], level: f64) -> Sample {
    Sample {
        labels: owned(labels),
        value: Value::Level(level),
    }
}

fn owned<const N: usize>(labels: [(&'static str, &str); N]) -> Vec<(&'static str, String)> {
    labels.map(|(name, value)| (name, value.to_owned())).into()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "both protocols want floating point; beyond 2^53 the last digits do not matter"
)]
fn as_f64(number: u64) -> f64 {
    number as f64
}

pub(crate) fn thousandths(ms: u64) -> f64 {
    as_f64(ms) / 1_000.0
}
