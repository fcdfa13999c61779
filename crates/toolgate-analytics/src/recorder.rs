//! The queue between the calls and the journal's thread.
//!
//! A mutex around a vector, not a channel: a call pushes its record under a lock held for the length
//! of one move, the thread swaps the whole vector for an empty one and writes it without the lock.
//! Memory grows with what is waiting rather than being reserved for the worst case, a call pays for
//! a wake-up only when the thread sleeps, and an idle gateway has no timer running.

use std::collections::TryReserveError;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::{CallRecord, Journal};

/// A record waits at most this long before its batch is written.
const FLUSH_AFTER: Duration = Duration::from_millis(100);
/// So many waiting records are written at once.
const FLUSH_AT: usize = 512;
/// After so long without a record the journal may settle what it wrote.
const SETTLE_AFTER: Duration = Duration::from_millis(500);
/// Most records in one transaction of the journal: keeps it far below the 50 ms of R-03.
const BATCH_MAX: usize = 2_048;

/// What was recorded and lost since the recorder started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Accepted into the queue.
    pub recorded: u64,
    /// Written by the journal.
    pub written: u64,
    /// Dropped because the queue was full.
    pub dropped: u64,
    /// Lost because the journal failed.
    pub failed: u64,
}

/// Hands records to the journal's thread. Cheap to clone; never blocks on the journal.
///
/// When the last clone is dropped, what is queued is written and the thread joined.
#[derive(Debug, Clone)]
pub struct Recorder {
    worker: Arc<Worker>,
}

impl Recorder {
    /// Starts the thread: it writes every 100 ms or 512 records. `boot` names this process run.
    ///
    /// At most `capacity` records wait or are being written at any moment. If the system refuses the
    /// thread, every record is dropped and counted: a gateway without records still serves calls.
    pub fn start(journal: impl Journal, boot: String, capacity: usize) -> Self {
        let shared = Arc::new(Shared::new(capacity));
        let for_thread = Arc::clone(&shared);
        let spawned = thread::Builder::new()
            .name("call-records".to_owned())
            .spawn(move || for_thread.run(journal, &boot));
        let thread = match spawned {
            Ok(thread) => Some(thread),
            Err(error) => {
                tracing::error!(kind = ?error.kind(), "no thread for call records: dropping all of them");
                shared.queue().closed = true;
                None
            }
        };
        Self {
            worker: Arc::new(Worker { shared, thread }),
        }
    }

    /// Queues a record, or drops and counts it when the queue is full.
    pub fn record(&self, record: CallRecord) {
        self.worker.shared.push(record);
    }

    /// Figures since the start.
    pub fn counters(&self) -> Counters {
        let shared = &self.worker.shared;
        let queue = shared.queue();
        Counters {
            recorded: queue.recorded,
            written: queue.written,
            dropped: shared.dropped.load(Ordering::Relaxed),
            failed: queue.failed,
        }
    }

    /// Waits until everything recorded before is written or counted as failed, for shutdown and tests.
    ///
    /// Returns false after `timeout`.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.worker.shared.flush(timeout)
    }
}

/// Owns the thread: the drop of the last [`Recorder`] ends here.
#[derive(Debug)]
struct Worker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.queue().closed = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread for call records had panicked");
        }
    }
}

/// What the calls and the thread share.
#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    /// The thread waits here for records.
    wake: Condvar,
    /// `flush` waits here for the thread.
    progress: Condvar,
    dropped: AtomicU64,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<CallRecord>,
    /// Taken by the thread and not yet written.
    writing: usize,
    recorded: u64,
    written: u64,
    failed: u64,
    /// Somebody waits in `flush`: do not wait for more records.
    urgent: bool,
    closed: bool,
}

// === impl Shared: the calls' side ===

impl Shared {
    fn new(capacity: usize) -> Self {
        Self {
            queue: Mutex::default(),
            wake: Condvar::new(),
            progress: Condvar::new(),
            dropped: AtomicU64::new(0),
            capacity,
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Every section leaves the queue whole, so a panic elsewhere cannot have broken it.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, record: CallRecord) {
        let waiting = {
            let mut queue = self.queue();
            let full = queue.waiting.len() + queue.writing >= self.capacity;
            if full || queue.closed || queue.make_room().is_err() {
                drop(queue);
                self.dropped.fetch_add(1, Ordering::Relaxed);
                return;
            }
            queue.waiting.push(record);
            queue.recorded += 1;
            queue.waiting.len()
        };
        // The first record starts the clock of its batch, the 512th ends it.
        if waiting == 1 || waiting == FLUSH_AT {
            self.wake.notify_one();
        }
    }

    fn flush(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut queue = self.queue();
        let goal = queue.recorded;
        while queue.written + queue.failed < goal {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            queue.urgent = true;
            self.wake.notify_one();
            queue = self
                .progress
                .wait_timeout(queue, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        true
    }
}

impl Queue {
    /// Makes room for one more; refuses instead of aborting when memory is short.
    fn make_room(&mut self) -> Result<(), TryReserveError> {
        if self.waiting.len() < self.waiting.capacity() {
            return Ok(());
        }
        self.waiting.try_reserve(FLUSH_AT)
    }
}

// === impl Shared: the thread's side ===

impl Shared {
    fn run(&self, mut journal: impl Journal, boot: &str) {
        let mut batch = Vec::new();
        let mut numbers = Numbers::default();
        while self.take(&mut batch) {
            for part in batch.chunks(BATCH_MAX) {
                let first = numbers.first_of(part.len(), self.dropped.load(Ordering::Relaxed));
                let outcome = journal.append(boot, first, part);
                if let Err(error) = &outcome {
                    tracing::warn!(count = part.len(), reason = %error.reason, "call records lost");
                }
                self.account(part.len(), outcome.is_ok());
            }
            batch.clear();
            // A burst may have made it large; the usual batch is small.
            batch.shrink_to(BATCH_MAX);
            if self.is_quiet() {
                journal.settle();
            }
        }
    }

    /// Waits a moment for more records; true when none came.
    fn is_quiet(&self) -> bool {
        let queue = self.queue();
        let (queue, _) = self
            .wake
            .wait_timeout_while(queue, SETTLE_AFTER, |queue| {
                queue.waiting.is_empty() && !queue.closed
            })
            .unwrap_or_else(PoisonError::into_inner);
        queue.waiting.is_empty()
    }

    /// Waits for a batch and swaps it into `batch`; false when there will be no more.
    fn take(&self, batch: &mut Vec<CallRecord>) -> bool {
        let mut queue = self.queue();
        while queue.waiting.is_empty() {
            if queue.closed {
                return false;
            }
            queue = self
                .wake
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let deadline = Instant::now() + FLUSH_AFTER;
        while queue.waiting.len() < FLUSH_AT && !queue.urgent && !queue.closed {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            queue = self
                .wake
                .wait_timeout(queue, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        mem::swap(&mut queue.waiting, batch);
        queue.writing = batch.len();
        queue.urgent = false;
        true
    }

    fn account(&self, count: usize, written: bool) {
        let mut queue = self.queue();
        queue.writing -= count;
        if written {
            queue.written += count as u64;
        } else {
            queue.failed += count as u64;
        }
        drop(queue);
        self.progress.notify_all();
    }
}

/// Numbers records so that every lost one leaves a gap.
///
/// Numbers are given by the thread, since giving them in `record` would let two calls overtake each
/// other between number and queue. Drops are therefore placed between two batches, their count exact.
#[derive(Debug, Default)]
struct Numbers {
    /// Records that went to the journal, written or failed.
    given: u64,
}

impl Numbers {
    fn first_of(&mut self, count: usize, dropped: u64) -> u64 {
        let first = self.given + dropped + 1;
        self.given += count as u64;
        first
    }
}
