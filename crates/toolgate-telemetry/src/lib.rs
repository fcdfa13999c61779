//! Calls, told to whoever watches: OpenTelemetry, Prometheus, alerts.
//!
//! [`Telemetry`] hears of every call that ended on the recorder's own thread ([`Observer`]), counts it, and hands it to
//! tasks of its own; no call waits for any of them. What is told is metadata: names, figures, how a call ended. There is
//! no way for arguments, results or secrets to get here, since a [`CallRecord`] has none.
//!
//! One list of figures (`figures`) is what Prometheus scrapes and what is exported as OpenTelemetry metrics. Every
//! queue is bounded, and what does not fit is dropped and counted.

mod alerts;
mod figures;
mod otlp;
mod scrape;
mod tally;

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio::task::JoinSet;
use toolgate_analytics::{CallRecord, Observer};
use toolgate_http::egress::{Egress, EgressError};
use toolgate_namespace::WorkspaceId;
use toolgate_store::control::{AlertDelivery, AlertState, GatewayStatus, MonthlyUsage};
use toolgate_store::{Alert, AlertId, AlertMemory, PastCall, StoreError};

use self::alerts::Alerts;
use self::otlp::Exporter;
pub use self::otlp::{BadHeader, OtlpConfig};
pub use self::scrape::{MetricsListener, TlsFiles};
use self::tally::Tally;
pub use toolgate_http::egress::EgressConfig;

/// How long sending what is left may take.
const GRACE: Duration = Duration::from_secs(5);

/// What telemetry asks of the gateway it watches.
pub trait Watched: Send + Sync + 'static {
    /// How the gateway fares; `None` once it is gone.
    fn status(&self) -> Option<GatewayStatus>;
    /// The calls of this month.
    fn usage(&self) -> Option<MonthlyUsage>;
    /// The slug of a workspace.
    fn slug(&self, workspace: &WorkspaceId) -> Option<String>;
    /// Every alert, switched off ones included.
    fn alerts(&self) -> Arc<[Alert]>;
    /// The tools that wait for an approval, in one workspace or in all of them.
    fn held_tools(&self, workspace: Option<&WorkspaceId>) -> Vec<Subject>;
    /// The servers that get no calls since they fail, in one workspace or in all of them.
    fn down_servers(&self, workspace: Option<&WorkspaceId>) -> Vec<Subject>;
    /// The servers that are not known to be down and were not heard from either, since the process began.
    fn unheard_servers(&self, workspace: Option<&WorkspaceId>) -> Vec<Subject>;
    /// What was remembered of alerts before the process began. Blocks.
    fn alert_memories(&self) -> Result<Vec<AlertMemory>, StoreError>;
    /// Remembers alerts for the next process. Blocks.
    fn remember_alerts(&self, memories: &[AlertMemory]) -> Result<(), StoreError>;
    /// Looks through the calls that arrived from one time to before another and ended. Blocks.
    fn past_calls(
        &self,
        since_ms: u64,
        until_ms: u64,
        visit: &mut dyn FnMut(&PastCall<'_>),
    ) -> Result<(), StoreError>;
    /// HMAC-SHA256 under the secret of an alert, in hexadecimal; `None` when there is none that opens.
    fn sign(&self, alert: &AlertId, message: &[u8]) -> Option<String>;
}

/// What an alert is about.
#[derive(
    Debug,
    Clone,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Subject {
    /// Slug of a workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// A server there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// A tool of that server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
}

/// What is told, and to whom.
#[derive(Debug)]
pub struct TelemetryConfig {
    /// Where spans, metrics and logs go; nowhere by default.
    pub otlp: Option<OtlpConfig>,
    /// Whether metrics are counted for each tool, instead of for each server.
    pub by_tool: bool,
    /// How often alerts are looked at. 2 s.
    pub alerts_every: Duration,
    /// How long the first retry of a webhook waits; the next ones four times as long each. 1 s.
    pub webhook_retry: Duration,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            otlp: None,
            by_tool: false,
            alerts_every: Duration::from_secs(2),
            webhook_retry: Duration::from_secs(1),
        }
    }
}

/// Why telemetry could not start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The collector's address cannot be used.
    #[error("exporting to the OpenTelemetry collector")]
    Collector(#[source] EgressError),
    /// The listener for metrics could not be opened.
    #[error("opening the listener for metrics")]
    Listen(#[source] toolgate_http::ServeError),
    /// Its certificate cannot be read.
    #[error("reading the certificate for the listener for metrics")]
    Tls(#[source] toolgate_http::serve::TlsError),
    /// Signals cannot be heard.
    #[error("waiting for signals")]
    Signal(#[source] std::io::Error),
}

impl TelemetryError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Collector(error) => Some(error.hint()),
            Self::Listen(error) => Some(error.hint()),
            Self::Tls(_) | Self::Signal(_) => None,
        }
    }
}

/// Tells others about calls.
pub struct Telemetry {
    config: TelemetryConfig,
    tally: Tally,
    alerts: Alerts,
    exporter: Option<Arc<Exporter>>,
    started: OnceLock<Arc<Started>>,
    tasks: Mutex<JoinSet<()>>,
    stopping: watch::Sender<bool>,
}

/// What is there once the gateway is.
struct Started {
    watched: Arc<dyn Watched>,
    egress: Egress,
}

impl Telemetry {
    /// Counts from now on; nothing is sent before [`start`](Self::start). Fails when the collector's address can be none.
    pub fn new(config: TelemetryConfig) -> Result<Arc<Self>, TelemetryError> {
        let exporter = config.otlp.as_ref().map(|otlp| Exporter::new(otlp.clone()));
        if let Some(exporter) = &exporter {
            let egress = Egress::new(EgressConfig::default());
            egress
                .and_then(|egress| exporter.collector(&egress))
                .map_err(TelemetryError::Collector)?;
        }
        Ok(Arc::new(Self {
            tally: Tally::new(config.by_tool),
            alerts: Alerts::default(),
            exporter: exporter.map(Arc::new),
            started: OnceLock::new(),
            tasks: Mutex::default(),
            stopping: watch::Sender::new(false),
            config,
        }))
    }

    /// Whether calls should be spans of traces.
    pub fn traces(&self) -> bool {
        self.exporter.is_some()
    }

    /// Begins to export and to look at alerts, on the runtime it is called on. `egress` says which addresses are the
    /// gateway's own, which nothing is sent to (S-64).
    pub fn start(
        self: &Arc<Self>,
        watched: Arc<dyn Watched>,
        egress: EgressConfig,
    ) -> Result<(), TelemetryError> {
        let egress = Egress::new(egress).map_err(TelemetryError::Collector)?;
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(exporter) = &self.exporter {
            let collector = exporter
                .collector(&egress)
                .map_err(TelemetryError::Collector)?;
            let (exporter, telemetry) = (exporter.clone(), self.clone());
            tasks.spawn(async move { exporter.run(&telemetry, &collector).await });
        }
        // Only once: a second start would be told everything twice.
        let _ = self.started.set(Arc::new(Started { watched, egress }));
        let telemetry = self.clone();
        tasks.spawn(async move { alerts::watch(&telemetry).await });
        Ok(())
    }

    /// Serves the metrics until telemetry stops.
    pub fn serve_metrics(self: &Arc<Self>, listener: MetricsListener) {
        let serving = listener.serve(self.clone(), self.stopping.subscribe());
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.spawn(serving);
    }

    /// Sends what is left, waiting 5 s at most, and ends every task.
    pub async fn stop(&self) {
        self.stopping.send_replace(true);
        let mut tasks =
            std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let all = async { while tasks.join_next().await.is_some() {} };
        let ended = tokio::time::timeout(GRACE, all).await;
        if ended.is_err() {
            tracing::warn!("telemetry could not be sent before the end; what is left is lost");
        }
    }

    /// How each alert stands that is switched on.
    pub fn alert_states(&self) -> Vec<AlertState> {
        self.alerts.states()
    }

    /// Sends a sample of an alert's webhook now; `None` when there is no such alert.
    pub async fn test_alert(&self, id: &AlertId) -> Option<AlertDelivery> {
        let started = self.started.get()?;
        let alerts = started.watched.alerts();
        let alert = alerts.iter().find(|alert| alert.id == *id)?;
        Some(alerts::test(self, started, alert).await)
    }

    fn watched(&self) -> Option<&dyn Watched> {
        self.started.get().map(|started| &*started.watched)
    }

    /// Resolves once telemetry stops.
    async fn stopped(&self) {
        let mut stopping = self.stopping.subscribe();
        // An error means that the sender is gone, which is in `self`.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }
}

impl Observer for Telemetry {
    fn observe(&self, boot: &str, calls: &[CallRecord]) {
        self.tally.count(calls);
        self.alerts.count(calls);
        if let Some(exporter) = &self.exporter {
            exporter.take(boot, calls);
        }
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Now, unix milliseconds.
fn unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}
