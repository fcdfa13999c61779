//! `calls.db`: which calls there were, for thirty days, and what they came to by the hour, for four hundred; metadata
//! only (S-23).
//!
//! Batches stand packed in blocks; calls that were only begun, and those of earlier versions, each in a row of its
//! own. Both share one count of places in the file, which followers follow, and by which calls are rolled up.

mod blocks;
mod codes;
mod figures;
mod filter;
mod groups;
mod histogram;
mod history;
mod journal;
mod names;
mod packed;
mod past;
mod reader;
mod rollups;
mod rows;
mod sent;
mod span;

pub use figures::Figures;
pub use filter::{CallFilter, CallPlace};
pub use groups::{Dimension, Group, Grouped};
pub use histogram::Histogram;
pub use journal::CallsJournal;
pub use past::PastCall;
pub use reader::{CallRow, CallsReader};

/// One absurd number must not cost its whole batch.
fn clamp(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
