//! Which master key a store belongs to (S-08).

use std::path::PathBuf;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, Transaction};
use toolgate_vault::MasterKey;

use crate::audit::now_ms;
use crate::database::{open_to_read, opening};
use crate::error::Doing;
use crate::migrations::CONTROL;
use crate::{DataDir, Store, StoreError};

/// What a store says of the master key it belongs to. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCheck {
    /// The key's id.
    pub id: String,
    /// Its check value, which the key itself can confirm.
    pub mac: Vec<u8>,
    /// Since when it is in force, unix milliseconds.
    pub since: u64,
    /// While its rotation is not complete: the file it lies in, where its configured source may still hold the
    /// key before it.
    pub pending_file: Option<PathBuf>,
}

impl KeyCheck {
    /// Whether this is the key.
    pub fn is(&self, key: &MasterKey) -> bool {
        key.matches(&self.mac)
    }
}

impl Store {
    /// What this store says of its master key; `None` in a new store.
    pub fn key_check(&self) -> Result<Option<KeyCheck>, StoreError> {
        self.read("reading the key check value", select)
    }
}

/// The same of a store that is not opened yet, without writing a byte of it (S-08): no schema is brought up to
/// date and no log is taken into the file. `None` where there is no store, or a new one.
pub fn peek(dir: &DataDir) -> Result<Option<KeyCheck>, StoreError> {
    let path = dir.control_db();
    // SQLite writes the first page of an empty file when its journal is chosen.
    if !std::fs::metadata(&path).is_ok_and(|file| file.len() > 0) {
        return Ok(None);
    }
    let connection = open_to_read(&path, &CONTROL)?;
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map_err(|error| opening(&path, error))?;
    let version: u32 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(|error| opening(&path, error))?;
    let check = match version {
        0 => Ok(None),
        1 => select_first(&connection),
        _ => select(&connection),
    };
    check.map_err(|error| opening(&path, error))
}

/// Reads the check value inside a change.
pub(crate) fn read(connection: &Connection) -> Result<Option<KeyCheck>, StoreError> {
    select(connection).doing("reading the key check value")
}

/// Writes the check value of a key inside a change.
pub(crate) fn write(
    tx: &Transaction<'_>,
    key: &MasterKey,
    pending_file: Option<&str>,
) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO key_check (only, key_id, mac, since, pending_file)
        VALUES (1, ?1, ?2, ?3, ?4) ON CONFLICT (only) DO UPDATE SET key_id = excluded.key_id,
        mac = excluded.mac, since = excluded.since, pending_file = excluded.pending_file";
    tx.execute(
        SQL,
        (key.id().as_str(), key.check_value(), now_ms(), pending_file),
    )
    .doing("saving the key check value")?;
    Ok(())
}

pub(crate) fn select(connection: &Connection) -> rusqlite::Result<Option<KeyCheck>> {
    const SQL: &str = "SELECT key_id, mac, since, pending_file FROM key_check";
    connection
        .prepare_cached(SQL)?
        .query_row([], |row| {
            Ok(KeyCheck {
                id: row.get(0)?,
                mac: row.get(1)?,
                since: row.get(2)?,
                pending_file: row.get::<_, Option<String>>(3)?.map(PathBuf::from),
            })
        })
        .optional()
}

/// As the first schema had it.
fn select_first(connection: &Connection) -> rusqlite::Result<Option<KeyCheck>> {
    const SQL: &str = "SELECT key_id, mac FROM key_check";
    connection
        .query_row(SQL, [], |row| {
            Ok(KeyCheck {
                id: row.get(0)?,
                mac: row.get(1)?,
                since: 0,
                pending_file: None,
            })
        })
        .optional()
}
