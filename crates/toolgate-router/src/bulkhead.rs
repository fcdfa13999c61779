//! Bulkheads: how much one token, one server and one workspace may have under way at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// How long a call waits for its turn, at all its bulkheads together.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// What a bulkhead is around.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// One client's token.
    Token,
    /// One server of one workspace.
    Server,
    /// One workspace.
    Workspace,
}

impl Part {
    /// Calls under way at once. Four times as many for a workspace as for one server, as the brief has it.
    pub const fn at_once(self) -> usize {
        match self {
            Self::Token | Self::Server => 256,
            Self::Workspace => 1_024,
        }
    }

    /// Calls that wait for a turn; further ones are refused at once.
    pub const fn waiting(self) -> usize {
        self.at_once() / 2
    }

    /// What people call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Server => "server",
            Self::Workspace => "workspace",
        }
    }
}

/// So many calls at once, so many waiting in the order they came, each for a bounded time.
#[derive(Debug)]
pub struct Bulkhead {
    part: Part,
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// A call's turn at a bulkhead, given back when dropped.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

/// Who waits, counted until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Bulkhead {
    /// A bulkhead with nothing under way.
    pub fn new(part: Part) -> Self {
        Self {
            part,
            turns: Arc::new(Semaphore::new(part.at_once())),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Calls under way now.
    pub fn under_way(&self) -> usize {
        self.part.at_once() - self.turns.available_permits()
    }

    /// Calls that wait for a turn now.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// The next turn, in the order of asking; the error says which part is full. Cancel safe.
    async fn turn(&self, until: &mut Option<Instant>) -> Result<Turn, Part> {
        if let Ok(turn) = self.turns.clone().try_acquire_owned() {
            return Ok(Turn(turn));
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _counted = Waiting(&self.waiting);
        if before >= self.part.waiting() {
            return Err(self.part);
        }
        let until = *until.get_or_insert_with(|| Instant::now() + MAX_WAIT);
        match timeout_at(until, self.turns.clone().acquire_owned()).await {
            Ok(Ok(turn)) => Ok(Turn(turn)),
            Ok(Err(_)) | Err(_) => Err(self.part),
        }
    }
}

/// A turn at each bulkhead of a call, or the first one that was full. Cancel safe.
///
/// In this order a call that waits keeps from its turn only those who would wait for the same thing: at a full
/// server it holds a turn of its own token, at a full workspace turns that nobody there could use.
pub(crate) async fn turns(
    token: &Bulkhead,
    server: &Bulkhead,
    workspace: &Bulkhead,
) -> Result<[Turn; 3], Part> {
    let mut until = None;
    Ok([
        token.turn(&mut until).await?,
        server.turn(&mut until).await?,
        workspace.turn(&mut until).await?,
    ])
}
