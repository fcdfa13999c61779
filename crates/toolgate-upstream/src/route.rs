//! Which way leads to the server, found once and corrected when the server changes (P8.1, P8.2).

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::time::Instant;
use toolgate_http::Egress;
use toolgate_http::egress::Connections;
use toolgate_namespace::{EraSetting, HttpKind, Transport};
use toolgate_protocol::{Era, Object};

use crate::built_in::BuiltIn;
use crate::call::Call;
use crate::channel::Conversation;
use crate::detect;
use crate::error::{Trouble, UpstreamError, UpstreamErrorKind};
use crate::flight::{Flight, Pilot};
use crate::http::legacy::Legacy;
use crate::http::link::HttpLink;
use crate::http::modern::Modern;
use crate::http::old::HttpSse;
use crate::list;
use crate::notice::{Notice, Verdict};
use crate::pool::Lease;
use crate::session::OpenSession;
use crate::shared::Shared;
use crate::stdio::Stdio;
use crate::watch::Keepers;

/// A legacy server is asked again after this long, in case it was upgraded (P8.2).
const LEGACY_STANDS: Duration = Duration::from_hours(24);
/// How long a child that crashed may take to start again.
const REVIVAL: Duration = Duration::from_secs(30);
/// Between two attempts to revive a server, at least.
const BREATH: Duration = Duration::from_millis(100);
/// How often idle sessions are looked for.
const SWEEP: Duration = Duration::from_secs(30);
/// Sessions and children of one client that nobody used for this long are closed (P2.4).
const IDLE: Duration = Duration::from_mins(10);

/// The way to a server: transport and era.
#[derive(Debug, Clone)]
pub(crate) enum Route {
    /// 2026-07-28 over HTTP.
    Modern(Arc<Modern>),
    /// Streamable HTTP up to 2025-11-25.
    Legacy(Arc<Legacy>),
    /// HTTP+SSE of 2024-11-05.
    Sse(Arc<HttpSse>),
    /// A child process of either era.
    Stdio(Arc<Stdio>),
    /// No way at all: the server is part of this process.
    BuiltIn(Arc<dyn BuiltIn>),
}

impl Route {
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Modern(a), Self::Modern(b)) => Arc::ptr_eq(a, b),
            (Self::Legacy(a), Self::Legacy(b)) => Arc::ptr_eq(a, b),
            (Self::Sse(a), Self::Sse(b)) => Arc::ptr_eq(a, b),
            (Self::Stdio(a), Self::Stdio(b)) => Arc::ptr_eq(a, b),
            (Self::BuiltIn(a), Self::BuiltIn(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// Open sessions or children.
    pub(crate) fn sessions(&self) -> usize {
        match self {
            Self::Modern(_) | Self::BuiltIn(_) => 0,
            Self::Legacy(legacy) => legacy.pool().len(),
            Self::Sse(sse) => sse.pool().len(),
            Self::Stdio(stdio) => stdio.pool().len(),
        }
    }

    /// Connections over HTTP.
    pub(crate) fn connections(&self) -> Connections {
        match self {
            Self::Modern(modern) => modern.link().connections(),
            Self::Legacy(legacy) => legacy.link().connections(),
            Self::Sse(sse) => sse.link().connections(),
            Self::Stdio(_) | Self::BuiltIn(_) => Connections::default(),
        }
    }

    /// Closes what nobody used for a while.
    async fn sweep(&self, now: u64) {
        match self {
            Self::Modern(_) | Self::BuiltIn(_) => {}
            Self::Legacy(legacy) => legacy.end_all(legacy.pool().take_idle(now, IDLE)).await,
            Self::Sse(sse) => sse
                .pool()
                .take_idle(now, IDLE)
                .iter()
                .for_each(|c| c.stop()),
            Self::Stdio(stdio) => stdio
                .pool()
                .take_idle(now, IDLE)
                .iter()
                .for_each(|c| c.stop()),
        }
    }

    /// Closes what one client session used.
    pub(crate) async fn end_session(&self, session: &str) {
        match self {
            Self::Modern(_) | Self::BuiltIn(_) => {}
            Self::Legacy(legacy) => legacy.end_all(legacy.pool().take_session(session)).await,
            Self::Sse(sse) => sse
                .pool()
                .take_session(session)
                .iter()
                .for_each(|c| c.stop()),
            Self::Stdio(stdio) => end_all(stdio.pool().take_session(session)).await,
        }
    }

    /// The session or child that carries a call, opened if it does not stand; modern HTTP and what is built in
    /// have none.
    pub(crate) async fn session(&self, call: &Call) -> Result<Option<OpenSession>, Trouble> {
        Ok(Some(match self {
            Self::Modern(_) | Self::BuiltIn(_) => return Ok(None),
            Self::Legacy(legacy) => {
                OpenSession::Http(Arc::clone(legacy), legacy.session(call).await?)
            }
            Self::Sse(sse) => OpenSession::Channel(Box::pin(sse.conversation(call)).await?),
            Self::Stdio(stdio) => OpenSession::Channel(Box::pin(stdio.conversation(call)).await?),
        }))
    }

    /// What stands for one client session.
    pub(crate) fn of_session(&self, session: &str, now: u64) -> Vec<OpenSession> {
        match self {
            Self::Modern(_) | Self::BuiltIn(_) => Vec::new(),
            Self::Legacy(legacy) => {
                let leases = legacy.pool().of_session(session, now).into_iter();
                let open = |lease| OpenSession::Http(Arc::clone(legacy), lease);
                leases.map(open).collect()
            }
            Self::Sse(sse) => channels(sse.pool().of_session(session, now)),
            Self::Stdio(stdio) => channels(stdio.pool().of_session(session, now)),
        }
    }

    /// Closes everything.
    pub(crate) async fn close(&self) {
        match self {
            Self::Modern(_) | Self::BuiltIn(_) => {}
            Self::Legacy(legacy) => legacy.end_all(legacy.pool().take_all()).await,
            Self::Sse(sse) => end_all(sse.pool().take_all()).await,
            Self::Stdio(stdio) => end_all(stdio.pool().take_all()).await,
        }
    }
}

fn channels(leases: Vec<Lease<Conversation>>) -> Vec<OpenSession> {
    leases.into_iter().map(OpenSession::Channel).collect()
}

async fn end_all(conversations: Vec<Arc<Conversation>>) {
    let ended = conversations.iter().map(|conversation| conversation.end());
    futures::future::join_all(ended).await;
}

/// Finds the way and remembers it.
#[derive(Debug)]
pub(crate) struct Wayfinder {
    shared: Arc<Shared>,
    egress: Egress,
    current: ArcSwapOption<Found>,
    state: Mutex<State>,
    keepers: Keepers,
}

/// A way, or the search for one.
#[derive(Debug)]
struct Found {
    flight: Arc<Flight<Route>>,
    since: Instant,
}

#[derive(Debug, Default)]
struct State {
    /// What was stored or told last; used until it is contradicted.
    verdict: Option<Verdict>,
    sweeping: bool,
}

impl Wayfinder {
    pub(crate) fn new(shared: Arc<Shared>, egress: Egress, verdict: Option<Verdict>) -> Arc<Self> {
        let state = Mutex::new(State {
            verdict,
            sweeping: false,
        });
        Arc::new(Self {
            shared,
            egress,
            current: ArcSwapOption::empty(),
            state,
            keepers: Keepers::default(),
        })
    }

    /// One whose way is known from the start.
    pub(crate) fn landed(shared: Arc<Shared>, egress: Egress, route: Route) -> Arc<Self> {
        let wayfinder = Self::new(shared, egress, None);
        wayfinder.current.store(Some(Arc::new(Found {
            flight: Arc::new(Flight::landed(route)),
            since: Instant::now(),
        })));
        wayfinder
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn keepers(&self) -> &Keepers {
        &self.keepers
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the child of a server that is down.
    async fn try_again(self: &Arc<Self>) {
        if let Ok(Route::Stdio(stdio)) = self.searched().await {
            let own = list::own_call("initialize", Object::empty(), Instant::now() + REVIVAL);
            if let Err(Trouble::WrongEra(_)) = stdio.revive(&own).await {
                self.forget(&Route::Stdio(stdio));
            }
        }
    }

    /// The way, if it is known.
    pub(crate) fn known(&self) -> Option<Route> {
        self.current.load().as_ref()?.flight.ready().cloned()
    }

    /// The way; found out by a task of its own the first time.
    pub(crate) async fn route(self: &Arc<Self>) -> Result<Route, Trouble> {
        if self.shared.is_closed() {
            return Err(self.shared.not_sent(UpstreamErrorKind::Closed).into());
        }
        if let Some(route) = self.known() {
            return Ok(route);
        }
        self.shared.check_held()?;
        self.searched().await
    }

    async fn searched(self: &Arc<Self>) -> Result<Route, Trouble> {
        let flight = self.search();
        let outcome = flight.wait().await;
        if outcome.is_err() {
            self.forget_flight(&flight);
        }
        outcome
    }

    /// Joins the search that is under way, or starts one.
    fn search(self: &Arc<Self>) -> Arc<Flight<Route>> {
        let mut state = self.state();
        if let Some(found) = self.current.load_full() {
            return Arc::clone(&found.flight);
        }
        self.sweep_later(&mut state);
        let stored = state
            .verdict
            .clone()
            .filter(|v| v.fingerprint == self.fingerprint());
        let flight = match stored.and_then(|verdict| self.route_for(&verdict)) {
            Some(route) => Arc::new(Flight::landed(route)),
            None => self.start_search(),
        };
        let found = Found {
            flight: Arc::clone(&flight),
            since: Instant::now(),
        };
        self.current.store(Some(Arc::new(found)));
        flight
    }

    fn start_search(self: &Arc<Self>) -> Arc<Flight<Route>> {
        let flight = Arc::new(Flight::new());
        let closed = self.shared.not_sent(UpstreamErrorKind::Closed);
        let pilot = Pilot::new(Arc::clone(&flight), closed);
        let wayfinder = Arc::clone(self);
        self.shared.tasks.spawn(async move {
            let outcome = wayfinder.find_out().await;
            pilot.land(outcome);
        });
        flight
    }

    async fn find_out(self: Arc<Self>) -> Result<Route, Trouble> {
        let (route, revision) = match &self.shared.spec.transport {
            Transport::Http { url, http } => detect::http(&self.link(url), *http).await?,
            Transport::Stdio { argv, .. } => detect::stdio(&self.shared, argv).await?,
            // The way to it is known from the start, or there is none.
            Transport::BuiltIn => {
                return Err(self.shared.not_sent(UpstreamErrorKind::Closed).into());
            }
        };
        let http = match &route {
            Route::Modern(_) | Route::Legacy(_) => HttpKind::Streamable,
            Route::Sse(_) => HttpKind::Sse,
            Route::Stdio(_) | Route::BuiltIn(_) => HttpKind::Auto,
        };
        self.decide(Verdict {
            revision,
            http,
            fingerprint: self.fingerprint(),
        });
        Ok(route)
    }

    /// Remembers a verdict, and tells if it is news.
    fn decide(&self, verdict: Verdict) {
        let news = {
            let mut state = self.state();
            let news = state.verdict.as_ref() != Some(&verdict);
            state.verdict = Some(verdict.clone());
            news
        };
        if news {
            let (server, revision) = (&self.shared.spec.slug, verdict.revision);
            tracing::info!(%server, %revision, "found out what a server speaks");
            self.shared.tell(Notice::Verdict(verdict));
        }
    }

    /// The way a verdict stands for, unless the settings say otherwise.
    fn route_for(&self, verdict: &Verdict) -> Option<Route> {
        let spec = &self.shared.spec;
        let era = verdict.revision.era();
        let allowed = match spec.era {
            EraSetting::Auto => true,
            EraSetting::Legacy => era == Era::Legacy,
            EraSetting::Modern => era == Era::Modern,
        };
        match &spec.transport {
            _ if !allowed => None,
            Transport::BuiltIn => None,
            Transport::Stdio { argv, .. } => {
                Some(Route::Stdio(Stdio::new(&self.shared, argv, era)))
            }
            Transport::Http { url, http } => {
                let link = self.link(url);
                match (http, verdict.http) {
                    (HttpKind::Auto | HttpKind::Sse, HttpKind::Sse) => {
                        Some(Route::Sse(HttpSse::new(link)))
                    }
                    (HttpKind::Auto | HttpKind::Streamable, HttpKind::Streamable) => {
                        Some(match era {
                            Era::Modern => Route::Modern(Modern::new(link)),
                            Era::Legacy => Route::Legacy(Legacy::new(link)),
                        })
                    }
                    _ => None,
                }
            }
        }
    }

    fn link(&self, url: &str) -> Arc<HttpLink> {
        Arc::new(HttpLink::new(
            Arc::clone(&self.shared),
            self.egress.clone(),
            url,
        ))
    }

    /// Whether there is anything to find out, or the settings leave one way only.
    pub(crate) fn may_turn(&self) -> bool {
        self.shared.spec.era == EraSetting::Auto && !self.shared.is_closed()
    }

    /// The way turned out wrong: the next one who asks searches again.
    pub(crate) fn forget(&self, route: &Route) {
        {
            let mut state = self.state();
            let current = self.current.load_full();
            let same = current.and_then(|found| found.flight.ready().map(|known| known.is(route)));
            if same != Some(true) {
                return;
            }
            state.verdict = None;
            self.current.store(None);
        }
        self.keepers.reroute();
    }

    fn forget_flight(&self, flight: &Arc<Flight<Route>>) {
        let _state = self.state();
        if self
            .current
            .load()
            .as_ref()
            .is_some_and(|found| Arc::ptr_eq(&found.flight, flight))
        {
            self.current.store(None);
        }
    }

    /// Forgets a legacy verdict that is a day old.
    pub(crate) fn forget_old(&self) {
        let old = self
            .current
            .load_full()
            .filter(|found| found.since.elapsed() >= LEGACY_STANDS);
        if let Some(route @ (Route::Legacy(_) | Route::Sse(_))) =
            old.and_then(|f| f.flight.ready().cloned())
            && self.may_turn()
        {
            self.forget(&route);
        }
    }

    /// Does something on the way; if the way turns out wrong, once more on another.
    pub(crate) async fn with_route<T, F>(
        self: &Arc<Self>,
        act: impl Fn(Route) -> F,
    ) -> Result<T, UpstreamError>
    where
        F: Future<Output = Result<T, Trouble>>,
    {
        let route = Box::pin(self.route()).await.map_err(Trouble::into_error)?;
        match act(route.clone()).await {
            Err(Trouble::WrongEra(_)) if self.may_turn() => {
                self.forget(&route);
                let route = Box::pin(self.route()).await.map_err(Trouble::into_error)?;
                Box::pin(act(route)).await.map_err(Trouble::into_error)
            }
            outcome => outcome.map_err(Trouble::into_error),
        }
    }

    /// What a verdict is for: another address or executable needs another one (P8.2). The address
    /// stands as configured, without secrets.
    fn fingerprint(&self) -> String {
        match &self.shared.spec.transport {
            Transport::Http { url, .. } => url.clone(),
            Transport::Stdio { argv, .. } => crate::stdio::fingerprint(argv),
            Transport::BuiltIn => String::new(),
        }
    }

    /// Starts the task that closes idle sessions; it ends with the server.
    fn sweep_later(self: &Arc<Self>, state: &mut State) {
        if !state.sweeping {
            state.sweeping = self.shared.tasks.spawn(sweep(Arc::downgrade(self)));
            if matches!(self.shared.spec.transport, Transport::Stdio { .. }) {
                let history = Arc::clone(&self.shared);
                self.shared
                    .tasks
                    .spawn(revive(Arc::downgrade(self), history));
            }
        }
    }
}

/// Starts a child that crashed again, each time when its start is due (P8.26, R-19). Callers do not wait for
/// that: their calls fail at once until it has worked.
async fn revive(wayfinder: Weak<Wayfinder>, shared: Arc<Shared>) {
    loop {
        shared.children.revival().await;
        let Some(wayfinder) = wayfinder.upgrade() else {
            return;
        };
        // A failure is a crash, after which the next start is due later; but for one that came before a start,
        // such as a secret that is missing.
        wayfinder.try_again().await;
        drop(wayfinder);
        tokio::time::sleep(BREATH).await;
    }
}

async fn sweep(wayfinder: Weak<Wayfinder>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let Some(wayfinder) = wayfinder.upgrade() else {
            return;
        };
        if let Some(route) = wayfinder.known() {
            route.sweep(wayfinder.shared.now_ms()).await;
        }
    }
}
