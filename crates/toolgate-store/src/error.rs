//! What can go wrong in the store, and what to do about it.

use std::path::PathBuf;

use rusqlite::ErrorCode;
use toolgate_vault::KeyError;

use crate::audit::{AuditBreak, AuditDamage};

/// A store operation that failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The SQLite in this build can corrupt a file that two processes write.
    #[error("running on SQLite {found}, which can corrupt a store that two processes write")]
    SqliteVersion {
        /// As it reports itself.
        found: &'static str,
    },
    /// There is no store where one was expected.
    #[error("opening the store: there is none at {path}")]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file is damaged.
    #[error("opening the store {path}: it is damaged ({finding})")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first finding.
        finding: String,
    },
    /// The file is another program's database.
    #[error("opening the store {path}: it is the database of another program")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The store was written by a newer version of this program.
    #[error(
        "opening the store {path}: it has schema {found}, made by {by}, and this program knows schemas up to {known}"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// The newest schema this program knows.
        known: u32,
        /// The program that wrote it.
        by: String,
    },
    /// SQLite did not take a setting that the store depends on.
    #[error("opening the store {path}: SQLite refused the setting `{setting}`")]
    Setting {
        /// The file.
        path: PathBuf,
        /// Which one.
        setting: &'static str,
    },
    /// The data directory is on another machine's disk, where locks and syncs are not to be trusted.
    #[error("opening the store {path}: it is on a network file system ({kind})")]
    NetworkFileSystem {
        /// The file.
        path: PathBuf,
        /// Such as `nfs4`.
        kind: String,
    },
    /// The tables are not what they were when they were sealed, and no change says so.
    #[error("opening the store: what is in it is not what change {generation} left there")]
    ContentsDamaged {
        /// The last change.
        generation: u64,
    },
    /// The store ends before a change that a checkpoint saw (R-08, S-84).
    #[error(
        "opening the store: it lacks change {sequence}, which a checkpoint in {checkpoints} has seen"
    )]
    RolledBack {
        /// The change that is not there.
        sequence: u64,
        /// The file that knows of it.
        checkpoints: PathBuf,
    },
    /// Something has the store open, so it cannot be replaced.
    #[error("replacing the store {path}: another process has it open")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// A backup would overwrite something.
    #[error("writing a backup to {path}: there is something already")]
    BackupExists {
        /// The file.
        path: PathBuf,
    },
    /// The file system cannot hold a store that two processes share.
    #[error("opening the store {path}: the file system does not support a write-ahead log")]
    NoWriteAheadLog {
        /// The file.
        path: PathBuf,
    },
    /// A change was attempted before [`crate::Store::unlock`]: it could not be audited (S-83).
    #[error("changing the store without its master key")]
    Locked,
    /// The master key is not the one this store was made with (S-08).
    #[error("unlocking the store: it belongs to master key {stored}, the one given is {given}")]
    WrongKey {
        /// Id of the key the store wants.
        stored: String,
        /// Id of the key that was given.
        given: String,
    },
    /// No such workspace.
    #[error("no workspace `{slug}`")]
    UnknownWorkspace {
        /// What was asked for.
        slug: String,
    },
    /// No such thing in this workspace; things of other workspaces read the same (S-46).
    #[error("no {what} `{name}` in this workspace")]
    Unknown {
        /// `server`, `token`, `secret` or `tool`.
        what: &'static str,
        /// What was asked for.
        name: String,
    },
    /// The name is in use.
    #[error("the {what} `{name}` already exists")]
    Taken {
        /// `workspace`, `server`, `token` or `tool`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A value of one workspace or server was given with the scope of another (S-45).
    #[error("a {what} that belongs elsewhere was given")]
    OutOfScope {
        /// `server`, `token`, `secret`, `workspace` or `tool`.
        what: &'static str,
    },
    /// A data key was used that does not seal any more: another one took its place a moment ago (S-10).
    #[error("sealing with a data key that another one has replaced")]
    KeyRetired,
    /// A key could not be opened, made or wrapped.
    #[error("{doing}")]
    Key {
        /// What was attempted.
        doing: &'static str,
        /// Why it failed.
        source: KeyError,
    },
    /// Somebody else changed it in between.
    #[error("the {what} `{name}` was changed by somebody else in the meantime")]
    Conflict {
        /// `secret`, `tool` or `master key`.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A setting was given a value it cannot have.
    #[error("setting `{name}`: it must be {rule}")]
    InvalidSetting {
        /// The setting.
        name: String,
        /// What it must be.
        rule: &'static str,
    },
    /// One more than the plan in force has room for (product.md section 25); what is there stays.
    #[error("plan `{plan}` limits {what} to {max}, and there {} {used}", if *used == 1 { "is" } else { "are" })]
    OverLimit {
        /// The plan's name.
        plan: String,
        /// What it limits, such as `servers in a workspace`.
        what: &'static str,
        /// The flag of `toolgatectl plan set` that changes it.
        flag: &'static str,
        /// How many there are.
        used: u64,
        /// How many there may be.
        max: u64,
    },
    /// A code that opens nothing: never given, used already, replaced, taken back or too old. One answer for all of
    /// them (S-36).
    #[error("this invitation does not hold")]
    NoInvitation,
    /// A stored value means nothing to this version of the program.
    #[error("{doing}: a stored value cannot be read, {reason}")]
    Unreadable {
        /// What was attempted.
        doing: &'static str,
        /// Which rule the value breaks.
        reason: String,
    },
    /// The audit chain does not hold (S-84).
    #[error("checking the audit chain: it breaks at row {sequence}, {reason}")]
    AuditBroken {
        /// The first row that does not hold.
        sequence: u64,
        /// In which way.
        reason: AuditDamage,
    },
    /// Another process held the store for more than 5 s; nothing was changed.
    #[error("{doing}: the store is busy")]
    Busy {
        /// What was attempted.
        doing: &'static str,
    },
    /// The disk is full; nothing was changed.
    #[error("{doing}: the disk is full")]
    Full {
        /// What was attempted.
        doing: &'static str,
    },
    /// Anything else SQLite says.
    #[error("{doing}")]
    Sqlite {
        /// What was attempted.
        doing: &'static str,
        /// Its reason.
        source: rusqlite::Error,
    },
    /// A file operation failed.
    #[error("{doing} {path}")]
    Io {
        /// What was attempted.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The system names no home directory for this user.
    #[error("finding the data directory: this user has no home directory")]
    NoHome,
}

/// How to go on after damage.
const RESTORE: &str = "restore the newest backup: `toolgatectl backup restore FILE`";

impl StoreError {
    /// What a person can do about it, if anything.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::SqliteVersion { .. } => {
                Some("build with the bundled SQLite, 3.51.3 or newer and not 3.52.0")
            }
            Self::Missing { .. } => Some(
                "check the data directory, restore a backup, or start the gateway once in an empty directory",
            ),
            Self::Damaged { .. } | Self::ContentsDamaged { .. } => Some(RESTORE),
            Self::RolledBack { .. } => Some(
                "changes were lost, revocations perhaps among them: restore the newest backup with `toolgatectl backup restore FILE`; to accept the loss, move the file of checkpoints away",
            ),
            Self::InUse { .. } => Some("stop the gateway first"),
            Self::BackupExists { .. } => Some("name another file"),
            Self::Foreign { .. } => Some("check the data directory"),
            Self::Newer { .. } => {
                Some("run the newer version of this program, or restore a backup made before it")
            }
            Self::NoWriteAheadLog { .. } | Self::NetworkFileSystem { .. } => {
                Some("keep the data directory on a local disk, not on a network file system")
            }
            Self::Locked => Some("give the master key of this installation"),
            Self::WrongKey { .. } => Some(
                "give the master key this store was made with; secrets cannot be opened with another",
            ),
            Self::UnknownWorkspace { .. } => {
                Some("`toolgatectl workspace list` shows the workspaces there are")
            }
            Self::Taken { .. } => Some("choose another name, or remove the old one first"),
            Self::OverLimit { flag, .. } => Some(match *flag {
                "--workspaces" => {
                    "delete one that is not needed, or raise the limit: `toolgatectl plan set --workspaces NUMBER` (or `unlimited`)"
                }
                "--servers" => {
                    "remove one, use another workspace, or raise the limit: `toolgatectl plan set --servers NUMBER` (or `unlimited`)"
                }
                "--secrets" => {
                    "delete one that is not needed, or raise the limit: `toolgatectl plan set --secrets NUMBER` (or `unlimited`)"
                }
                _ => {
                    "remove a member or an invitation, or raise the limit: `toolgatectl plan set --members NUMBER` (or `unlimited`)"
                }
            }),
            Self::NoInvitation => Some(
                "a code works once and for seven days, and the newest one sent is the one that works; ask whoever invited you for another",
            ),
            Self::Conflict { .. } => Some("look at it again and repeat the command"),
            Self::Key { source, .. } => source.hint(),
            Self::Unreadable { .. } => {
                Some("the value was written by a newer version, or the store was edited by hand")
            }
            Self::AuditBroken { .. } => Some(
                "rows were edited outside this program, or the master key is another; compare with a backup",
            ),
            Self::Busy { .. } | Self::KeyRetired => Some("nothing was changed; try again"),
            Self::Sqlite { source, .. }
                if source.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) =>
            {
                Some(
                    "nothing was changed; the disk may be full or failing, the system's log says more",
                )
            }
            Self::Full { .. } => Some("nothing was changed; free some space and try again"),
            Self::NoHome => Some("name the data directory"),
            Self::Unknown { .. }
            | Self::OutOfScope { .. }
            | Self::InvalidSetting { .. }
            | Self::Setting { .. }
            | Self::Io { .. } => None,
            Self::Sqlite { .. } => Some(
                "`toolgatectl doctor` looks at the store; if it is damaged, restore the newest backup: `toolgatectl backup restore FILE`",
            ),
        }
    }
}

impl From<AuditBreak> for StoreError {
    fn from(found: AuditBreak) -> Self {
        Self::AuditBroken {
            sequence: found.sequence,
            reason: found.damage,
        }
    }
}

/// Says what was attempted when SQLite refuses.
pub(crate) trait Doing<T> {
    fn doing(self, what: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for rusqlite::Result<T> {
    fn doing(self, what: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| explain(what, error))
    }
}

/// The shared-memory file could not be made or grow, which a full disk alone refuses.
fn is_no_room(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi::{SQLITE_IOERR_SHMOPEN, SQLITE_IOERR_SHMSIZE};
    matches!(
        error.sqlite_extended_error_code(),
        Some(SQLITE_IOERR_SHMOPEN | SQLITE_IOERR_SHMSIZE)
    )
}

/// Sorts what SQLite says into what a caller can act on.
pub(crate) fn explain(doing: &'static str, source: rusqlite::Error) -> StoreError {
    if let rusqlite::Error::FromSqlConversionFailure(_, _, reason) = &source {
        return StoreError::Unreadable {
            doing,
            reason: reason.to_string(),
        };
    }
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy { doing },
        Some(ErrorCode::DiskFull) => StoreError::Full { doing },
        Some(ErrorCode::SystemIoFailure) if is_no_room(&source) => StoreError::Full { doing },
        _ => StoreError::Sqlite { doing, source },
    }
}
