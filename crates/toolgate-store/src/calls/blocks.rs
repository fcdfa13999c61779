//! The table `call_blocks`: batches of calls, packed.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use toolgate_analytics::{CallStatus, call_id};

use super::clamp;
use super::filter::Wanted;
use super::names::Texts;
use super::packed::{Call, Calls, Packer, Party, parties};
use super::reader::CallRow;
use super::span::Span;
use super::tally::Tally;
use crate::sql::{Broken, unreadable};

/// A batch goes to the end of the last block while that has fewer calls, so that an installation with few calls
/// does not end up with a block for each.
const FULL: usize = 256;

/// Where a block is, and what its calls count from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// Place of its first call in the file.
    pub(super) first: i64,
    /// The process run.
    pub(super) boot: i64,
    /// Number of its first record within that run.
    pub(super) sequence: i64,
}

/// A block and what is in it.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) head: Head,
    pub(super) packed: Packer,
}

impl Block {
    pub(super) fn new(head: Head) -> Self {
        let packed = Packer::new();
        Self { head, packed }
    }

    /// Whether calls that would begin a block at `head` go to the end of this one instead.
    pub(super) fn goes_on(&self, head: Head) -> bool {
        let count = self.packed.count();
        let end = Head {
            first: self.head.first.saturating_add_unsigned(count as u64),
            sequence: self.head.sequence.saturating_add_unsigned(count as u64),
            ..self.head
        };
        count < FULL && end == head
    }

    /// Writes the block, over what it was before.
    pub(super) fn save(&self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        const SQL: &str = "INSERT INTO call_blocks
            (first, count, boot, sequence, oldest_ms, newest_ms, parties, records)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
            ON CONFLICT (first) DO UPDATE SET count = excluded.count,
                oldest_ms = excluded.oldest_ms, newest_ms = excluded.newest_ms,
                parties = excluded.parties, records = excluded.records";
        let (head, packed) = (self.head, &self.packed);
        let (oldest_ms, newest_ms) = packed.span_ms();
        tx.prepare_cached(SQL)?.execute(params![
            head.first,
            packed.count(),
            head.boot,
            head.sequence,
            clamp(oldest_ms),
            clamp(newest_ms),
            packed.parties(),
            packed.records(),
        ])?;
        Ok(())
    }
}

/// The last call's place; 0 if there is none.
pub(super) fn last(connection: &Connection) -> rusqlite::Result<i64> {
    const SQL: &str = "SELECT first + count - 1 FROM call_blocks ORDER BY first DESC LIMIT 1";
    let last = connection
        .prepare_cached(SQL)?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(last.unwrap_or(0))
}

/// Deletes at most `limit` blocks from before `oldest_ms`, and forgets the calls from before it in at most `limit`
/// more, except the one at the place `last`; all calls up to there are rolled up. Returns the greater number of
/// blocks.
pub(super) fn prune(
    tx: &Transaction<'_>,
    oldest_ms: i64,
    last: i64,
    limit: usize,
) -> rusqlite::Result<usize> {
    const DELETE: &str = "DELETE FROM call_blocks WHERE first IN
        (SELECT first FROM call_blocks WHERE newest_ms < ?1 ORDER BY newest_ms LIMIT ?2)
        AND first + count - 1 < ?3";
    const OLD: &str = "SELECT first, boot, sequence, parties, records FROM call_blocks
        WHERE oldest_ms < ?1 AND (newest_ms >= ?1 OR first + count - 1 = ?3)
        ORDER BY oldest_ms LIMIT ?2";
    let values = params![oldest_ms, limit, last];
    let deleted = tx.prepare_cached(DELETE)?.execute(values)?;
    let kept: Vec<Block> = tx
        .prepare_cached(OLD)?
        .query_map(values, |row| kept(row, oldest_ms.unsigned_abs(), last))?
        .collect::<rusqlite::Result<_>>()?;
    for block in &kept {
        block.save(tx)?;
    }
    Ok(deleted.max(kept.len()))
}

/// What is left of a block.
fn kept(row: &Row<'_>, oldest_ms: u64, last: i64) -> rusqlite::Result<Block> {
    let stored = Stored::of(row)?;
    let mut block = Block::new(stored.head);
    for (place, call) in (stored.head.first..).zip(stored.calls()?) {
        match call.map_err(damaged)? {
            Some((party, call)) if call.time_ms >= oldest_ms || place == last => {
                block.packed.push(stored.party(party)?, &call);
            }
            _ => block.packed.forget(),
        }
    }
    Ok(block)
}

/// The newest by arrival, newest first.
pub(super) fn newest(connection: &Connection, wanted: &Wanted) -> rusqlite::Result<Vec<CallRow>> {
    const SQL: &str = "SELECT first, boot, sequence, parties, records, newest_ms FROM call_blocks
        WHERE newest_ms >= ?1 AND oldest_ms <= ?2 ORDER BY newest_ms DESC";
    let mut best = BTreeMap::new();
    let mut statement = connection.prepare_cached(SQL)?;
    let mut rows = statement.query([wanted.since_ms, wanted.last_ms])?;
    while let Some(row) = rows.next()? {
        let newest_ms: u64 = row.get(5)?;
        let worst = best.first_key_value().map(|((time_ms, _), _)| *time_ms);
        if best.len() == wanted.limit && worst.is_none_or(|worst| newest_ms < worst) {
            break;
        }
        Stored::of(row)?.find(wanted, |found| {
            if !wanted.admits_place(found.call.time_ms, found.place.unsigned_abs()) {
                return;
            }
            best.insert((found.call.time_ms, found.place), found);
            if best.len() > wanted.limit {
                best.pop_first();
            }
        })?;
    }
    shown(connection, best.values().rev())
}

/// The first after the place `after`, in their order.
pub(super) fn following(
    connection: &Connection,
    wanted: &Wanted,
    after: i64,
) -> rusqlite::Result<Vec<CallRow>> {
    // The block that `after` is in comes first, or the first that is young enough. The plus sign keeps the engine on
    // the primary key.
    const SQL: &str = "SELECT first, boot, sequence, parties, records FROM call_blocks
        WHERE first >= max(coalesce((SELECT max(first) FROM call_blocks WHERE first <= ?1), 0),
            coalesce((SELECT min(first) FROM call_blocks WHERE newest_ms >= ?2), 0))
        AND +newest_ms >= ?2 AND +oldest_ms <= ?3 ORDER BY first";
    let mut next = Vec::new();
    let mut statement = connection.prepare_cached(SQL)?;
    let mut rows = statement.query([after, wanted.since_ms, wanted.last_ms])?;
    while let Some(row) = rows.next()?
        && next.len() < wanted.limit
    {
        Stored::of(row)?.find(wanted, |found| {
            if found.place > after {
                next.push(found);
            }
        })?;
    }
    next.truncate(wanted.limit);
    shown(connection, next.iter())
}

/// How many calls each token made, and when the last one.
pub(super) fn tally(
    connection: &Connection,
    wanted: &Wanted,
) -> rusqlite::Result<Vec<(String, Tally)>> {
    const SQL: &str = "SELECT first, boot, sequence, parties, records FROM call_blocks
        WHERE newest_ms >= ?1";
    let mut tallies: HashMap<i64, Tally> = HashMap::new();
    let mut statement = connection.prepare_cached(SQL)?;
    let mut rows = statement.query([wanted.since_ms])?;
    while let Some(row) = rows.next()? {
        Stored::of(row)?.find(wanted, |found| {
            let tally = tallies.entry(found.party.token).or_default();
            tally.calls += 1;
            tally.last_ms = tally.last_ms.max(found.call.time_ms);
        })?;
    }
    let named = tallies.into_iter();
    named
        .map(|(token, tally)| Ok((super::names::text(connection, token)?, tally)))
        .collect()
}

/// How many calls of each workspace came from `since_ms` to before `until_ms` and were not turned away, by its number.
pub(super) fn count_by_workspace(
    connection: &Connection,
    since_ms: u64,
    until_ms: u64,
) -> rusqlite::Result<HashMap<i64, u64>> {
    const SQL: &str = "SELECT first, boot, sequence, parties, records FROM call_blocks
        WHERE newest_ms >= ?1 AND oldest_ms < ?2";
    let mut counts = HashMap::new();
    let mut statement = connection.prepare_cached(SQL)?;
    let mut rows = statement.query([clamp(since_ms), clamp(until_ms)])?;
    while let Some(row) = rows.next()? {
        let stored = Stored::of(row)?;
        for call in stored.calls()? {
            if let Some((party, call)) = call.map_err(damaged)?
                && (since_ms..until_ms).contains(&call.time_ms)
                && !call.status.is_turned_away()
            {
                *counts.entry(stored.party(party)?.workspace).or_default() += 1;
            }
        }
    }
    Ok(counts)
}

/// Number of the last record of a process run that is in a block.
pub(super) fn last_sequence(connection: &Connection, boot: i64) -> rusqlite::Result<Option<u64>> {
    const SQL: &str = "SELECT sequence + count - 1 FROM call_blocks WHERE boot = ?1
        ORDER BY first DESC LIMIT 1";
    connection
        .query_row(SQL, [boot], |row| row.get(0))
        .optional()
}

/// What to do about a block that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damaged {
    /// Go on with the next one.
    LeaveOut,
    /// Fail.
    Refuse,
}

/// Looks through the calls of a span, those that ended.
pub(super) fn each(
    connection: &Connection,
    span: &Span,
    damaged: Damaged,
    mut visit: impl FnMut(&Party, &Call),
) -> rusqlite::Result<()> {
    const BY_PLACE: &str = "SELECT first, boot, sequence, parties, records FROM call_blocks
        WHERE first >= coalesce((SELECT max(first) FROM call_blocks WHERE first <= ?1), 0)
        AND first <= ?2 AND +newest_ms >= ?3 AND +oldest_ms <= ?4 ORDER BY first";
    const BY_TIME: &str = "SELECT first, boot, sequence, parties, records FROM call_blocks
        WHERE +first + count > ?1 AND +first <= ?2 AND newest_ms >= ?3 AND oldest_ms <= ?4";
    let sql = if span.after == 0 && span.from_ms > 0 {
        BY_TIME
    } else {
        BY_PLACE
    };
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![
        span.after,
        span.end,
        clamp(span.from_ms),
        clamp(span.to_ms.saturating_sub(1)),
    ])?;
    while let Some(row) = rows.next()? {
        let read = Stored::of(row).and_then(|stored| stored.each(span, &mut visit));
        if damaged == Damaged::Refuse {
            read?;
        }
    }
    Ok(())
}

/// The place where some `limit` calls behind the place `after` end; `None` if there are fewer.
pub(super) fn end_of_some(
    connection: &Connection,
    after: i64,
    limit: usize,
) -> rusqlite::Result<Option<i64>> {
    const SQL: &str = "SELECT first + count - 1, count FROM call_blocks
        WHERE first >= coalesce((SELECT max(first) FROM call_blocks WHERE first <= ?1), 0)
        AND first + count - 1 > ?1 ORDER BY first";
    let mut seen = 0_usize;
    let mut statement = connection.prepare_cached(SQL)?;
    let mut rows = statement.query([after])?;
    while let Some(row) = rows.next()? {
        seen = seen.saturating_add(row.get(1)?);
        if seen >= limit {
            return row.get(0).map(Some);
        }
    }
    Ok(None)
}

/// The call with this number within a process run.
///
/// Calls are recorded when they end, about in the order in which they began: it is looked for outwards from where
/// it would be if they all took equally long.
pub(super) fn find(
    connection: &Connection,
    boot: i64,
    number: u64,
) -> rusqlite::Result<Option<CallRow>> {
    const BEFORE: &str = "SELECT first, boot, sequence, parties, records FROM call_blocks
        WHERE boot = ?1 AND sequence <= ?2 ORDER BY sequence DESC";
    const BEHIND: &str = "SELECT first, boot, sequence, parties, records FROM call_blocks
        WHERE boot = ?1 AND sequence > ?2 ORDER BY sequence";
    let mut before = connection.prepare_cached(BEFORE)?;
    let mut behind = connection.prepare_cached(BEHIND)?;
    let mut before = before.query(params![boot, clamp(number)])?;
    let mut behind = behind.query(params![boot, clamp(number)])?;
    loop {
        let mut more = false;
        for rows in [&mut before, &mut behind] {
            if let Some(row) = rows.next()? {
                more = true;
                if let Some(found) = Stored::of(row)?.numbered(number)? {
                    return Ok(shown(connection, [&found].into_iter())?.pop());
                }
            }
        }
        if !more {
            return Ok(None);
        }
    }
}

/// A block as it is read: `first`, `boot`, `sequence`, `parties`, `records`.
struct Stored<'r> {
    head: Head,
    parties: Vec<Party>,
    row: &'r Row<'r>,
}

/// A call that passed a filter.
struct Found {
    place: i64,
    boot: i64,
    sequence: i64,
    party: Party,
    call: Call,
}

impl<'r> Stored<'r> {
    fn of(row: &'r Row<'r>) -> rusqlite::Result<Self> {
        Ok(Self {
            head: Head {
                first: row.get(0)?,
                boot: row.get(1)?,
                sequence: row.get(2)?,
            },
            parties: parties(row.get_ref(3)?.as_blob()?).map_err(damaged)?,
            row,
        })
    }

    fn calls(&self) -> rusqlite::Result<Calls<'r>> {
        Ok(Calls::of(self.row.get_ref(4)?.as_blob()?))
    }

    fn party(&self, place: usize) -> rusqlite::Result<Party> {
        let party = self.parties.get(place).copied();
        party.ok_or_else(|| damaged(Broken("a call's names are not there")))
    }

    /// Looks through the calls of a span, those that ended.
    fn each(&self, span: &Span, mut visit: impl FnMut(&Party, &Call)) -> rusqlite::Result<()> {
        for (place, call) in (self.head.first..).zip(self.calls()?) {
            let Some((party, call)) = call.map_err(damaged)? else {
                continue;
            };
            if span.holds(place, call.time_ms) && call.status != CallStatus::Begun {
                visit(&self.party(party)?, &call);
            }
        }
        Ok(())
    }

    /// The call with this number within the run.
    fn numbered(&self, number: u64) -> rusqlite::Result<Option<Found>> {
        for (offset, call) in (0..).zip(self.calls()?) {
            if let Some((party, call)) = call.map_err(damaged)?
                && call.number == number
            {
                return Ok(Some(self.found(offset, party, call)?));
            }
        }
        Ok(None)
    }

    fn found(&self, offset: i64, party: usize, call: Call) -> rusqlite::Result<Found> {
        Ok(Found {
            place: self.head.first.saturating_add(offset),
            boot: self.head.boot,
            sequence: self.head.sequence.saturating_add(offset),
            party: self.party(party)?,
            call,
        })
    }

    fn find(&self, wanted: &Wanted, mut found: impl FnMut(Found)) -> rusqlite::Result<()> {
        let admitted: Vec<bool> = self
            .parties
            .iter()
            .map(|party| wanted.admits(party))
            .collect();
        if !admitted.contains(&true) {
            // The records, by far the most of it, are not even read.
            return Ok(());
        }
        for (offset, call) in (0..).zip(self.calls()?) {
            let Some((party, call)) = call.map_err(damaged)? else {
                continue;
            };
            if admitted.get(party) == Some(&false) || !wanted.admits_call(call.time_ms, call.status)
            {
                continue;
            }
            found(self.found(offset, party, call)?);
        }
        Ok(())
    }
}

/// Gives calls their names back.
fn shown<'a>(
    connection: &Connection,
    found: impl Iterator<Item = &'a Found>,
) -> rusqlite::Result<Vec<CallRow>> {
    let mut texts = Texts::new(connection);
    found.map(|found| found.row(&mut texts)).collect()
}

impl Found {
    fn row(&self, texts: &mut Texts<'_>) -> rusqlite::Result<CallRow> {
        let Self { party, call, .. } = self;
        let boot = texts.text(self.boot)?;
        Ok(CallRow {
            rowid: self.place.unsigned_abs(),
            id: call_id(&boot, call.number),
            time_ms: call.time_ms,
            workspace: parsed(&texts.text(party.workspace)?)?,
            server: texts
                .if_any(party.server)?
                .map(|id| parsed(&id))
                .transpose()?,
            server_slug: texts.if_any(party.server_slug)?,
            tool: texts.if_any(party.tool)?,
            token_id: texts.text(party.token)?,
            status: call.status,
            error_code: call.error_code,
            duration_ms: call.duration_ms,
            bytes_in: call.bytes_in,
            bytes_out: call.bytes_out,
            revision: texts.text(party.revision)?,
            source: party.source,
            boot,
            sequence: self.sequence.unsigned_abs(),
        })
    }
}

fn parsed<'t, T>(text: &'t str) -> rusqlite::Result<T>
where
    T: TryFrom<&'t str, Error: std::error::Error + Send + Sync + 'static>,
{
    T::try_from(text).map_err(|reason| unreadable(3, reason))
}

fn damaged(reason: Broken) -> rusqlite::Error {
    unreadable(4, reason)
}
