//! What a running server knows.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};

use super::Server;
use crate::recorded::Recorded;
use crate::script::{Ending, Script};

/// One chunk of a streamed answer; an error breaks the connection.
pub(super) type Chunk = Result<Bytes, std::io::Error>;

#[derive(Debug)]
pub(super) struct State {
    pub(super) server: Server,
    inner: Mutex<Inner>,
    /// Counts changes, so that tests can wait for one instead of sleeping.
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
pub(super) struct Inner {
    pub(super) connections: usize,
    pub(super) requests: Vec<Recorded>,
    /// Live sessions and their general streams. Session ids are never reused.
    pub(super) sessions: HashMap<String, Option<mpsc::Sender<Chunk>>>,
    pub(super) last_session: u64,
    pub(super) answered: usize,
    /// Answers that were dropped because the client went away.
    pub(super) aborted: usize,
    pub(super) last_ask: u64,
    /// Questions to clients, by session and id.
    pub(super) asked: HashMap<(String, String), oneshot::Sender<Value>>,
    /// How often each tool was called so far.
    pub(super) served: HashMap<String, usize>,
    pub(super) last_stream: u64,
    /// Streams that were cut and can be resumed: request id and how it ends.
    pub(super) resumable: HashMap<String, (Value, Ending)>,
    /// What is subscribed to, by session.
    pub(super) subscriptions: Vec<(String, String)>,
    /// Open listens of modern clients.
    pub(super) listens: Vec<super::watched::Listen>,
    /// Replaces the tools it was started with.
    pub(super) tools: Vec<(Value, Script)>,
    /// Replaces what it calls itself.
    pub(super) server_info: Option<Value>,
    /// What the test gave leave for.
    pub(super) signals: HashSet<String>,
    /// Replaces answers it was started with, by method.
    pub(super) methods: HashMap<String, Script>,
}

impl State {
    pub(super) fn new(server: Server) -> Self {
        let inner = Inner {
            tools: server.tools.clone(),
            ..Inner::default()
        };
        Self {
            server,
            inner: Mutex::new(inner),
            changes: watch::channel(0).0,
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no holder panics")
    }

    /// Changes something and wakes who waits for changes.
    pub(super) fn update<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let out = change(&mut self.lock());
        self.changes.send_modify(|n| *n += 1);
        out
    }

    /// Waits until the condition holds.
    pub(super) async fn until(&self, condition: impl Fn(&Inner) -> bool) {
        let mut changes = self.changes.subscribe();
        loop {
            changes.borrow_and_update();
            if condition(&self.lock()) {
                return;
            }
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// The session of a request: the newer transport names it in a header, the old one in the path.
pub(super) fn session_of(request: &Recorded) -> &str {
    let named = request.header("mcp-session-id");
    let named = named.or_else(|| request.path.split('=').nth(1));
    named.unwrap_or_default()
}
