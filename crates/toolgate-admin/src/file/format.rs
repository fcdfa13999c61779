//! The form of the file: TOML, every name known, nothing else taken.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use toolgate_policy::{Classification, Role};

use super::server::ServerEntry;
use crate::ReadOnlyMay;

/// The form this program writes and reads.
const VERSION: u32 = 1;

const HEAD: &str = "# A Toolgate workspace. `toolgatectl apply -f FILE` makes an installation equal to it; it holds no secret.\n";

/// Why a file cannot be read; never shows more of it than the place.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Not the form of a workspace.
    #[error("line {line}: {message}")]
    Toml {
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// A number beyond what TOML can say.
    #[error("writing it: {message}")]
    Unwritable {
        /// What is wrong.
        message: String,
    },
    /// Of a later program.
    #[error("its version is {version}, and this program reads version {VERSION}")]
    Version {
        /// What it says.
        version: u32,
    },
    /// Not the form of a proxy file.
    #[error("{message}")]
    Proxy {
        /// What is wrong.
        message: String,
    },
    /// Something is named twice.
    #[error("the {what} `{name}` is there twice")]
    Twice {
        /// `server`.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A token that can be created by nobody.
    #[error("`{text}` is not a time such as 2027-01-31T12:00:00Z")]
    Time {
        /// What was given.
        text: String,
    },
    /// An allowance for another place than the server's own.
    #[error("`allow` is `{given}`, and the server's own host and port are `{own}`")]
    Allow {
        /// What was given.
        given: String,
        /// What it may be.
        own: String,
    },
    /// A server is one or the other.
    #[error("a server has either `url` or `command`")]
    Reach,
    /// A setting of the other kind of server.
    #[error("`{name}` is for servers with `{kind}`")]
    Misplaced {
        /// The setting.
        name: &'static str,
        /// `url` or `command`.
        kind: &'static str,
    },
}

/// A workspace as a file has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkspaceFile {
    pub(super) version: u32,
    /// Its place in the URL.
    pub slug: String,
    /// What people call it.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What read-only tokens may call.
    #[serde(default)]
    pub(super) read_only: ReadOnlyMay,
    #[serde(default)]
    pub(super) strict_records: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) servers: Vec<ServerEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tokens: Vec<TokenEntry>,
}

/// What an admin settled about one tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToolEntry {
    #[serde(default = "on", skip_serializing_if = "is_on")]
    pub(super) enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) does: Option<Classification>,
}

/// By the server's own names.
pub(super) type Tools = BTreeMap<String, ToolEntry>;

/// A token without its text. Ordered by what it says, its name first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenEntry {
    pub(super) name: String,
    #[serde(default = "developer")]
    pub(super) role: Role,
    #[serde(default = "every_tool")]
    pub(super) tools: Vec<String>,
    #[serde(default)]
    pub(super) rate_limit: RateEntry,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expires_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) member: Option<String>,
}

/// Requests in any 60 seconds, or `off`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum RateEntry {
    PerMinute(u32),
    Word(String),
}

impl Default for RateEntry {
    fn default() -> Self {
        Self::PerMinute(120)
    }
}

impl RateEntry {
    pub(super) fn text(&self) -> String {
        match self {
            Self::PerMinute(limit) => limit.to_string(),
            Self::Word(word) => word.clone(),
        }
    }
}

impl ToolEntry {
    pub(super) const DEFAULT: Self = Self {
        enabled: true,
        does: None,
    };
}

impl WorkspaceFile {
    pub(super) fn new(slug: String, name: String, description: String) -> Self {
        Self {
            version: VERSION,
            slug,
            name,
            description,
            read_only: ReadOnlyMay::Annotated,
            strict_records: false,
            servers: Vec::new(),
            tokens: Vec::new(),
        }
    }

    /// Reads a file.
    pub fn parse(text: &str) -> Result<Self, FileError> {
        let file: Self = toml::from_str(text).map_err(|error| FileError::Toml {
            line: error.span().map_or(1, |span| {
                1 + text
                    .bytes()
                    .take(span.start)
                    .filter(|b| *b == b'\n')
                    .count()
            }),
            message: error
                .message()
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned(),
        })?;
        if file.version != VERSION {
            return Err(FileError::Version {
                version: file.version,
            });
        }
        let mut names: Vec<&str> = file.servers.iter().map(|server| &*server.name).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(FileError::Twice {
                what: "server",
                name: pair[0].to_owned(),
            });
        }
        Ok(file)
    }

    /// As it is written.
    pub fn text(&self) -> Result<String, FileError> {
        let text = toml::to_string(self).map_err(|error| FileError::Unwritable {
            message: error.to_string(),
        })?;
        Ok(HEAD.to_owned() + &text)
    }
}

pub(super) fn on() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
pub(super) fn is_on(on: &bool) -> bool {
    *on
}

fn developer() -> Role {
    Role::Developer
}

fn every_tool() -> Vec<String> {
    vec!["*".to_owned()]
}
