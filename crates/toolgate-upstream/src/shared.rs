//! What every part of one server's conversation shares.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::time::Instant;
use toolgate_namespace::ServerSpec;
use toolgate_protocol::mcp::ServerSnapshot;
use toolgate_protocol::{Body, Json, JsonLimits, Malformed, parse_body};

use crate::background::Background;
use crate::call::Call;
use crate::credentials::Credentials;
use crate::error::{Delivery, UpstreamError, UpstreamErrorKind};
use crate::notice::{Notice, Question};
use crate::stdio::History;
use crate::switchboard::Switchboard;
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
    questions: Arc<dyn Fn(Question) + Send + Sync>,
    /// What the server said of itself last.
    snapshot: Mutex<Option<ServerSnapshot>>,
    closed: AtomicBool,
    /// A session was lost whose replacement was not told yet.
    replacing: AtomicBool,
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
            children: History::new(config.children.clone()),
            notices: Arc::clone(&config.notices),
            questions: Arc::clone(&config.questions),
            snapshot: Mutex::default(),
            closed: AtomicBool::new(false),
            replacing: AtomicBool::new(false),
            started: Instant::now(),
        })
    }

    /// Reads what the server wrote. The one way in for its messages: its own secrets are gone from them (S-22).
    pub(crate) fn read(&self, message: Bytes) -> Result<Body, Malformed> {
        parse_body(self.credentials.mask(message), &JsonLimits::UPSTREAM)
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

    /// Fails while the server is down for its crashes.
    pub(crate) fn check_held(&self) -> Result<(), UpstreamError> {
        match self.children.hold() {
            Some(hold) => Err(self.not_sent(UpstreamErrorKind::Held(hold))),
            None => Ok(()),
        }
    }

    pub(crate) fn broke(&self, what: &'static str) -> UpstreamError {
        self.unknown(UpstreamErrorKind::Protocol(what))
    }

    pub(crate) fn tell(&self, notice: Notice) {
        (self.notices)(notice);
    }

    /// Hands a question to whoever can ask the client.
    pub(crate) fn ask(&self, question: Question) {
        (self.questions)(question);
    }

    /// Tells what the server said of itself, if it is news (P9.30).
    pub(crate) fn tell_snapshot(&self, snapshot: &ServerSnapshot) {
        let news = {
            let mut last = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
            let news = last.as_ref() != Some(snapshot);
            *last = Some(snapshot.clone());
            news
        };
        if news {
            self.tell(Notice::Snapshot(snapshot.clone()));
        }
    }

    /// What the server said of itself last.
    pub(crate) fn snapshot(&self) -> Option<ServerSnapshot> {
        let last = self.snapshot.lock();
        last.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A session or child was lost. Notices may be missed until another stands in its place; who keeps it
    /// standing tells that itself.
    pub(crate) fn lost(&self, board: &Switchboard) {
        if !board.is_kept() {
            self.missed_notices();
        }
    }

    /// Nobody hears the server until the next session or child stands.
    pub(crate) fn missed_notices(&self) {
        self.replacing.store(true, Ordering::Relaxed);
    }

    /// A session or child stands: tells if it took the place of a lost one (P9.41).
    pub(crate) fn stands(&self) {
        if self.replacing.swap(false, Ordering::Relaxed) {
            self.tell(Notice::Reconnected);
        }
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
