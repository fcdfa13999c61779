//! What every part of one server's conversation shares.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::time::Instant;
use toolgate_namespace::ServerSpec;
use toolgate_protocol::Json;

use crate::background::Background;
use crate::call::Call;
use crate::credentials::Credentials;
use crate::error::{Delivery, UpstreamError, UpstreamErrorKind};
use crate::notice::Notice;
use crate::stdio::History;
use crate::upstream::UpstreamConfig;

/// The server's settings and the things that count, wait and tell.
pub(crate) struct Shared {
    pub(crate) spec: Arc<ServerSpec>,
    pub(crate) credentials: Arc<dyn Credentials>,
    pub(crate) client_info: Json,
    pub(crate) tasks: Background,
    pub(crate) messages_dropped: AtomicU64,
    pub(crate) tools_dropped: AtomicU64,
    pub(crate) crashes: AtomicU64,
    /// What is remembered of child processes.
    pub(crate) children: History,
    notices: Arc<dyn Fn(Notice) + Send + Sync>,
    closed: AtomicBool,
    /// Zero of the clock that idleness is measured on.
    started: Instant,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("server", &self.spec.slug)
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(config: &UpstreamConfig) -> Arc<Self> {
        Arc::new(Self {
            spec: Arc::clone(&config.spec),
            credentials: Arc::clone(&config.credentials),
            client_info: config.client_info.clone(),
            tasks: Background::default(),
            messages_dropped: AtomicU64::new(0),
            tools_dropped: AtomicU64::new(0),
            crashes: AtomicU64::new(0),
            children: History::default(),
            notices: Arc::clone(&config.notices),
            closed: AtomicBool::new(false),
            started: Instant::now(),
        })
    }

    pub(crate) fn fail(&self, kind: UpstreamErrorKind, outcome: Delivery) -> UpstreamError {
        UpstreamError {
            server: self.spec.slug.clone(),
            kind,
            outcome,
        }
    }

    /// A failure before anything was written.
    pub(crate) fn not_sent(&self, kind: UpstreamErrorKind) -> UpstreamError {
        self.fail(kind, Delivery::NotSent)
    }

    /// A failure after which the server may have acted.
    pub(crate) fn unknown(&self, kind: UpstreamErrorKind) -> UpstreamError {
        self.fail(kind, Delivery::Unknown)
    }

    pub(crate) fn broke(&self, what: &'static str) -> UpstreamError {
        self.unknown(UpstreamErrorKind::Protocol(what))
    }

    pub(crate) fn tell(&self, notice: Notice) {
        (self.notices)(notice);
    }

    pub(crate) fn count_dropped(&self) {
        self.messages_dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Milliseconds since the start, for idleness.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// When a call must be over, whatever its caller allows.
    pub(crate) fn deadline(&self, call: &Call, now: Instant) -> Instant {
        Instant::from_std(call.deadline).min(now + self.spec.timeouts.call_max)
    }
}
