//! What kind of holder a token has.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Classification;

/// The role of a token in its one workspace: Admin ⊃ Developer ⊃ Read-only (S-40).
///
/// Ordered by what it may do. There is no default: whoever makes a token says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Lists and calls read-only tools; changes nothing.
    ReadOnly,
    /// Calls every enabled tool; changes nothing in the workspace.
    Developer,
    /// Also manages its workspace; not the installation.
    Admin,
}

/// Text that is not a role.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a role; use admin, developer or read-only")]
pub struct UnknownRole(
    /// What was given, cut at 64 characters.
    pub String,
);

impl Role {
    /// Every role, least first.
    pub const ALL: [Self; 3] = [Self::ReadOnly, Self::Developer, Self::Admin];

    /// `admin`, `developer` or `read-only`, as people type it and as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::Developer => "developer",
            Self::Admin => "admin",
        }
    }

    /// Whether the role may call a tool of this kind (S-40, S-54).
    ///
    /// `read_only_may_call_all` is the workspace's setting that lets read-only tokens call
    /// everything; it governs tools alone and gives no right to manage.
    pub fn may_call(self, tool: Classification, read_only_may_call_all: bool) -> bool {
        match self {
            Self::ReadOnly => tool == Classification::ReadOnly || read_only_may_call_all,
            Self::Developer | Self::Admin => true,
        }
    }

    /// Whether the role manages its workspace: servers, secrets, tokens, settings, and the records
    /// of everyone (S-40).
    pub fn may_manage(self) -> bool {
        match self {
            Self::ReadOnly | Self::Developer => false,
            Self::Admin => true,
        }
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| UnknownRole(text.chars().take(64).collect()))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_roles_are_one_to_one() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
            assert_eq!(role.to_string(), role.as_str());
        }
    }

    #[test]
    fn anything_else_is_refused_and_says_what_to_use() {
        for text in ["", "Admin", "readonly", "read_only", "owner", " admin"] {
            let error = text.parse::<Role>().expect_err(text);
            assert!(error.to_string().contains("admin, developer or read-only"));
        }
        let long = "x".repeat(10_000).parse::<Role>().expect_err("not a role");
        assert_eq!(long.0.len(), 64);
    }
}
