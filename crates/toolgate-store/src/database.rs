//! Opening a database file: which SQLite, which settings, which schema.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::StoreError;
use crate::data_dir::create_private_file;
use crate::error::{Doing, explain};
use crate::migrations::{self, Schema};

/// How long a connection waits for another process's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

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
    let mut connection = connect(path, durability)?;
    migrations::check(&connection, path, open, schema)?;
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
pub(crate) fn quick_check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    const SQL: &str = "PRAGMA quick_check(1)";
    let finding: String = connection
        .query_row(SQL, [], |row| row.get(0))
        .map_err(|error| opening(path, error))?;
    if finding == "ok" {
        return Ok(());
    }
    Err(StoreError::Damaged {
        path: path.to_owned(),
        finding,
    })
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
    let journal = configure(&connection, durability).map_err(|error| opening(path, error))?;
    if journal != "wal" {
        return Err(StoreError::NoWriteAheadLog {
            path: path.to_owned(),
        });
    }
    Ok(connection)
}

/// Sets what R-02 asks of every connection; answers which journal SQLite chose.
fn configure(connection: &Connection, durability: Durability) -> rusqlite::Result<String> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // A mistyped column name must be an error, not a string.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    let journal = connection
        .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0))?;
    set_durability(connection, durability)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Deleted bytes are overwritten (S-13), and none of them go to temporary files.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "mmap_size", 0)?;
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
    use crate::migrations::CONTROL;

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
    fn pragma(connection: &Connection, name: &str, expected: &str) {
        let value: rusqlite::types::Value = connection
            .pragma_query_value(None, name, |row| row.get(0))
            .unwrap();
        let text = match value {
            rusqlite::types::Value::Integer(n) => n.to_string(),
            rusqlite::types::Value::Text(text) => text,
            other => panic!("{other:?}"),
        };
        assert_eq!(text, expected, "{name}");
    }

    #[track_caller]
    fn check_pragmas(connection: &Connection, synchronous: &str) {
        pragma(connection, "journal_mode", "wal");
        pragma(connection, "synchronous", synchronous);
        pragma(connection, "foreign_keys", "1");
        pragma(connection, "secure_delete", "1");
        pragma(connection, "trusted_schema", "0");
        pragma(connection, "busy_timeout", "5000");
        pragma(connection, "temp_store", "2");
    }

    #[test]
    fn r02_pragma_assert() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("control.db");
        let control = open(&path, Open::CreateIfMissing, Durability::Disk, &CONTROL).unwrap();
        check_pragmas(&control, "2");
        let reader = open_to_read(&path, &CONTROL).unwrap();
        check_pragmas(&reader, "1");
        pragma(&reader, "query_only", "1");
    }
}
