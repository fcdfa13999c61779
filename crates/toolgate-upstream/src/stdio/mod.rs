//! Servers that are child processes (section 8.4).

mod backoff;
mod command;
mod crash;
mod environment;
mod keeper;
mod leash;
mod limits;
mod process;
mod spawn;
mod stderr;

pub use backoff::Hold;
pub use crash::Crash;
pub use keeper::keep_child;
pub use spawn::ChildConfig;
pub use stderr::StderrLine;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use toolgate_namespace::Isolation;
use toolgate_protocol::mcp::ServerSnapshot;
use toolgate_protocol::{Era, Object, Outcome};

use crate::call::Call;
use crate::channel::Conversation;
use crate::detect::{Evidence, judge_error, judge_result};
use crate::error::{Trouble, UpstreamError, UpstreamErrorKind};
use crate::http::legacy::{initialize_failed, initialize_params};
use crate::http::modern::modern_params;
use crate::list::own_call;
use crate::pool::{Key, Lease, NoLease, Pool, PoolLimits};
use crate::shared::Shared;
use backoff::Backoff;
use process::Process;
use stderr::StderrRing;

/// Children of one server at most.
const MAX_CHILDREN: usize = 32;
/// How long a child may take from its start to its `initialize` answer: it may have to be downloaded.
const START: Duration = Duration::from_secs(30);
/// How long a probe may stay silent once it runs (P8.3).
const PROBE: Duration = Duration::from_secs(2);
/// How long a child may take until it shows that it runs: it may have to be downloaded.
const FIRST_SIGN: Duration = Duration::from_secs(15);

/// A server that is a child process, or one for each isolation key.
#[derive(Debug)]
pub(crate) struct Stdio {
    shared: Arc<Shared>,
    argv: Vec<String>,
    era: Era,
    pool: Arc<Pool<Conversation>>,
    this: Weak<Stdio>,
}

/// What outlives the children of one server, and the ways that were tried to start them.
#[derive(Debug)]
pub(crate) struct History {
    config: ChildConfig,
    backoff: Mutex<Backoff>,
    crashed: Notify,
    stderr: Arc<StderrRing>,
}

impl History {
    pub(crate) fn new(config: ChildConfig) -> Self {
        Self {
            config,
            backoff: Mutex::default(),
            crashed: Notify::new(),
            stderr: Arc::default(),
        }
    }

    fn config(&self) -> &ChildConfig {
        &self.config
    }

    fn crash(&self, lived: Duration, crash: Crash) {
        self.backoff().crashed(Instant::now(), lived, crash);
        self.crashed.notify_one();
    }

    /// Why calls have to fail, while the server is down.
    pub(crate) fn hold(&self) -> Option<Hold> {
        self.backoff().hold(Instant::now())
    }

    /// Waits until the server has crashed and its next start is due.
    ///
    /// Cancel safe: another wait returns at once.
    pub(crate) async fn revival(&self) {
        loop {
            let due = self.backoff().due();
            match due {
                Some(due) if due <= Instant::now() => return,
                Some(due) => sleep_until(due).await,
                None => self.crashed.notified().await,
            }
        }
    }

    fn backoff(&self) -> MutexGuard<'_, Backoff> {
        self.backoff.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last that children wrote to standard error.
    pub(crate) fn stderr(&self) -> Vec<StderrLine> {
        self.stderr.lines()
    }
}

impl Stdio {
    pub(crate) fn new(shared: &Arc<Shared>, argv: &[String], era: Era) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            shared: Arc::clone(shared),
            argv: argv.to_vec(),
            era,
            pool: Arc::new(Pool::new(PoolLimits { max: MAX_CHILDREN })),
            this: this.clone(),
        })
    }

    pub(crate) fn pool(&self) -> &Arc<Pool<Conversation>> {
        &self.pool
    }

    /// One child for all by default; modern ones keep nothing of a caller, so they are always shared (P2.5).
    fn key(&self, call: &Call) -> Key {
        match (self.era, self.shared.spec.isolation) {
            (Era::Modern, _) | (Era::Legacy, Isolation::Auto | Isolation::Shared) => Key::shared(),
            (Era::Legacy, Isolation::Principal) => {
                Key::principal(&call.isolation, &call.capabilities)
            }
            (Era::Legacy, Isolation::Session) => Key::session(&call.isolation, &call.capabilities),
        }
    }

    /// The child that carries a call, started if it does not run. Fails at once while the server is down for
    /// its crashes.
    pub(crate) async fn conversation(&self, call: &Call) -> Result<Lease<Conversation>, Trouble> {
        let key = self.key(call);
        if let Some(lease) = self.running(&key) {
            return Ok(lease);
        }
        self.shared.check_held()?;
        self.started(key).await
    }

    /// The same, also while the server is down: for whoever tries whether it is still.
    pub(crate) async fn revive(&self, call: &Call) -> Result<Lease<Conversation>, Trouble> {
        let key = self.key(call);
        match self.running(&key) {
            Some(lease) => Ok(lease),
            None => self.started(key).await,
        }
    }

    fn running(&self, key: &Key) -> Option<Lease<Conversation>> {
        let shared = &self.shared;
        let lease = self.pool.get(key, shared.now_ms())?;
        if !lease.value.channel.is_over() {
            return Some(lease);
        }
        if self.pool.discard(key, &lease.value) {
            shared.lost(lease.value.channel.board());
        }
        None
    }

    async fn started(&self, key: Key) -> Result<Lease<Conversation>, Trouble> {
        let shared = &self.shared;
        let closed = shared.not_sent(UpstreamErrorKind::Closed);
        let (this, gone) = (self.this.clone(), closed.clone());
        let open = |key: Key| async move {
            match this.upgrade() {
                Some(stdio) => stdio.start(&key).await,
                None => Err(gone.into()),
            }
        };
        let evicted = |conversation: Arc<Conversation>| conversation.stop();
        let lease = self
            .pool
            .lease(key, shared.now_ms(), &shared.tasks, closed, open, evicted);
        let lease = lease.await.map_err(|error| match error {
            NoLease::Trouble(trouble) => trouble,
            NoLease::Full => shared.not_sent(UpstreamErrorKind::Busy).into(),
        })?;
        shared.stands();
        Ok(lease)
    }

    /// Starts a child and shakes hands. A failure is a crash, however it came about.
    async fn start(&self, key: &Key) -> Result<Arc<Conversation>, Trouble> {
        let begun = Instant::now();
        let history = &self.shared.children;
        let process = self.launch(key).await.inspect_err(|error| {
            if matches!(error.kind, UpstreamErrorKind::Unreachable(_)) {
                history.crash(Duration::ZERO, Crash::NotStarted);
            }
        })?;
        let ended_how = process.ended_how();
        let failed = |crash: Crash| {
            history.crash(begun.elapsed(), ended_how().unwrap_or(crash));
        };
        match timeout(START, self.introduce(process, key)).await {
            Ok(Ok(conversation)) => {
                history.backoff().started();
                Ok(conversation)
            }
            Ok(Err(Trouble::WrongEra(error))) => Err(Trouble::WrongEra(error)),
            Ok(Err(Trouble::Failed(error))) => {
                failed(Crash::Refused);
                Err(error.into())
            }
            Err(_) => {
                failed(Crash::Silent);
                Err(self.shared.not_sent(UpstreamErrorKind::TimedOut).into())
            }
        }
    }

    async fn introduce(&self, process: Process, key: &Key) -> Result<Arc<Conversation>, Trouble> {
        let snapshot = match self.era {
            // Modern servers need no handshake: the first request is as good as any.
            Era::Modern => None,
            Era::Legacy => Some(self.handshake(&process, key).await?),
        };
        let this = self.this.clone();
        Ok(Arc::new(process.established(
            snapshot,
            move |lived, crash| {
                if let Some(stdio) = this.upgrade() {
                    stdio.child_exited(lived, crash);
                }
            },
        )))
    }

    async fn launch(&self, key: &Key) -> Result<Process, UpstreamError> {
        if !self.shared.credentials.admit(&self.argv).await {
            return Err(self.shared.not_sent(UpstreamErrorKind::Quarantined));
        }
        Process::launch(&self.shared, &self.argv, self.era, key)
    }

    async fn handshake(&self, process: &Process, key: &Key) -> Result<ServerSnapshot, Trouble> {
        let shared = &self.shared;
        let not_sent = |error: UpstreamError| shared.not_sent(error.kind);
        let params = initialize_params(shared, key);
        let channel = process.channel();
        let outcome = channel
            .request("initialize", &params)
            .await
            .map_err(not_sent)?;
        let result = match outcome {
            Outcome::Result(result) => result,
            Outcome::Error(error) => return Err(initialize_failed(shared, error.code)),
        };
        let snapshot = ServerSnapshot::from_initialize(&result).map_err(|_| {
            shared.not_sent(UpstreamErrorKind::Protocol(
                "initialize gave no revision that we speak",
            ))
        })?;
        channel
            .notify("notifications/initialized")
            .await
            .map_err(not_sent)?;
        shared.tell_snapshot(&snapshot);
        Ok(snapshot)
    }

    /// Asks a child of its own which era it speaks, then ends it. Anything but a clear answer means
    /// legacy: an error, an exit, silence (P8.3). Silence counts from the first sign that the child runs.
    pub(crate) async fn probe(&self) -> Result<Evidence, UpstreamError> {
        let process = self.launch(&Key::shared()).await?;
        let call = own_call("server/discover", Object::empty(), Instant::now() + PROBE);
        let params = modern_params(&self.shared, 1, &call);
        let silence = async {
            let _ = timeout(FIRST_SIGN, process.spoke()).await;
            sleep(PROBE).await;
        };
        let answered = tokio::select! {
            answered = process.channel().request("server/discover", &params) => answered.ok(),
            () = silence => None,
        };
        // Ends as the process goes out of scope, in the background.
        Ok(match answered {
            Some(Outcome::Result(result)) => judge_result(&self.shared, &result),
            Some(Outcome::Error(error)) => judge_error(&error),
            None => Evidence::Legacy,
        })
    }

    /// An established child ended by itself. Who waits for [`History::revival`] starts the next one.
    fn child_exited(&self, lived: Duration, crash: Crash) {
        self.shared.crashes.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(server = %self.shared.spec.slug, %crash, "a child process ended by itself");
        self.shared.children.crash(lived, crash);
    }
}

/// What a verdict about a child is for: its arguments, and the size and age of its program (P8.2).
pub(crate) fn fingerprint(argv: &[String]) -> String {
    let program = argv.first().map(String::as_str).unwrap_or_default();
    let about = environment::find_program(program).and_then(|path| std::fs::metadata(path).ok());
    let modified = about.as_ref().and_then(|about| about.modified().ok());
    let modified = modified.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    format!(
        "{} {} {}",
        argv.join(" "),
        about.map_or(0, |about| about.len()),
        modified.map_or(0, |at| at.as_secs()),
    )
}
