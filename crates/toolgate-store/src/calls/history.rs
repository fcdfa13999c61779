//! The table `history`: how far the calls are rolled up, and since when all of them are still there.

use rusqlite::{Connection, Transaction};

/// Which calls are in the roll-ups, and which are themselves still there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct History {
    /// Calls at places up to this one are in the roll-ups, the others are not.
    pub(super) rolled: i64,
    /// Calls that arrived before this may have been deleted.
    pub(super) kept_ms: u64,
}

impl History {
    /// What the file says; `None` of one that no program with roll-ups has written yet.
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Option<Self>> {
        const KNOWN: &str = "SELECT count(*) = 1 FROM sqlite_master WHERE name = 'history'";
        const SQL: &str = "SELECT rolled, kept_ms FROM history";
        let known: bool = connection
            .prepare_cached(KNOWN)?
            .query_row([], |row| row.get(0))?;
        if !known {
            return Ok(None);
        }
        connection.prepare_cached(SQL)?.query_row([], |row| {
            Ok(Some(Self {
                rolled: row.get(0)?,
                kept_ms: row.get(1)?,
            }))
        })
    }

    pub(super) fn save(self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        const SQL: &str = "UPDATE history SET rolled = ?1, kept_ms = ?2";
        tx.prepare_cached(SQL)?
            .execute((self.rolled, self.kept_ms))?;
        Ok(())
    }
}
