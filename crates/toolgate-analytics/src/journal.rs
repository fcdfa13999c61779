//! Where batches of call records end up.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::CallRecord;

/// A batch that was not written; the recorder counts its records as failed and goes on.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("appending {count} call records: {reason}")]
pub struct JournalError {
    /// How many records were in the batch.
    pub count: usize,
    /// The class of the failure, never text of a client or server (S-20).
    pub reason: String,
}

/// Where batches go: the store's `calls.db`, or memory in tests.
pub trait Journal: Send + 'static {
    /// Appends a batch, all of it or nothing; called from the recorder's own thread.
    ///
    /// The records are numbered `first_sequence`, `first_sequence + 1`, … within the process run
    /// `boot`. A gap between two batches is records that were dropped or failed.
    fn append(
        &mut self,
        boot: &str,
        first_sequence: u64,
        batch: &[CallRecord],
    ) -> Result<(), JournalError>;

    /// Brings the intents of calls that are about to be sent to the disk, all of them or none: returns
    /// only when a power cut could not lose them. A record that is `intended` later takes its intent's place.
    ///
    /// A journal that cannot do that refuses, and so refuses the calls.
    fn intend(&mut self, boot: &str, intents: &[CallRecord]) -> Result<(), JournalError> {
        let _ = boot;
        Err(JournalError {
            count: intents.len(),
            reason: "this journal keeps no intents".to_owned(),
        })
    }

    /// Called when no record came for half a second after a batch: a moment to bring it to the disk.
    fn settle(&mut self) {}
}

/// Hears of every call that is journaled, on the recorder's own thread: what it does costs no call anything.
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// These calls of the process run `boot` ended. It must not wait for anything.
    fn observe(&self, boot: &str, calls: &[CallRecord]);
}

/// A journal whose calls an observer hears of.
#[derive(Debug)]
pub struct Observed<J> {
    journal: J,
    observer: Option<Arc<dyn Observer>>,
}

impl<J> Observed<J> {
    /// Without an observer it is the journal itself.
    pub fn new(journal: J, observer: Option<Arc<dyn Observer>>) -> Self {
        Self { journal, observer }
    }
}

impl<J: Journal> Journal for Observed<J> {
    fn append(
        &mut self,
        boot: &str,
        first_sequence: u64,
        batch: &[CallRecord],
    ) -> Result<(), JournalError> {
        if let Some(observer) = &self.observer {
            observer.observe(boot, batch);
        }
        self.journal.append(boot, first_sequence, batch)
    }

    fn intend(&mut self, boot: &str, intents: &[CallRecord]) -> Result<(), JournalError> {
        self.journal.intend(boot, intents)
    }

    fn settle(&mut self) {
        self.journal.settle();
    }
}

/// A record with the number it was journaled under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournaledCall {
    /// The process run.
    pub boot: String,
    /// Its number within that run, from 1.
    pub sequence: u64,
    /// The record.
    pub record: CallRecord,
}

/// A journal in memory that keeps the newest records; clones share them.
#[derive(Debug, Clone)]
pub struct MemoryJournal {
    kept: Arc<Mutex<VecDeque<JournaledCall>>>,
    keep: usize,
}

impl MemoryJournal {
    /// A journal that forgets all but the newest `keep` records.
    pub fn keeping(keep: usize) -> Self {
        Self {
            kept: Arc::default(),
            keep,
        }
    }

    /// What is kept, oldest first.
    pub fn records(&self) -> Vec<JournaledCall> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().cloned().collect()
    }
}

impl Journal for MemoryJournal {
    fn append(
        &mut self,
        boot: &str,
        first_sequence: u64,
        batch: &[CallRecord],
    ) -> Result<(), JournalError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for (sequence, record) in (first_sequence..).zip(batch) {
            kept.push_back(JournaledCall {
                boot: boot.to_owned(),
                sequence,
                record: record.clone(),
            });
            if kept.len() > self.keep {
                kept.pop_front();
            }
        }
        Ok(())
    }
}
