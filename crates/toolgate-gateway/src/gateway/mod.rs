//! The gateway itself: what all requests share, and the door they come through.

mod sessions;
mod upkeep;

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};
use bytes::Bytes;
use hyper::body::Body;
use hyper::{HeaderMap, Request, Response};
use tokio::sync::watch;
use toolgate_analytics::{Observed, Recorder};
use toolgate_http::serve::{Guesses, Proxies, TooMany};
use toolgate_http::{Egress, HostPolicy, ReplyBody};
use toolgate_policy::Principal;
use toolgate_protocol::Json;
use toolgate_router::Background;
use toolgate_store::settings::PUBLIC_URL;
use toolgate_store::{Actor, CallsJournal, ClockMark, DataDir, Installation, Store, StoreError};
use toolgate_unseal::Handles;
use toolgate_upstream::ChildConfig;
use toolgate_vault::RetiredKeys;

use crate::alerts::Alerting;
use crate::anonymous::Guests;
use crate::bootstrap::{self, FirstRun, Opened};
use crate::checkpoint::Sinks;
use crate::clock::{Clock, WallClock};
use crate::config::Config;
use crate::control;
use crate::error::GatewayError;
use crate::losses;
use crate::overload::Overload;
use crate::own_tools::Home;
use crate::quota::MonthlyCount;
use crate::record::CallIds;
use crate::request_path;
use crate::request_path::old_sse::Connections;
use crate::request_path::parked::Parked;
use crate::reseal::{self, Resealer};
use crate::session::Sessions;
use crate::snapshot::{Admitted, Snapshot};
use crate::tracer::Tracer;
use crate::trial_open::{self, Tried};
use crate::watch as follow;
use crate::wiring::Wiring;

/// Call records waiting to be written; beyond it they are dropped and counted (R-11).
const RECORD_QUEUE: usize = 65_536;
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
    /// Makes spans of calls, if somebody follows them.
    tracer: Option<Tracer>,
    /// Of all workspaces together.
    calls_of_month: MonthlyCount,
    alerting: OnceLock<Arc<dyn Alerting>>,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").finish_non_exhaustive()
    }
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
        let Opened {
            store,
            keys,
            first_run,
        } = opening.await.map_err(|_| GatewayError::Interrupted)??;
        let master = store.master().map_err(|source| in_store(&dir, source))?;
        let sinks = Sinks::new(&dir, config.audit_checkpoints);
        sinks
            .check(&store)
            .and_then(|()| store.keep_log_short())
            .map_err(|source| in_store(&dir, source))?;
        let boot = format!("{:012x}", u64::from_be_bytes(bootstrap::random()?) >> 16);
        let mut journal = CallsJournal::open(&dir).map_err(|source| in_store(&dir, source))?;
        losses::settle(&dir, &mut journal);
        let journal = Observed::new(journal, config.observer);
        let tracer = config.traces.then(Tracer::new).transpose()?;
        let made = losses::count(&dir, &boot);
        let clock = Arc::new(first_clock(config.clock, &store));
        let home = || Home {
            dir: dir.clone(),
            store: store.clone(),
            keys,
        };
        let wiring = Arc::new(Wiring {
            own: config.own_tools.map(|own| own.make(home())),
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
            tracer,
            calls_of_month: MonthlyCount::default(),
            alerting: OnceLock::new(),
            wiring,
            dir,
        });
        // Followed before it is read, so that no change falls between the two.
        follow::start(&gateway)?;
        gateway.reload()?;
        gateway.count_month().await;
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

    /// The same without sharing it, for a look that ends at once.
    pub(crate) fn snapshot_now(&self) -> Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    /// Makes spans of calls; `None` when nobody follows them.
    pub(crate) fn tracer(&self) -> Option<&Tracer> {
        self.tracer.as_ref()
    }

    pub(crate) fn calls_of_month(&self) -> &MonthlyCount {
        &self.calls_of_month
    }

    pub(crate) fn alerting_slot(&self) -> &OnceLock<Arc<dyn Alerting>> {
        &self.alerting
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
