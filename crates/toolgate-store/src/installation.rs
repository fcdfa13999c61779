//! Everything at once, for the gateway's snapshot.

use std::sync::Arc;

use rusqlite::Connection;
use toolgate_namespace::ServerSpec;
use toolgate_policy::Token;
use toolgate_vault::{MasterKey, RetiredKeys};

use crate::audit::now_ms;

use crate::{
    Alert, ClockMark, RefusedSecret, SecretRow, ServerPin, ServerSnapshotRow, Settings, Store,
    StoreError, ToolRow, Workspace, WorkspaceKeyRow,
};
use crate::{
    alerts, clock, keys, manifest, master, pins, secrets, servers, settings, snapshots, store,
    tokens, tools, workspaces,
};

/// How long handles may live that were sealed before a rotation of the master key: a day, as client sessions do.
const HANDLES_LIVE_MS: u64 = 24 * 60 * 60 * 1000;

/// The whole control store at one moment.
#[derive(Debug, Clone)]
pub struct Installation {
    /// The master key all of this belongs to.
    pub master: Arc<MasterKey>,
    /// What is left of the master keys that were retired within a day, so that handles of their time open.
    pub retired: Arc<[RetiredKeys]>,
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
    /// Every secret that fits the manifest of its workspace, sealed.
    pub secrets: Vec<SecretRow>,
    /// The ones that do not: they must not be used (S-17).
    pub refused: Vec<RefusedSecret>,
    /// Every data key, wrapped, the active one of each workspace first.
    pub keys: Vec<WorkspaceKeyRow>,
    /// Every pinned tool, held ones included, by server in the order of `servers`, then in its own.
    pub tools: Vec<ToolRow>,
    /// By what each server is known again, and whether its first list was pinned.
    pub server_pins: Vec<ServerPin>,
    /// Every alert, switched off ones included.
    pub alerts: Vec<Alert>,
    /// The settings.
    pub settings: Settings,
    /// The latest time that was seen.
    pub clock: ClockMark,
}

impl Store {
    /// Reads everything in one transaction, so that all parts fit together, and checks every secret against the
    /// manifest of its workspace (S-17).
    pub fn load(&self) -> Result<Installation, StoreError> {
        let doing = "loading the installation";
        let since = now_ms().saturating_sub(HANDLES_LIVE_MS);
        let (rows, key, retired, manifests) = self.read_at_once(doing, |connection| {
            // The key is looked for in the same moment: a rotation changes it together with the rest.
            let key = self.key_in_force(connection);
            let retired = master::select_retired(connection, since)?;
            let manifests = manifest::select(connection)?;
            Ok((Rows::select(connection)?, key, retired, manifests))
        })?;
        let master = key?;
        let (secrets, refused) = manifest::judge(&master, &manifests, rows.secrets);
        Ok(Installation {
            retired: master::open_all(&master, &retired)?.into(),
            master,
            generation: rows.generation,
            workspaces: rows.workspaces,
            servers: rows.servers,
            server_snapshots: rows.server_snapshots,
            tokens: rows.tokens,
            secrets,
            refused,
            keys: rows.keys,
            tools: rows.tools,
            server_pins: rows.server_pins,
            alerts: rows.alerts,
            settings: rows.settings,
            clock: rows.clock,
        })
    }
}

/// What is stored, before any key looked at it.
struct Rows {
    generation: u64,
    workspaces: Vec<Workspace>,
    servers: Vec<ServerSpec>,
    server_snapshots: Vec<ServerSnapshotRow>,
    tokens: Vec<Token>,
    secrets: Vec<SecretRow>,
    keys: Vec<WorkspaceKeyRow>,
    tools: Vec<ToolRow>,
    server_pins: Vec<ServerPin>,
    alerts: Vec<Alert>,
    settings: Settings,
    clock: ClockMark,
}

impl Rows {
    fn select(connection: &Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            generation: store::generation(connection)?,
            workspaces: workspaces::select(connection)?,
            servers: servers::select(connection, None)?,
            server_snapshots: snapshots::select(connection, None)?,
            tokens: tokens::select(connection, None)?,
            secrets: secrets::select(connection)?,
            keys: keys::select(connection)?,
            tools: tools::select(connection, None)?,
            server_pins: pins::select(connection, None)?,
            alerts: alerts::select(connection)?,
            settings: settings::select(connection)?,
            clock: clock::select(connection)?,
        })
    }
}
