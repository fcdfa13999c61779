//! A workspace as one readable file: written out, held against what there is, and put into force (docs/files.md).
//!
//! A file has everything of a workspace but values: secrets by name, tokens without their text. Two exports of the
//! same state are the same bytes. What a file means is worked out first ([`FilePlan`]), shown, and only then done;
//! neither contacts a server, starts a program or asks a name server (S-03).

mod apply;
mod difference;
mod export;
mod format;
mod plan;
mod proxy;
mod server;
mod tokens;

pub use apply::FileApplied;
pub use difference::{FieldChange, FileChange};
pub use format::{FileError, WorkspaceFile};
pub use plan::{FilePlan, PlannedFile};
pub use proxy::{ProxyFile, server_name};
