//! One server of one workspace.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use toolgate_http::Egress;
use toolgate_http::egress::Connections;
use toolgate_namespace::ServerSpec;
use toolgate_protocol::mcp::{ListPage, ServerSnapshot};
use toolgate_protocol::{Json, Object, Outcome, ToolDefinition};

use crate::built_in::{BuiltIn, NoCredentials};
use crate::call::{Call, IsolationKey};
use crate::credentials::Credentials;
use crate::detect::{Evidence, judge_error};
use crate::error::{Trouble, UpstreamError, UpstreamErrorKind};
use crate::exchange::Exchange;
use crate::list::{self, ListKind};
use crate::notice::{Notice, Question, Verdict};
use crate::route::{Route, Wayfinder};
use crate::session::OpenSession;
use crate::shared::Shared;
use crate::stdio::{ChildConfig, Hold, StderrLine};
use crate::watch::{Watch, WatchError};

/// How long [`Upstream::contact`] may take: a child that starts for the first time may have to be
/// downloaded.
const CONTACT: Duration = Duration::from_secs(30);

/// Everything an [`Upstream`] is made from.
#[derive(Clone)]
pub struct UpstreamConfig {
    /// The server.
    pub spec: Arc<ServerSpec>,
    /// Who opens its secrets.
    pub credentials: Arc<dyn Credentials>,
    /// The way out.
    pub egress: Egress,
    /// What it was found to speak earlier; used if the fingerprint still fits.
    pub verdict: Option<Verdict>,
    /// What the gateway calls itself: `{"name": …, "version": …}` (P9.33).
    pub client_info: Json,
    /// Told what the server tells; must not block.
    pub notices: Arc<dyn Fn(Notice) + Send + Sync>,
    /// Asked what the server asks outside any call; must not block. Dropping the question refuses it.
    pub questions: Arc<dyn Fn(Question) + Send + Sync>,
    /// How its child processes are started and kept.
    pub children: ChildConfig,
}

impl fmt::Debug for UpstreamConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamConfig")
            .field("server", &self.spec.slug)
            .finish_non_exhaustive()
    }
}

/// One server of one workspace: its era, sessions, children and connections.
///
/// Dropping it kills children and stops its tasks at once; [`Upstream::close`] ends them in good order.
#[derive(Debug)]
pub struct Upstream {
    wayfinder: Arc<Wayfinder>,
}

/// What was dropped or refused since the start; shown, never blocking.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages with an unknown id or token, malformed ones, ones over a bound (S-47, S-69).
    pub messages_dropped: u64,
    /// Tool definitions that were invalid or too many (P9.9, P9.54).
    pub tools_dropped: u64,
    /// Sessions or children open now.
    pub sessions: u64,
    /// Child processes that ended by themselves.
    pub crashes: u64,
    /// Streams on which the server tells what changed, kept or being made.
    pub streams: u64,
    /// Connections over HTTP, now.
    pub connections: Connections,
}

impl Upstream {
    /// Makes the conversation without contacting the server.
    pub fn new(config: UpstreamConfig) -> Arc<Self> {
        let shared = Shared::new(&config);
        let wayfinder = Wayfinder::new(shared, config.egress, config.verdict);
        Arc::new(Self { wayfinder })
    }

    /// The conversation with a server that is part of the gateway. `egress` is not used.
    pub fn built_in(
        spec: Arc<ServerSpec>,
        server: Arc<dyn BuiltIn>,
        egress: Egress,
        children: ChildConfig,
    ) -> Arc<Self> {
        let shared = Shared::new(&UpstreamConfig {
            spec,
            credentials: Arc::new(NoCredentials),
            egress: egress.clone(),
            verdict: None,
            client_info: Json::empty_object(),
            notices: Arc::new(|_| {}),
            questions: Arc::new(|_| {}),
            children,
        });
        let wayfinder = Wayfinder::landed(shared, egress, Route::BuiltIn(server));
        Arc::new(Self { wayfinder })
    }

    fn shared(&self) -> &Arc<Shared> {
        self.wayfinder.shared()
    }

    /// Contacts the server: finds out its era if needed and returns what it says about itself.
    ///
    /// Cancel safe; what was begun goes on for whoever asks next.
    pub async fn contact(&self) -> Result<ServerSnapshot, UpstreamError> {
        self.wayfinder.forget_old();
        let deadline = Instant::now() + CONTACT;
        let contact = self
            .wayfinder
            .with_route(|route| self.snapshot(route, deadline));
        let late = |_| self.shared().not_sent(UpstreamErrorKind::TimedOut);
        let snapshot = timeout_at(deadline, contact).await.map_err(late)??;
        self.wayfinder.keepers().refresh();
        Ok(snapshot)
    }

    async fn snapshot(&self, route: Route, deadline: Instant) -> Result<ServerSnapshot, Trouble> {
        let own = list::own_call("initialize", Object::empty(), deadline);
        let session = route.session(&own).await?;
        match session.as_ref().and_then(OpenSession::snapshot) {
            Some(snapshot) => Ok(snapshot.clone()),
            None => self.discover(deadline).await,
        }
    }

    /// What a modern server says about itself now. One that does not know the question is not modern
    /// any more (P8.2).
    async fn discover(&self, deadline: Instant) -> Result<ServerSnapshot, Trouble> {
        let asked = list::ask(
            &self.wayfinder,
            "server/discover",
            Object::empty(),
            deadline,
        );
        let (outcome, _) = asked.await?;
        match outcome {
            Outcome::Result(result) => {
                let snapshot = ServerSnapshot::from_discover(&result)
                    .map_err(|_| self.shared().broke("server/discover says too little"))?;
                self.shared().tell_snapshot(&snapshot);
                Ok(snapshot)
            }
            Outcome::Error(error) => {
                let refused = self.shared().broke("server/discover was refused");
                match judge_error(&error) {
                    Evidence::Legacy => Err(Trouble::WrongEra(refused)),
                    Evidence::Modern | Evidence::Stranger => Err(Trouble::Failed(refused)),
                }
            }
        }
    }

    /// All its tools, in its order, drained page by page within `timeouts.list` (P9.54, P9.56).
    ///
    /// Cancel safe.
    pub async fn list_tools(&self) -> Result<Vec<ToolDefinition>, UpstreamError> {
        list::tools(&self.wayfinder).await
    }

    /// All its prompts, in its order, drained like its tools; empty when it has none (P9.23, P9.54).
    ///
    /// Cancel safe.
    pub async fn list_prompts(&self) -> Result<Vec<Json>, UpstreamError> {
        list::prompts(&self.wayfinder).await
    }

    /// One page of a list, within `timeouts.list`; `None` when the server has no such list. Cursors are the
    /// server's own (P9.55, P9.58).
    ///
    /// Cancel safe.
    pub async fn list_page(
        &self,
        kind: ListKind,
        cursor: Option<&str>,
    ) -> Result<Option<ListPage>, UpstreamError> {
        list::page(&self.wayfinder, kind, cursor).await
    }

    /// Makes sure that changes of the server's lists are heard: a legacy server's general stream is open in
    /// the gateway's own session, a modern one acknowledged a listen. Once made it stays until the server is
    /// closed, through lost connections and restarts (P9.43, P9.48).
    ///
    /// Cancel safe.
    pub async fn watch_lists(&self) -> Result<(), UpstreamError> {
        self.wayfinder.watch_lists().await
    }

    /// Watches one resource; returns when the server has agreed (P9.43, P9.44, P9.48). Changes arrive as
    /// [`Notice::ResourceUpdated`] whose origin is the session that subscribed.
    ///
    /// `who` says in whose session a legacy server is asked: a client session's own, or, with the empty
    /// principal and no session, the gateway's, which all such watches share. Watches are counted: the
    /// server sees one subscribe and one unsubscribe for each URI and session.
    ///
    /// Cancel safe.
    pub async fn watch(
        &self,
        uri: &str,
        who: &IsolationKey,
        capabilities: &Json,
    ) -> Result<Watch, WatchError> {
        self.wayfinder.watch(uri, who, capabilities).await
    }

    /// Starts one request. Over stdio it is written now; over HTTP it returns as soon as a session
    /// stands and the request is written when the exchange is first polled, so a failure to deliver
    /// it arrives as [`Event::Failed`](crate::Event::Failed).
    ///
    /// Cancel safe: dropped, the request was not sent.
    pub async fn call(&self, call: Call) -> Result<Exchange, UpstreamError> {
        Exchange::begin(&self.wayfinder, call).await
    }

    /// Sets the log level of the upstream sessions that are open for one client session, so that its
    /// `logging/setLevel` is in force when it is answered (P9.34). Best effort, within 2 s; what is opened
    /// later gets the level with its first call ([`Call::log_level`](crate::Call::log_level)).
    pub async fn set_level(&self, session: &str, level: &str) {
        let Some(route) = self.wayfinder.known() else {
            return;
        };
        let open = route.of_session(session, self.shared().now_ms());
        let set = open.iter().map(|session| session.set_level(Some(level)));
        futures::future::join_all(set).await;
    }

    /// Ends the upstream sessions and children that belong to one client session (P6.7).
    pub async fn end_session(&self, session: &str) {
        self.wayfinder.keepers().end_session(session);
        if let Some(route) = self.wayfinder.known() {
            route.end_session(session).await;
        }
    }

    /// What was dropped since the start.
    pub fn counters(&self) -> Counters {
        let shared = self.shared();
        let route = self.wayfinder.known();
        let sessions = route.as_ref().map_or(0, Route::sessions);
        let connections = route.as_ref().map(Route::connections);
        Counters {
            messages_dropped: shared.messages_dropped.load(Ordering::Relaxed),
            tools_dropped: shared.tools_dropped.load(Ordering::Relaxed),
            crashes: shared.crashes.load(Ordering::Relaxed),
            sessions: u64::try_from(sessions).unwrap_or(u64::MAX),
            streams: u64::try_from(self.wayfinder.keepers().len()).unwrap_or(u64::MAX),
            connections: connections.unwrap_or_default(),
        }
    }

    /// The last lines its children wrote to standard error, 256 KiB of them at most, without the secrets that
    /// [`Credentials::mask`](crate::Credentials::mask) knows; empty for HTTP. For admins only (S-75).
    pub fn stderr(&self) -> Vec<StderrLine> {
        self.shared().children.stderr()
    }

    /// Why and for how long calls to a child process fail, while it is down for its crashes.
    pub fn hold(&self) -> Option<Hold> {
        self.shared().children.hold()
    }

    /// Ends all sessions and children, in good order (P8.10, S-74). New calls and calls over stdio
    /// fail as `Closed`; calls over HTTP that are under way go on.
    pub async fn close(&self) {
        let shared = self.shared();
        shared.close();
        if let Some(route) = self.wayfinder.known() {
            route.close().await;
        }
        shared.tasks.abort();
        let mut tasks = shared.tasks.take();
        while tasks.join_next().await.is_some() {}
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.shared().close();
        self.shared().tasks.abort();
    }
}
