//! The gateway itself: what all requests share, and the door they come through.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use bytes::Bytes;
use futures::FutureExt;
use hyper::body::Body;
use hyper::{HeaderMap, Request, Response};
use tokio::sync::watch;
use toolgate_analytics::Recorder;
use toolgate_http::serve::Proxies;
use toolgate_http::{Egress, HostPolicy, ReplyBody};
use toolgate_policy::{Principal, TokenId};
use toolgate_protocol::Json;
use toolgate_router::{Background, Link};
use toolgate_store::{Actor, CallsJournal, ClockMark, DataDir, Installation, Store, StoreError};
use toolgate_unseal::Handles;
use toolgate_upstream::ChildConfig;
use toolgate_vault::RetiredKeys;

use crate::anonymous::Guests;
use crate::bootstrap::{self, FirstRun, Opened};
use crate::checkpoint::Sinks;
use crate::clock::{Clock, WallClock};
use crate::config::Config;
use crate::control;
use crate::error::GatewayError;
use crate::guesses::{Guesses, TooMany};
use crate::losses;
use crate::notices::{Mailbox, View};
use crate::overload::Overload;
use crate::record::CallIds;
use crate::request_path;
use crate::request_path::old_sse::Connections;
use crate::request_path::parked::Parked;
use crate::reseal::{self, Resealer};
use crate::session::{Introduced, Reach, Session, Sessions};
use crate::snapshot::{Admitted, Snapshot, WorkspaceEntry};
use crate::trial_open::{self, Tried};
use crate::watch as follow;
use crate::wiring::Wiring;

/// Call records waiting to be written; beyond it they are dropped and counted (R-11).
const RECORD_QUEUE: usize = 65_536;
/// How long a server may take to agree to tell of changes.
const HEAR: Duration = Duration::from_secs(30);
/// How often the end of the audit chain is kept (S-84).
const CHECKPOINT_EVERY: Duration = Duration::from_mins(1);
/// How often idle sessions are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(30);
/// How often old maskers are looked for.
const FORGET_EVERY: Duration = Duration::from_secs(5);
/// The setting that holds the URL of the gateway that ran last.
const PUBLIC_URL: &str = "public_url";
/// How long `initialize` and `server/discover` wait for servers that were never seen (P6.2).
pub(crate) const FIRST_CONTACT: Duration = Duration::from_secs(2);
/// How long background work may go on at shutdown.
const BACKGROUND_GRACE: Duration = Duration::from_secs(5);

/// The gateway as a value: opened over one data directory, shared by all requests.
///
/// ```no_run
/// # async fn embed(request: hyper::Request<hyper::body::Incoming>) -> Result<(), toolgate_gateway::GatewayError> {
/// use toolgate_gateway::{Config, Gateway};
/// use toolgate_store::DataDir;
///
/// let (gateway, _first_run) = Gateway::open(Config::new(DataDir::new("/var/lib/toolgate"))).await?;
/// let response = gateway.handle(request).await;
/// # drop(response); Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Gateway {
    snapshot: ArcSwap<Snapshot>,
    wiring: Arc<Wiring>,
    dir: DataDir,
    sessions: Sessions,
    guests: Guests,
    recorder: Recorder,
    call_ids: CallIds,
    hosts: HostPolicy,
    proxies: Proxies,
    guesses: Guesses,
    sinks: Arc<Sinks>,
    started: Instant,
    clock: Arc<Clock>,
    handles: Arc<Handles>,
    parked: Parked,
    connections: Connections,
    draining: watch::Sender<bool>,
    overload: Arc<Overload>,
    store_sound: AtomicBool,
    /// What the gateway cannot go on without, if it broke (S-63).
    broken: watch::Sender<Option<&'static str>>,
    over: AtomicBool,
    /// Held while the store is read and the snapshot swapped, so that two reloads cannot cross.
    reloading: std::sync::Mutex<()>,
    resealer: Arc<Resealer>,
}

impl Gateway {
    /// Opens the installation, making it when there is none, and follows its store from then on.
    ///
    /// Needs a tokio runtime: conversations with servers run on it.
    pub async fn open(config: Config) -> Result<(Arc<Self>, Option<FirstRun>), GatewayError> {
        let dir = config.data_dir;
        let demo = config.demo;
        let opened_dir = dir.clone();
        let keys = config.master_key;
        let opening =
            tokio::task::spawn_blocking(move || bootstrap::open(&opened_dir, keys, demo.as_ref()));
        let Opened { store, first_run } =
            opening.await.map_err(|_| GatewayError::Interrupted)??;
        let master = store.master().map_err(|source| in_store(&dir, source))?;
        let sinks = Sinks::new(&dir, config.audit_checkpoints);
        sinks
            .check(&store)
            .and_then(|()| store.keep_log_short())
            .map_err(|source| in_store(&dir, source))?;
        let boot = format!("{:012x}", u64::from_be_bytes(bootstrap::random()?) >> 16);
        let mut journal = CallsJournal::open(&dir).map_err(|source| in_store(&dir, source))?;
        losses::settle(&dir, &mut journal);
        let made = losses::count(&dir, &boot);
        let clock = Arc::new(first_clock(config.clock, &store));
        let wiring = Arc::new(Wiring {
            egress: Egress::new(config.egress).map_err(GatewayError::Egress)?,
            client_info: server_info(),
            background: Arc::default(),
            changes: watch::Sender::new(0),
            children: ChildConfig {
                keeper: config.keeper,
                home: std::path::absolute(dir.children()).ok(),
            },
            store,
        });
        let handles = Arc::new(Handles::new(master.dangerous_handle_key()));
        let gateway = Arc::new(Self {
            snapshot: ArcSwap::default(),
            sessions: Sessions::new(handles.clone(), boot.clone()),
            handles,
            parked: Parked::default(),
            connections: Connections::default(),
            recorder: Recorder::start_counting(journal, boot.clone(), RECORD_QUEUE, move || {
                if let Some(made) = &made {
                    made.count().fetch_add(1, Ordering::Relaxed);
                }
            }),
            call_ids: CallIds::new(&boot),
            guests: Guests::new(config.anonymous),
            hosts: config.hosts,
            proxies: config.proxies,
            guesses: Guesses::new(),
            sinks: Arc::new(sinks),
            started: Instant::now(),
            clock,
            over: AtomicBool::new(false),
            draining: watch::Sender::new(false),
            overload: Overload::new(config.overload),
            store_sound: AtomicBool::new(true),
            broken: watch::Sender::new(None),
            reloading: std::sync::Mutex::default(),
            resealer: Arc::default(),
            wiring,
            dir,
        });
        // Followed before it is read, so that no change falls between the two.
        follow::start(&gateway)?;
        gateway.reload()?;
        gateway.sweep_now_and_then();
        gateway.forget_maskers();
        gateway.keep_checkpoints();
        gateway.tell_changed_views();
        gateway.watch_load();
        reseal::start(&gateway);
        Ok((gateway, first_run))
    }

    /// Answers one request: `/ws/<slug>` and its aliases, `/health`.
    ///
    /// Dropping the future tells the gateway that the client is gone: calls of 2026-07-28 are cancelled,
    /// calls within a session run on for a minute. Failed authentications count as those of one source (S-37); whoever
    /// knows the peer calls [`handle_from`](Self::handle_from).
    pub async fn handle<B>(self: &Arc<Self>, request: Request<B>) -> Response<ReplyBody>
    where
        B: Body<Data = Bytes> + Send + Unpin,
    {
        self.handle_from(request, Ipv4Addr::UNSPECIFIED.into())
            .await
    }

    /// Answers one request of a connection from `peer`, as [`handle`](Self::handle) does.
    pub async fn handle_from<B>(
        self: &Arc<Self>,
        request: Request<B>,
        peer: IpAddr,
    ) -> Response<ReplyBody>
    where
        B: Body<Data = Bytes> + Send + Unpin,
    {
        request_path::handle(self, request, peer).await
    }

    /// Offers the control socket in the data directory, through which `toolgatectl` asks for things only
    /// the gateway can do. `url` is what it tells as its own address.
    pub fn open_control(self: &Arc<Self>, url: String) -> Result<(), GatewayError> {
        control::open(self, url)
    }

    /// Stores the URL clients reach this gateway under, so that `toolgatectl` prints it when no gateway runs.
    pub(crate) async fn remember_url(&self, url: &str) -> Result<(), GatewayError> {
        let (store, url) = (self.wiring.store.clone(), url.to_owned());
        let saved = tokio::task::spawn_blocking(move || {
            if store.setting(PUBLIC_URL)?.as_deref() == Some(&*url) {
                return Ok(());
            }
            store.set_setting(&Actor::gateway(), PUBLIC_URL, &url)
        });
        let saved = saved.await.map_err(|_| GatewayError::Interrupted)?;
        saved.map_err(|source| in_store(&self.dir, source))
    }

    /// Resolves with the name of what broke, once something did that the gateway cannot go on without: a task
    /// that panicked, the thread that follows the store, the thread that writes records (S-63). Cancel safe.
    pub async fn broken(&self) -> &'static str {
        let mut broken = self.broken.subscribe();
        match broken.wait_for(Option::is_some).await.map(|what| *what) {
            Ok(Some(what)) => what,
            // The sender is in `self`.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// Says that the gateway cannot go on.
    pub(crate) fn break_down(&self, what: &'static str) {
        // Who is told first may take a moment to act on it.
        let news = self.broken.send_if_modified(|broken| {
            let news = broken.is_none();
            broken.get_or_insert(what);
            news
        });
        if news {
            tracing::error!(what, "the gateway cannot go on");
        }
    }

    /// Runs what the gateway cannot do without until it drains; a panic in it ends the process (S-63).
    pub(crate) fn spawn_vital(
        self: &Arc<Self>,
        what: &'static str,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        let (weak, drained) = (Arc::downgrade(self), self.drained());
        self.wiring.background.spawn(async move {
            let work = std::panic::AssertUnwindSafe(work).catch_unwind();
            let ended = tokio::select! {
                () = drained => return,
                ended = work => ended,
            };
            if ended.is_err()
                && let Some(gateway) = weak.upgrade()
            {
                gateway.break_down(what);
            }
        });
    }

    /// Ends general streams; calls in flight go on, for as long as their tokens may.
    pub fn begin_drain(&self) {
        self.draining.send_replace(true);
    }

    /// Ends streams, lets background work finish, writes the last records and ends conversations.
    pub async fn shutdown(&self) {
        self.begin_drain();
        self.parked.clear();
        let snapshot = self.snapshot();
        let links = snapshot
            .workspaces
            .values()
            .flat_map(|entry| entry.workspace.links().to_vec());
        futures::future::join_all(links.map(|link| async move { link.upstream().close().await }))
            .await;
        self.store_last_uses().await;
        self.store_clock().await;
        self.wiring.background.shutdown(BACKGROUND_GRACE).await;
        self.keep_checkpoint().await;
        let store = self.wiring.store.clone();
        let _ = tokio::task::spawn_blocking(move || store.write_back()).await;
        let recorder = self.recorder.clone();
        // A record that cannot be written within the grace is counted by the recorder; nothing more to do here.
        let _ = tokio::task::spawn_blocking(move || recorder.flush(BACKGROUND_GRACE)).await;
        self.over.store(true, Ordering::Release);
    }

    /// Reads the store and puts it in force. Returns the generation that is now in force.
    pub(crate) fn reload(&self) -> Result<u64, GatewayError> {
        let _turn = self
            .reloading
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let installation = self
            .wiring
            .store
            .load()
            .map_err(|source| in_store(&self.dir, source))?;
        let generation = installation.generation;
        self.take_keys_of(&installation);
        let previous = self.snapshot.load_full();
        self.clock.follow(installation.clock);
        let now_ms = self.clock.remember();
        let compiled = self.wiring.compile(installation, Some(&previous), now_ms);
        let snapshot = Arc::new(compiled);
        self.snapshot.store(snapshot.clone());
        let mut ended = snapshot.take_effect(&previous, now_ms);
        ended.extend(self.guests.take_effect(&snapshot));
        self.end_sessions_of(&ended, &previous);
        self.wiring.changes.send_modify(|count| *count += 1);
        Ok(generation)
    }

    /// Follows rotations: handles are sealed under the master key in force, and retired data keys are worked off.
    fn take_keys_of(&self, installation: &Installation) {
        let retired = installation.retired.iter();
        self.handles.renew(
            installation.master.dangerous_handle_key(),
            retired.map(RetiredKeys::dangerous_handle_key).collect(),
        );
        if reseal::is_needed(installation) {
            self.resealer.wake();
        }
    }

    pub(crate) fn resealer(&self) -> &Arc<Resealer> {
        &self.resealer
    }

    pub(crate) fn store(&self) -> &Store {
        &self.wiring.store
    }

    /// Ends the lives of tokens that expired since they were last looked at (S-38, S-41).
    pub(crate) fn expire(&self) {
        let snapshot = self.snapshot.load();
        let ended = snapshot.expire(self.clock.remember());
        self.end_sessions_of(&ended, &snapshot);
    }

    /// The sessions of these tokens end with them, and so does what was opened for them at servers (S-43).
    fn end_sessions_of(&self, tokens: &[TokenId], snapshot: &Snapshot) {
        if tokens.is_empty() {
            return;
        }
        let tokens: HashSet<&str> = tokens.iter().map(TokenId::as_str).collect();
        for session in self.sessions.of_tokens(&tokens) {
            match snapshot.workspace(session.workspace()) {
                Some(workspace) => self.end_session(&session, workspace),
                None => self.sessions.end(&session, self.now_ms()),
            }
        }
    }

    /// The same caller by what is in force now; `None` when it may not come in any more.
    pub(crate) fn readmit(&self, before: &Principal) -> Option<Admitted> {
        let snapshot = self.snapshot.load();
        snapshot
            .readmit(before, self.now_ms())
            .or_else(|| self.guests.readmit(&snapshot, before))
    }

    /// From now on it is never earlier than now.
    pub(crate) fn remember_time(&self) {
        self.clock.remember();
    }

    /// Now, unix milliseconds, by a clock that never runs back: what expiry is judged by (S-38).
    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Counts a failed authentication, unless its source had too many (S-37).
    pub(crate) fn failed_guess(&self, peer: IpAddr, headers: &HeaderMap) -> Result<(), TooMany> {
        let source = self.proxies.source(peer, headers);
        self.guesses.failed(source, self.monotonic_ms())
    }

    /// Whoever comes without a token to a workspace that is open to all.
    pub(crate) fn guest(&self, slug: &str) -> Option<Admitted> {
        self.guests.admit(&self.snapshot.load(), slug)
    }

    pub(crate) fn dir(&self) -> &DataDir {
        &self.dir
    }

    pub(crate) fn hosts(&self) -> &HostPolicy {
        &self.hosts
    }

    pub(crate) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    pub(crate) fn call_ids(&self) -> &CallIds {
        &self.call_ids
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Whether the store could be read when that was last tried.
    pub(crate) fn is_store_sound(&self) -> bool {
        self.store_sound.load(Ordering::Relaxed)
    }

    pub(crate) fn set_store_sound(&self, sound: bool) {
        self.store_sound.store(sound, Ordering::Relaxed);
    }

    pub(crate) fn overload(&self) -> &Arc<Overload> {
        &self.overload
    }

    pub(crate) fn background(&self) -> &Arc<Background> {
        &self.wiring.background
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.wiring.changes.subscribe()
    }

    /// Milliseconds of a clock that never goes back, for limits.
    pub(crate) fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Who the gateway says it is.
    pub(crate) fn server_info(&self) -> &Json {
        &self.wiring.client_info
    }

    /// Seals what clients carry for the gateway.
    pub(crate) fn handles(&self) -> &Handles {
        &self.handles
    }

    /// Calls that wait while a modern client is asked.
    pub(crate) fn parked(&self) -> &Parked {
        &self.parked
    }

    /// Open connections of 2024-11-05 clients.
    pub(crate) fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Opens a client session; `None` when there is no randomness.
    pub(crate) fn open_session(
        &self,
        admitted: &Admitted,
        introduced: Introduced,
        reach: Reach,
    ) -> Option<Arc<Session>> {
        let nonce = bootstrap::random().ok()?;
        let principal = &admitted.principal;
        let session = self
            .sessions
            .open(principal, introduced, reach, nonce, self.now_ms());
        self.join(admitted, &session.mailbox);
        Some(session)
    }

    /// The session of that id, if it is this client's and still runs.
    pub(crate) fn find_session(&self, id: &str, admitted: &Admitted) -> Option<Arc<Session>> {
        let session = self.sessions.find(id, &admitted.principal, self.now_ms())?;
        self.join(admitted, &session.mailbox);
        Some(session)
    }

    /// Lets a mailbox hear of the workspace's changes from now on.
    pub(crate) fn join(&self, admitted: &Admitted, mailbox: &Arc<Mailbox>) {
        if !mailbox.joins() {
            return;
        }
        let complete = admitted.workspace.workspace.catalog().missing().is_empty();
        let view = View::of(self, &admitted.workspace, mailbox.owner());
        mailbox.came_to(view, complete);
        admitted.workspace.hub.join(mailbox);
    }

    /// Makes the servers of a workspace tell of changes, behind the answer at hand.
    pub(crate) fn hear_lists(&self, admitted: &Admitted) {
        for link in admitted.workspace.workspace.links() {
            self.hear(link);
        }
    }

    /// The same for one server.
    pub(crate) fn hear(&self, link: &Link) {
        let upstream = link.upstream().clone();
        self.wiring.background.spawn(async move {
            // One that cannot be reached is asked again by the next client.
            let _ = tokio::time::timeout(HEAR, upstream.watch_lists()).await;
        });
    }

    /// Tells the servers of a session how much to log, behind the answer at hand (P9.34).
    pub(crate) fn set_level(&self, admitted: &Admitted, session: &Session, level: &str) {
        for link in admitted.workspace.workspace.links() {
            let (upstream, id, level) = (
                link.upstream().clone(),
                session.id.clone(),
                level.to_owned(),
            );
            self.wiring
                .background
                .spawn(async move { upstream.set_level(&id, &level).await });
        }
    }

    /// Compares what every listener sees with what it saw, whenever something changed (P9.47).
    fn tell_changed_views(self: &Arc<Self>) {
        let weak = Arc::downgrade(self);
        let mut changes = self.changes();
        self.spawn_vital("the task that tells listeners of changes", async move {
            loop {
                if changes.changed().await.is_err() {
                    return;
                }
                let Some(gateway) = weak.upgrade() else {
                    return;
                };
                let snapshot = gateway.snapshot();
                for workspace in snapshot.workspaces.values() {
                    for mailbox in workspace.hub.all() {
                        mailbox.sees(View::of(&gateway, workspace, mailbox.owner()));
                    }
                }
            }
        });
    }

    /// Ends a client session and the upstream sessions that were opened for it (P6.7).
    pub(crate) fn end_session(&self, session: &Arc<Session>, workspace: &WorkspaceEntry) {
        self.sessions.end(session, self.now_ms());
        for link in workspace.workspace.links() {
            let upstream = link.upstream().clone();
            let id = session.id.clone();
            self.wiring
                .background
                .spawn(async move { upstream.end_session(&id).await });
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    pub(crate) fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Resolves once the gateway shuts down or is gone. It does not keep the gateway alive, and is cancel safe.
    pub(crate) fn drained(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut draining = self.draining.subscribe();
        async move {
            // An error means that the gateway is gone, which is what is waited for.
            let _ = draining.wait_for(|draining| *draining).await;
        }
    }

    /// Writes when tokens were last used, off the request path and in one batch (S-39).
    async fn store_last_uses(&self) {
        let snapshot = self.snapshot();
        let uses: Vec<_> = snapshot
            .tokens
            .values()
            .filter_map(|entry| Some((entry.token.id.clone(), entry.last_use.take()?)))
            .collect();
        if uses.is_empty() {
            return;
        }
        let store = self.wiring.store.clone();
        let written = tokio::task::spawn_blocking(move || store.touch_tokens(&uses)).await;
        if !matches!(written, Ok(Ok(()))) {
            tracing::warn!("when tokens were last used could not be stored; it is tried again");
            for entry in snapshot.tokens.values() {
                entry.last_use.give_back();
            }
        }
    }

    /// Raises the stored mark of time, off the request path (S-38).
    async fn store_clock(&self) {
        let (store, mark) = (self.wiring.store.clone(), self.clock.mark());
        let raised = tokio::task::spawn_blocking(move || {
            store.raise_clock(mark.high_water_ms, mark.corrections)
        });
        if !matches!(raised.await, Ok(Ok(_))) {
            tracing::warn!("how late it is could not be stored; it is tried again");
        }
    }

    /// Watches what the process runs out of (R-21), and whether its threads live (S-63).
    fn watch_load(self: &Arc<Self>) {
        let (weak, overload) = (Arc::downgrade(self), self.overload.clone());
        self.spawn_vital("the task that watches the load", async move {
            let busy = || {
                let Some(gateway) = weak.upgrade() else {
                    return 0;
                };
                if !gateway.recorder.is_alive() {
                    gateway.break_down("the thread that writes call records");
                }
                let snapshot = gateway.snapshot.load();
                let entries = snapshot.workspaces.values();
                let busy = entries.filter(|entry| entry.bulkhead.under_way() > 0);
                busy.count()
            };
            overload.watch(busy).await;
        });
    }

    /// Keeps the end of the audit chain in its second sinks, each minute when something changed (S-84).
    fn keep_checkpoints(self: &Arc<Self>) {
        let (weak, drained) = (Arc::downgrade(self), self.drained());
        self.wiring.background.spawn(async move {
            let mut clock = tokio::time::interval(CHECKPOINT_EVERY);
            tokio::pin!(drained);
            loop {
                tokio::select! {
                    () = &mut drained => return,
                    _ = clock.tick() => {}
                }
                let Some(gateway) = weak.upgrade() else {
                    return;
                };
                gateway.keep_checkpoint().await;
            }
        });
    }

    async fn keep_checkpoint(&self) {
        let (sinks, store) = (self.sinks.clone(), self.wiring.store.clone());
        let kept = tokio::task::spawn_blocking(move || sinks.keep(&store)).await;
        if let Ok(Err(error)) = kept {
            tracing::error!(%error, "the audit chain's end could not be kept");
        }
    }

    /// Opens one secret of each workspace of a copy of the store (R-10).
    pub(crate) async fn try_secrets(&self, folder: PathBuf) -> Result<Tried, GatewayError> {
        let (store, at) = (self.wiring.store.clone(), self.dir.clone());
        tokio::task::spawn_blocking(move || {
            let master = store.master()?;
            trial_open::try_secrets(&master, &folder)
        })
        .await
        .map_err(|_| GatewayError::Interrupted)?
        .map_err(|source| in_store(&at, source))
    }

    fn sweep_now_and_then(self: &Arc<Self>) {
        let weak = Arc::downgrade(self);
        self.spawn_vital("the task that sweeps sessions", async move {
            let mut clock = tokio::time::interval(SWEEP_EVERY);
            loop {
                clock.tick().await;
                let Some(gateway) = weak.upgrade() else {
                    return;
                };
                gateway.sessions.sweep(gateway.now_ms());
                gateway.store_last_uses().await;
                gateway.store_clock().await;
            }
        });
    }

    /// Plaintext that nobody used for a while goes (S-15).
    fn forget_maskers(self: &Arc<Self>) {
        let (weak, drained) = (Arc::downgrade(self), self.drained());
        self.wiring.background.spawn(async move {
            let mut clock = tokio::time::interval(FORGET_EVERY);
            tokio::pin!(drained);
            loop {
                tokio::select! {
                    () = &mut drained => return,
                    _ = clock.tick() => {}
                }
                let Some(gateway) = weak.upgrade() else {
                    return;
                };
                let snapshot = gateway.snapshot();
                for workspace in snapshot.workspaces.values() {
                    workspace
                        .secrets
                        .values()
                        .for_each(|secrets| secrets.forget_old_masker());
                }
            }
        });
    }
}

/// Goes on from the latest time that was ever seen. A store that cannot be written to now still tells it.
fn first_clock(wall: WallClock, store: &Store) -> Clock {
    let mark = store.clock().and_then(|mark| {
        let now = mark.high_water_ms.max(wall.now_ms());
        store.raise_clock(now, mark.corrections).or(Ok(mark))
    });
    match mark {
        Ok(mark) => Clock::new(wall, mark),
        Err(error) => {
            tracing::error!(%error, "the latest time seen could not be read");
            Clock::new(wall, ClockMark::default())
        }
    }
}

pub(crate) fn in_store(dir: &DataDir, source: StoreError) -> GatewayError {
    GatewayError::Store {
        path: dir.path().to_owned(),
        source,
    }
}

fn server_info() -> Json {
    Json::literal(concat!(
        "{\"name\":\"toolgate\",\"title\":\"Toolgate\",\"version\":\"",
        env!("CARGO_PKG_VERSION"),
        "\"}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S-63: a panic in what the gateway cannot do without is told to whoever runs it, and only that is.
    #[tokio::test]
    async fn s63_a_panic_in_a_vital_task_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::new(DataDir::new(folder.path()));
        let (gateway, _) = Gateway::open(config).await.unwrap();
        gateway.spawn_vital("a task that ends", async {});
        gateway
            .background()
            .spawn(async { panic!("as one request's work might") });
        let moment = Duration::from_millis(200);
        let told = tokio::time::timeout(moment, gateway.broken()).await;
        assert!(told.is_err(), "neither is worth the process");
        gateway.spawn_vital("the one", async { panic!("as a bug would") });
        let told = tokio::time::timeout(Duration::from_secs(20), gateway.broken()).await;
        assert_eq!(told, Ok("the one"));
    }
}
