//! The tasks of one server, owned in one place.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// Tasks at most; the best-effort ones are dropped above half of it.
const MAX_TASKS: usize = 4096;

/// Tasks that belong to one server: they end with it.
#[derive(Debug, Default)]
pub(crate) struct Background {
    tasks: Mutex<JoinSet<()>>,
}

impl Background {
    /// Runs a task that somebody waits for; `false` if there is no room or no runtime.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        self.spawn_below(MAX_TASKS, task)
    }

    /// Runs a courtesy towards the server, such as a notice of cancellation, if there is room.
    pub(crate) fn courtesy(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        self.spawn_below(MAX_TASKS / 2, task)
    }

    fn spawn_below(&self, limit: usize, task: impl Future<Output = ()> + Send + 'static) -> bool {
        // An exchange may be dropped after its runtime is gone.
        let Ok(runtime) = Handle::try_current() else {
            return false;
        };
        let mut tasks = self.lock();
        while tasks.try_join_next().is_some() {}
        if tasks.len() >= limit {
            return false;
        }
        tasks.spawn_on(task, &runtime);
        true
    }

    /// Stops every task where it stands.
    pub(crate) fn abort(&self) {
        self.lock().abort_all();
    }

    /// Takes the tasks out, to wait for them.
    pub(crate) fn take(&self) -> JoinSet<()> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
