//! The table `calls`: one row a call, of those that were begun under strict records and of earlier versions.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use toolgate_analytics::CallRecord;

use super::codes;
use super::filter::Wanted;
use super::names::{Names, cut};
use super::packed::Call;
use super::reader::CallRow;
use super::tally::Tally;
use crate::sql::{Broken, parsed, parsed_if_any, unreadable};

/// Longest call id kept, in bytes.
const MAX_CALL_ID_BYTES: usize = 64;
/// Intents have no number of their own: their records will.
const NOT_NUMBERED: i64 = 0;

/// Writes the intent of a call to the place `number`.
pub(super) fn insert_intent(
    tx: &Transaction<'_>,
    names: &mut Names,
    number: i64,
    boot: i64,
    id: &str,
    intent: &CallRecord,
) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO calls (number, call_id, time_ms, workspace, server, server_slug,
        tool, token, status, error_code, duration_ms, bytes_in, bytes_out, revision, source, boot,
        sequence)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";
    let party = names.party(tx, intent)?;
    let call = Call::from(intent);
    tx.prepare_cached(SQL)?.execute(params![
        number,
        cut(id, MAX_CALL_ID_BYTES),
        call.time_ms,
        party.workspace,
        party.server,
        party.server_slug,
        party.tool,
        party.token,
        codes::of_status(call.status),
        call.error_code,
        call.duration_ms,
        call.bytes_in,
        call.bytes_out,
        party.revision,
        codes::of_source(party.source),
        boot,
        NOT_NUMBERED,
    ])?;
    Ok(())
}

/// Removes an intent whose record is there.
pub(super) fn forget_intent(tx: &Transaction<'_>, id: &str) -> rusqlite::Result<()> {
    const SQL: &str = "DELETE FROM calls WHERE call_id = ?1 AND status = 12";
    tx.prepare_cached(SQL)?
        .execute([cut(id, MAX_CALL_ID_BYTES)])?;
    Ok(())
}

/// The last row's place; 0 if there is none.
pub(super) fn last(connection: &Connection) -> rusqlite::Result<i64> {
    const SQL: &str = "SELECT coalesce(max(number), 0) FROM calls";
    connection
        .prepare_cached(SQL)?
        .query_row([], |row| row.get(0))
}

/// Number of the last record of a process run that is in a row; 0 if there is none.
pub(super) fn last_sequence(connection: &Connection, boot: i64) -> rusqlite::Result<u64> {
    const SQL: &str = "SELECT sequence FROM calls WHERE boot = ?1 AND sequence > 0
        ORDER BY number DESC LIMIT 1";
    let last = connection
        .query_row(SQL, [boot], |row| row.get(0))
        .optional()?;
    Ok(last.unwrap_or(0))
}

/// Deletes at most `limit` calls from before `oldest_ms`, none of them at the place `last`; returns how many.
pub(super) fn prune(
    tx: &Transaction<'_>,
    oldest_ms: i64,
    last: i64,
    limit: usize,
) -> rusqlite::Result<usize> {
    const SQL: &str = "DELETE FROM calls WHERE number IN
        (SELECT number FROM calls WHERE time_ms < ?1 ORDER BY time_ms LIMIT ?2)
        AND number < ?3";
    tx.prepare_cached(SQL)?
        .execute(params![oldest_ms, limit, last])
}

/// The columns of a [`CallRow`], as text that the three queries share.
macro_rules! columns {
    () => {
        "SELECT calls.number, calls.call_id, calls.time_ms, workspace.text, server.text, slug.text,
        tool.text, token.text, calls.status, calls.error_code, calls.duration_ms, calls.bytes_in,
        calls.bytes_out, revision.text, calls.source, boot.text, calls.sequence
        FROM calls
        JOIN names AS workspace ON workspace.id = calls.workspace
        LEFT JOIN names AS server ON server.id = calls.server
        LEFT JOIN names AS slug ON slug.id = calls.server_slug
        LEFT JOIN names AS tool ON tool.id = calls.tool
        JOIN names AS token ON token.id = calls.token
        JOIN names AS revision ON revision.id = calls.revision
        JOIN names AS boot ON boot.id = calls.boot "
    };
}

/// The newest by arrival, newest first.
pub(super) fn newest(connection: &Connection, wanted: &Wanted) -> rusqlite::Result<Vec<CallRow>> {
    const OF_WORKSPACE: &str = concat!(
        columns!(),
        "WHERE calls.workspace = ?1 AND (?2 IS NULL OR calls.server_slug = ?2)
        AND (?3 IS NULL OR calls.token = ?3) AND calls.time_ms >= ?4
        ORDER BY calls.time_ms DESC, calls.number DESC LIMIT ?5"
    );
    const OF_ALL: &str = concat!(
        columns!(),
        "WHERE ?1 IS NULL AND (?2 IS NULL OR calls.server_slug = ?2)
        AND (?3 IS NULL OR calls.token = ?3) AND calls.time_ms >= ?4
        ORDER BY calls.time_ms DESC, calls.number DESC LIMIT ?5"
    );
    let sql = if wanted.workspace.is_some() {
        OF_WORKSPACE
    } else {
        OF_ALL
    };
    let values = params![
        wanted.workspace,
        wanted.server_slug,
        wanted.token,
        wanted.since_ms,
        wanted.limit,
    ];
    connection
        .prepare_cached(sql)?
        .query_map(values, read)?
        .collect()
}

/// The first after the place `after`, in their order.
pub(super) fn following(
    connection: &Connection,
    wanted: &Wanted,
    after: i64,
) -> rusqlite::Result<Vec<CallRow>> {
    // The plus signs keep the engine on the primary key: a follower asks for a few rows at the end.
    const SQL: &str = concat!(
        columns!(),
        "WHERE calls.number > ?6 AND (?1 IS NULL OR +calls.workspace = ?1)
        AND (?2 IS NULL OR calls.server_slug = ?2) AND (?3 IS NULL OR calls.token = ?3)
        AND +calls.time_ms >= ?4
        ORDER BY calls.number LIMIT ?5"
    );
    let values = params![
        wanted.workspace,
        wanted.server_slug,
        wanted.token,
        wanted.since_ms,
        wanted.limit,
        after,
    ];
    connection
        .prepare_cached(SQL)?
        .query_map(values, read)?
        .collect()
}

/// How many calls each token made, and when the last one.
pub(super) fn tally(
    connection: &Connection,
    wanted: &Wanted,
) -> rusqlite::Result<Vec<(String, Tally)>> {
    const SQL: &str = "SELECT names.text, count(*), max(calls.time_ms) FROM calls
        JOIN names ON names.id = calls.token
        WHERE (?1 IS NULL OR calls.workspace = ?1) AND calls.time_ms >= ?2
        GROUP BY calls.token";
    connection
        .prepare_cached(SQL)?
        .query_map(params![wanted.workspace, wanted.since_ms], |row| {
            let (calls, last_ms) = (row.get(1)?, row.get(2)?);
            Ok((row.get(0)?, Tally { calls, last_ms }))
        })?
        .collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<CallRow> {
    let status = codes::to_status(row.get(8)?);
    let source = codes::to_source(row.get(14)?);
    Ok(CallRow {
        rowid: row.get(0)?,
        id: row.get(1)?,
        time_ms: row.get(2)?,
        workspace: parsed(row, 3, |id| id.try_into())?,
        server: parsed_if_any(row, 4, |id| id.try_into())?,
        server_slug: row.get(5)?,
        tool: row.get(6)?,
        token_id: row.get(7)?,
        status: status.ok_or_else(|| unreadable(8, Broken("a call's status is unknown")))?,
        error_code: row.get(9)?,
        duration_ms: row.get(10)?,
        bytes_in: row.get(11)?,
        bytes_out: row.get(12)?,
        revision: row.get(13)?,
        source: source.ok_or_else(|| unreadable(14, Broken("a call's source is unknown")))?,
        boot: row.get(15)?,
        sequence: row.get(16)?,
    })
}
