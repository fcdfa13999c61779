//! A digest over what the tables hold, to find damage that breaks no rule of SQLite's.
//!
//! A flipped bit in a name or in a role leaves a whole database with wrong data. So while nothing
//! changes, the store keeps a MAC over every row of every table that a change can touch, and the next
//! start compares. After a change and before the next seal there is nothing to compare with.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension};
use toolgate_vault::{LengthPrefixed, MasterKey};

use crate::error::Doing;
use crate::migrations::CONTROL;
use crate::store::{self, Noted};
use crate::{Store, StoreError};

/// Every table that changes touch, in the order of their keys. The audit chain vouches for itself.
const TABLES: &[(&str, &str)] = &[
    ("workspaces", "SELECT * FROM workspaces ORDER BY id"),
    ("keys", "SELECT * FROM keys ORDER BY id"),
    ("servers", "SELECT * FROM servers ORDER BY id"),
    (
        "server_snapshots",
        "SELECT * FROM server_snapshots ORDER BY server_id",
    ),
    ("tools", "SELECT * FROM tools ORDER BY server_id, name"),
    (
        "server_pins",
        "SELECT * FROM server_pins ORDER BY server_id",
    ),
    ("tokens", "SELECT * FROM tokens ORDER BY id"),
    ("operators", "SELECT * FROM operators ORDER BY id"),
    ("operator_keys", "SELECT * FROM operator_keys ORDER BY id"),
    ("members", "SELECT * FROM members ORDER BY id"),
    ("invitations", "SELECT * FROM invitations ORDER BY id"),
    ("alerts", "SELECT * FROM alerts ORDER BY id"),
    ("settings", "SELECT * FROM settings ORDER BY name"),
    ("key_check", "SELECT * FROM key_check"),
    (
        "retired_masters",
        "SELECT * FROM retired_masters ORDER BY id",
    ),
];

/// Columns that are written without a change being counted: when a token or secret was used, and `at`,
/// when a server was last reached.
const BOOKKEEPING: &[&str] = &["last_used_at", "at"];

/// The columns of a table, in the order of `SELECT *`.
const COLUMNS: &str = "SELECT name FROM pragma_table_info(?1) ORDER BY cid";

impl Store {
    /// Seals what the tables hold now, if that has not been done since the last change.
    ///
    /// Answers whether anything had changed.
    pub fn seal_contents(&self) -> Result<bool, StoreError> {
        const SEALED: &str = "SELECT generation FROM content_seal WHERE sealed_by = ?1";
        const SEAL: &str = "INSERT INTO content_seal (only, generation, sealed_by, mac)
            VALUES (1, ?1, ?2, ?3) ON CONFLICT (only) DO UPDATE SET
            generation = excluded.generation, sealed_by = excluded.sealed_by, mac = excluded.mac";
        let doing = "sealing what the store holds";
        let key = self.key()?;
        let sealed_by = sealer(&key);
        let due = self.read_at_once(doing, |connection| {
            let sealed: Option<u64> = connection
                .query_row(SEALED, [&sealed_by], |row| row.get(0))
                .optional()?;
            let generation = store::generation(connection)?;
            if sealed == Some(generation) {
                return Ok(None);
            }
            Ok(Some((generation, digest(connection, &key)?)))
        })?;
        let Some((generation, mac)) = due else {
            return Ok(false);
        };
        // A change in between makes this seal one of the past, which is no harm.
        self.note(doing, |tx| {
            tx.execute(SEAL, (generation, &sealed_by, mac))
                .doing(doing)?;
            Ok(Noted::Bookkeeping)
        })?;
        Ok(true)
    }

    /// Refuses contents that changed since they were sealed without a change being counted.
    pub(crate) fn check_seal(&self, key: &MasterKey) -> Result<(), StoreError> {
        const SQL: &str = "SELECT generation, mac FROM content_seal WHERE sealed_by = ?1";
        self.read_at_once("checking what the store holds", |connection| {
            let seal: Option<(u64, [u8; 32])> = connection
                .query_row(SQL, [sealer(key)], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let generation = store::generation(connection)?;
            Ok(match seal {
                Some((sealed, mac)) if sealed == generation => {
                    (digest(connection, key)? != mac).then_some(generation)
                }
                // A counter that went back is damage too.
                Some((sealed, _)) if sealed > generation => Some(generation),
                _ => None,
            })
        })?
        .map_or(Ok(()), |generation| {
            Err(StoreError::ContentsDamaged { generation })
        })
    }
}

/// Who can make the same digest again: whoever has the key and covers the same tables, which another
/// schema need not.
fn sealer(key: &MasterKey) -> String {
    [
        key.id().as_str(),
        " schema ",
        &CONTROL.version().to_string(),
    ]
    .concat()
}

/// A MAC over every row, each chained to the one before: memory for one row only.
pub(crate) fn digest(connection: &Connection, key: &MasterKey) -> rusqlite::Result<[u8; 32]> {
    let mut mac = [0; 32];
    for (table, sql) in TABLES {
        // Asked for as rows: a damaged name is an error there, where a statement's own names must be text.
        let names = connection
            .prepare_cached(COLUMNS)?
            .query_map([table], |row| row.get(0))?
            .collect::<rusqlite::Result<Vec<String>>>()?;
        let mut statement = connection.prepare(sql)?;
        let columns: Vec<(usize, String)> = names
            .into_iter()
            .enumerate()
            .filter(|(_, name)| !BOOKKEEPING.contains(&name.as_str()))
            .collect();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let mut fields = LengthPrefixed::new("toolgate contents")
                .bytes(&mac)
                .text(table);
            for (at, name) in &columns {
                fields = fields.text(name);
                fields = match row.get_ref(*at)? {
                    ValueRef::Null => fields.text("null"),
                    ValueRef::Integer(number) => {
                        fields.text("integer").bytes(&number.to_be_bytes())
                    }
                    ValueRef::Real(number) => fields.text("real").bytes(&number.to_be_bytes()),
                    ValueRef::Text(text) => fields.text("text").bytes(text),
                    ValueRef::Blob(bytes) => fields.text("blob").bytes(bytes),
                };
            }
            mac = key.audit_mac(&fields.into_bytes());
        }
    }
    Ok(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tables that need no seal, each with its reason.
    const EXEMPT: &[&str] = &[
        "audit",          // a chain of its own
        "secrets", // sealed one by one; a row that was put back costs that secret, not the start (S-17)
        "manifests", // authenticated one by one
        "changes", // compared by itself
        "alert_memories", // how alerts stand: at worst one is told twice
        "idempotency", // answers that are repeated for a day, no right hangs on them
        "clock",   // only ever raised
        "compatibility", // about the file, not in it
        "content_seal",
    ];

    #[test]
    fn r08_every_table_is_sealed_or_says_why_not() {
        const SQL: &str = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
        let store = Store::in_memory().unwrap();
        let names: Vec<String> = store
            .read("x", |connection| {
                connection
                    .prepare(SQL)?
                    .query_map([], |row| row.get(0))?
                    .collect()
            })
            .unwrap();
        for name in names {
            let sealed = TABLES.iter().any(|(table, _)| *table == name);
            assert_ne!(
                sealed,
                EXEMPT.contains(&name.as_str()),
                "`{name}` is to be in TABLES of content_seal.rs, or in EXEMPT with a reason"
            );
        }
    }
}
