//! Looking through the calls of blocks: by time, by place in the file, by number within a process run.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, params};
use toolgate_analytics::{CallStatus, call_id};

use super::super::clamp;
use super::super::filter::Wanted;
use super::super::names::Texts;
use super::super::packed::{Call, Calls, Party, parties};
use super::super::reader::CallRow;
use super::super::span::Span;
use super::Head;
use crate::sql::{Broken, unreadable};

/// The newest by arrival, newest first.
pub(in super::super) fn newest(
    connection: &Connection,
    wanted: &Wanted,
) -> rusqlite::Result<Vec<CallRow>> {
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
pub(in super::super) fn following(
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

/// What to do about a block that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Damaged {
    /// Go on with the next one.
    LeaveOut,
    /// Fail.
    Refuse,
}

/// Looks through the calls of a span, those that ended.
pub(in super::super) fn each(
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

/// The call with this number within a process run.
///
/// Calls are recorded when they end, about in the order in which they began: it is looked for outwards from where
/// it would be if they all took equally long.
pub(in super::super) fn find(
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
pub(super) struct Stored<'r> {
    pub(super) head: Head,
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
    pub(super) fn of(row: &'r Row<'r>) -> rusqlite::Result<Self> {
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

    pub(super) fn calls(&self) -> rusqlite::Result<Calls<'r>> {
        Ok(Calls::of(self.row.get_ref(4)?.as_blob()?))
    }

    pub(super) fn party(&self, place: usize) -> rusqlite::Result<Party> {
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

pub(super) fn damaged(reason: Broken) -> rusqlite::Error {
    unreadable(4, reason)
}
