//! The table `rollups`: calls an hour, for long after the calls themselves are gone.
//!
//! Calls are rolled up by their place in the file: a step takes those behind the last one that was taken, adds them
//! to their hours and notes how far it came, all in one transaction. So each call is counted once, whether it was
//! recorded late, the process was killed in between, or an earlier version recorded it.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use toolgate_analytics::{CallStatus, Source};

use super::figures::Sums;
use super::history::History;
use super::packed::{Call, Numbers, Party, put};
use super::span::Span;
use super::{blocks, codes, rows};
use crate::sql::{Broken, unreadable};

pub(super) const HOUR_MS: u64 = 3_600_000;

/// Which calls of an hour and a workspace are counted together; names by their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cell {
    pub(super) server_slug: Option<i64>,
    pub(super) tool: Option<i64>,
    pub(super) token: i64,
    /// The codes of door and status, since those have an order.
    source: i64,
    status: i64,
}

impl Cell {
    fn of(party: &Party, status: CallStatus) -> Self {
        Self {
            server_slug: party.server_slug,
            tool: party.tool,
            token: party.token,
            source: codes::of_source(party.source),
            status: codes::of_status(status),
        }
    }

    pub(super) fn status(&self) -> Result<CallStatus, Broken> {
        codes::to_status(self.status).ok_or(Broken("a call's status is unknown"))
    }

    pub(super) fn source(&self) -> Result<Source, Broken> {
        codes::to_source(self.source).ok_or(Broken("a call's source is unknown"))
    }
}

type Cells = BTreeMap<Cell, Sums>;

/// Rolls up the calls behind the last one that was, some `limit` of them; true when there are more.
pub(super) fn step(tx: &Transaction<'_>, limit: usize) -> rusqlite::Result<bool> {
    let Some(history) = History::read(tx)? else {
        return Ok(false);
    };
    let last = blocks::last(tx)?.max(rows::last(tx)?);
    if last <= history.rolled {
        return Ok(false);
    }
    let end = [
        blocks::end_of_some(tx, history.rolled, limit)?,
        rows::end_of_some(tx, history.rolled, limit)?,
    ];
    let end = end.into_iter().flatten().fold(last, i64::min);
    for (hour, fresh) in cells(tx, history.rolled, end)? {
        hour.add(tx, &fresh)?;
    }
    let rolled = History {
        rolled: end,
        ..history
    };
    rolled.save(tx)?;
    Ok(end < last)
}

/// One hour of one workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Hour {
    workspace: i64,
    hour: u64,
}

impl Hour {
    /// Adds calls to what is rolled up of this hour.
    fn add(self, tx: &Transaction<'_>, fresh: &Cells) -> rusqlite::Result<()> {
        const READ: &str = "SELECT cells FROM rollups WHERE workspace = ?1 AND hour = ?2";
        const WRITE: &str = "INSERT INTO rollups (workspace, hour, cells) VALUES (?1, ?2, ?3)
            ON CONFLICT (workspace, hour) DO UPDATE SET cells = excluded.cells";
        let known: Option<Vec<u8>> = tx
            .prepare_cached(READ)?
            .query_row((self.workspace, self.hour), |row| row.get(0))
            .optional()?;
        let mut cells = fresh.clone();
        if let Some(known) = known {
            each(&known, |cell, sums| {
                cells.entry(*cell).or_default().merge(sums);
                Ok(())
            })
            .map_err(|reason| unreadable(0, reason))?;
        }
        tx.prepare_cached(WRITE)?
            .execute(params![self.workspace, self.hour, pack(&cells)])?;
        Ok(())
    }
}

/// The calls at places after `after` and up to `end`, by hour.
fn cells(
    tx: &Transaction<'_>,
    after: i64,
    end: i64,
) -> rusqlite::Result<HashMap<Hour, Cells, RandomState>> {
    let mut hours: HashMap<Hour, Cells, RandomState> = HashMap::default();
    let mut count = |party: &Party, call: &Call| {
        let hour = Hour {
            workspace: party.workspace,
            hour: call.time_ms / HOUR_MS,
        };
        let cells = hours.entry(hour).or_default();
        let sums = cells.entry(Cell::of(party, call.status)).or_default();
        sums.add_call(call);
    };
    let span = Span::of_places(after, end);
    rows::each(tx, &span, &mut count)?;
    // What cannot be read of a damaged block is left out: stopping at it would stop the counting of all that comes,
    // and the deletion of old calls.
    blocks::each(tx, &span, blocks::Damaged::LeaveOut, &mut count)?;
    Ok(hours)
}

/// Deletes at most `limit` hours from before `oldest`; returns how many.
pub(super) fn prune(tx: &Transaction<'_>, oldest: u64, limit: usize) -> rusqlite::Result<usize> {
    const SQL: &str = "DELETE FROM rollups WHERE rowid IN
        (SELECT rowid FROM rollups WHERE hour < ?1 ORDER BY hour LIMIT ?2)";
    tx.prepare_cached(SQL)?.execute(params![oldest, limit])
}

/// Which hours to read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hours {
    pub(super) workspace: Option<i64>,
    pub(super) first: u64,
    /// The first that is not read any more.
    pub(super) end: u64,
}

/// Looks through the cells of these hours: workspace, hour, which calls, what they come to.
pub(super) fn read(
    connection: &Connection,
    hours: Hours,
    mut visit: impl FnMut(i64, u64, &Cell, &Sums) -> Result<(), Broken>,
) -> rusqlite::Result<()> {
    const OF_ONE: &str = "SELECT workspace, hour, cells FROM rollups
        WHERE workspace = ?1 AND hour >= ?2 AND hour < ?3";
    const OF_ALL: &str = "SELECT workspace, hour, cells FROM rollups
        WHERE ?1 IS NULL AND hour >= ?2 AND hour < ?3";
    let sql = match hours.workspace {
        Some(_) => OF_ONE,
        None => OF_ALL,
    };
    let clamped = |hour: u64| super::clamp(hour);
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![
        hours.workspace,
        clamped(hours.first),
        clamped(hours.end)
    ])?;
    while let Some(row) = rows.next()? {
        let (workspace, hour) = (row.get(0)?, row.get(1)?);
        let bytes = row.get_ref(2)?.as_blob()?;
        each(bytes, |cell, sums| visit(workspace, hour, cell, sums))
            .map_err(|reason| unreadable(2, reason))?;
    }
    Ok(())
}

fn pack(cells: &Cells) -> Vec<u8> {
    let if_any = |name: Option<i64>| name.map_or(0, i64::unsigned_abs);
    let mut bytes = Vec::new();
    for (cell, sums) in cells {
        put(&mut bytes, if_any(cell.server_slug));
        put(&mut bytes, if_any(cell.tool));
        put(&mut bytes, cell.token.unsigned_abs());
        put(&mut bytes, cell.status.unsigned_abs());
        put(&mut bytes, cell.source.unsigned_abs());
        put(&mut bytes, sums.duration_ms);
        put(&mut bytes, sums.bytes_in);
        put(&mut bytes, sums.bytes_out);
        sums.durations.pack(&mut bytes);
    }
    bytes
}

/// Looks through packed cells. A released form is never changed: another is another table.
fn each(
    bytes: &[u8],
    mut visit: impl FnMut(&Cell, &Sums) -> Result<(), Broken>,
) -> Result<(), Broken> {
    let mut numbers = Numbers::of(bytes);
    let mut sums = Sums::default();
    while !numbers.is_empty() {
        let mut next = || numbers.take().map(u64::cast_signed);
        let if_any = |number: i64| (number != 0).then_some(number);
        let cell = Cell {
            server_slug: if_any(next()?),
            tool: if_any(next()?),
            token: next()?,
            status: next()?,
            source: next()?,
        };
        sums.duration_ms = numbers.take()?;
        sums.bytes_in = numbers.take()?;
        sums.bytes_out = numbers.take()?;
        sums.durations.unpack(&mut numbers)?;
        visit(&cell, &sums)?;
    }
    Ok(())
}
