//! `calls.db`: which calls there were, for thirty days; metadata only (S-23).
//!
//! Batches stand packed in blocks; calls that were only begun, and those of earlier versions, each in a row of its
//! own. Both share one count of places in the file, which followers follow.

mod blocks;
mod codes;
mod filter;
mod journal;
mod names;
mod packed;
mod reader;
mod rows;
mod tally;

pub use filter::CallFilter;
pub use journal::CallsJournal;
pub use reader::{CallRow, CallsReader};
pub use tally::Tally;

/// One absurd number must not cost its whole batch.
fn clamp(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
