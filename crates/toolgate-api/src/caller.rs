//! Who is asking.

use toolgate_admin::{Actor, Admin, KeyHolder, Role, SignedIn, TokenHolder, WorkspaceScope};

/// Who is asking, as far as it was proved.
#[derive(Debug, Clone)]
pub enum Caller {
    /// A program with a key of the operator's: every workspace, but not the host.
    Key(KeyHolder),
    /// Somebody who signed in to the dashboard with a password: as a key.
    Operator(SignedIn),
    /// The holder of a token: its own workspace, as its role has it.
    Token(TokenHolder),
}

impl Caller {
    /// As whom it acts.
    pub fn actor(&self) -> &Actor {
        match self {
            Self::Key(key) => &key.actor,
            Self::Operator(who) => &who.actor,
            Self::Token(token) => &token.actor,
        }
    }

    /// Whether it administers the whole installation.
    pub fn is_operator(&self) -> bool {
        matches!(self, Self::Key(_) | Self::Operator(_))
    }

    /// Its role in the workspaces it can name; an operator administers all of them.
    pub fn role(&self) -> Role {
        match self {
            Self::Key(_) | Self::Operator(_) => Role::Admin,
            Self::Token(token) => token.role,
        }
    }

    /// The only workspace it has to do with; `None` for who has to do with all.
    pub fn home(&self) -> Option<&WorkspaceScope> {
        match self {
            Self::Key(_) | Self::Operator(_) => None,
            Self::Token(token) => Some(&token.scope),
        }
    }

    /// The token whose calls are all it may see; `None` for who may see everybody's.
    pub fn own_token(&self) -> Option<&str> {
        match self {
            Self::Token(token) if token.role != Role::Admin => Some(&token.id),
            Self::Key(_) | Self::Operator(_) | Self::Token(_) => None,
        }
    }

    /// Whether what it presented still works as it did, for what takes long.
    pub(crate) fn is_still_known(&self, admin: &Admin) -> bool {
        match self {
            Self::Key(key) => admin.list_operator_keys().is_ok_and(|keys| {
                let mut keys = keys.iter();
                keys.any(|known| known.id == key.id && known.status == "active")
            }),
            Self::Operator(who) => admin.still_operator(who).unwrap_or(false),
            Self::Token(token) => admin.list_tokens(&token.scope).is_ok_and(|tokens| {
                tokens.iter().any(|known| {
                    known.id == token.id && known.status == "active" && known.role == token.role
                })
            }),
        }
    }
}
