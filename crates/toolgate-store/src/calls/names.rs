//! The dictionary of `calls.db`: each name stands there once, rows refer to its number (S-23).

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Transaction};

/// What a name names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Workspace = 1,
    Server = 2,
    ServerSlug = 3,
    Tool = 4,
    Token = 5,
    Revision = 6,
    Boot = 7,
}

const KINDS: usize = 7;
/// Longest name kept; servers may not use longer ones (protocol.md P9.4).
const MAX_NAME_BYTES: usize = 512;
/// Most names of one kind remembered in memory; more are looked up again.
const MAX_REMEMBERED: usize = 8_192;

/// Numbers of names, remembered so that a row costs no look-ups.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_kind: [HashMap<Box<str>, i64>; KINDS],
}

impl Names {
    /// The number of a name, which is added if it is new.
    pub(super) fn number(
        &mut self,
        tx: &Transaction<'_>,
        kind: Kind,
        name: &str,
    ) -> rusqlite::Result<i64> {
        let name = cut(name, MAX_NAME_BYTES);
        let remembered = &mut self.by_kind[kind as usize - 1];
        if let Some(number) = remembered.get(name) {
            return Ok(*number);
        }
        let number = match find(tx, kind, name)? {
            Some(number) => number,
            None => insert(tx, kind, name)?,
        };
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(name.into(), number);
        Ok(number)
    }

    /// The number of a name that a call may not have.
    pub(super) fn number_if_any(
        &mut self,
        tx: &Transaction<'_>,
        kind: Kind,
        name: Option<&str>,
    ) -> rusqlite::Result<Option<i64>> {
        name.map(|name| self.number(tx, kind, name)).transpose()
    }

    /// Forgets everything, since a transaction that may have added names was rolled back.
    pub(super) fn forget(&mut self) {
        self.by_kind.iter_mut().for_each(HashMap::clear);
    }
}

/// The number of a name, if it was ever recorded.
pub(super) fn find(
    connection: &Connection,
    kind: Kind,
    name: &str,
) -> rusqlite::Result<Option<i64>> {
    const SQL: &str = "SELECT id FROM names WHERE kind = ?1 AND text = ?2";
    connection
        .prepare_cached(SQL)?
        .query_row((kind as i64, name), |row| row.get(0))
        .optional()
}

/// At most `max` bytes of a text, cut between characters.
pub(super) fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

fn insert(tx: &Transaction<'_>, kind: Kind, name: &str) -> rusqlite::Result<i64> {
    const SQL: &str = "INSERT INTO names (kind, text) VALUES (?1, ?2)";
    tx.prepare_cached(SQL)?.execute((kind as i64, name))?;
    Ok(tx.last_insert_rowid())
}
