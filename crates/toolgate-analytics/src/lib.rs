//! Remembers every call without ever slowing one: bounded queue, batches, counted drops.
//!
//! The gateway hands a [`CallRecord`] to a [`Recorder`]; a thread of its own writes batches to a
//! [`Journal`] (the store, or [`MemoryJournal`] in tests). What does not fit is dropped and counted.
//!
//! ```
//! use std::time::Duration;
//! use toolgate_analytics::{MemoryJournal, Recorder};
//!
//! let journal = MemoryJournal::keeping(1_000);
//! let recorder = Recorder::start(journal.clone(), "boot-1".to_owned(), 16_384);
//! assert!(recorder.flush(Duration::from_secs(1)));
//! assert_eq!(recorder.counters().written, 0);
//! assert!(journal.records().is_empty());
//! ```

mod event;
mod journal;
mod outcome;
mod recorder;

pub use event::{CallRecord, CallStatus, CallTrace, Source, call_id};
pub use journal::{Journal, JournalError, JournaledCall, MemoryJournal, Observed, Observer};
pub use outcome::Outcome;
pub use recorder::{Counters, Recorder};
