//! The team: people who may sign in to administer the installation.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use toolgate_policy::{Email, OperatorId};

use crate::audit::{Actor, Entry};
use crate::error::Doing;
use crate::invitations::{self, Code, Invitation};
use crate::limits::{self, Limit};
use crate::sql::parsed;
use crate::{Store, StoreError};

/// One person of the team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamMember {
    /// Identity.
    pub id: OperatorId,
    /// The address, which is the name to sign in with.
    pub email: String,
    /// When the person was invited, unix milliseconds.
    pub created_at: u64,
    /// When the invitation was accepted; `None` = not yet.
    pub joined_at: Option<u64>,
    /// When the person last signed in, unix milliseconds.
    pub last_used_at: Option<u64>,
    /// Until when the open invitation holds, if there is one.
    pub invited_until: Option<u64>,
}

impl Store {
    /// The team, by address, those who did not accept yet included.
    pub fn team(&self) -> Result<Vec<TeamMember>, StoreError> {
        const SQL: &str = "SELECT operators.id, operators.email, operators.created_at, joined_at,
            last_used_at, expires_at FROM operators
            LEFT JOIN invitations
                ON invitations.email = operators.email AND invitations.workspace_id IS NULL
            ORDER BY operators.email";
        self.read("listing the team", |connection| {
            connection
                .prepare_cached(SQL)?
                .query_map([], read)?
                .collect()
        })
    }

    /// Invites somebody to the team; an open invitation of the same address is replaced, its code dead. `id` is
    /// taken for whoever is new.
    pub fn invite_to_team(
        &self,
        actor: &Actor,
        id: &OperatorId,
        invitation: &Invitation,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO operators (id, email, created_at) VALUES (?1, ?2, ?3)
            ON CONFLICT (email) DO UPDATE SET created_at = excluded.created_at";
        let doing = "inviting to the team";
        if invitation.workspace().is_some() {
            return Err(StoreError::OutOfScope { what: "invitation" });
        }
        self.change(doing, actor, |tx| {
            let email = &invitation.email;
            if find_by_email(tx, email)?.is_some_and(|known| known.joined_at.is_some()) {
                return Err(StoreError::Taken {
                    what: "team member",
                    name: email.to_string(),
                });
            }
            limits::make_room(tx, &Limit::Members(email))?;
            let values = params![id.as_str(), email.as_str(), invitation.created_at];
            tx.execute(SQL, values).doing(doing)?;
            invitations::replace(tx, invitation)?;
            Ok(((), [invitations::entry("team.invite", invitation)]))
        })
    }

    /// Turns an invitation into somebody who may sign in, with this password (an Argon2id string) if one is given
    /// already; the code is used up.
    pub fn join_team(
        &self,
        actor: &Actor,
        code: &Code,
        password: Option<&str>,
    ) -> Result<TeamMember, StoreError> {
        const SQL: &str = "UPDATE operators SET joined_at = ?2,
            password = COALESCE(?3, password) WHERE id = ?1";
        let doing = "joining the team";
        self.change(doing, actor, |tx| {
            let invitation = invitations::take(tx, code)?;
            if invitation.workspace().is_some() {
                return Err(StoreError::NoInvitation);
            }
            let invited = find_by_email(tx, &invitation.email)?;
            let invited = invited.ok_or(StoreError::NoInvitation)?;
            tx.execute(SQL, params![invited.id.as_str(), code.now_ms, password])
                .doing(doing)?;
            let joined = TeamMember {
                joined_at: Some(code.now_ms),
                invited_until: None,
                ..invited
            };
            let entry = entry("team.join", &joined);
            Ok((joined, [entry]))
        })
    }

    /// Removes somebody from the team, with the keys, the sessions and the open invitation of theirs.
    pub fn remove_from_team(&self, actor: &Actor, id: &OperatorId) -> Result<(), StoreError> {
        const FIND: &str = "SELECT id, email, created_at, joined_at, last_used_at, NULL
            FROM operators WHERE id = ?1";
        const SQL: &str = "DELETE FROM operators WHERE id = ?1";
        let doing = "removing from the team";
        self.change(doing, actor, |tx| {
            let found = tx
                .query_row(FIND, [id.as_str()], read)
                .optional()
                .doing(doing)?;
            let removed = found.ok_or_else(|| StoreError::Unknown {
                what: "team member",
                name: id.as_str().to_owned(),
            })?;
            // Keys and sessions refer to the person and go with the row.
            tx.execute(SQL, [id.as_str()]).doing(doing)?;
            invitations::withdraw(tx, None, &removed.email).doing(doing)?;
            Ok(((), [entry("team.remove", &removed)]))
        })
    }
}

fn find_by_email(tx: &Transaction<'_>, email: &Email) -> Result<Option<TeamMember>, StoreError> {
    const SQL: &str = "SELECT id, email, created_at, joined_at, last_used_at, NULL
        FROM operators WHERE email = ?1";
    let connection: &Connection = tx;
    connection
        .query_row(SQL, [email.as_str()], read)
        .optional()
        .doing("reading the team")
}

fn read(row: &Row<'_>) -> rusqlite::Result<TeamMember> {
    Ok(TeamMember {
        id: parsed(row, 0, |id| id.try_into())?,
        email: row.get(1)?,
        created_at: row.get(2)?,
        joined_at: row.get(3)?,
        last_used_at: row.get(4)?,
        invited_until: row.get(5)?,
    })
}

fn entry(action: &'static str, member: &TeamMember) -> Entry {
    Entry::new(action, None, member.id.as_str(), &member.email)
}
