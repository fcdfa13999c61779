//! Writes that carry a key of the client's are done once: what was answered is remembered for a day.

use rusqlite::OptionalExtension;
use toolgate_vault::LengthPrefixed;

use crate::error::Doing;
use crate::store::Noted;
use crate::{Actor, Store, StoreError};

/// How long an answer is remembered.
const LIFE_MS: u64 = 24 * 3_600 * 1_000;
/// The status of a write that was begun and whose answer is not known yet.
const UNDER_WAY: u16 = 0;

/// What is known of a write that wants to be done once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Once {
    /// Nothing: it is begun now, and [`Store::finish_once`] has to follow.
    Begun,
    /// It was begun at this time, unix milliseconds, and is under way or was cut off.
    UnderWay {
        /// When.
        since_ms: u64,
    },
    /// It was done.
    Done {
        /// The status that was answered.
        status: u16,
        /// The answer, without what is shown once.
        answer: String,
    },
    /// The key was used for something else.
    Other,
}

impl Store {
    /// Begins a write under a key of `actor`, unless that was done already. `request` is what is asked; what is kept of it
    /// is a digest under the master key, since a secret may stand in it.
    pub fn begin_once(
        &self,
        actor: &Actor,
        key: &str,
        request: &[&[u8]],
        now_ms: u64,
    ) -> Result<Once, StoreError> {
        const FORGET: &str = "DELETE FROM idempotency WHERE at < ?1";
        const FIND: &str =
            "SELECT request, status, answer, at FROM idempotency WHERE actor = ?1 AND key = ?2";
        const BEGIN: &str = "INSERT INTO idempotency (actor, key, request, status, answer, at)
            VALUES (?1, ?2, ?3, ?4, '', ?5)";
        let doing = "looking for an earlier answer";
        let mut once = Once::Begun;
        let parts = LengthPrefixed::new("toolgate idempotency");
        let parts = request.iter().fold(parts, |parts, part| parts.bytes(part));
        let request = self.key()?.audit_mac(&parts.into_bytes());
        self.note(doing, |tx| {
            tx.execute(FORGET, [now_ms.saturating_sub(LIFE_MS)])
                .doing(doing)?;
            let found = tx
                .query_row(FIND, (actor.as_str(), key), |row| {
                    let known: [u8; 32] = row.get(0)?;
                    Ok(match (known == request, row.get(1)?) {
                        (false, _) => Once::Other,
                        (true, UNDER_WAY) => Once::UnderWay {
                            since_ms: row.get(3)?,
                        },
                        (true, status) => Once::Done {
                            status,
                            answer: row.get(2)?,
                        },
                    })
                })
                .optional()
                .doing(doing)?;
            if let Some(found) = found {
                once = found;
            } else {
                let values = (actor.as_str(), key, request, UNDER_WAY, now_ms);
                tx.execute(BEGIN, values).doing(doing)?;
            }
            Ok(Noted::Bookkeeping)
        })?;
        Ok(once)
    }

    /// Remembers what was answered to a write that was begun, or forgets it when nothing was done.
    pub fn finish_once(
        &self,
        actor: &Actor,
        key: &str,
        answer: Option<(u16, &str)>,
    ) -> Result<(), StoreError> {
        const DONE: &str =
            "UPDATE idempotency SET status = ?3, answer = ?4 WHERE actor = ?1 AND key = ?2";
        const UNDONE: &str = "DELETE FROM idempotency WHERE actor = ?1 AND key = ?2";
        let doing = "remembering an answer";
        self.note(doing, |tx| {
            match answer {
                Some((status, text)) => tx.execute(DONE, (actor.as_str(), key, status, text)),
                None => tx.execute(UNDONE, (actor.as_str(), key)),
            }
            .doing(doing)?;
            Ok(Noted::Bookkeeping)
        })
    }
}
