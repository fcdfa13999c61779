//! The people of a workspace.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use toolgate_namespace::WorkspaceId;
use toolgate_policy::{Email, MemberId, Token};

use crate::audit::{Actor, Entry};
use crate::error::Doing;
use crate::invitations::{self, Code};
use crate::limits::{self, Limit};
use crate::sql::parsed;
use crate::{Store, StoreError, WorkspaceScope, tokens};

/// One person in a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Identity, which the person's tokens carry.
    pub id: MemberId,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The address.
    pub email: Email,
    /// When the invitation was accepted, unix milliseconds.
    pub joined_at: u64,
}

impl Store {
    /// The members of a workspace, by address.
    pub fn members(&self, scope: &WorkspaceScope) -> Result<Vec<Member>, StoreError> {
        const SQL: &str = "SELECT id, workspace_id, email, joined_at FROM members
            WHERE workspace_id = ?1 ORDER BY email";
        self.read("listing members", |connection| {
            connection
                .prepare_cached(SQL)?
                .query_map([scope.id()], read)?
                .collect()
        })
    }

    /// Turns an invitation into a member with a first token: the code is used up, member and token are saved, or
    /// nothing is.
    pub fn join_workspace(
        &self,
        scope: &WorkspaceScope,
        actor: &Actor,
        code: &Code,
        member: &Member,
        token: &Token,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO members (id, workspace_id, email, joined_at)
            VALUES (?1, ?2, ?3, ?4)";
        let doing = "joining a workspace";
        scope.owns("member", &member.workspace)?;
        scope.owns("token", &token.workspace)?;
        self.change(doing, actor, |tx| {
            scope.still_exists(tx)?;
            let invitation = invitations::take(tx, code)?;
            if invitation.workspace() != Some(scope.workspace()) {
                return Err(StoreError::NoInvitation);
            }
            refuse_taken(tx, scope, &member.email)?;
            limits::make_room(tx, &Limit::Members(&member.email))?;
            let values = params![
                member.id.as_str(),
                member.workspace.as_str(),
                member.email.as_str(),
                member.joined_at,
            ];
            tx.execute(SQL, values).doing(doing)?;
            let token = tokens::insert(tx, token)?;
            Ok(((), [entry("member.join", member), token]))
        })
    }

    /// Removes a member and revokes every token of theirs that was not, and nobody else's (S-41); answers how many.
    pub fn remove_member(
        &self,
        scope: &WorkspaceScope,
        actor: &Actor,
        id: &MemberId,
        now_ms: u64,
    ) -> Result<u64, StoreError> {
        const SQL: &str = "DELETE FROM members WHERE id = ?1";
        let doing = "removing a member";
        self.change(doing, actor, |tx| {
            let member = find(tx, scope, id)?;
            let mut entries = tokens::revoke_of_member(tx, scope, id, now_ms)?;
            let revoked = entries.len() as u64;
            tx.execute(SQL, [id.as_str()]).doing(doing)?;
            entries.push(entry("member.remove", &member));
            Ok((revoked, entries))
        })
    }
}

/// Refuses an address that is a member already.
pub(crate) fn refuse_taken(
    connection: &Connection,
    scope: &WorkspaceScope,
    email: &Email,
) -> Result<(), StoreError> {
    const SQL: &str = "SELECT 1 FROM members WHERE workspace_id = ?1 AND email = ?2";
    let found = connection
        .query_row(SQL, (scope.id(), email.as_str()), |_| Ok(()))
        .optional()
        .doing("looking for a member")?;
    match found {
        None => Ok(()),
        Some(()) => Err(StoreError::Taken {
            what: "member",
            name: email.to_string(),
        }),
    }
}

/// Refuses a member id that is not one of this workspace's.
pub(crate) fn find(
    tx: &Transaction<'_>,
    scope: &WorkspaceScope,
    id: &MemberId,
) -> Result<Member, StoreError> {
    const SQL: &str = "SELECT id, workspace_id, email, joined_at FROM members
        WHERE workspace_id = ?1 AND id = ?2";
    tx.query_row(SQL, (scope.id(), id.as_str()), read)
        .optional()
        .doing("reading a member")?
        .ok_or_else(|| StoreError::Unknown {
            what: "member",
            name: id.as_str().to_owned(),
        })
}

fn read(row: &Row<'_>) -> rusqlite::Result<Member> {
    Ok(Member {
        id: parsed(row, 0, |id| id.try_into())?,
        workspace: parsed(row, 1, |id| id.try_into())?,
        email: parsed(row, 2, str::parse)?,
        joined_at: row.get(3)?,
    })
}

fn entry(action: &'static str, member: &Member) -> Entry {
    Entry::new(
        action,
        Some(&member.workspace),
        member.id.as_str(),
        member.email.as_str(),
    )
}
