//! What a server said of itself when it was last reached.

use rusqlite::{Connection, Row, params};
use toolgate_namespace::{ServerId, WorkspaceId};

use crate::error::Doing;
use crate::sql::parsed;
use crate::store::Noted;
use crate::{Store, StoreError, WorkspaceScope, servers};

/// One server's answer to `initialize` or `server/discover`, and the verdict drawn from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSnapshotRow {
    /// Which server.
    pub server: ServerId,
    /// The revision it speaks, such as `2025-11-25`.
    pub revision: String,
    /// The HTTP shape it speaks.
    pub http_kind: String,
    /// Its capabilities, JSON text.
    pub capabilities: Vec<u8>,
    /// Its `serverInfo`, JSON text.
    pub server_info: Vec<u8>,
    /// Its instructions, if it gave any.
    pub instructions: Option<String>,
    /// What the verdict was drawn from; another fingerprint calls for another probe (P8.2).
    pub fingerprint: String,
    /// When it was reached, unix milliseconds.
    pub at: u64,
}

impl Store {
    /// Saves what a server said; gateways are told if more than `at` changed.
    pub fn save_server_snapshot(
        &self,
        scope: &WorkspaceScope,
        row: &ServerSnapshotRow,
    ) -> Result<(), StoreError> {
        const DELETE: &str = "DELETE FROM server_snapshots WHERE server_id = ?1";
        let doing = "saving what a server said of itself";
        self.note(doing, |tx| {
            servers::find(tx, scope, &row.server)?;
            let before = select(tx, Some(scope.workspace())).doing(doing)?;
            let before = before.into_iter().find(|old| old.server == row.server);
            tx.execute(DELETE, [row.server.as_str()]).doing(doing)?;
            insert(tx, row).doing(doing)?;
            let same = before.is_some_and(|old| ServerSnapshotRow { at: row.at, ..old } == *row);
            Ok(if same {
                Noted::Bookkeeping
            } else {
                Noted::Change
            })
        })
    }

    /// What is known of the servers of a workspace.
    pub fn server_snapshots(
        &self,
        scope: &WorkspaceScope,
    ) -> Result<Vec<ServerSnapshotRow>, StoreError> {
        self.read("reading what servers said of themselves", |connection| {
            select(connection, Some(scope.workspace()))
        })
    }
}

/// Snapshots of one workspace or of all.
pub(crate) fn select(
    connection: &Connection,
    workspace: Option<&WorkspaceId>,
) -> rusqlite::Result<Vec<ServerSnapshotRow>> {
    const SQL: &str = "SELECT server_id, revision, http_kind, capabilities, server_info,
        instructions, fingerprint, at
        FROM server_snapshots JOIN servers ON servers.id = server_id
        WHERE ?1 IS NULL OR servers.workspace_id = ?1 ORDER BY server_id";
    connection
        .prepare_cached(SQL)?
        .query_map([workspace.map(WorkspaceId::as_str)], read)?
        .collect()
}

fn insert(connection: &Connection, row: &ServerSnapshotRow) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO server_snapshots (server_id, revision, http_kind, capabilities,
        server_info, instructions, fingerprint, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    connection.execute(
        SQL,
        params![
            row.server.as_str(),
            row.revision,
            row.http_kind,
            row.capabilities,
            row.server_info,
            row.instructions,
            row.fingerprint,
            row.at,
        ],
    )?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<ServerSnapshotRow> {
    Ok(ServerSnapshotRow {
        server: parsed(row, 0, |id| id.try_into())?,
        revision: row.get(1)?,
        http_kind: row.get(2)?,
        capabilities: row.get(3)?,
        server_info: row.get(4)?,
        instructions: row.get(5)?,
        fingerprint: row.get(6)?,
        at: row.get(7)?,
    })
}
