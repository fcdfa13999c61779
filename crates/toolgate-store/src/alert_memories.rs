//! What the gateway remembers of alerts, so that a restart neither tells one twice nor forgets that it is over.

use rusqlite::Transaction;

use crate::error::Doing;
use crate::sql::parsed;
use crate::store::Noted;
use crate::{AlertId, Store, StoreError};

/// What is remembered of one alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertMemory {
    /// Which one.
    pub alert: AlertId,
    /// JSON of whoever watches it.
    pub memory: String,
}

impl Store {
    /// What is remembered of all alerts that are switched on.
    pub fn alert_memories(&self) -> Result<Vec<AlertMemory>, StoreError> {
        const SQL: &str = "SELECT alert_id, memory FROM alert_memories ORDER BY alert_id";
        self.read("reading how alerts stand", |connection| {
            let mut statement = connection.prepare_cached(SQL)?;
            let memories = statement.query_map([], |row| {
                Ok(AlertMemory {
                    alert: parsed(row, 0, |text| AlertId::try_from(text))?,
                    memory: row.get(1)?,
                })
            })?;
            memories.collect()
        })
    }

    /// Remembers alerts, all of them or none. Those that were deleted or switched off meanwhile are left out.
    pub fn remember_alerts(&self, memories: &[AlertMemory]) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO alert_memories (alert_id, memory)
            SELECT id, ?2 FROM alerts WHERE id = ?1 AND enabled = 1
            ON CONFLICT (alert_id) DO UPDATE SET memory = excluded.memory";
        let doing = "remembering how alerts stand";
        self.note(doing, |tx| {
            for of_one in memories {
                let values = (of_one.alert.as_str(), &of_one.memory);
                tx.execute(SQL, values).doing(doing)?;
            }
            Ok(Noted::Bookkeeping)
        })
    }
}

/// Forgets how an alert stood: it is switched off.
pub(crate) fn forget(tx: &Transaction<'_>, alert: &AlertId) -> Result<(), StoreError> {
    const SQL: &str = "DELETE FROM alert_memories WHERE alert_id = ?1";
    tx.execute(SQL, [alert.as_str()])
        .doing("switching an alert")?;
    Ok(())
}
