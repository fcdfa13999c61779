//! The sessions or children of one server, one for each isolation key (P2.5).

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use toolgate_protocol::Json;

use crate::background::Background;
use crate::call::{IsolationKey, Origin};
use crate::error::{Trouble, UpstreamError};
use crate::flight::{Flight, Pilot};

/// Who shares one session or child.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    /// Everybody.
    Shared,
    /// One token. The empty one is the gateway itself, when it lists tools.
    Principal(Arc<str>),
    /// One client session of one token.
    Session {
        principal: Arc<str>,
        session: Arc<str>,
    },
}

impl Scope {
    /// Whose session it is, for what comes from it outside a call. The gateway's own is nobody's.
    pub(crate) fn origin(&self) -> Origin {
        match self {
            Self::Shared => Origin::default(),
            Self::Principal(principal) => Origin {
                principal: Some(Arc::clone(principal)).filter(|name| !name.is_empty()),
                session: None,
            },
            Self::Session { principal, session } => Origin {
                principal: Some(Arc::clone(principal)),
                session: Some(Arc::clone(session)),
            },
        }
    }
}

/// Names one session or child: who shares it, and the exact capabilities it was opened with.
///
/// Clients that declare the same capabilities in another order get another session; that costs one
/// session and saves canonical JSON on every call (P11.2 asks for equality, not for the least count).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) scope: Scope,
    pub(crate) capabilities: Bytes,
}

impl Key {
    /// The one that everybody shares; nothing of a client is forwarded over it.
    pub(crate) fn shared() -> Self {
        Self {
            scope: Scope::Shared,
            capabilities: Bytes::from_static(b"{}"),
        }
    }

    pub(crate) fn principal(who: &IsolationKey, capabilities: &Json) -> Self {
        let scope = Scope::Principal(Arc::clone(&who.principal));
        Self {
            scope,
            capabilities: capabilities.bytes().clone(),
        }
    }

    /// One for each client session, or for each token where there is no session (P2.5).
    pub(crate) fn session(who: &IsolationKey, capabilities: &Json) -> Self {
        let scope = match &who.session {
            Some(session) => Scope::Session {
                principal: Arc::clone(&who.principal),
                session: Arc::clone(session),
            },
            None => Scope::Principal(Arc::clone(&who.principal)),
        };
        Self {
            scope,
            capabilities: capabilities.bytes().clone(),
        }
    }

    /// Kept open while nobody uses it: it hears the server's notices.
    fn is_warm(&self) -> bool {
        match &self.scope {
            Scope::Shared => true,
            Scope::Principal(principal) => principal.is_empty(),
            Scope::Session { .. } => false,
        }
    }

    pub(crate) fn belongs_to(&self, client_session: &str) -> bool {
        matches!(&self.scope, Scope::Session { session, .. } if &**session == client_session)
    }

    /// A copy that does not keep the request alive which the capabilities are a slice of.
    fn detached(&self) -> Self {
        Self {
            scope: self.scope.clone(),
            capabilities: Bytes::copy_from_slice(&self.capabilities),
        }
    }
}

/// What a [`Pool`] needs to open and to time its members.
#[derive(Debug, Clone)]
pub(crate) struct PoolLimits {
    /// Members at most; above it the one that idled longest makes room.
    pub(crate) max: usize,
}

/// Sessions or children by key. Reading takes one shard lock for an instant and no lock across await.
#[derive(Debug)]
pub(crate) struct Pool<T> {
    slots: DashMap<Key, Arc<Slot<T>>>,
    limits: PoolLimits,
}

#[derive(Debug)]
struct Slot<T> {
    flight: Arc<Flight<Arc<T>>>,
    in_use: AtomicUsize,
    /// Milliseconds on the owner's clock.
    last_used: AtomicU64,
}

/// A member in use: not closed for idleness while this lives.
#[derive(Debug)]
pub(crate) struct Lease<T> {
    pub(crate) key: Key,
    pub(crate) value: Arc<T>,
    slot: Arc<Slot<T>>,
}

impl<T> Drop for Lease<T> {
    fn drop(&mut self) {
        self.slot.in_use.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<T> Slot<T> {
    fn new(flight: Arc<Flight<Arc<T>>>, now: u64) -> Arc<Self> {
        Arc::new(Self {
            flight,
            in_use: AtomicUsize::new(0),
            last_used: AtomicU64::new(now),
        })
    }

    fn lease(self: &Arc<Self>, key: Key, value: Arc<T>, now: u64) -> Lease<T> {
        self.in_use.fetch_add(1, Ordering::Relaxed);
        self.last_used.store(now, Ordering::Relaxed);
        Lease {
            key,
            value,
            slot: Arc::clone(self),
        }
    }

    fn is_idle(&self) -> bool {
        self.in_use.load(Ordering::Relaxed) == 0 && self.flight.ready().is_some()
    }
}

/// How a lease could not be had.
#[derive(Debug)]
pub(crate) enum NoLease {
    /// The attempt to open failed.
    Trouble(Trouble),
    /// Every member is in use and there is no room for another.
    Full,
}

impl<T: Send + Sync + 'static> Pool<T> {
    pub(crate) fn new(limits: PoolLimits) -> Self {
        Self {
            slots: DashMap::new(),
            limits,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The member for a key, if it stands: the hot path.
    pub(crate) fn get(&self, key: &Key, now: u64) -> Option<Lease<T>> {
        let slot = self.slots.get(key)?;
        let value = Arc::clone(slot.flight.ready()?);
        Some(slot.lease(key.clone(), value, now))
    }

    /// The member for a key, opened by a task of its own if it does not stand. Evicted members are
    /// handed to `evicted`.
    pub(crate) async fn lease<F>(
        self: &Arc<Self>,
        key: Key,
        now: u64,
        tasks: &Background,
        closed: UpstreamError,
        open: impl FnOnce(Key) -> F,
        evicted: impl FnOnce(Arc<T>),
    ) -> Result<Lease<T>, NoLease>
    where
        F: Future<Output = Result<Arc<T>, Trouble>> + Send + 'static,
    {
        if let Some(lease) = self.get(&key, now) {
            return Ok(lease);
        }
        if let Some(value) = self.make_room(&key)? {
            evicted(value);
        }
        let slot = match self.slots.entry(key.detached()) {
            Entry::Occupied(entry) => Arc::clone(entry.get()),
            Entry::Vacant(entry) => {
                let slot = Slot::new(Arc::new(Flight::new()), now);
                let (key, slot) = (entry.key().clone(), Arc::clone(&entry.insert(slot)));
                let pilot = Pilot::new(Arc::clone(&slot.flight), closed);
                let attempt = open(key.clone());
                let pool = Arc::clone(self);
                let flight = Arc::clone(&slot.flight);
                tasks.spawn(async move {
                    let outcome = attempt.await;
                    if outcome.is_err() {
                        pool.slots
                            .remove_if(&key, |_, slot| Arc::ptr_eq(&slot.flight, &flight));
                    }
                    pilot.land(outcome);
                });
                slot
            }
        };
        match slot.flight.wait().await {
            Ok(value) => Ok(slot.lease(key, value, now)),
            Err(trouble) => {
                // Also when the task could not be spawned and nobody else removed the slot.
                self.slots.remove_if(&key, |_, s| Arc::ptr_eq(s, &slot));
                Err(NoLease::Trouble(trouble))
            }
        }
    }

    /// Removes the member that idled longest if the pool is full.
    fn make_room(&self, wanted: &Key) -> Result<Option<Arc<T>>, NoLease> {
        if self.slots.len() < self.limits.max || self.slots.contains_key(wanted) {
            return Ok(None);
        }
        let oldest = self
            .slots
            .iter()
            .filter(|slot| slot.is_idle() && !slot.key().is_warm())
            .min_by_key(|slot| slot.last_used.load(Ordering::Relaxed))
            .map(|slot| slot.key().clone());
        let removed = oldest.and_then(|key| self.slots.remove_if(&key, |_, slot| slot.is_idle()));
        match removed {
            Some((_, slot)) => Ok(slot.flight.ready().cloned()),
            None => Err(NoLease::Full),
        }
    }

    /// Makes a member available under another key, unless that one is taken.
    pub(crate) fn insert(&self, key: Key, value: Arc<T>, now: u64) {
        let flight = Arc::new(Flight::landed(value));
        self.slots
            .entry(key)
            .or_insert_with(|| Slot::new(flight, now));
    }

    /// Forgets a member, unless another already took its place.
    pub(crate) fn discard(&self, key: &Key, value: &Arc<T>) -> bool {
        let same = |slot: &Arc<Slot<T>>| slot.flight.ready().is_some_and(|v| Arc::ptr_eq(v, value));
        self.slots.remove_if(key, |_, slot| same(slot)).is_some()
    }

    /// Takes out the members that nobody used for a while.
    pub(crate) fn take_idle(&self, now: u64, limit: Duration) -> Vec<Arc<T>> {
        let limit = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        self.take_where(|key, slot| {
            !key.is_warm()
                && slot.is_idle()
                && now.saturating_sub(slot.last_used.load(Ordering::Relaxed)) >= limit
        })
    }

    /// The members that stand for one client session.
    pub(crate) fn of_session(&self, session: &str, now: u64) -> Vec<Lease<T>> {
        let own = self
            .slots
            .iter()
            .filter(|slot| slot.key().belongs_to(session));
        own.filter_map(|slot| {
            let value = Arc::clone(slot.flight.ready()?);
            Some(slot.lease(slot.key().clone(), value, now))
        })
        .collect()
    }

    /// Takes out the members of one client session.
    pub(crate) fn take_session(&self, session: &str) -> Vec<Arc<T>> {
        self.take_where(|key, _| key.belongs_to(session))
    }

    /// Takes out everything.
    pub(crate) fn take_all(&self) -> Vec<Arc<T>> {
        self.take_where(|_, _| true)
    }

    fn take_where(&self, wanted: impl Fn(&Key, &Slot<T>) -> bool) -> Vec<Arc<T>> {
        let mut taken = Vec::new();
        self.slots.retain(|key, slot| {
            let take = wanted(key, slot);
            if take {
                taken.extend(slot.flight.ready().cloned());
            }
            !take
        });
        taken
    }
}

#[cfg(test)]
mod tests {
    use toolgate_namespace::ServerSlug;

    use super::*;
    use crate::error::{Delivery, UpstreamErrorKind};

    fn closed() -> UpstreamError {
        let server = ServerSlug::try_from("a").unwrap();
        UpstreamError {
            server,
            kind: UpstreamErrorKind::Closed,
            outcome: Delivery::NotSent,
        }
    }

    fn key(session: &str) -> Key {
        let who = IsolationKey {
            principal: "p".into(),
            session: Some(session.into()),
        };
        Key::session(&who, &Json::empty_object())
    }

    /// Leases a member, opening it as its own key's text.
    async fn lease(pool: &Arc<Pool<Key>>, key: Key, now: u64) -> Result<Lease<Key>, NoLease> {
        let tasks = Background::default();
        let open = |key: Key| async move { Ok(Arc::new(key)) };
        pool.lease(key, now, &tasks, closed(), open, drop).await
    }

    #[tokio::test]
    async fn p2_4_what_nobody_used_is_taken_out_and_what_is_in_use_stays() {
        let pool = Arc::new(Pool::new(PoolLimits { max: 8 }));
        let used = lease(&pool, key("used"), 0).await.unwrap();
        drop(lease(&pool, key("old"), 0).await.unwrap());
        drop(lease(&pool, key("young"), 500).await.unwrap());
        drop(lease(&pool, Key::shared(), 0).await.unwrap());
        let taken = pool.take_idle(1000, Duration::from_secs(1));
        assert_eq!(
            taken.iter().map(|k| (**k).clone()).collect::<Vec<_>>(),
            [key("old")]
        );
        drop(used);
        let mut taken: Vec<_> = pool.take_idle(9000, Duration::from_secs(1));
        taken.sort_by_key(|key| format!("{key:?}"));
        assert_eq!(taken.len(), 2);
        // What everybody shares hears the server's notices and stays.
        assert_eq!(pool.len(), 1);
    }

    #[tokio::test]
    async fn r27_a_full_pool_makes_room_by_idleness_or_refuses() {
        let pool = Arc::new(Pool::new(PoolLimits { max: 2 }));
        let busy = lease(&pool, key("busy"), 0).await.unwrap();
        drop(lease(&pool, key("idle"), 1).await.unwrap());
        let third = lease(&pool, key("third"), 2).await.unwrap();
        assert!(pool.get(&key("idle"), 3).is_none());
        assert!(matches!(
            lease(&pool, key("fourth"), 3).await,
            Err(NoLease::Full)
        ));
        drop((busy, third));
        lease(&pool, key("fourth"), 4).await.unwrap();
        assert_eq!(pool.len(), 2);
    }

    #[tokio::test]
    async fn p8_8_only_the_member_that_was_lost_is_discarded() {
        let pool = Arc::new(Pool::new(PoolLimits { max: 2 }));
        let lost = lease(&pool, key("a"), 0).await.unwrap();
        assert!(pool.discard(&lost.key, &lost.value));
        let new = lease(&pool, key("a"), 1).await.unwrap();
        assert!(!pool.discard(&lost.key, &lost.value));
        assert!(Arc::ptr_eq(
            &pool.get(&key("a"), 2).unwrap().value,
            &new.value
        ));
    }
}
