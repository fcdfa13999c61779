//! How many calls each token made, and when the last one.

use std::collections::HashMap;

use rusqlite::Connection;

use super::filter::{CallFilter, Wanted};
use super::{CallsReader, blocks, rows};
use crate::{StoreError, WorkspaceScope};

/// The calls of one token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub calls: u64,
    /// When the newest arrived, unix milliseconds.
    pub last_ms: u64,
}

impl CallsReader {
    /// The calls that are remembered, by the public id of their token: of one workspace or of all, of all times or
    /// since one.
    pub fn tally(
        &self,
        workspace: Option<&WorkspaceScope>,
        since_ms: Option<u64>,
    ) -> Result<HashMap<String, Tally>, StoreError> {
        let filter = CallFilter {
            workspace: workspace.cloned(),
            since_ms,
            ..CallFilter::default()
        };
        let tallies = self.with_connection(|connection| {
            let moment = connection.unchecked_transaction()?;
            match Wanted::find(&moment, &filter)? {
                None => Ok(HashMap::new()),
                Some(wanted) => count(&moment, &wanted),
            }
        })?;
        Ok(tallies.unwrap_or_default())
    }
}

fn count(connection: &Connection, wanted: &Wanted) -> rusqlite::Result<HashMap<String, Tally>> {
    let mut tallies: HashMap<String, Tally> = HashMap::new();
    let packed = blocks::tally(connection, wanted)?;
    let single = rows::tally(connection, wanted)?;
    for (token, tally) in packed.into_iter().chain(single) {
        let sum = tallies.entry(token).or_default();
        sum.calls += tally.calls;
        sum.last_ms = sum.last_ms.max(tally.last_ms);
    }
    Ok(tallies)
}
