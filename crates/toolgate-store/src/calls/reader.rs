//! The reading end of `calls.db`: lists of calls, and following new ones.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, Row, params};
use serde::Serialize;
use toolgate_analytics::{CallStatus, Source};
use toolgate_namespace::{ServerId, WorkspaceId};

use super::codes;
use super::names::{Kind, find};
use crate::database::open_to_read;
use crate::error::Doing;
use crate::migrations::CALLS;
use crate::sql::{Broken, parsed, parsed_if_any, unreadable};
use crate::{DataDir, StoreError, WorkspaceScope};

const MAX_LIMIT: usize = 10_000;
const DEFAULT_LIMIT: usize = 100;

/// Which calls to show; by default the newest 100 of the whole installation.
#[derive(Debug, Clone)]
pub struct CallFilter {
    /// Calls of one workspace (S-45); `None` means of all, which is for the operator only.
    pub workspace: Option<WorkspaceScope>,
    /// Calls that arrived at or after this time, unix milliseconds.
    pub since_ms: Option<u64>,
    /// Calls of the server with this slug.
    pub server: Option<String>,
    /// Calls made with the token with this public id.
    pub token: Option<String>,
    /// Calls recorded after this row; see [`CallsReader::query`].
    pub after_rowid: Option<u64>,
    /// At most so many, and never more than 10,000. Default 100.
    pub limit: usize,
}

impl Default for CallFilter {
    fn default() -> Self {
        Self {
            workspace: None,
            since_ms: None,
            server: None,
            token: None,
            after_rowid: None,
            limit: DEFAULT_LIMIT,
        }
    }
}

/// One remembered call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallRow {
    /// Its place in the file, to follow from.
    pub rowid: u64,
    /// Identity of the call (`call_…`), also in errors that clients saw.
    pub id: String,
    /// Arrival, unix milliseconds.
    pub time_ms: u64,
    /// The workspace called, which may be gone by now.
    pub workspace: WorkspaceId,
    /// The server that owned the tool; `None` when none did.
    pub server: Option<ServerId>,
    /// The server's slug at that time.
    pub server_slug: Option<String>,
    /// The tool's own name; `None` when it was unknown.
    pub tool: Option<String>,
    /// Public id of the token.
    pub token_id: String,
    /// How it ended.
    pub status: CallStatus,
    /// JSON-RPC code of the error, if one was answered.
    pub error_code: Option<i64>,
    /// From arrival to the last byte handed over, milliseconds.
    pub duration_ms: u64,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the answer.
    pub bytes_out: u64,
    /// Revision the client spoke, such as `2025-11-25`.
    pub revision: String,
    /// Which door it came through.
    pub source: Source,
    /// The process run that recorded it.
    pub boot: String,
    /// Its number within that run; a gap is records that were lost.
    pub sequence: u64,
}

/// Reads call records. Blocking.
#[derive(Debug)]
pub struct CallsReader {
    path: PathBuf,
    /// Opened when the file is there, which it may not be before the first call.
    connection: Mutex<Option<Connection>>,
}

impl CallsReader {
    /// Reads the `calls.db` of a data directory; while there is none, there are no calls.
    pub fn open(dir: &DataDir) -> Result<Self, StoreError> {
        let reader = Self {
            path: dir.calls_db(),
            connection: Mutex::new(None),
        };
        reader.with_connection(|_| Ok(()))?;
        Ok(reader)
    }

    /// The calls that pass the filter, newest first.
    ///
    /// Without `after_rowid` these are the newest by arrival. With it they are the *first* `limit`
    /// recorded after that row: a follower who passes on the greatest `rowid` it has seen misses none.
    pub fn query(&self, filter: &CallFilter) -> Result<Vec<CallRow>, StoreError> {
        let rows = self.with_connection(|connection| {
            let Some(numbers) = Numbers::find(connection, filter)? else {
                return Ok(Vec::new());
            };
            select(connection, filter, &numbers)
        })?;
        Ok(rows.unwrap_or_default())
    }

    /// How many records were lost at or after this time, in the whole installation: with a process that was
    /// killed, to a full queue, or to a disk that took no more.
    pub fn lost(&self, since_ms: Option<u64>) -> Result<u64, StoreError> {
        const SQL: &str = "SELECT coalesce(sum(records), 0) FROM losses WHERE time_ms >= ?1";
        let since = since_ms.map_or(0, clamp);
        let lost = self.with_connection(|connection| {
            connection
                .prepare_cached(SQL)?
                .query_row([since], |row| row.get(0))
        })?;
        Ok(lost.unwrap_or(0))
    }

    /// Runs `query` if there is a file.
    fn with_connection<T>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        let mut slot = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let connection = match slot.take() {
            Some(connection) => connection,
            // Missing, or being made this very moment.
            None if self.path.metadata().map_or(0, |file| file.len()) == 0 => return Ok(None),
            None => open_to_read(&self.path, &CALLS)?,
        };
        let connection = slot.insert(connection);
        query(connection).doing("reading call records").map(Some)
    }
}

/// The names of a filter as numbers of the dictionary.
struct Numbers {
    workspace: Option<i64>,
    server_slug: Option<i64>,
    token: Option<i64>,
}

impl Numbers {
    /// `None` when a name was never recorded, so that no call can pass.
    fn find(connection: &Connection, filter: &CallFilter) -> rusqlite::Result<Option<Self>> {
        let workspace = filter
            .workspace
            .as_ref()
            .map(|scope| scope.workspace().as_str());
        let number = |kind, name: Option<&str>| match name {
            None => Ok(Some(None)),
            Some(name) => find(connection, kind, name).map(|number| number.map(Some)),
        };
        let workspace = number(Kind::Workspace, workspace)?;
        let server_slug = number(Kind::ServerSlug, filter.server.as_deref())?;
        let token = number(Kind::Token, filter.token.as_deref())?;
        Ok(match (workspace, server_slug, token) {
            (Some(workspace), Some(server_slug), Some(token)) => Some(Self {
                workspace,
                server_slug,
                token,
            }),
            _ => None,
        })
    }
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

fn select(
    connection: &Connection,
    filter: &CallFilter,
    numbers: &Numbers,
) -> rusqlite::Result<Vec<CallRow>> {
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
    // The plus signs keep the engine on the primary key: a follower asks for a few rows at the end.
    const FOLLOWING: &str = concat!(
        columns!(),
        "WHERE calls.number > ?6 AND (?1 IS NULL OR +calls.workspace = ?1)
        AND (?2 IS NULL OR calls.server_slug = ?2) AND (?3 IS NULL OR calls.token = ?3)
        AND +calls.time_ms >= ?4
        ORDER BY calls.number LIMIT ?5"
    );
    let since = filter.since_ms.map_or(0, clamp);
    let limit = filter.limit.min(MAX_LIMIT);
    let (workspace, slug, token) = (numbers.workspace, numbers.server_slug, numbers.token);
    if let Some(after) = filter.after_rowid {
        let mut rows = connection
            .prepare_cached(FOLLOWING)?
            .query_map(
                params![workspace, slug, token, since, limit, clamp(after)],
                read,
            )?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        rows.reverse();
        return Ok(rows);
    }
    let sql = if workspace.is_some() {
        OF_WORKSPACE
    } else {
        OF_ALL
    };
    connection
        .prepare_cached(sql)?
        .query_map(params![workspace, slug, token, since, limit], read)?
        .collect()
}

fn clamp(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
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
