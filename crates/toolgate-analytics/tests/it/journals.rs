//! Journals that wait or fail when told to.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use toolgate_analytics::{CallRecord, CallStatus, Journal, JournalError, MemoryJournal, Source};
use toolgate_namespace::WorkspaceId;

/// Waits for a permit before each batch, and says that it is waiting.
pub(crate) struct Gated {
    pub(crate) inner: MemoryJournal,
    pub(crate) arrived: SyncSender<usize>,
    pub(crate) permits: Receiver<()>,
}

/// The test's side of a [`Gated`] journal.
pub(crate) struct Gate {
    pub(crate) arrived: Receiver<usize>,
    pub(crate) permits: SyncSender<()>,
}

pub(crate) fn gated() -> (Gated, Gate, MemoryJournal) {
    let inner = MemoryJournal::keeping(100_000);
    let (arrived_tx, arrived) = sync_channel(1_000);
    let (permits, permits_rx) = sync_channel(1_000);
    let journal = Gated {
        inner: inner.clone(),
        arrived: arrived_tx,
        permits: permits_rx,
    };
    (journal, Gate { arrived, permits }, inner)
}

impl Journal for Gated {
    fn append(&mut self, boot: &str, first: u64, batch: &[CallRecord]) -> Result<(), JournalError> {
        self.arrived.send(batch.len()).ok();
        // A closed gate means that the test is over: let everything pass.
        self.permits.recv().ok();
        self.inner.append(boot, first, batch)
    }
}

/// Fails every batch whose turn is listed, counting from 0.
pub(crate) struct Failing {
    pub(crate) inner: MemoryJournal,
    pub(crate) turn: usize,
    pub(crate) fail: &'static [usize],
}

impl Journal for Failing {
    fn append(&mut self, boot: &str, first: u64, batch: &[CallRecord]) -> Result<(), JournalError> {
        let turn = self.turn;
        self.turn += 1;
        if self.fail.contains(&turn) {
            return Err(JournalError {
                count: batch.len(),
                reason: "disk full".to_owned(),
            });
        }
        self.inner.append(boot, first, batch)
    }
}

pub(crate) fn record(n: u64) -> CallRecord {
    CallRecord {
        number: n,
        time_ms: 1_700_000_000_000 + n,
        workspace: WorkspaceId::try_from("ws_test").unwrap(),
        server: None,
        server_slug: None,
        tool: None,
        token_id: "tok_test".into(),
        status: CallStatus::Ok,
        error_code: None,
        duration_ms: n,
        bytes_in: 1,
        bytes_out: 2,
        revision: "2025-11-25",
        source: Source::Gateway,
        intended: false,
        trace: None,
    }
}
