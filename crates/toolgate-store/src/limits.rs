//! Whether one more fits into the plan in force, asked inside the change that adds it.
//!
//! What is there stays when a limit is lowered; only what is new is refused.

use rusqlite::{Connection, Transaction, params};
use toolgate_policy::Email;

use crate::audit::now_ms;
use crate::error::Doing;
use crate::plan::Plan;
use crate::{Store, StoreError, WorkspaceScope, settings};

/// What one more is wanted of.
pub(crate) enum Limit<'a> {
    Workspaces,
    Servers(&'a WorkspaceScope),
    Secrets(&'a WorkspaceScope),
    /// A person, who counts once however often they are invited.
    Members(&'a Email),
}

/// What there is of all that a plan limits, in the whole installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Workspaces.
    pub workspaces: u64,
    /// People: team, members and open invitations, each address once.
    pub members: u64,
}

impl Store {
    /// How many workspaces and people there are.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        self.read_at_once("counting what there is", |connection| {
            Ok(Usage {
                workspaces: workspaces(connection)?,
                members: members(connection, None)?,
            })
        })
    }
}

/// Refuses what the plan has no room for.
pub(crate) fn make_room(tx: &Transaction<'_>, limit: &Limit<'_>) -> Result<(), StoreError> {
    let doing = "reading the plan";
    let plan = settings::select(tx).doing(doing)?.plan();
    let Some(max) = limit.of(&plan) else {
        return Ok(());
    };
    let used = limit.used(tx).doing(doing)?;
    if used < max {
        return Ok(());
    }
    Err(StoreError::OverLimit {
        plan: plan.name,
        what: limit.what(),
        flag: limit.flag(),
        used,
        max,
    })
}

impl Limit<'_> {
    fn of(&self, plan: &Plan) -> Option<u64> {
        match self {
            Self::Workspaces => plan.workspaces,
            Self::Servers(_) => plan.servers_per_workspace,
            Self::Secrets(_) => plan.secrets_per_workspace,
            Self::Members(_) => plan.members,
        }
    }

    fn used(&self, connection: &Connection) -> rusqlite::Result<u64> {
        const SERVERS: &str = "SELECT count(*) FROM servers WHERE workspace_id = ?1";
        const SECRETS: &str = "SELECT count(*) FROM secrets WHERE workspace_id = ?1";
        match self {
            Self::Workspaces => workspaces(connection),
            Self::Servers(scope) => connection.query_row(SERVERS, [scope.id()], |row| row.get(0)),
            Self::Secrets(scope) => connection.query_row(SECRETS, [scope.id()], |row| row.get(0)),
            Self::Members(email) => members(connection, Some(email)),
        }
    }

    fn what(&self) -> &'static str {
        match self {
            Self::Workspaces => "workspaces",
            Self::Servers(_) => "servers in a workspace",
            Self::Secrets(_) => "secrets in a workspace",
            Self::Members(_) => "people",
        }
    }

    /// What raises it.
    fn flag(&self) -> &'static str {
        match self {
            Self::Workspaces => "--workspaces",
            Self::Servers(_) => "--servers",
            Self::Secrets(_) => "--secrets",
            Self::Members(_) => "--members",
        }
    }
}

fn workspaces(connection: &Connection) -> rusqlite::Result<u64> {
    const SQL: &str = "SELECT count(*) FROM workspaces";
    connection.query_row(SQL, [], |row| row.get(0))
}

/// How many people there are, `but` not counted.
fn members(connection: &Connection, but: Option<&Email>) -> rusqlite::Result<u64> {
    const SQL: &str = "SELECT count(*) FROM (
        SELECT email FROM operators WHERE joined_at IS NOT NULL
        UNION SELECT email FROM members
        UNION SELECT email FROM invitations WHERE expires_at > ?1)
        WHERE email <> ?2";
    let but = but.map_or("", Email::as_str);
    connection.query_row(SQL, params![now_ms(), but], |row| row.get(0))
}
