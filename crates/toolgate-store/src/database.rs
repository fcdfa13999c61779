//! Opening a database file: which SQLite, which settings, which schema.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};

use crate::StoreError;
use crate::backup;
use crate::data_dir::create_private_file;
use crate::error::{Doing, explain};
use crate::file_system;
use crate::migrations::{self, Schema};

/// How long a connection waits for another process's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const BUSY_TIMEOUT_MS: i64 = 5_000;
/// Pages of 4 KiB in the log at which the gateway writes it back.
const GATEWAY_PAGES: i64 = 1_000;
/// The same for others, who do it only where no gateway runs: 16 MiB, far below the 64 MiB of R-03.
const BACKSTOP_PAGES: i64 = 4_000;
/// A log that was longer is cut to this after it was written back.
const LOG_KEPT_BYTES: i64 = 16 * 1024 * 1024;

/// What to do where there is no store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// Make one, unless something says that there has been one.
    CreateIfMissing,
    /// Refuse.
    MustExist,
}

/// How far a commit must get before it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// On the disk: `synchronous=FULL`, for what was acknowledged.
    Disk,
    /// In the operating system: `synchronous=NORMAL`, for call records.
    System,
}

/// Opens a database file, checks that it is whole and ours, and brings its schema up to date.
pub(crate) fn open(
    path: &Path,
    open: Open,
    durability: Durability,
    schema: &Schema,
) -> Result<Connection, StoreError> {
    check_sqlite_version(rusqlite::version_number(), rusqlite::version())?;
    if open == Open::CreateIfMissing {
        create_private_file(path)?;
    }
    file_system::check_local(path)?;
    let mut connection = connect(path, durability)?;
    migrations::check(&connection, path, open, schema)?;
    if schema.precious {
        backup::before_migration(&connection, path, schema)?;
    }
    migrations::migrate(&mut connection, schema).doing("bringing the store's schema up to date")?;
    Ok(connection)
}

/// Opens a file that [`open`] has checked in this or another process, only to read it.
pub(crate) fn open_to_read(path: &Path, schema: &Schema) -> Result<Connection, StoreError> {
    check_sqlite_version(rusqlite::version_number(), rusqlite::version())?;
    // Opened for writing because a read-only connection cannot rebuild a lost shared-memory file.
    let connection = connect(path, Durability::System)?;
    connection
        .pragma_update(None, "query_only", true)
        .map_err(|error| opening(path, error))?;
    migrations::check(&connection, path, Open::MustExist, schema)?;
    Ok(connection)
}

/// A database in memory with the schema in place.
pub(crate) fn open_in_memory(schema: &Schema) -> Result<Connection, StoreError> {
    let doing = "opening a store in memory";
    let mut connection = Connection::open_in_memory().doing(doing)?;
    configure(&connection, Durability::Disk).doing(doing)?;
    migrations::migrate(&mut connection, schema).doing(doing)?;
    Ok(connection)
}

/// Looks for damage; reads the whole file, so it is for the control database only.
///
/// The full check, indexes against tables: a damaged index would hide rows, such as a revocation.
pub(crate) fn check_integrity(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    const WHOLE: &str = "PRAGMA integrity_check(1)";
    const REFERENCES: &str = "SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1";
    let damaged = |finding| StoreError::Damaged {
        path: path.to_owned(),
        finding,
    };
    let finding: String = connection
        .query_row(WHOLE, [], |row| row.get(0))
        .map_err(|error| opening(path, error))?;
    if finding != "ok" {
        return Err(damaged(finding));
    }
    let loose: Option<String> = connection
        .query_row(REFERENCES, [], |row| row.get(0))
        .optional()
        .map_err(|error| opening(path, error))?;
    match loose {
        None => Ok(()),
        Some(table) => Err(damaged(format!(
            "`{table}` refers to a row that is not there"
        ))),
    }
}

/// Says which file could not be opened, and recognises damage.
pub(crate) fn opening(path: &Path, error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => StoreError::Damaged {
            path: path.to_owned(),
            finding: error.to_string(),
        },
        Some(ErrorCode::CannotOpen) if !path.exists() => StoreError::Missing {
            path: path.to_owned(),
        },
        _ => explain("opening the store", error),
    }
}

fn connect(path: &Path, durability: Durability) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(|error| opening(path, error))?;
    let journal =
        patiently(|| configure(&connection, durability)).map_err(|error| opening(path, error))?;
    if journal != "wal" {
        return Err(StoreError::NoWriteAheadLog {
            path: path.to_owned(),
        });
    }
    let refused = refused_setting(&connection, durability).map_err(|error| opening(path, error))?;
    match refused {
        None => Ok(connection),
        Some(setting) => Err(StoreError::Setting {
            path: path.to_owned(),
            setting,
        }),
    }
}

/// Tries again while another process holds the file: the change to a write-ahead log does not wait by
/// itself where two open a new store at once.
fn patiently<T>(mut attempt: impl FnMut() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        match attempt() {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && Instant::now() < deadline =>
            {
                thread::sleep(Duration::from_millis(5));
            }
            outcome => return outcome,
        }
    }
}

/// What R-02 asks of every connection: the setting, and its value as SQLite tells it.
fn settings(durability: Durability) -> [(&'static str, i64); 8] {
    let (synchronous, checkpoint) = match durability {
        Durability::Disk => (2, BACKSTOP_PAGES),
        Durability::System => (1, GATEWAY_PAGES),
    };
    [
        ("synchronous", synchronous),
        ("foreign_keys", 1),
        // Deleted bytes are overwritten (S-13), and none of them go to temporary files.
        ("secure_delete", 1),
        ("temp_store", 2),
        ("trusted_schema", 0),
        ("mmap_size", 0),
        ("wal_autocheckpoint", checkpoint),
        ("busy_timeout", BUSY_TIMEOUT_MS),
    ]
}

/// Sets what R-02 asks of every connection; answers which journal SQLite chose.
fn configure(connection: &Connection, durability: Durability) -> rusqlite::Result<String> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // A mistyped column name must be an error, not a string.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    // First of all: everything after it may have to wait for another process.
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let journal = connection
        .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0))?;
    set_durability(connection, durability)?;
    connection.pragma_update(None, "journal_size_limit", LOG_KEPT_BYTES)?;
    for (setting, value) in settings(durability) {
        connection.pragma_update(None, setting, value)?;
    }
    Ok(journal)
}

/// Says how far the commits of a connection must get from now on.
pub(crate) fn set_durability(
    connection: &Connection,
    durability: Durability,
) -> rusqlite::Result<()> {
    let synchronous = match durability {
        Durability::Disk => "full",
        Durability::System => "normal",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    // macOS keeps a plain sync in the drive's cache; elsewhere this does nothing.
    connection.pragma_update(None, "fullfsync", durability == Durability::Disk)
}

/// Reads every setting back; answers the first that was not taken.
fn refused_setting(
    connection: &Connection,
    durability: Durability,
) -> rusqlite::Result<Option<&'static str>> {
    for (setting, value) in settings(durability) {
        let found: Option<i64> = connection
            .pragma_query_value(None, setting, |row| row.get(0))
            .optional()?;
        // A build without memory mapping answers nothing for it, which is what is wanted.
        if found.unwrap_or(0) != value {
            return Ok(Some(setting));
        }
    }
    Ok(None)
}

/// Lets this connection write the log back early: only the gateway does. The others leave that
/// to it, and step in only when the log is so long that none can be running.
pub(crate) fn keep_log_short(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "wal_autocheckpoint", GATEWAY_PAGES)
}

/// SQLite before 3.51.3, and 3.52.0, can corrupt a database that two connections write and
/// checkpoint at once, which is what gateway and admin do.
fn check_sqlite_version(number: i32, found: &'static str) -> Result<(), StoreError> {
    const FIRST_SOUND: i32 = 3_051_003;
    const UNSOUND: i32 = 3_052_000;
    if number < FIRST_SOUND || number == UNSOUND {
        return Err(StoreError::SqliteVersion { found });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrations::{CALLS, CONTROL};

    #[test]
    fn r01_sqlite_version_gate() {
        for (number, sound) in [
            (3_046_000, false),
            (3_051_002, false),
            (3_051_003, true),
            (3_052_000, false),
            (3_052_001, true),
            (3_054_001, true),
        ] {
            assert_eq!(check_sqlite_version(number, "x").is_ok(), sound, "{number}");
        }
        assert!(check_sqlite_version(rusqlite::version_number(), "x").is_ok());
    }

    #[track_caller]
    fn check(connection: &Connection, durability: Durability) {
        assert_eq!(refused_setting(connection, durability).unwrap(), None);
        let text = |pragma| {
            connection
                .pragma_query_value(None, pragma, |row| row.get::<_, String>(0))
                .unwrap()
        };
        assert_eq!(text("journal_mode"), "wal");
        // R-02 once more, apart from the table that is applied.
        let synchronous = if durability == Durability::Disk { 2 } else { 1 };
        for (setting, value) in [
            ("synchronous", synchronous),
            ("foreign_keys", 1),
            ("secure_delete", 1),
            ("trusted_schema", 0),
            ("busy_timeout", 5_000),
        ] {
            let found: i64 = connection
                .pragma_query_value(None, setting, |row| row.get(0))
                .unwrap();
            assert_eq!(found, value, "{setting}");
        }
    }

    #[test]
    fn r02_pragma_assert() {
        let dir = tempfile::tempdir().unwrap();
        for (name, durability, schema) in [
            ("control.db", Durability::Disk, &CONTROL),
            ("calls.db", Durability::System, &CALLS),
        ] {
            let path = dir.path().join(name);
            let writer = open(&path, Open::CreateIfMissing, durability, schema).unwrap();
            check(&writer, durability);
            let reader = open_to_read(&path, schema).unwrap();
            check(&reader, Durability::System);
            assert!(reader.execute("DELETE FROM compatibility", []).is_err());
        }
    }

    #[test]
    fn r02_a_setting_that_is_not_taken_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("control.db");
        let file = open(&path, Open::CreateIfMissing, Durability::Disk, &CONTROL).unwrap();
        for (setting, value) in settings(Durability::Disk) {
            let other = if setting == "busy_timeout" {
                1
            } else {
                i64::from(value == 0)
            };
            file.pragma_update(None, setting, other).unwrap();
            if setting != "mmap_size" {
                let refused = refused_setting(&file, Durability::Disk).unwrap();
                assert_eq!(refused, Some(setting));
            }
            file.pragma_update(None, setting, value).unwrap();
        }
    }
}
