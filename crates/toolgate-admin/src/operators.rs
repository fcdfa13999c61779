//! People who administer the installation in a browser, with e-mail and password (S-77).

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_policy::Email;
use toolgate_store::{Actor, OperatorRow, StoreError};
use toolgate_vault::Secret;

use crate::time::{now_ms, rfc3339};
use crate::{Admin, AdminError, InvitationAccepted, draw, password};

/// An operator in a list; never the password.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct OperatorListed {
    /// Public id (`op_…`).
    pub id: String,
    /// The address to sign in with.
    pub email: String,
    /// `active`, or `invited` until a password is set.
    pub status: &'static str,
    /// When the row was made.
    pub created_at: String,
    /// When the password was first set.
    pub joined_at: Option<String>,
    /// When they last signed in.
    pub last_used_at: Option<String>,
}

/// An operator that is no more.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct OperatorRemoved {
    /// Public id.
    pub id: String,
    /// The address.
    pub email: String,
    /// Always true.
    pub removed: bool,
}

/// Somebody whose password was right.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// Public id of the operator.
    pub id: String,
    /// Their address.
    pub email: String,
    /// The stored string the password was checked against: a session lasts while it is this one.
    pub password: String,
    /// As whom they act.
    pub actor: Actor,
}

impl Admin {
    /// Everybody who may sign in, and who is invited to.
    pub fn list_operators(&self) -> Result<Vec<OperatorListed>, AdminError> {
        Ok(self.store.operators()?.iter().map(listed).collect())
    }

    /// Whether nobody can sign in with a password yet, so that the installation can be claimed (S-76).
    pub fn is_unclaimed(&self) -> Result<bool, AdminError> {
        let operators = self.store.operators()?;
        Ok(operators.iter().all(|row| row.password.is_none()))
    }

    /// Makes the first operator of an installation that has none. Whether somebody may is for the caller to know.
    pub fn claim_installation(
        &self,
        email: &str,
        password: &Secret<String>,
    ) -> Result<SignedIn, AdminError> {
        let email = canonical_email(email)?;
        let hash = password::hash(password)?;
        let now = now_ms();
        let row = OperatorRow {
            id: format!("op_{}", hex(&draw::bytes::<12>()?)),
            email,
            password: Some(hash.clone()),
            created_at: now,
            joined_at: Some(now),
            last_used_at: None,
        };
        self.store.create_operator(&self.actor, &row, true)?;
        Ok(SignedIn::new(row.id, row.email, hash))
    }

    /// Takes up an invitation to the team with a password to sign in with. A code to a workspace is refused, and not
    /// used up.
    pub fn join_with_password(
        &self,
        code: &str,
        password: &Secret<String>,
    ) -> Result<SignedIn, AdminError> {
        let hash = password::hash(password)?;
        match self.accept_team_invitation(code, &hash)? {
            InvitationAccepted::Team { id, email } => Ok(SignedIn::new(id, email, hash)),
            InvitationAccepted::Workspace { .. } => Err(StoreError::NoInvitation.into()),
        }
    }

    /// Who this is, if the password is theirs. Takes as long for an address that nobody has.
    pub fn check_password(
        &self,
        email: &str,
        password: &Secret<String>,
    ) -> Result<Option<SignedIn>, AdminError> {
        let row = match canonical_email(email) {
            Ok(email) => self.store.operator(&email)?,
            Err(_) => None,
        };
        let stored = row.as_ref().and_then(|row| row.password.as_deref());
        if !password::matches(password, stored) {
            return Ok(None);
        }
        Ok(row.and_then(|row| Some(SignedIn::new(row.id, row.email, row.password?))))
    }

    /// Whether somebody who signed in may still be: not removed, and with the same password (S-41).
    pub fn still_operator(&self, who: &SignedIn) -> Result<bool, AdminError> {
        let row = self.store.operator(&who.email)?;
        Ok(row.is_some_and(|row| {
            row.id == who.id && row.password.as_deref() == Some(who.password.as_str())
        }))
    }

    /// Gives an operator another password; their sessions end.
    pub fn set_operator_password(
        &self,
        email: &str,
        password: &Secret<String>,
    ) -> Result<OperatorListed, AdminError> {
        let email = canonical_email(email)?;
        let hash = password::hash(password)?;
        let row = self
            .store
            .set_operator_password(&self.actor, &email, &hash, now_ms())?;
        Ok(listed(&row))
    }

    /// Removes an operator and the keys they made; their sessions end.
    pub fn remove_operator(&self, email: &str) -> Result<OperatorRemoved, AdminError> {
        let email = canonical_email(email)?;
        let row = self.store.remove_operator(&self.actor, &email)?;
        Ok(OperatorRemoved {
            id: row.id,
            email: row.email,
            removed: true,
        })
    }

    /// Writes down that somebody signed in in a browser (S-85): with a password, a key or a token, as `id` tells.
    pub fn note_sign_in(&self, id: &str, name: &str) -> Result<(), AdminError> {
        self.store.touch_operator(id, now_ms())?;
        Ok(self.store.note_sign_in(&self.actor, id, name)?)
    }

    /// Writes down that an address failed to sign in too often (S-85).
    pub fn note_failed_sign_ins(&self, from: &str) -> Result<(), AdminError> {
        Ok(self.store.note_failed_sign_ins(&self.actor, from)?)
    }
}

/// The one spelling of an address (S-77), by which an operator is known.
pub fn canonical_email(given: &str) -> Result<String, AdminError> {
    Ok(given.parse::<Email>()?.into())
}

impl SignedIn {
    fn new(id: String, email: String, password: String) -> Self {
        Self {
            actor: Actor::operator(&email),
            id,
            email,
            password,
        }
    }
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn")
            .field("id", &self.id)
            .field("email", &self.email)
            .finish_non_exhaustive()
    }
}

fn listed(row: &OperatorRow) -> OperatorListed {
    OperatorListed {
        id: row.id.clone(),
        email: row.email.clone(),
        status: if row.password.is_some() {
            "active"
        } else {
            "invited"
        },
        created_at: rfc3339(row.created_at),
        joined_at: row.joined_at.map(rfc3339),
        last_used_at: row.last_used_at.map(rfc3339),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
