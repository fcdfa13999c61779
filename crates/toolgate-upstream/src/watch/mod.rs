//! Watches of resources and lists, counted so that a server is asked once (P9.43, P9.48).
//!
//! A [`Keeper`](keeper::Keeper) holds what is wished for in one place: a session with a legacy server, or all
//! of a modern one. Its task makes the server agree, and again whenever the session, the child or the stream
//! had to be replaced.

mod keeper;
mod listen;
mod stream;
mod subscribe;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use toolgate_protocol::{Json, Object, RpcError};

use crate::call::{Call, IsolationKey};
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::list::own_call;
use crate::pool::Key;
use crate::route::Wayfinder;
use keeper::{Granted, Keeper};

/// A resource that is watched; dropped, the watch ends, and with the last one the server's subscription.
#[derive(Debug)]
#[must_use = "dropping it ends the watch"]
pub struct Watch {
    keeper: Arc<Keeper>,
    uri: Arc<str>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.keeper.give_up(&self.uri);
    }
}

/// Why a resource could not be watched.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WatchError {
    /// The server answered an error, such as -32002 for an unknown URI.
    #[error("watching a resource: the server refused: {}", .0.message)]
    Refused(RpcError),
    /// The server acknowledged the listen without this URI, or has no subscriptions.
    #[error("watching a resource: the server does not offer it")]
    NotOffered,
    /// The server could not be asked.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
}

/// The keepers of one server, by the session they keep.
#[derive(Debug, Default)]
pub(crate) struct Keepers(Mutex<HashMap<Key, Arc<Keeper>>>);

impl Keepers {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Arc<Keeper>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many streams are kept, or being made.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// The server was contacted: what it refused before it may offer now.
    pub(crate) fn refresh(&self) {
        for keeper in self.lock().values() {
            keeper.refresh();
        }
    }

    /// Another way leads to the server now.
    pub(crate) fn reroute(&self) {
        for keeper in self.lock().values() {
            keeper.reroute();
        }
    }

    /// A client session is over, and with it everything that was watched in it.
    pub(crate) fn end_session(&self, session: &str) {
        self.lock().retain(|key, keeper| {
            let ends = key.belongs_to(session);
            if ends {
                keeper.end();
            }
            !ends
        });
    }

    /// Forgets a keeper for which nothing is left to do.
    fn dismiss(&self, key: &Key, keeper: &Arc<Keeper>) -> bool {
        let mut keepers = self.lock();
        if !keeper.is_idle() {
            return false;
        }
        if keepers
            .get(key)
            .is_some_and(|kept| Arc::ptr_eq(kept, keeper))
        {
            keepers.remove(key);
        }
        true
    }
}

impl Wayfinder {
    pub(crate) async fn watch_lists(self: &Arc<Self>) -> Result<(), UpstreamError> {
        let call = self.watch_call(None, &Json::empty_object());
        let key = self.watch_key(&call).await?;
        let granted = self.wish(key, &call, |keeper| keeper.wish_lists());
        match granted.wait().await {
            Err(WatchError::Upstream(error)) => Err(error),
            // Lists that a server does not tell about need no watching.
            Ok(()) | Err(WatchError::NotOffered | WatchError::Refused(_)) => Ok(()),
        }
    }

    pub(crate) async fn watch(
        self: &Arc<Self>,
        uri: &str,
        who: &IsolationKey,
        capabilities: &Json,
    ) -> Result<Watch, WatchError> {
        let call = self.watch_call(Some(who), capabilities);
        let key = self.watch_key(&call).await?;
        let uri: Arc<str> = uri.into();
        let wished = self.wish(key, &call, |keeper| {
            let granted = keeper.wish(&uri)?;
            let watch = Watch {
                keeper: Arc::clone(keeper),
                uri: Arc::clone(&uri),
            };
            Some((watch, granted))
        });
        let busy = || self.shared().not_sent(UpstreamErrorKind::Busy);
        let (watch, granted) = wished.ok_or_else(busy)?;
        granted.wait().await.map(|()| watch)
    }

    /// Wishes for something where `key` says, starting a keeper there if there is none. Under the lock, so that
    /// no keeper ends between the look and the wish.
    fn wish<T>(self: &Arc<Self>, key: Key, call: &Call, wish: impl Fn(&Arc<Keeper>) -> T) -> T {
        let mut keepers = self.keepers().lock();
        if let Some(keeper) = keepers.get(&key) {
            return wish(keeper);
        }
        let keeper = Arc::new(Keeper::new(call));
        let wished = wish(&keeper);
        let task = keeper::keep(Arc::clone(self), key.clone(), Arc::clone(&keeper));
        if self.shared().tasks.spawn(task) {
            keepers.insert(key, keeper);
        } else {
            keeper.fail(&self.shared().not_sent(UpstreamErrorKind::Busy));
        }
        wished
    }

    /// In whose session is watched: the gateway's own, unless a client has one.
    fn watch_call(&self, who: Option<&IsolationKey>, capabilities: &Json) -> Call {
        let deadline = Instant::now() + self.shared().spec.timeouts.list;
        let own = own_call("resources/subscribe", Object::empty(), deadline);
        match who.filter(|who| !who.principal.is_empty() || who.session.is_some()) {
            Some(who) => Call {
                isolation: who.clone(),
                capabilities: capabilities.detached(),
                ..own
            },
            None => own,
        }
    }

    /// Names the session to watch in, which stands then; everything of a modern server is one place.
    async fn watch_key(self: &Arc<Self>, call: &Call) -> Result<Key, UpstreamError> {
        let open = self.with_route(|route| async move {
            let session = route.session(call).await?;
            Ok(session.map_or_else(Key::shared, |session| session.key().clone()))
        });
        open.await
    }
}

impl Granted {
    async fn wait(mut self) -> Result<(), WatchError> {
        let judged = self.0.wait_for(Option::is_some).await;
        match judged.ok().and_then(|judged| judged.clone()) {
            Some(judgement) => judgement,
            // The session it was wished for in is over.
            None => Err(WatchError::NotOffered),
        }
    }
}
