//! Copies of the store: made while it is in use, and put in its place.
//!
//! A backup is one database file, for its owner only. What is sealed in the store is sealed in the copy,
//! and the master key is not in it. A copy is a copy of one moment, however much is written meanwhile.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::audit::{Actor, Entry};
use crate::data_dir::{create_private_dir, create_private_file, sync_parent};
use crate::database::{self, open_to_read};
use crate::error::Doing;
use crate::migrations::{CALLS, Schema};
use crate::{DataDir, Store, StoreError};

/// How long a copy waits for whoever holds the file.
const PATIENCE: Duration = Duration::from_secs(5);
const DOING: &str = "making a backup";

impl Store {
    /// Copies the control database of this moment into a new file, synced to the disk.
    pub fn copy_to(&self, file: &Path) -> Result<(), StoreError> {
        new_file(file)?;
        let copied = self.read(DOING, |connection| copy(connection, file));
        settle(file, copied)
    }

    /// Writes down that a backup was made (S-85).
    pub fn note_backup(&self, actor: &Actor, file: &str, head: u64) -> Result<(), StoreError> {
        self.change("noting a backup", actor, |_| {
            let detail = format!("up to change {head}");
            Ok(((), Some(Entry::new("backup.create", None, file, &detail))))
        })
    }

    /// Writes down, in a store that was put back, that it was (S-85).
    pub fn note_restore(&self, actor: &Actor, file: &str, head: u64) -> Result<(), StoreError> {
        self.change("noting a restore", actor, |_| {
            let detail = format!("up to change {head}");
            Ok(((), Some(Entry::new("backup.restore", None, file, &detail))))
        })
    }
}

/// Copies the call records into a new file; they are not part of what was acknowledged.
pub fn copy_calls(dir: &DataDir, file: &Path) -> Result<(), StoreError> {
    let calls = open_to_read(&dir.calls_db(), &CALLS)?;
    new_file(file)?;
    settle(file, copy(&calls, file).doing(DOING))
}

/// Refuses call records that are damaged or another program's.
pub fn check_calls(file: &Path) -> Result<(), StoreError> {
    database::check_integrity(&open_to_read(file, &CALLS)?, file)
}

/// Copies a file that is about to be migrated into `backups/` beside it.
pub(crate) fn before_migration(
    connection: &Connection,
    path: &Path,
    schema: &Schema,
) -> Result<(), StoreError> {
    let Some(version) = schema.lacking(connection).doing(DOING)? else {
        return Ok(());
    };
    let folder = path.with_file_name("backups");
    create_private_dir(&folder).map_err(|source| in_file(&folder, source))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    // The process tells two that start at once apart.
    let file = folder.join(format!(
        "{name}-schema-{version}-{}-{}.db",
        crate::audit::now_ms(),
        std::process::id()
    ));
    new_file(&file)?;
    settle(&file, copy(connection, &file).doing(DOING))
}

/// Puts a verified copy of the control database, and of the call records if there is one, in the place
/// of what is in `dir`, and moves what was there into a new folder, which is returned.
///
/// Refuses while any process has the store open. Whatever moment this is interrupted at, the old store
/// or the new one is there.
pub fn replace(
    dir: &DataDir,
    control: &Path,
    calls: Option<&Path>,
) -> Result<Option<PathBuf>, StoreError> {
    let old = dir.control_db();
    close(&old)?;
    let pairs = [(Some(control), old), (calls, dir.calls_db())];
    let mut aside = None;
    for (new, old) in pairs {
        let Some(new) = new else { continue };
        let present = ["-wal", "-shm", ""].map(|ending| beside(&old, ending));
        for path in present.iter().filter(|path| path.exists()) {
            let folder = aside_folder(dir, &mut aside)?;
            let kept = folder.join(path.file_name().unwrap_or_default());
            // The database itself stays until the new one takes its name in one step.
            let moved = if *path == old {
                fs::hard_link(path, &kept)
            } else {
                fs::rename(path, &kept)
            };
            moved.map_err(|source| in_file(path, source))?;
        }
        fs::rename(new, &old).map_err(|source| in_file(&old, source))?;
        sync_parent(&old).map_err(|source| in_file(&old, source))?;
    }
    // The chain begins anew where the copy ended, and so do its checkpoints.
    let checkpoints = dir.checkpoints();
    if checkpoints.exists() {
        let folder = aside_folder(dir, &mut aside)?;
        let kept = folder.join(checkpoints.file_name().unwrap_or_default());
        fs::rename(&checkpoints, kept).map_err(|source| in_file(&checkpoints, source))?;
    }
    Ok(aside)
}

/// Brings the log into the file and lets go of it; refuses while somebody else has it open.
fn close(path: &Path) -> Result<(), StoreError> {
    const CHECKPOINT: &str = "PRAGMA wal_checkpoint(TRUNCATE)";
    if !path.exists() {
        return Ok(());
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let alone = Connection::open_with_flags(path, flags).and_then(|connection| {
        connection.busy_timeout(Duration::ZERO)?;
        // Nobody else may have the file open then, not even to read.
        connection.pragma_update(None, "locking_mode", "exclusive")?;
        connection.query_row(CHECKPOINT, [], |_| Ok(()))
    });
    match alone
        .as_ref()
        .err()
        .and_then(rusqlite::Error::sqlite_error_code)
    {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Err(StoreError::InUse {
            path: path.to_owned(),
        }),
        // A damaged file is what a restore is for.
        _ => Ok(()),
    }
}

fn aside_folder(dir: &DataDir, made: &mut Option<PathBuf>) -> Result<PathBuf, StoreError> {
    if let Some(folder) = made {
        return Ok(folder.clone());
    }
    let name = format!("replaced-{}", crate::audit::now_ms());
    let folder = dir.path().join(name);
    create_private_dir(&folder).map_err(|source| in_file(&folder, source))?;
    *made = Some(folder.clone());
    Ok(folder)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Makes the file, for its owner only, where there is none.
fn new_file(file: &Path) -> Result<(), StoreError> {
    if file.exists() {
        return Err(StoreError::BackupExists {
            path: file.to_owned(),
        });
    }
    create_private_file(file)
}

fn copy(from: &Connection, file: &Path) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut to = Connection::open_with_flags(file, flags)?;
    {
        let backup = Backup::new(from, &mut to)?;
        let deadline = Instant::now() + PATIENCE;
        // All pages in one step: a copy in pieces starts over with each change of another process.
        while backup.step(-1)? != StepResult::Done {
            if Instant::now() > deadline {
                let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
                return Err(rusqlite::Error::SqliteFailure(busy, None));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
    // One file that stands by itself; the store that opens it goes back to a log.
    to.pragma_update(None, "journal_mode", "delete")
}

/// Brings the copy to the disk, or takes away what there is of it.
fn settle(file: &Path, copied: Result<(), StoreError>) -> Result<(), StoreError> {
    let settled = copied.and_then(|()| {
        File::open(file)
            .and_then(|copy| copy.sync_all())
            .and_then(|()| sync_parent(file))
            .map_err(|source| in_file(file, source))
    });
    if settled.is_err() {
        // Half a copy must not be taken for one; a failure here leaves the first one to report.
        let _: io::Result<()> = fs::remove_file(file);
    }
    settled
}

fn in_file(path: &Path, source: io::Error) -> StoreError {
    if source.kind() == ErrorKind::StorageFull {
        return StoreError::Full { doing: DOING };
    }
    StoreError::Io {
        doing: "writing",
        path: path.to_owned(),
        source,
    }
}
