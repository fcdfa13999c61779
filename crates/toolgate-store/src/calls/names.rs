//! The dictionary of `calls.db`: each name stands there once, rows refer to its number (S-23).

use std::collections::HashMap;

use foldhash::fast::RandomState;
use rusqlite::{Connection, OptionalExtension, Transaction};
use toolgate_analytics::CallRecord;
use toolgate_namespace::{ServerId, ServerSlug};

use super::packed::Party;

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
    by_kind: [HashMap<Box<str>, i64, RandomState>; KINDS],
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

    /// The numbers of a call's names.
    pub(super) fn party(
        &mut self,
        tx: &Transaction<'_>,
        record: &CallRecord,
    ) -> rusqlite::Result<Party> {
        let server = record.server.as_ref().map(ServerId::as_str);
        let slug = record.server_slug.as_ref().map(ServerSlug::as_str);
        let mut number = |kind, name: &str| self.number(tx, kind, name);
        let mut if_any = |kind, name: Option<&str>| name.map(|name| number(kind, name)).transpose();
        Ok(Party {
            server: if_any(Kind::Server, server)?,
            server_slug: if_any(Kind::ServerSlug, slug)?,
            tool: if_any(Kind::Tool, record.tool.as_deref())?,
            workspace: number(Kind::Workspace, record.workspace.as_str())?,
            token: number(Kind::Token, &record.token_id)?,
            revision: number(Kind::Revision, record.revision)?,
            source: record.source,
        })
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

/// The names of a query's answer, each looked up once.
pub(super) struct Texts<'c> {
    connection: &'c Connection,
    known: HashMap<i64, String>,
}

impl<'c> Texts<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            known: HashMap::new(),
        }
    }

    pub(super) fn text(&mut self, number: i64) -> rusqlite::Result<String> {
        if let Some(text) = self.known.get(&number) {
            return Ok(text.clone());
        }
        let text = text(self.connection, number)?;
        self.known.insert(number, text.clone());
        Ok(text)
    }

    pub(super) fn if_any(&mut self, number: Option<i64>) -> rusqlite::Result<Option<String>> {
        number.map(|number| self.text(number)).transpose()
    }
}

/// The process runs whose name begins this text.
pub(super) fn runs(connection: &Connection, text: &str) -> rusqlite::Result<Vec<(i64, String)>> {
    const SQL: &str = "SELECT id, text FROM names
        WHERE kind = 7 AND text = substr(?1, 1, length(text))";
    connection
        .prepare_cached(SQL)?
        .query_map([text], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// The name with this number.
pub(super) fn text(connection: &Connection, number: i64) -> rusqlite::Result<String> {
    const SQL: &str = "SELECT text FROM names WHERE id = ?1";
    connection
        .prepare_cached(SQL)?
        .query_row([number], |row| row.get(0))
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
