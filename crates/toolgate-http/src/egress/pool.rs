use std::sync::{Mutex, PoisonError};

use super::connection::Connection;

/// Connections nobody uses right now, the one used last on top.
///
/// Last in, first out: under light load the same few stay warm and the others run into their idle
/// limit.
#[derive(Debug)]
pub(super) struct Pool {
    idle: Mutex<Vec<Connection>>,
    max_idle: usize,
}

impl Pool {
    pub(super) fn new(max_idle: usize) -> Self {
        Self {
            idle: Mutex::new(Vec::new()),
            max_idle,
        }
    }

    /// The best connection that is still open.
    pub(super) async fn take(&self) -> Option<Connection> {
        while let Some(connection) = self.pop() {
            if let Some(connection) = connection.wake().await {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection whose last answer was read to its end, or closes it if there are enough.
    pub(super) fn put(&self, connection: Connection) {
        connection.rest();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.max_idle {
            idle.push(connection);
        }
    }

    fn pop(&self) -> Option<Connection> {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
    }
}
