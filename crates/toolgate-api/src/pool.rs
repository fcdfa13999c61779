//! Acts block, so each runs on a thread of its own, over one of a few connections, and so many at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;
use toolgate_admin::{Actor, Admin, AdminError};

use crate::problem::Problem;

/// Connections to the store: acts beyond that share them.
const CONNECTIONS: usize = 4;
/// Acts at once; a probe of a server may take a minute, so there are more than connections.
const ACTS: usize = 32;
/// How long an act waits for its turn.
const TURN: Duration = Duration::from_secs(5);
/// The longest act is a probe, which ends after a minute.
const ACT: Duration = Duration::from_secs(100);

/// The installation, opened a few times.
#[derive(Debug)]
pub(crate) struct Pool {
    admins: Vec<Admin>,
    /// Whoever asks is looked up over a connection that no act holds up (S-82).
    door: Arc<Admin>,
    turns: Arc<Semaphore>,
    next: AtomicUsize,
}

impl Pool {
    pub(crate) fn open(admin: Admin) -> Result<Self, AdminError> {
        let admins = (1..CONNECTIONS)
            .map(|_| admin.beside())
            .collect::<Result<_, _>>()?;
        Ok(Self {
            admins,
            door: Arc::new(admin),
            turns: Arc::new(Semaphore::new(ACTS)),
            next: AtomicUsize::new(0),
        })
    }

    /// Looks something up that takes microseconds, such as who holds a key.
    pub(crate) async fn look_up<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Admin) -> Result<T, AdminError> + Send + 'static,
    ) -> Result<T, Problem> {
        let door = Arc::clone(&self.door);
        let looked = tokio::task::spawn_blocking(move || look(&door)).await;
        Ok(looked.map_err(|_| Problem::broke_off())??)
    }

    /// Acts as somebody. What was begun goes on to its end although nobody may wait for it any more.
    pub(crate) async fn act<T: Send + 'static>(
        &self,
        actor: Actor,
        act: impl FnOnce(&Admin) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = timeout(TURN, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(Problem::busy());
        };
        let admin = self.admin(actor);
        let acting = tokio::task::spawn_blocking(move || {
            let done = act(&admin);
            drop(turn);
            done
        });
        match timeout(ACT, acting).await {
            // S-63: a panic ends this request alone.
            Ok(done) => done.map_err(|_| Problem::broke_off())?,
            Err(_) => Err(Problem::new(
                hyper::StatusCode::SERVICE_UNAVAILABLE,
                "timed_out",
                "it takes too long; it may still be done",
            )
            .hint("look whether it was done before asking again")
            .retry_after(10)),
        }
    }

    /// One of the connections, acting as somebody, for what has a bound of its own.
    pub(crate) fn admin(&self, actor: Actor) -> Admin {
        let place = self.next.fetch_add(1, Ordering::Relaxed) % self.admins.len().max(1);
        let admin = self.admins.get(place).unwrap_or(&self.door);
        admin.acting_as(actor)
    }

    /// The installation itself, for what the process does on its own account.
    pub(crate) fn door(&self) -> Arc<Admin> {
        Arc::clone(&self.door)
    }
}
