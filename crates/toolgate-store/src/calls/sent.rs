//! Calls that count against a month: those that went to a server, whatever became of them.

use std::collections::HashMap;

use rusqlite::Connection;
use toolgate_namespace::WorkspaceId;

use super::filter::CallFilter;
use super::groups::{self, Dimension};
use super::{CallsReader, names, rows};
use crate::StoreError;
use crate::sql::unreadable;

impl CallsReader {
    /// How many calls of each workspace came from `since_ms` to before `until_ms` and were not turned away. It is
    /// counted from the hours where the calls themselves are gone.
    pub fn count_sent(
        &self,
        since_ms: u64,
        until_ms: u64,
    ) -> Result<HashMap<WorkspaceId, u64>, StoreError> {
        let counted = self.with_connection(|connection| {
            let moment = connection.unchecked_transaction()?;
            count(&moment, since_ms, until_ms)
        })?;
        Ok(counted.unwrap_or_default())
    }
}

fn count(
    connection: &Connection,
    since_ms: u64,
    until_ms: u64,
) -> rusqlite::Result<HashMap<WorkspaceId, u64>> {
    let filter = CallFilter {
        since_ms: Some(since_ms),
        until_ms: Some(until_ms),
        ..CallFilter::default()
    };
    let by = [Dimension::Workspace, Dimension::Status];
    let mut sent: HashMap<WorkspaceId, u64> = HashMap::new();
    for group in groups::groups(connection, &filter, &by)?.groups {
        let was_sent = group.status.is_some_and(|status| !status.is_turned_away());
        if let (Some(workspace), true) = (group.workspace, was_sent) {
            *sent.entry(workspace).or_default() += group.figures.calls();
        }
    }
    // What was begun and whose end nobody knows went to its server, for all we know.
    for (workspace, calls) in rows::begun_by_workspace(connection, since_ms, until_ms)? {
        let id = names::text(connection, workspace)?;
        let id = WorkspaceId::try_from(id).map_err(|reason| unreadable(0, reason))?;
        *sent.entry(id).or_default() += calls;
    }
    Ok(sent)
}
