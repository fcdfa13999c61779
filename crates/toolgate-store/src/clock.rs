//! The latest time this installation has seen (S-38).

use rusqlite::Connection;

use crate::audit::{Actor, Entry};
use crate::error::Doing;
use crate::store::Noted;
use crate::{Store, StoreError};

/// How far time has come, as far as this installation knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClockMark {
    /// The latest time that was ever seen, unix milliseconds; expiry is judged by nothing earlier.
    pub high_water_ms: u64,
    /// How often an operator said that the latest time was wrong ([`Store::correct_clock`]).
    pub corrections: u64,
}

impl Store {
    /// The high-water mark of time.
    pub fn clock(&self) -> Result<ClockMark, StoreError> {
        self.read("reading the stored clock", select)
    }

    /// Raises the stored high-water mark of time to `now_ms` and returns it.
    ///
    /// The mark is never lowered, so a clock that was set back does not revive a token. A caller that
    /// has not heard of the newest correction raises nothing: what it calls now may be what was corrected.
    pub fn raise_clock(&self, now_ms: u64, corrections: u64) -> Result<ClockMark, StoreError> {
        const RAISE: &str =
            "UPDATE clock SET high_water_ms = ?1 WHERE high_water_ms < ?1 AND corrections = ?2";
        let doing = "raising the stored clock";
        let mut mark = ClockMark::default();
        self.note(doing, |tx| {
            tx.execute(RAISE, [now_ms, corrections]).doing(doing)?;
            mark = select(tx).doing(doing)?;
            Ok(Noted::Bookkeeping)
        })?;
        Ok(mark)
    }

    /// Sets the mark to `now_ms` although it was later, since a person says that the clock had been wrong.
    /// Gateways hear of it as of any change. Returns the mark as it was before.
    pub fn correct_clock(&self, actor: &Actor, now_ms: u64) -> Result<ClockMark, StoreError> {
        const CORRECT: &str = "UPDATE clock SET high_water_ms = ?1, corrections = corrections + 1";
        let doing = "correcting the stored clock";
        self.change(doing, actor, |tx| {
            let before = select(tx).doing(doing)?;
            tx.execute(CORRECT, [now_ms]).doing(doing)?;
            let state = |ms: u64| Some(ms.to_string().into_bytes());
            let entry = Entry::new("clock.correct", None, "clock", "")
                .states(state(before.high_water_ms), state(now_ms));
            Ok((before, Some(entry)))
        })
    }
}

pub(crate) fn select(connection: &Connection) -> rusqlite::Result<ClockMark> {
    const SQL: &str = "SELECT high_water_ms, corrections FROM clock";
    connection.prepare_cached(SQL)?.query_row([], |row| {
        Ok(ClockMark {
            high_water_ms: row.get(0)?,
            corrections: row.get(1)?,
        })
    })
}
