//! Work on the store that somebody waits for, a little at a time.

use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};

/// SQLite lets one write at a time; a second one gets ready meanwhile. More threads would only wait, and each costs
/// memory that fifty servers that introduce themselves at once would keep.
static TURNS: Semaphore = Semaphore::const_new(2);

/// Runs blocking work on the store when it is its turn. Dropped before that, the work is never done.
pub(super) async fn in_turn<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    // It is never closed.
    let turn = TURNS.acquire().await.ok();
    spawn_blocking(move || {
        // Until the work is done, whoever waits for it.
        let _turn = turn;
        work()
    })
    .await
}
