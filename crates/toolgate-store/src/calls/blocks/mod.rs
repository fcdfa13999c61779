//! The table `call_blocks`: batches of calls, packed. Here they are written, and old ones deleted; `read` looks through
//! them.

mod read;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

pub(super) use self::read::{Damaged, each, find, following, newest};
use self::read::{Stored, damaged};
use super::clamp;
use super::packed::Packer;

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

/// Number of the last record of a process run that is in a block.
pub(super) fn last_sequence(connection: &Connection, boot: i64) -> rusqlite::Result<Option<u64>> {
    const SQL: &str = "SELECT sequence + count - 1 FROM call_blocks WHERE boot = ?1
        ORDER BY first DESC LIMIT 1";
    connection
        .query_row(SQL, [boot], |row| row.get(0))
        .optional()
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
