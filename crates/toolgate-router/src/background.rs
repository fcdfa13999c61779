//! The owner of work that outlives the request which started it.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;

/// Most background tasks at once; refreshes are single flight per link, so this is never met in practice.
const MAX_TASKS: usize = 4096;

/// Owns spawned tasks and joins them at shutdown.
#[derive(Debug, Default)]
pub struct Background {
    tasks: Mutex<JoinSet<()>>,
}

impl Background {
    /// Runs `work` until it ends or the gateway shuts down. Over the bound the work is dropped, since
    /// everything started here is an optimisation that the next request starts again.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        if tasks.len() < MAX_TASKS {
            tasks.spawn(work);
        } else {
            tracing::warn!(max = MAX_TASKS, "too many background tasks, one dropped");
        }
    }

    /// Tasks that run, and how many may.
    pub fn fill(&self) -> (usize, usize) {
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        (tasks.len(), MAX_TASKS)
    }

    /// Waits up to `grace` for running tasks, then aborts what is left.
    pub async fn shutdown(&self, grace: Duration) {
        let mut tasks =
            std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let joined = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, joined).await.is_err() {
            tasks.shutdown().await;
        }
    }
}
