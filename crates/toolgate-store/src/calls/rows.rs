//! The table `calls`: one row a call, of those that were begun under strict records and of earlier versions.

use rusqlite::{Connection, OptionalExtension, Row, Rows, Transaction, params};
use toolgate_analytics::{CallRecord, CallStatus, Source};

use super::filter::Wanted;
use super::names::{Names, cut};
use super::packed::{Call, Party};
use super::reader::CallRow;
use super::span::Span;
use super::{clamp, codes};
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
        calls.bytes_out, revision.text, calls.source, boot.text, calls.sequence,
        calls.server_slug, calls.tool, calls.token
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
        "WHERE calls.workspace = ?1 AND calls.time_ms BETWEEN ?2 AND ?3
        ORDER BY calls.time_ms DESC, calls.number DESC"
    );
    const OF_ALL: &str = concat!(
        columns!(),
        "WHERE ?1 IS NULL AND calls.time_ms BETWEEN ?2 AND ?3
        ORDER BY calls.time_ms DESC, calls.number DESC"
    );
    let sql = if wanted.workspace.is_some() {
        OF_WORKSPACE
    } else {
        OF_ALL
    };
    let values = params![wanted.workspace, wanted.since_ms, wanted.last_ms];
    let mut statement = connection.prepare_cached(sql)?;
    admitted(statement.query(values)?, wanted)
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
        "WHERE calls.number > ?4 AND (?1 IS NULL OR +calls.workspace = ?1)
        AND +calls.time_ms BETWEEN ?2 AND ?3
        ORDER BY calls.number"
    );
    let values = params![wanted.workspace, wanted.since_ms, wanted.last_ms, after];
    let mut statement = connection.prepare_cached(SQL)?;
    admitted(statement.query(values)?, wanted)
}

/// The first of these rows that pass, as many as are wanted.
fn admitted(mut rows: Rows<'_>, wanted: &Wanted) -> rusqlite::Result<Vec<CallRow>> {
    let mut calls = Vec::new();
    while let Some(row) = rows.next()?
        && calls.len() < wanted.limit
    {
        if wanted.admits_names(row.get(17)?, row.get(18)?, row.get(19)?) {
            let call = read(row)?;
            if wanted.admits_status(call.status)
                && wanted.admits_source(call.source)
                && wanted.admits_place(call.time_ms, call.rowid)
            {
                calls.push(call);
            }
        }
    }
    Ok(calls)
}

/// The call with this id.
pub(super) fn find(connection: &Connection, id: &str) -> rusqlite::Result<Option<CallRow>> {
    const BEGUN: &str = concat!(columns!(), "WHERE calls.call_id = ?1 AND calls.status = 12");
    const ANY: &str = concat!(columns!(), "WHERE calls.call_id = ?1");
    for sql in [BEGUN, ANY] {
        let found = connection.prepare_cached(sql)?.query_row([id], read);
        if let Some(call) = found.optional()? {
            return Ok(Some(call));
        }
    }
    Ok(None)
}

/// Looks through the calls of a span, those that ended.
pub(super) fn each(
    connection: &Connection,
    span: &Span,
    mut visit: impl FnMut(&Party, &Call),
) -> rusqlite::Result<()> {
    const SQL: &str =
        "SELECT workspace, server, server_slug, tool, token, revision, source, time_ms,
        status, error_code, duration_ms, bytes_in, bytes_out FROM calls
        WHERE number > ?1 AND number <= ?2 AND time_ms BETWEEN ?3 AND ?4 AND status <> 12";
    let mut statement = connection.prepare_cached(SQL)?;
    let mut rows = statement.query(params![
        span.after,
        span.end,
        clamp(span.from_ms),
        clamp(span.to_ms.saturating_sub(1)),
    ])?;
    while let Some(row) = rows.next()? {
        let party = Party {
            workspace: row.get(0)?,
            server: row.get(1)?,
            server_slug: row.get(2)?,
            tool: row.get(3)?,
            token: row.get(4)?,
            revision: row.get(5)?,
            source: source(row, 6)?,
        };
        let call = Call {
            // Only within its run does a call have one, and in a row that stands in its id.
            number: 0,
            time_ms: row.get(7)?,
            status: status(row, 8)?,
            error_code: row.get(9)?,
            duration_ms: row.get(10)?,
            bytes_in: row.get(11)?,
            bytes_out: row.get(12)?,
        };
        visit(&party, &call);
    }
    Ok(())
}

/// The place where `limit` rows behind the place `after` end; `None` if there are fewer.
pub(super) fn end_of_some(
    connection: &Connection,
    after: i64,
    limit: usize,
) -> rusqlite::Result<Option<i64>> {
    const SQL: &str =
        "SELECT number FROM calls WHERE number > ?1 ORDER BY number LIMIT 1 OFFSET ?2";
    connection
        .prepare_cached(SQL)?
        .query_row(params![after, limit], |row| row.get(0))
        .optional()
}

/// How many calls of each workspace were begun in this time, and did not end.
pub(super) fn begun_by_workspace(
    connection: &Connection,
    since_ms: u64,
    until_ms: u64,
) -> rusqlite::Result<Vec<(i64, u64)>> {
    const SQL: &str = "SELECT workspace, count(*) FROM calls
        WHERE status = 12 AND time_ms >= ?1 AND time_ms < ?2 GROUP BY workspace";
    connection
        .prepare_cached(SQL)?
        .query_map([clamp(since_ms), clamp(until_ms)], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<CallRow> {
    Ok(CallRow {
        rowid: row.get(0)?,
        id: row.get(1)?,
        time_ms: row.get(2)?,
        workspace: parsed(row, 3, |id| id.try_into())?,
        server: parsed_if_any(row, 4, |id| id.try_into())?,
        server_slug: row.get(5)?,
        tool: row.get(6)?,
        token_id: row.get(7)?,
        status: status(row, 8)?,
        error_code: row.get(9)?,
        duration_ms: row.get(10)?,
        bytes_in: row.get(11)?,
        bytes_out: row.get(12)?,
        revision: row.get(13)?,
        source: source(row, 14)?,
        boot: row.get(15)?,
        sequence: row.get(16)?,
    })
}

fn status(row: &Row<'_>, column: usize) -> rusqlite::Result<CallStatus> {
    codes::to_status(row.get(column)?)
        .ok_or_else(|| unreadable(column, Broken("a call's status is unknown")))
}

fn source(row: &Row<'_>, column: usize) -> rusqlite::Result<Source> {
    codes::to_source(row.get(column)?)
        .ok_or_else(|| unreadable(column, Broken("a call's source is unknown")))
}
