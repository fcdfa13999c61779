//! Who is behind a session.

use std::fmt;
use std::sync::Arc;

use toolgate_admin::{Actor, Secret, SignedIn};

/// Somebody who signed in, and by what.
#[derive(Debug, Clone)]
pub(crate) enum Who {
    /// With e-mail and password.
    Operator(SignedIn),
    /// With an operator key `ak_…`.
    Key {
        /// Its public id.
        id: String,
        /// What a person calls it.
        name: String,
        /// The key itself: each request presents it again, so revoking it ends the session (S-41).
        text: Arc<Secret<String>>,
        /// As whom it acts.
        actor: Actor,
    },
    /// With an Admin token of one workspace.
    Workspace {
        /// The token's public id.
        id: String,
        /// What a person calls it.
        name: String,
        /// The workspace's slug.
        slug: String,
        /// The token itself, as with a key.
        text: Arc<Secret<String>>,
        /// As whom it acts.
        actor: Actor,
    },
}

/// What somebody proves by that they are who they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    Password,
    Key,
    Token,
    SetupToken,
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password => "the e-mail or the password",
            Self::Key => "the key",
            Self::Token => "the token",
            Self::SetupToken => "the setup token",
        })
    }
}

impl Who {
    /// The id of who or what signed in.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Operator(who) => &who.id,
            Self::Key { id, .. } | Self::Workspace { id, .. } => id,
        }
    }

    /// As the page shows it.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Operator(who) => &who.email,
            Self::Key { name, .. } | Self::Workspace { name, .. } => name,
        }
    }

    /// What it proves itself by.
    pub(crate) fn proof(&self) -> Proof {
        match self {
            Self::Operator(_) => Proof::Password,
            Self::Key { .. } => Proof::Key,
            Self::Workspace { .. } => Proof::Token,
        }
    }

    /// As whom it acts.
    pub(crate) fn actor(&self) -> Actor {
        match self {
            Self::Operator(who) => who.actor.clone(),
            Self::Key { actor, .. } | Self::Workspace { actor, .. } => actor.clone(),
        }
    }

    /// `operator`, `key` or `workspace`.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Operator(_) => "operator",
            Self::Key { .. } => "key",
            Self::Workspace { .. } => "workspace",
        }
    }

    /// The one workspace it may see, unless it is all of them.
    pub(crate) fn workspace(&self) -> Option<&str> {
        match self {
            Self::Workspace { slug, .. } => Some(slug),
            _ => None,
        }
    }

    /// Whether both are the same person, key or token.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.id() == other.id()
    }

    #[cfg(test)]
    pub(crate) fn test(name: &str) -> Self {
        Self::Key {
            id: name.to_owned(),
            name: name.to_owned(),
            text: Arc::new(Secret::new(String::new())),
            actor: Actor::stranger(),
        }
    }
}
