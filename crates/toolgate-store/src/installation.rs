//! Everything at once, for the gateway's snapshot.

use toolgate_namespace::ServerSpec;
use toolgate_policy::Token;

use crate::{
    ClockMark, SecretRow, ServerSnapshotRow, Settings, Store, StoreError, ToolRow, Workspace,
    WorkspaceKeyRow,
};
use crate::{clock, secrets, servers, settings, snapshots, store, tokens, tools, workspaces};

/// The whole control store at one moment.
#[derive(Debug, Clone)]
pub struct Installation {
    /// Number of the last change that is in here; each change adds 1.
    pub generation: u64,
    /// Every workspace, by slug.
    pub workspaces: Vec<Workspace>,
    /// Every server, by workspace, then in display order.
    pub servers: Vec<ServerSpec>,
    /// What is known of the servers that were reached.
    pub server_snapshots: Vec<ServerSnapshotRow>,
    /// Every token, revoked and expired ones included.
    pub tokens: Vec<Token>,
    /// Every secret, sealed.
    pub secrets: Vec<SecretRow>,
    /// Every data key, wrapped.
    pub keys: Vec<WorkspaceKeyRow>,
    /// Every pinned tool, held ones included, by server in the order of `servers`, then in its own.
    pub tools: Vec<ToolRow>,
    /// The settings.
    pub settings: Settings,
    /// The latest time that was seen.
    pub clock: ClockMark,
}

impl Store {
    /// Reads everything in one transaction, so that all parts fit together.
    pub fn load(&self) -> Result<Installation, StoreError> {
        self.read_at_once("loading the installation", |connection| {
            Ok(Installation {
                generation: store::generation(connection)?,
                workspaces: workspaces::select(connection)?,
                servers: servers::select(connection, None)?,
                server_snapshots: snapshots::select(connection, None)?,
                tokens: tokens::select(connection, None)?,
                secrets: secrets::select(connection)?,
                keys: workspaces::select_keys(connection)?,
                tools: tools::select(connection, None)?,
                settings: settings::select(connection)?,
                clock: clock::select(connection)?,
            })
        })
    }
}
