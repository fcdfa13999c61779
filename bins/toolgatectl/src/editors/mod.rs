//! Editors and their files: where they are, what stands in them, how a workspace is written into them.

mod entry;
mod file;
mod found;
mod secrets;
mod table;

pub(crate) use file::EditorFile;
pub(crate) use found::{Found, reached_by, read_entry, search};
pub(crate) use table::{Editor, Home};
