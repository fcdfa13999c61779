use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::sleep;

use super::connection::Connection;
use super::endpoint::Shared;

/// How long a connection that its server closed, or that lay for too long, may wait to be closed here.
const SWEEP: Duration = Duration::from_secs(5);

/// Connections nobody uses right now, the one used last on top.
///
/// Last in, first out: under light load the same few stay warm and the others run into their idle
/// limit.
#[derive(Debug)]
pub(super) struct Pool {
    idle: Mutex<Idle>,
    max_idle: usize,
}

#[derive(Debug, Default)]
struct Idle {
    #[expect(
        clippy::vec_box,
        reason = "a connection goes from hand to hand, and its box with it"
    )]
    connections: Vec<Box<Connection>>,
    /// Whether a task looks for those that are not worth keeping.
    swept: bool,
}

impl Pool {
    pub(super) fn new(max_idle: usize) -> Self {
        Self {
            idle: Mutex::default(),
            max_idle,
        }
    }

    /// The best connection that is still open.
    pub(super) async fn take(&self) -> Option<Box<Connection>> {
        while let Some(connection) = self.pop() {
            if let Some(connection) = connection.wake().await {
                return Some(connection);
            }
        }
        None
    }

    /// How many lie here.
    pub(super) fn len(&self) -> usize {
        self.idle().connections.len()
    }

    fn pop(&self) -> Option<Box<Connection>> {
        self.idle().connections.pop()
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a connection, or closes it if there are enough; true when nobody sweeps yet.
    fn put(&self, mut connection: Box<Connection>) -> bool {
        connection.rest();
        let mut idle = self.idle();
        if idle.connections.len() < self.max_idle {
            idle.connections.push(connection);
        }
        !std::mem::replace(&mut idle.swept, true)
    }

    /// Closes what is not worth keeping; false when nothing is left, and so nothing to sweep.
    fn sweep(&self) -> bool {
        // Looked at outside the lock, where calls wait for it.
        let mut kept = std::mem::take(&mut self.idle().connections);
        kept.retain_mut(|connection| connection.is_fresh());
        let mut idle = self.idle();
        // What came back meanwhile was used last.
        kept.append(&mut idle.connections);
        idle.connections = kept;
        idle.swept = !idle.connections.is_empty();
        idle.swept
    }
}

/// Keeps a connection of `home` whose last answer was read to its end.
pub(super) fn keep(home: &Arc<Shared>, connection: Box<Connection>) {
    if home.pool.put(connection) {
        tokio::spawn(sweep(Arc::downgrade(home)));
    }
}

async fn sweep(home: Weak<Shared>) {
    loop {
        let Some(pause) = home.upgrade().map(|home| home.idle_timeout().min(SWEEP)) else {
            return;
        };
        sleep(pause).await;
        if !home.upgrade().is_some_and(|home| home.pool.sweep()) {
            return;
        }
    }
}
