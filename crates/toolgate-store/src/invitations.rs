//! Invitations that were not accepted yet: to a workspace, or to the team that administers the installation.
//!
//! Whoever has the code is whom it was sent to, so the code's digest is all that is kept of it, and it works once.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use toolgate_namespace::{WorkspaceId, WorkspaceSlug};
use toolgate_policy::{Email, InvitationId, Role, TokenDigest, ToolRules};

use crate::audit::{Actor, Entry};
use crate::error::Doing;
use crate::limits::{self, Limit};
use crate::sql::{Broken, parsed, unreadable};
use crate::{Store, StoreError, WorkspaceScope, members};

/// One invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Identity; no part of the code.
    pub id: InvitationId,
    /// Whom it was sent to.
    pub email: Email,
    /// What it is to.
    pub to: InvitedTo,
    /// SHA-256 of its code.
    pub digest: TokenDigest,
    /// When it was made, unix milliseconds.
    pub created_at: u64,
    /// The first moment at which it no longer holds.
    pub expires_at: u64,
}

/// What an invitation is to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvitedTo {
    /// The team that administers the installation.
    Team,
    /// A workspace, in which the member gets a token.
    Workspace {
        /// Which.
        workspace: WorkspaceId,
        /// What the member may do.
        role: Role,
        /// The tools the token is for.
        rules: ToolRules,
        /// How long the token lives from when it is made, milliseconds; `None` = until it is revoked.
        token_ms: Option<u64>,
    },
}

/// A code that somebody brings, and when.
#[derive(Debug, Clone)]
pub struct Code {
    /// Its digest.
    pub digest: TokenDigest,
    /// By which time it is judged, unix milliseconds (S-38).
    pub now_ms: u64,
}

impl Invitation {
    /// The workspace it is to; `None` = the team.
    pub fn workspace(&self) -> Option<&WorkspaceId> {
        match &self.to {
            InvitedTo::Team => None,
            InvitedTo::Workspace { workspace, .. } => Some(workspace),
        }
    }

    /// Whether it still holds.
    pub fn is_open(&self, now_ms: u64) -> bool {
        now_ms < self.expires_at
    }
}

impl Store {
    /// Invites somebody to a workspace; an open invitation of the same address is replaced, its code dead.
    pub fn invite(
        &self,
        scope: &WorkspaceScope,
        actor: &Actor,
        invitation: &Invitation,
    ) -> Result<(), StoreError> {
        match invitation.workspace() {
            Some(workspace) => scope.owns("invitation", workspace)?,
            None => return Err(StoreError::OutOfScope { what: "invitation" }),
        }
        self.change("inviting a member", actor, |tx| {
            scope.still_exists(tx)?;
            members::refuse_taken(tx, scope, &invitation.email)?;
            limits::make_room(tx, &Limit::Members(&invitation.email))?;
            replace(tx, invitation)?;
            Ok(((), [entry("member.invite", invitation)]))
        })
    }

    /// The invitations to a workspace that were not accepted, expired ones included, by address.
    pub fn invitations(&self, scope: &WorkspaceScope) -> Result<Vec<Invitation>, StoreError> {
        const SQL: &str = "SELECT id, workspace_id, email, role, rules, token_ms, digest,
            created_at, expires_at FROM invitations WHERE workspace_id = ?1 ORDER BY email";
        self.read("listing invitations", |connection| {
            connection
                .prepare_cached(SQL)?
                .query_map([scope.id()], read)?
                .collect()
        })
    }

    /// Takes an invitation to a workspace back: its code opens nothing any more.
    pub fn revoke_invitation(
        &self,
        scope: &WorkspaceScope,
        actor: &Actor,
        id: &InvitationId,
    ) -> Result<(), StoreError> {
        const SQL: &str = "SELECT id, workspace_id, email, role, rules, token_ms, digest,
            created_at, expires_at FROM invitations WHERE workspace_id = ?1 AND id = ?2";
        let doing = "revoking an invitation";
        self.change(doing, actor, |tx| {
            let found = tx
                .query_row(SQL, (scope.id(), id.as_str()), read)
                .optional()
                .doing(doing)?;
            let invitation = found.ok_or_else(|| StoreError::Unknown {
                what: "invitation",
                name: id.as_str().to_owned(),
            })?;
            delete(tx, id).doing(doing)?;
            Ok(((), [entry("invitation.revoke", &invitation)]))
        })
    }

    /// The invitation that a code opens and the workspace it is to: the code is what says who asks, as a token does.
    pub fn invitation_of(
        &self,
        code: &Code,
    ) -> Result<(Invitation, Option<WorkspaceSlug>), StoreError> {
        const SQL: &str = "SELECT slug FROM workspaces WHERE id = ?1";
        let doing = "reading an invitation";
        let found = self.read_at_once(doing, |connection| {
            let Some(invitation) = select(connection, &code.digest)? else {
                return Ok(None);
            };
            let slug = match invitation.workspace() {
                None => None,
                Some(id) => Some(connection.query_row(SQL, [id.as_str()], |row| {
                    parsed(row, 0, |slug| slug.try_into())
                })?),
            };
            Ok(Some((invitation, slug)))
        })?;
        found
            .filter(|(invitation, _)| invitation.admits(code))
            .ok_or(StoreError::NoInvitation)
    }
}

impl Invitation {
    /// The row was found by its digest; comparing again, in constant time, makes a mix-up in the look-up harmless
    /// (S-35).
    fn admits(&self, code: &Code) -> bool {
        (self.digest == code.digest) & self.is_open(code.now_ms)
    }
}

/// Uses an invitation up inside a change: what the code opens is gone afterwards.
pub(crate) fn take(tx: &Transaction<'_>, code: &Code) -> Result<Invitation, StoreError> {
    let doing = "accepting an invitation";
    let invitation = select(tx, &code.digest)
        .doing(doing)?
        .filter(|invitation| invitation.admits(code))
        .ok_or(StoreError::NoInvitation)?;
    delete(tx, &invitation.id).doing(doing)?;
    Ok(invitation)
}

/// Saves an invitation in the place of the one to the same address.
pub(crate) fn replace(tx: &Transaction<'_>, invitation: &Invitation) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO invitations (id, workspace_id, email, role, rules, token_ms,
        digest, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let doing = "saving an invitation";
    withdraw(tx, invitation.workspace(), invitation.email.as_str()).doing(doing)?;
    let (role, rules, token_ms) = match &invitation.to {
        InvitedTo::Team => (None, None, None),
        InvitedTo::Workspace {
            role,
            rules,
            token_ms,
            ..
        } => (Some(role.as_str()), Some(patterns(rules)), *token_ms),
    };
    let values = params![
        invitation.id.as_str(),
        invitation.workspace().map(WorkspaceId::as_str),
        invitation.email.as_str(),
        role,
        rules,
        token_ms,
        invitation.digest.0,
        invitation.created_at,
        invitation.expires_at,
    ];
    tx.execute(SQL, values).doing(doing)?;
    Ok(())
}

/// Deletes the invitation of an address, if there is one.
pub(crate) fn withdraw(
    tx: &Transaction<'_>,
    workspace: Option<&WorkspaceId>,
    email: &str,
) -> rusqlite::Result<usize> {
    const SQL: &str =
        "DELETE FROM invitations WHERE COALESCE(workspace_id, '') = ?1 AND email = ?2";
    let workspace = workspace.map_or("", WorkspaceId::as_str);
    tx.execute(SQL, (workspace, email))
}

/// The audit row of something that was done with an invitation.
pub(crate) fn entry(action: &'static str, invitation: &Invitation) -> Entry {
    let state = match &invitation.to {
        InvitedTo::Team => serde_json::json!({ "expires_at": invitation.expires_at }),
        InvitedTo::Workspace {
            role,
            rules,
            token_ms,
            ..
        } => serde_json::json!({
            "role": role,
            "rules": rules.patterns(),
            "token_ms": token_ms,
            "expires_at": invitation.expires_at,
        }),
    };
    Entry::new(
        action,
        invitation.workspace(),
        invitation.id.as_str(),
        invitation.email.as_str(),
    )
    .states(None, Some(state.to_string().into_bytes()))
}

fn select(connection: &Connection, digest: &TokenDigest) -> rusqlite::Result<Option<Invitation>> {
    const SQL: &str = "SELECT id, workspace_id, email, role, rules, token_ms, digest,
        created_at, expires_at FROM invitations WHERE digest = ?1";
    connection.query_row(SQL, [digest.0], read).optional()
}

fn delete(tx: &Transaction<'_>, id: &InvitationId) -> rusqlite::Result<()> {
    const SQL: &str = "DELETE FROM invitations WHERE id = ?1";
    tx.execute(SQL, [id.as_str()]).map(drop)
}

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Invitation> {
    Ok(Invitation {
        id: parsed(row, 0, |id| id.try_into())?,
        email: parsed(row, 2, str::parse)?,
        to: read_to(row)?,
        digest: TokenDigest(row.get(6)?),
        created_at: row.get(7)?,
        expires_at: row.get(8)?,
    })
}

fn read_to(row: &Row<'_>) -> rusqlite::Result<InvitedTo> {
    if row.get_ref(1)?.as_str_or_null()?.is_none() {
        return Ok(InvitedTo::Team);
    }
    let patterns: Vec<String> = parsed(row, 4, |text| serde_json::from_str(text))?;
    Ok(InvitedTo::Workspace {
        workspace: parsed(row, 1, |id| id.try_into())?,
        role: parsed(row, 3, str::parse)?,
        rules: ToolRules::parse(patterns.iter().map(String::as_str))
            .map_err(|_| unreadable(4, Broken("tool patterns that cannot be meant")))?,
        token_ms: row.get(5)?,
    })
}

fn patterns(rules: &ToolRules) -> String {
    serde_json::json!(rules.patterns()).to_string()
}
