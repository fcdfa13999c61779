//! What is wished for in one place, and the task that sees to it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};

use super::WatchError;
use super::listen::{self, Way};
use super::subscribe;
use crate::call::Call;
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::pool::Key;
use crate::retry::Retry;
use crate::route::Wayfinder;

/// What stood this long is replaced without delay when it is lost.
const STEADY: Duration = Duration::from_secs(10);

/// Resources that are watched in one place at most.
const MAX_WATCHED: usize = 4096;

/// What is wished for in one session, or of one modern server.
#[derive(Debug)]
pub(crate) struct Keeper {
    /// In whose session.
    call: Call,
    wishes: Mutex<Wishes>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Wishes {
    lists: Option<Wish>,
    uris: HashMap<Arc<str>, Wish>,
    /// The server has nothing to listen to, as far as is known.
    unsupported: bool,
    /// The server turned out to speak another era.
    rerouted: bool,
}

#[derive(Debug)]
struct Wish {
    holders: usize,
    judged: watch::Sender<Option<Judgement>>,
}

pub(super) type Judgement = Result<(), WatchError>;

/// Becomes the server's word on a wish.
pub(super) struct Granted(pub(super) watch::Receiver<Option<Judgement>>);

impl Default for Wish {
    fn default() -> Self {
        Self {
            holders: 0,
            judged: watch::channel(None).0,
        }
    }
}

impl Wish {
    fn granted(&mut self) -> Granted {
        self.holders += 1;
        Granted(self.judged.subscribe())
    }

    fn is_open(&self) -> bool {
        self.judged.borrow().is_none()
    }

    /// The first word stands: who waited for it is gone.
    fn judge(&self, judgement: Judgement) {
        if self.is_open() {
            self.judged.send_replace(Some(judgement));
        }
    }
}

impl Keeper {
    pub(super) fn new(call: &Call) -> Self {
        Self {
            call: call.clone(),
            wishes: Mutex::default(),
            changed: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the wishes have changed since this was waited for last.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// One more watcher of a resource; `None` when too many are watched.
    pub(super) fn wish(&self, uri: &Arc<str>) -> Option<Granted> {
        let mut wishes = self.lock();
        if wishes.uris.len() >= MAX_WATCHED && !wishes.uris.contains_key(uri) {
            return None;
        }
        let granted = wishes.uris.entry(Arc::clone(uri)).or_default().granted();
        self.changed.notify_one();
        Some(granted)
    }

    /// The lists are watched from now on.
    pub(super) fn wish_lists(&self) -> Granted {
        let granted = self.lock().lists.get_or_insert_default().granted();
        self.changed.notify_one();
        granted
    }

    /// One watcher of a resource less.
    pub(super) fn give_up(&self, uri: &Arc<str>) {
        let mut wishes = self.lock();
        if let Some(wish) = wishes.uris.get_mut(uri) {
            wish.holders -= 1;
            if wish.holders == 0 {
                wishes.uris.remove(uri);
                self.changed.notify_one();
            }
        }
    }

    /// Tries again what the server refused.
    pub(super) fn refresh(&self) {
        self.lock().unsupported = false;
        self.changed.notify_one();
    }

    /// Another way leads to the server now.
    pub(super) fn reroute(&self) {
        let mut wishes = self.lock();
        wishes.rerouted = true;
        wishes.unsupported = false;
        self.changed.notify_one();
    }

    pub(super) fn is_rerouted(&self) -> bool {
        self.lock().rerouted
    }

    /// Nothing is wished for any more.
    pub(super) fn end(&self) {
        *self.lock() = Wishes::default();
        self.changed.notify_one();
    }

    pub(super) fn is_idle(&self) -> bool {
        let wishes = self.lock();
        wishes.lists.is_none() && wishes.uris.is_empty()
    }

    /// Whether the lists are watched, and which resources.
    pub(super) fn wanted(&self) -> (bool, HashSet<Arc<str>>) {
        let wishes = self.lock();
        (
            wishes.lists.is_some(),
            wishes.uris.keys().cloned().collect(),
        )
    }

    /// Whether anybody still waits for a word on this resource.
    pub(super) fn is_open(&self, uri: &str) -> bool {
        self.lock().uris.get(uri).is_some_and(Wish::is_open)
    }

    pub(super) fn judge(&self, uri: &str, judgement: Judgement) {
        if let Some(wish) = self.lock().uris.get(uri) {
            wish.judge(judgement);
        }
    }

    pub(super) fn judge_lists(&self, judgement: Judgement) {
        if let Some(wish) = &self.lock().lists {
            wish.judge(judgement);
        }
    }

    /// The server could not be asked. Who waits is told; what was granted before stays wished for.
    pub(super) fn fail(&self, error: &UpstreamError) {
        let mut wishes = self.lock();
        let judgement = || Err(WatchError::Upstream(error.clone()));
        for wish in wishes.uris.values() {
            wish.judge(judgement());
        }
        if let Some(lists) = wishes.lists.take_if(|lists| lists.is_open()) {
            lists.judge(judgement());
        }
    }

    /// The server has nothing to listen to: nothing is tried until [`Keeper::refresh`].
    pub(super) fn set_unsupported(&self) {
        self.lock().unsupported = true;
    }

    /// Whether it has nothing to listen to; who waits is told.
    pub(super) fn is_unsupported(&self) -> bool {
        let wishes = self.lock();
        if wishes.unsupported {
            let every = wishes.uris.values().chain(&wishes.lists);
            every.for_each(|wish| wish.judge(Err(WatchError::NotOffered)));
        }
        wishes.unsupported
    }
}

/// Why something does not stand any more, or could not be made to.
#[derive(Debug)]
pub(super) enum Ending {
    /// Nothing is wished for.
    Idle,
    /// What carried it is gone.
    Lost(UpstreamError),
    /// It could not be made.
    Failed(UpstreamError),
    /// The server speaks another era, or did not listen to this one.
    WrongEra(UpstreamError),
    /// Another way leads to the server now.
    Rerouted,
}

/// Sees to the wishes until there are none.
pub(super) async fn keep(wayfinder: Arc<Wayfinder>, key: Key, keeper: Arc<Keeper>) {
    let shared = wayfinder.shared();
    let mut retry = Retry::default();
    // Whether something stood before, so that what stands next takes its place.
    let mut stood = false;
    let mut lost_before = false;
    while !wayfinder.keepers().dismiss(&key, &keeper) {
        let begun = Instant::now();
        let ending = keep_once(&wayfinder, &keeper, &mut stood).await;
        if shared.is_closed() {
            return;
        }
        if begun.elapsed() >= STEADY {
            retry.reset();
            lost_before = false;
        }
        let mut pause = retry.next();
        // A new wish is worth a try at once, but not at a server that cannot be made out.
        let may_hurry = !matches!(ending, Ending::WrongEra(_));
        match ending {
            Ending::Idle | Ending::Rerouted => continue,
            // A stale session or era is found out only by using it: the first time is nobody's failure.
            Ending::Lost(_) | Ending::WrongEra(_) if !lost_before => lost_before = true,
            Ending::Lost(error) | Ending::Failed(error) | Ending::WrongEra(error) => {
                keeper.fail(&error);
                if let UpstreamErrorKind::Held(hold) = error.kind {
                    pause = pause.max(hold.retry_after);
                }
            }
        }
        tokio::select! {
            () = sleep(pause) => {}
            () = keeper.changed(), if may_hurry => {}
        }
    }
    if stood {
        // Whoever comes next in its place has missed what came meanwhile.
        shared.missed_notices();
    }
}

async fn keep_once(wayfinder: &Arc<Wayfinder>, keeper: &Arc<Keeper>, stood: &mut bool) -> Ending {
    let shared = wayfinder.shared();
    keeper.lock().rerouted = false;
    let way = wayfinder.with_route(|route| async move {
        let session = route.session(&keeper.call).await?;
        Ok((route, session))
    });
    match way.await {
        Ok((_, Some(session))) if session.snapshot().is_some() => {
            subscribe::keep(shared, keeper, &session, stood).await
        }
        Ok((route, session)) => {
            let Some(way) = Way::of(&route, session) else {
                return Ending::Idle;
            };
            let ending = listen::keep(shared, keeper, &way, stood).await;
            if matches!(ending, Ending::WrongEra(_)) && wayfinder.may_turn() {
                wayfinder.forget(&route);
            }
            ending
        }
        Err(error) => Ending::Failed(error),
    }
}
