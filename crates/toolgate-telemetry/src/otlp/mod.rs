//! OpenTelemetry: spans, metrics and logs over OTLP (HTTP, protobuf), to the operator's own collector.

mod collector;
mod metrics;
mod partial;
mod spans;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use prost::Message;
use tokio::sync::Notify;
use tokio::time::Instant;
use toolgate_analytics::CallRecord;
use toolgate_http::egress::{Egress, EgressError, is_forbidden_header, secret_header_value};
use url::Url;

use self::collector::{Collector, Refused};
use self::partial::Taken;
use self::spans::Batch;
use crate::Telemetry;

/// Calls that wait to be exported; more are dropped and counted.
const QUEUE_MAX: usize = 16_384;
/// So many calls are exported at once.
const BATCH: usize = 512;
/// A call waits at most this long.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// How often a batch is sent before it is given up.
const ATTEMPTS: u32 = 6;
/// The first pause between two attempts; the next ones are twice as long each.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause, also if the collector asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Where to export.
#[derive(Debug, Clone)]
pub struct OtlpConfig {
    /// The collector, such as `http://127.0.0.1:4318`; `/v1/traces` and its siblings are added. The operator names it,
    /// so it may be private and plain.
    pub endpoint: Url,
    /// Sent with every export, credentials among them.
    pub headers: HeaderMap,
    /// How often metrics are exported. 60 s.
    pub metrics_every: Duration,
}

/// A header for the collector that cannot be sent. Its value is not shown.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("reading header {number} for the OpenTelemetry collector: it {rule}")]
pub struct BadHeader {
    /// Which one, from 1.
    pub number: usize,
    /// What is wrong.
    pub rule: &'static str,
}

impl OtlpConfig {
    /// Exports to this collector with the defaults.
    pub fn to(endpoint: Url) -> Self {
        Self {
            endpoint,
            headers: HeaderMap::new(),
            metrics_every: Duration::from_mins(1),
        }
    }

    /// Adds headers from a file: `Name: value` a line; empty lines and those that begin with `#` are left out.
    pub fn with_header_lines(self, text: &str) -> Result<Self, BadHeader> {
        let lines = text.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        self.with_headers(lines.map(|line| line.split_once(':')))
    }

    /// Adds headers from `OTEL_EXPORTER_OTLP_HEADERS`: `name=value,name=value`.
    pub fn with_header_list(self, text: &str) -> Result<Self, BadHeader> {
        let pairs = text
            .split(',')
            .map(str::trim)
            .filter(|pair| !pair.is_empty());
        self.with_headers(pairs.map(|pair| pair.split_once('=')))
    }

    fn with_headers<'t>(
        mut self,
        pairs: impl Iterator<Item = Option<(&'t str, &'t str)>>,
    ) -> Result<Self, BadHeader> {
        for (number, pair) in (1..).zip(pairs) {
            let bad = |rule| BadHeader { number, rule };
            let (name, value) = pair.ok_or(bad("is not a name and a value"))?;
            let name = HeaderName::from_bytes(name.trim().as_bytes())
                .map_err(|_| bad("has a name that no header can have"))?;
            if is_forbidden_header(&name) {
                return Err(bad("belongs to the connection, not to whoever uses it"));
            }
            let value: HeaderValue = secret_header_value(value.trim().as_bytes())
                .ok_or(bad("has a value that no header can have"))?;
            self.headers.append(name, value);
        }
        Ok(self)
    }
}

/// What is exported, in the words of OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signal {
    Traces,
    Metrics,
    Logs,
}

impl Signal {
    const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    fn as_str(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }
}

/// Takes calls and exports them behind everybody's back.
#[derive(Debug)]
pub(crate) struct Exporter {
    config: OtlpConfig,
    queue: Mutex<VecDeque<CallRecord>>,
    full: Notify,
    /// The process run, as the records have it.
    boot: OnceLock<String>,
    taken: [AtomicU64; 3],
    rejected: [AtomicU64; 3],
    lost: [AtomicU64; 3],
    /// Whether it was said of a signal that the collector takes only a part of it.
    is_told: [AtomicBool; 3],
}

impl Exporter {
    pub(crate) fn new(config: OtlpConfig) -> Self {
        Self {
            config,
            queue: Mutex::default(),
            full: Notify::new(),
            boot: OnceLock::new(),
            taken: Default::default(),
            rejected: Default::default(),
            lost: Default::default(),
            is_told: Default::default(),
        }
    }

    pub(crate) fn collector(&self, egress: &Egress) -> Result<Collector, EgressError> {
        Collector::new(egress, &self.config)
    }

    /// Queues what is to be exported of these calls; what does not fit is dropped and counted.
    pub(crate) fn take(&self, boot: &str, calls: &[CallRecord]) {
        // The same each time.
        self.boot.get_or_init(|| boot.to_owned());
        let mut queue = self.queue();
        for call in calls.iter().filter(|call| spans::concerns(call)) {
            if queue.len() < QUEUE_MAX {
                queue.push_back(call.clone());
            } else {
                let lost = &self.lost[Signal::Traces as usize];
                lost.fetch_add(1, Ordering::Relaxed);
            }
        }
        if queue.len() >= BATCH {
            self.full.notify_one();
        }
    }

    /// How many spans, metrics and logs the collector took, left out of what it took, and how many were lost.
    pub(crate) fn outcomes(&self) -> Vec<(&'static str, &'static str, u64)> {
        let of = |signal: Signal| {
            let read = |counts: &[AtomicU64; 3]| counts[signal as usize].load(Ordering::Relaxed);
            let name = signal.as_str();
            [
                (name, "exported", read(&self.taken)),
                (name, "rejected", read(&self.rejected)),
                (name, "dropped", read(&self.lost)),
            ]
        };
        Signal::ALL.into_iter().flat_map(of).collect()
    }

    /// Exports until telemetry stops, and then what is left.
    pub(crate) async fn run(self: Arc<Self>, telemetry: &Telemetry, collector: &Collector) {
        let began_ms = crate::unix_ms();
        let mut metrics_at = Instant::now() + self.config.metrics_every;
        loop {
            let stops = tokio::select! {
                () = telemetry.stopped() => true,
                () = self.full.notified() => false,
                () = tokio::time::sleep(FLUSH_EVERY) => false,
            };
            while let Some(batch) = self.batch() {
                self.export_calls(telemetry, collector, &batch).await;
            }
            if stops || Instant::now() >= metrics_at {
                metrics_at = Instant::now() + self.config.metrics_every;
                let resource = spans::resource(self.boot());
                let request = metrics::request(telemetry, resource, began_ms);
                self.send(
                    telemetry,
                    collector,
                    Signal::Metrics,
                    request.count,
                    request.message,
                )
                .await;
            }
            if stops {
                return;
            }
        }
    }

    async fn export_calls(
        &self,
        telemetry: &Telemetry,
        collector: &Collector,
        calls: &[CallRecord],
    ) {
        let boot = self.boot();
        let Batch { spans, logs } = Batch::of(calls, boot, telemetry.watched());
        if !spans.is_empty() {
            let count = spans.len();
            let request = spans::trace_request(boot, spans);
            self.send(telemetry, collector, Signal::Traces, count, request)
                .await;
        }
        if !logs.is_empty() {
            let count = logs.len();
            let request = spans::log_request(boot, logs);
            self.send(telemetry, collector, Signal::Logs, count, request)
                .await;
        }
    }

    /// Sends one request until the collector has it, it is refused or there is no hope.
    async fn send(
        &self,
        telemetry: &Telemetry,
        collector: &Collector,
        signal: Signal,
        count: usize,
        request: impl Message,
    ) {
        let body = bytes::Bytes::from(request.encode_to_vec());
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=ATTEMPTS {
            let refused = match collector.post(signal.as_str(), body.clone()).await {
                Ok(taken) => {
                    self.took(signal, count as u64, &taken.without(&self.config.headers));
                    return;
                }
                Err(refused) => refused,
            };
            let Refused::Later(asked) = refused else {
                break;
            };
            if attempt == ATTEMPTS {
                break;
            }
            let wait = asked.unwrap_or(pause).min(LONGEST_PAUSE);
            // At the end there is one more attempt, and no waiting for it.
            let stops = tokio::select! {
                () = tokio::time::sleep(wait) => false,
                () = telemetry.stopped() => attempt > 1,
            };
            if stops {
                break;
            }
            pause *= 2;
        }
        self.lost[signal as usize].fetch_add(count as u64, Ordering::Relaxed);
        tracing::warn!(
            count,
            "the OpenTelemetry collector did not take what was exported"
        );
    }

    /// Counts what the collector took. That it leaves something out is said once, until it takes all again.
    fn took(&self, signal: Signal, count: u64, taken: &Taken) {
        let rejected = taken.rejected.min(count);
        self.taken[signal as usize].fetch_add(count - rejected, Ordering::Relaxed);
        self.rejected[signal as usize].fetch_add(rejected, Ordering::Relaxed);
        let was_told = self.is_told[signal as usize].swap(!taken.is_whole(), Ordering::Relaxed);
        if !taken.is_whole() && !was_told {
            tracing::warn!(
                signal = signal.as_str(),
                rejected,
                count,
                words = taken.words,
                "the OpenTelemetry collector took only a part of what was exported, or warns"
            );
        }
    }

    fn batch(&self) -> Option<Vec<CallRecord>> {
        let mut queue = self.queue();
        let count = queue.len().min(BATCH);
        (count > 0).then(|| queue.drain(..count).collect())
    }

    fn boot(&self) -> &str {
        self.boot.get().map_or("", String::as_str)
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<CallRecord>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> OtlpConfig {
        OtlpConfig::to("http://127.0.0.1:4318".parse().unwrap())
    }

    #[test]
    fn headers_come_from_a_file_or_a_list_and_are_never_shown() {
        let text = "# for the collector\n\nAuthorization: Bearer canary\nx-scope: a\n";
        let config = config().with_header_lines(text).unwrap();
        assert_eq!(config.headers["authorization"], "Bearer canary");
        assert!(!format!("{config:?}").contains("canary"));
        let config = config.with_header_list("api-key=canary=1, b=2").unwrap();
        assert_eq!(config.headers["api-key"], "canary=1");
        assert_eq!(config.headers.len(), 4);
    }

    #[test]
    fn bad_headers_are_told_by_number() {
        for (text, number) in [("canary", 1), ("a: b\nHost: canary", 2), ("a b: canary", 1)] {
            let error = config().with_header_lines(text).unwrap_err();
            assert_eq!(error.number, number);
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }
}
