//! Sessions of clients up to 2025-11-25: named by a sealed id that outlives the process.
//!
//! The id is the session: revision, owner and workspace sealed under a key of ours (P6.9), so a
//! restarted or second gateway can go on with it. What lives in memory beside it (calls in flight, the
//! general stream) is made anew when an id of ours arrives that is not known here.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use dashmap::DashMap;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};
use toolgate_policy::Principal;
use toolgate_protocol::{RequestId, Revision};
use toolgate_unseal::Handles;

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

/// One client session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: Arc<str>,
    pub(crate) revision: Revision,
    token: String,
    workspace: String,
    issued_ms: u64,
    used_ms: AtomicU64,
    calls: Mutex<Vec<(RequestId, Arc<CallControl>)>>,
    over: AtomicBool,
    bell: Notify,
    streams: watch::Sender<u64>,
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
}

/// Every client session this process knows of.
#[derive(Debug)]
pub(crate) struct Sessions {
    handles: Arc<Handles>,
    live: DashMap<Arc<str>, Arc<Session>>,
    ended: DashMap<Arc<str>, u64>,
}

impl Sessions {
    pub(crate) fn new(handles: Arc<Handles>) -> Self {
        Self {
            handles,
            live: DashMap::new(),
            ended: DashMap::new(),
        }
    }

    /// Opens a session for `principal`. `None` when no randomness could be drawn.
    pub(crate) fn open(
        &self,
        principal: &Principal,
        revision: Revision,
        nonce: [u8; 16],
        now_ms: u64,
    ) -> Option<Arc<Session>> {
        let token = principal.token();
        let sealed = Sealed {
            r: revision.as_str().to_owned(),
            t: token.id.as_str().to_owned(),
            w: token.workspace.as_str().to_owned(),
            i: now_ms,
            n: format!("{:032x}", u128::from_be_bytes(nonce)),
        };
        let id = self.seal(&sealed)?;
        let session = Arc::new(Session {
            id: id.into(),
            revision,
            token: sealed.t,
            workspace: sealed.w,
            issued_ms: now_ms,
            used_ms: AtomicU64::new(now_ms),
            calls: Mutex::default(),
            over: AtomicBool::new(false),
            bell: Notify::new(),
            streams: watch::Sender::new(0),
        });
        self.keep(&session, now_ms);
        Some(session)
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
            None => self.revive(id, now_ms)?,
        };
        let token = principal.token();
        let owned =
            session.token == token.id.as_str() && session.workspace == token.workspace.as_str();
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

    fn revive(&self, id: &str, now_ms: u64) -> Option<Arc<Session>> {
        if id.len() > MAX_ID_LEN || self.ended.contains_key(id) {
            return None;
        }
        let plain = self.handles.open(PURPOSE, id).ok()?;
        let sealed: Sealed = serde_json::from_slice(&plain).ok()?;
        let session = Arc::new(Session {
            id: id.into(),
            revision: Revision::parse(&sealed.r)?,
            token: sealed.t,
            workspace: sealed.w,
            issued_ms: sealed.i,
            used_ms: AtomicU64::new(now_ms),
            calls: Mutex::default(),
            over: AtomicBool::new(false),
            bell: Notify::new(),
            streams: watch::Sender::new(0),
        });
        self.keep(&session, now_ms);
        Some(session)
    }

    fn keep(&self, session: &Arc<Session>, now_ms: u64) {
        if self.live.len() >= MAX_LIVE {
            let recent = now_ms.saturating_sub(IDLE_MS / 60);
            self.live.retain(|_, session| {
                session.used_ms.load(Ordering::Relaxed) >= recent || session.has_calls()
            });
        }
        self.live.insert(session.id.clone(), session.clone());
    }
}

impl Session {
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
        self.streams.send_modify(|current| {
            *current += 1;
            epoch = *current;
        });
        epoch
    }

    /// Resolves once a newer general stream was opened. Cancel safe.
    pub(crate) async fn stream_taken(&self, epoch: u64) {
        // The sender lives in this session, so waiting cannot fail while somebody waits.
        let _ = self
            .streams
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
