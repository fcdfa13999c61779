//! The reading end of `calls.db`: lists of calls, and following new ones.

use std::cmp::Reverse;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;
use serde::Serialize;
use toolgate_analytics::{CallStatus, Source, call_id};
use toolgate_namespace::{ServerId, WorkspaceId};

use super::filter::{CallFilter, Wanted};
use super::groups::{self, Dimension, Grouped};
use super::{blocks, clamp, names, rows};
use crate::database::open_to_read;
use crate::error::Doing;
use crate::migrations::CALLS;
use crate::{DataDir, StoreError, WorkspaceScope};

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
    /// recorded after that row: a follower who passes on the greatest `rowid` it has seen misses none. With `before`
    /// a list goes on behind a call that was shown.
    pub fn query(&self, filter: &CallFilter) -> Result<Vec<CallRow>, StoreError> {
        let rows = self.with_connection(|connection| {
            // Rows and blocks are read as of one moment, or a follower would miss what moves from one to the other.
            let moment = connection.unchecked_transaction()?;
            let Some(wanted) = Wanted::find(&moment, filter)? else {
                return Ok(Vec::new());
            };
            match filter.after_rowid {
                None => newest(&moment, &wanted),
                Some(after) => following(&moment, &wanted, after),
            }
        })?;
        Ok(rows.unwrap_or_default())
    }

    /// What the calls come to that pass the filter, whose place and limit do not matter here, in groups.
    ///
    /// It goes back further than the calls themselves ([`crate::settings::HISTORY_DAYS`]), and leaves out those whose
    /// end is not known.
    pub fn groups(&self, filter: &CallFilter, by: &[Dimension]) -> Result<Grouped, StoreError> {
        let grouped = self.with_connection(|connection| {
            // Calls move into the roll-ups and old ones go: all is read as of one moment.
            let moment = connection.unchecked_transaction()?;
            groups::groups(&moment, filter, by)
        })?;
        Ok(grouped.unwrap_or_else(|| Grouped {
            from_ms: filter.since_ms.unwrap_or(0),
            to_ms: filter.until_ms,
            ..Grouped::default()
        }))
    }

    /// The call with this id (`call_…`), in one workspace (S-45) or, for the operator only, in any.
    pub fn find(
        &self,
        scope: Option<&WorkspaceScope>,
        id: &str,
    ) -> Result<Option<CallRow>, StoreError> {
        let found = self.with_connection(|connection| {
            let moment = connection.unchecked_transaction()?;
            find(&moment, id)
        })?;
        let of_scope =
            |row: &CallRow| scope.is_none_or(|scope| *scope.workspace() == row.workspace);
        Ok(found.flatten().filter(of_scope))
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
    pub(super) fn with_connection<T>(
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

fn find(connection: &Connection, id: &str) -> rusqlite::Result<Option<CallRow>> {
    let Some(of_run) = id.strip_prefix("call_") else {
        return Ok(None);
    };
    for (boot, name) in names::runs(connection, of_run)? {
        let number = of_run.strip_prefix(name.as_str()).unwrap_or_default();
        let Ok(number) = u64::from_str_radix(number, 16) else {
            continue;
        };
        if call_id(&name, number) == id
            && let Some(call) = blocks::find(connection, boot, number)?
        {
            return Ok(Some(call));
        }
    }
    rows::find(connection, id)
}

fn newest(connection: &Connection, wanted: &Wanted) -> rusqlite::Result<Vec<CallRow>> {
    let mut calls = blocks::newest(connection, wanted)?;
    calls.append(&mut rows::newest(connection, wanted)?);
    calls.sort_by_key(|call| Reverse((call.time_ms, call.rowid)));
    calls.truncate(wanted.limit);
    Ok(calls)
}

fn following(
    connection: &Connection,
    wanted: &Wanted,
    after: u64,
) -> rusqlite::Result<Vec<CallRow>> {
    let after = clamp(after);
    let mut calls = blocks::following(connection, wanted, after)?;
    calls.append(&mut rows::following(connection, wanted, after)?);
    calls.sort_by_key(|call| call.rowid);
    calls.truncate(wanted.limit);
    calls.reverse();
    Ok(calls)
}
