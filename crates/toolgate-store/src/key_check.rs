//! Which master key a store belongs to (S-08).

use rusqlite::{Connection, OptionalExtension, Transaction};

use crate::audit::{Actor, Entry};
use crate::error::Doing;
use crate::{Store, StoreError};

impl Store {
    /// Id and check value of the master key this store was made with; `None` in a new store.
    pub fn key_check(&self) -> Result<Option<(String, Vec<u8>)>, StoreError> {
        self.read("reading the key check value", select)
    }

    /// Says that the store belongs to another master key from now on, after all data keys were
    /// wrapped again (S-12).
    pub fn set_key_check(&self, actor: &Actor, id: &str, mac: &[u8]) -> Result<(), StoreError> {
        self.change("changing the master key", actor, |tx| {
            let before = read(tx)?.map(|(id, _)| id.into_bytes());
            write(tx, id, mac)?;
            let entry = Entry::new("key.change", None, id, "").states(before, Some(id.into()));
            Ok(((), Some(entry)))
        })
    }
}

/// Reads the check value inside a change.
pub(crate) fn read(connection: &Connection) -> Result<Option<(String, Vec<u8>)>, StoreError> {
    select(connection).doing("reading the key check value")
}

/// Writes the check value inside a change.
pub(crate) fn write(tx: &Transaction<'_>, id: &str, mac: &[u8]) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO key_check (only, key_id, mac) VALUES (1, ?1, ?2)
        ON CONFLICT (only) DO UPDATE SET key_id = excluded.key_id, mac = excluded.mac";
    tx.execute(SQL, (id, mac))
        .doing("saving the key check value")?;
    Ok(())
}

fn select(connection: &Connection) -> rusqlite::Result<Option<(String, Vec<u8>)>> {
    const SQL: &str = "SELECT key_id, mac FROM key_check";
    connection
        .query_row(SQL, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}
