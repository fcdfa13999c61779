//! Servers that are child processes (section 8.4).

mod backoff;
mod environment;
mod process;
mod stderr;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
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
use crate::pool::{Key, Lease, NoLease, Pool, PoolLimits, Scope};
use crate::shared::Shared;
use crate::switchboard::Switchboard;
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
#[derive(Debug, Default)]
pub(crate) struct History {
    backoff: Mutex<Backoff>,
    stderr: Arc<StderrRing>,
}

impl History {
    fn backoff(&self) -> MutexGuard<'_, Backoff> {
        self.backoff.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last that children wrote to standard error.
    pub(crate) fn stderr_tail(&self) -> String {
        self.stderr.tail()
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

    fn backoff(&self) -> MutexGuard<'_, Backoff> {
        self.shared.children.backoff()
    }

    /// Fails at once while the server is held back for its crashes.
    fn check_held(&self) -> Result<(), UpstreamError> {
        match self.backoff().held(Instant::now()) {
            Some(retry_after) => {
                let kind = UpstreamErrorKind::Held { retry_after };
                Err(self.shared.not_sent(kind))
            }
            None => Ok(()),
        }
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

    /// The child that carries a call, started if it does not run.
    pub(crate) async fn conversation(&self, call: &Call) -> Result<Lease<Conversation>, Trouble> {
        self.lease(self.key(call)).await
    }

    async fn lease(&self, key: Key) -> Result<Lease<Conversation>, Trouble> {
        let shared = &self.shared;
        if let Some(lease) = self.pool.get(&key, shared.now_ms()) {
            if !lease.value.channel.is_over() {
                return Ok(lease);
            }
            if self.pool.discard(&key, &lease.value) {
                shared.lost(lease.value.channel.board());
            }
        }
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

    /// Starts a child and shakes hands, unless it crashed a moment ago.
    async fn start(&self, key: &Key) -> Result<Arc<Conversation>, Trouble> {
        self.check_held()?;
        let begun = Instant::now();
        match timeout(START, self.start_now(key)).await {
            Ok(Ok(conversation)) => Ok(conversation),
            Ok(Err(Trouble::WrongEra(error))) => Err(Trouble::WrongEra(error)),
            Ok(Err(Trouble::Failed(error))) => {
                self.backoff().crashed(Instant::now(), begun.elapsed());
                Err(error.into())
            }
            Err(_) => {
                self.backoff().crashed(Instant::now(), begun.elapsed());
                Err(self.shared.not_sent(UpstreamErrorKind::TimedOut).into())
            }
        }
    }

    async fn start_now(&self, key: &Key) -> Result<Arc<Conversation>, Trouble> {
        let process = self.launch(key)?;
        let snapshot = match self.era {
            // Modern servers need no handshake: the first request is as good as any.
            Era::Modern => None,
            Era::Legacy => Some(self.handshake(&process, key).await?),
        };
        let (this, key) = (self.this.clone(), key.clone());
        let board = Arc::clone(process.channel().board());
        Ok(Arc::new(process.established(snapshot, move |lived| {
            if let Some(stdio) = this.upgrade() {
                stdio.child_exited(key, &board, lived);
            }
        })))
    }

    fn launch(&self, key: &Key) -> Result<Process, UpstreamError> {
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
        self.check_held()?;
        let process = self.launch(&Key::shared())?;
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

    /// An established child ended by itself.
    fn child_exited(self: &Arc<Self>, key: Key, board: &Switchboard, lived: Duration) {
        self.shared.crashes.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(server = %self.shared.spec.slug, "a child process ended by itself");
        self.backoff().crashed(Instant::now(), lived);
        // One that everybody shares is wanted again, unless somebody sees to it already; the others are
        // started when they are needed.
        if key.scope == Scope::Shared && !board.is_kept() && !self.shared.is_closed() {
            let this = self.this.clone();
            self.shared.tasks.spawn(restart(this, key));
        }
    }
}

/// Starts a child again and again until it runs, each time after the backoff (P8.26).
async fn restart(this: Weak<Stdio>, key: Key) {
    loop {
        let Some(held) = this
            .upgrade()
            .map(|stdio| stdio.backoff().held(Instant::now()))
        else {
            return;
        };
        tokio::time::sleep(held.unwrap_or_default()).await;
        let Some(stdio) = this.upgrade().filter(|stdio| !stdio.shared.is_closed()) else {
            return;
        };
        if stdio.lease(key.clone()).await.is_ok() {
            return;
        }
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
