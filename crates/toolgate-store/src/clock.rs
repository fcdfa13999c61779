//! The latest time this installation has seen (S-38).

use crate::error::Doing;
use crate::store::Noted;
use crate::{Store, StoreError};

impl Store {
    /// Raises the stored high-water mark of time to `now_ms` and returns it.
    ///
    /// The mark is never lowered, so a clock that was set back does not revive a token: expiry is
    /// judged by the mark.
    pub fn raise_clock(&self, now_ms: u64) -> Result<u64, StoreError> {
        const READ: &str = "SELECT high_water_ms FROM clock";
        const RAISE: &str = "UPDATE clock SET high_water_ms = ?1 WHERE high_water_ms < ?1";
        let doing = "raising the stored clock";
        let mut mark = now_ms;
        self.note(doing, |tx| {
            tx.execute(RAISE, [now_ms]).doing(doing)?;
            mark = tx.query_row(READ, [], |row| row.get(0)).doing(doing)?;
            Ok(Noted::Bookkeeping)
        })?;
        Ok(mark)
    }
}
