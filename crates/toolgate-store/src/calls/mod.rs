//! `calls.db`: which calls there were, for thirty days; metadata only (S-23).

mod codes;
mod journal;
mod names;
mod reader;

pub use journal::CallsJournal;
pub use reader::{CallFilter, CallRow, CallsReader};
