//! Sessions of clients up to 2025-11-25: named by a sealed id that outlives the process.
//!
//! The id is the session: revision, capabilities, owner and workspace sealed under a key of ours (P6.9), so
//! a restarted or second gateway can go on with it. What lives in memory beside it (calls in flight, open
//! questions, streams) is made anew when an id of ours arrives that is not known here.

pub(crate) mod questions;
pub(crate) mod replay;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use dashmap::DashMap;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};
use toolgate_namespace::{ServerId, WorkspaceId};
use toolgate_policy::Principal;
use toolgate_protocol::{Json, JsonLimits, RequestId, Revision};
use toolgate_unseal::Handles;
use toolgate_upstream::Watch;

use self::questions::Questions;
use self::replay::Streams;
use crate::notices::{Mailbox, Owner, Wants};

/// Idle sessions end after this long (P2.4).
const IDLE_MS: u64 = 60 * 60 * 1000;
/// Every session ends after this long (P2.4).
const LIFETIME_MS: u64 = 24 * 60 * 60 * 1000;
/// Longest id handed out (P6.9).
const MAX_ID_LEN: usize = 1024;
/// Sessions kept in memory; beyond it the idle ones are forgotten, which their sealed ids survive.
const MAX_LIVE: usize = 50_000;
/// Ended ids remembered until they would have expired anyway.
const MAX_ENDED: usize = 50_000;
/// Calls one session may have in flight.
const MAX_CALLS: usize = 256;
const PURPOSE: &str = "session";
/// Resources one session may watch.
const MAX_WATCHES: usize = 1024;

/// One client session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: Arc<str>,
    pub(crate) revision: Revision,
    /// What its client can be asked for, as servers are told (P9.29).
    pub(crate) capabilities: Json,
    /// What waits to be told on its general stream.
    pub(crate) mailbox: Arc<Mailbox>,
    /// What its client was asked and has not answered.
    pub(crate) questions: Arc<Questions>,
    /// What was sent on its streams.
    pub(crate) streams: Streams,
    log_level: ArcSwapOption<String>,
    watches: Mutex<HashMap<String, Watched>>,
    token: String,
    workspace: WorkspaceId,
    issued_ms: u64,
    used_ms: AtomicU64,
    calls: Mutex<Vec<(RequestId, Arc<CallControl>)>>,
    over: AtomicBool,
    bell: Notify,
    takeovers: watch::Sender<u64>,
}

/// A resource that a session watches.
#[derive(Debug)]
struct Watched {
    server: ServerId,
    own: String,
    _watch: Watch,
}

/// What a client said of itself in `initialize`.
#[derive(Debug, Clone)]
pub(crate) struct Introduced {
    pub(crate) revision: Revision,
    /// As it is forwarded to servers (P9.29).
    pub(crate) capabilities: Json,
}

/// How far a session reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It lives and dies with one connection (P6.18).
    Connection,
    /// Every gateway on the store can go on with it.
    Store,
}

/// How a running call learns that its client gave up on it.
#[derive(Debug, Default)]
pub(crate) struct CallControl {
    cancelled: AtomicBool,
    bell: Notify,
}

/// What a session id holds, sealed.
#[derive(Serialize, Deserialize)]
struct Sealed {
    r: String,
    t: String,
    w: String,
    i: u64,
    n: String,
    c: String,
}

/// Every client session this process knows of.
#[derive(Debug)]
pub(crate) struct Sessions {
    handles: Arc<Handles>,
    /// Names this process in the ids of events.
    boot: String,
    count: AtomicU64,
    live: DashMap<Arc<str>, Arc<Session>>,
    ended: DashMap<Arc<str>, u64>,
}

impl Sessions {
    pub(crate) fn new(handles: Arc<Handles>, boot: String) -> Self {
        Self {
            handles,
            boot,
            count: AtomicU64::new(0),
            live: DashMap::new(),
            ended: DashMap::new(),
        }
    }

    /// Sessions in memory, and how many there may be.
    pub(crate) fn fill(&self) -> (usize, usize) {
        (self.live.len(), MAX_LIVE)
    }

    /// Opens a session for `principal`. One whose id would be too long to carry its capabilities is known to
    /// this process only (P6.9).
    pub(crate) fn open(
        &self,
        principal: &Principal,
        introduced: Introduced,
        reach: Reach,
        nonce: [u8; 16],
        now_ms: u64,
    ) -> Arc<Session> {
        let sealed = match reach {
            Reach::Connection => None,
            Reach::Store => self.seal(&Sealed {
                r: introduced.revision.as_str().to_owned(),
                t: principal.token().id.as_str().to_owned(),
                w: principal.token().workspace.as_str().to_owned(),
                i: now_ms,
                n: hex(nonce),
                c: introduced.capabilities.as_str().to_owned(),
            }),
        };
        let id = sealed.filter(|id| id.len() <= MAX_ID_LEN);
        let id = id.unwrap_or_else(|| hex(nonce));
        self.keep(id.into(), principal, introduced, now_ms, now_ms)
    }

    /// The session of that id, if it is `principal`'s and still runs. Everything else reads the same (S-43).
    pub(crate) fn find(
        &self,
        id: &str,
        principal: &Principal,
        now_ms: u64,
    ) -> Option<Arc<Session>> {
        let known = self.live.get(id).map(|entry| entry.value().clone());
        let session = match known {
            Some(session) => session,
            None => self.revive(id, principal, now_ms)?,
        };
        let token = principal.token();
        let owned = session.token == token.id.as_str() && session.workspace == token.workspace;
        if !owned {
            return None;
        }
        let idle = now_ms.saturating_sub(session.used_ms.load(Ordering::Relaxed));
        let age = now_ms.saturating_sub(session.issued_ms);
        if idle > IDLE_MS || age > LIFETIME_MS {
            self.end(&session, now_ms);
            return None;
        }
        session.used_ms.store(now_ms, Ordering::Relaxed);
        Some(session)
    }

    /// The sessions of these tokens.
    pub(crate) fn of_tokens(&self, tokens: &HashSet<&str>) -> Vec<Arc<Session>> {
        let sessions = self.live.iter().map(|entry| entry.value().clone());
        sessions
            .filter(|session| tokens.contains(&*session.token))
            .collect()
    }

    /// Ends a session: its calls are cancelled, its streams close, its id is dead.
    pub(crate) fn end(&self, session: &Arc<Session>, now_ms: u64) {
        self.live.remove(&session.id);
        if self.ended.len() >= MAX_ENDED {
            self.ended.retain(|_, until| *until > now_ms);
        }
        self.ended
            .insert(session.id.clone(), session.issued_ms + LIFETIME_MS);
        session.close();
    }

    /// Forgets what idled too long. Called now and then.
    pub(crate) fn sweep(&self, now_ms: u64) {
        self.live.retain(|_, session| {
            let idle = now_ms.saturating_sub(session.used_ms.load(Ordering::Relaxed));
            let keep = idle <= IDLE_MS;
            if !keep {
                session.close();
            }
            keep
        });
        self.ended.retain(|_, until| *until > now_ms);
    }

    fn seal(&self, sealed: &Sealed) -> Option<String> {
        let plain = serde_json::to_vec(sealed).ok()?;
        self.handles.seal(PURPOSE, &plain).ok()
    }

    fn revive(&self, id: &str, principal: &Principal, now_ms: u64) -> Option<Arc<Session>> {
        if id.len() > MAX_ID_LEN || self.ended.contains_key(id) {
            return None;
        }
        let plain = self.handles.open(PURPOSE, id).ok()?;
        let sealed: Sealed = serde_json::from_slice(&plain).ok()?;
        let token = principal.token();
        if sealed.t != token.id.as_str() || sealed.w != token.workspace.as_str() {
            return None;
        }
        let introduced = Introduced {
            revision: Revision::parse(&sealed.r)?,
            capabilities: Json::parse(Bytes::from(sealed.c), &JsonLimits::CLIENT).ok()?,
        };
        Some(self.keep(id.into(), principal, introduced, sealed.i, now_ms))
    }

    fn keep(
        &self,
        id: Arc<str>,
        principal: &Principal,
        introduced: Introduced,
        issued_ms: u64,
        now_ms: u64,
    ) -> Arc<Session> {
        if self.live.len() >= MAX_LIVE {
            let recent = now_ms.saturating_sub(IDLE_MS / 60);
            self.live.retain(|_, session| {
                session.used_ms.load(Ordering::Relaxed) >= recent || session.has_calls()
            });
        }
        let owner = Owner {
            principal: principal.clone(),
            session: Some(id.clone()),
            revision: introduced.revision,
            questions: Arc::default(),
        };
        let questions = owner.questions.clone();
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let session = Arc::new(Session {
            revision: introduced.revision,
            capabilities: introduced.capabilities,
            mailbox: Mailbox::new(owner, Wants::ALL),
            questions,
            streams: Streams::new(format!("{}{number:x}", self.boot)),
            log_level: ArcSwapOption::empty(),
            watches: Mutex::default(),
            token: principal.token().id.as_str().to_owned(),
            workspace: principal.token().workspace.clone(),
            issued_ms,
            used_ms: AtomicU64::new(now_ms),
            calls: Mutex::default(),
            over: AtomicBool::new(false),
            bell: Notify::new(),
            takeovers: watch::Sender::new(0),
            id: id.clone(),
        });
        // Two requests may bring the same id to life at once; the first one stays.
        self.live.entry(id).or_insert(session).clone()
    }
}

fn hex(nonce: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(nonce))
}

impl Session {
    /// The workspace it was opened in.
    pub(crate) fn workspace(&self) -> &WorkspaceId {
        &self.workspace
    }

    /// Registers a call so that `notifications/cancelled` finds it; `None` over the bound of calls in flight.
    pub(crate) fn begin(&self, id: &RequestId) -> Option<Arc<CallControl>> {
        let control = Arc::new(CallControl::default());
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.len() >= MAX_CALLS {
            return None;
        }
        calls.push((id.clone(), control.clone()));
        Some(control)
    }

    /// Forgets a call that ended.
    pub(crate) fn finish(&self, control: &Arc<CallControl>) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.retain(|(_, known)| !Arc::ptr_eq(known, control));
    }

    /// Whether a call of that id is under way.
    pub(crate) fn is_running(&self, id: &RequestId) -> bool {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.iter().any(|(known, _)| known == id)
    }

    /// The least severe level of log its client wants; `None` when it never said (P9.34).
    pub(crate) fn log_level(&self) -> Option<Arc<String>> {
        self.log_level.load_full()
    }

    /// Sets the level of log its client wants.
    pub(crate) fn set_log_level(&self, level: String) {
        self.log_level.store(Some(Arc::new(level)));
    }

    /// Keeps a watch for as long as the session lives, or until it is given up; `false` over the bound.
    pub(crate) fn keep_watch(
        &self,
        shown: &str,
        server: ServerId,
        own: String,
        watch: Watch,
    ) -> bool {
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        if watches.len() >= MAX_WATCHES && !watches.contains_key(shown) {
            return false;
        }
        self.mailbox
            .watch(server.clone(), own.clone(), shown.to_owned());
        let kept = Watched {
            server,
            own,
            _watch: watch,
        };
        watches.insert(shown.to_owned(), kept);
        true
    }

    /// Gives up a watch.
    pub(crate) fn give_up_watch(&self, shown: &str) {
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(watched) = watches.remove(shown) {
            self.mailbox.unwatch(&watched.server, &watched.own);
        }
    }

    /// Cancels the newest call of that id, since clients do reuse ids (P3.5); unknown ids are ignored.
    pub(crate) fn cancel(&self, id: &RequestId) {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, control)) = calls.iter().rev().find(|(known, _)| known == id) {
            control.cancel();
        }
    }

    /// Makes the caller the owner of the general stream and ends the one before (P6.10).
    pub(crate) fn take_stream(&self) -> u64 {
        let mut epoch = 0;
        self.takeovers.send_modify(|current| {
            *current += 1;
            epoch = *current;
        });
        epoch
    }

    /// Resolves once a newer general stream was opened. Cancel safe.
    pub(crate) async fn stream_taken(&self, epoch: u64) {
        // The sender lives in this session, so waiting cannot fail while somebody waits.
        let _ = self
            .takeovers
            .subscribe()
            .wait_for(|current| *current != epoch)
            .await;
    }

    /// Resolves once the session ended. Cancel safe.
    pub(crate) async fn closed(&self) {
        wait(&self.over, &self.bell).await;
    }

    fn close(&self) {
        self.over.store(true, Ordering::Release);
        self.bell.notify_waiters();
        self.watches
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, control) in calls.iter() {
            control.cancel();
        }
    }

    fn has_calls(&self) -> bool {
        !self
            .calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
    }
}

impl CallControl {
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        self.bell.notify_waiters();
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Resolves once the client cancelled. Cancel safe.
    pub(crate) async fn cancelled(&self) {
        wait(&self.cancelled, &self.bell).await;
    }
}

/// Waits for a flag that is raised once, together with its bell.
async fn wait(flag: &AtomicBool, bell: &Notify) {
    let rung = bell.notified();
    tokio::pin!(rung);
    rung.as_mut().enable();
    if !flag.load(Ordering::Acquire) {
        rung.await;
    }
}
