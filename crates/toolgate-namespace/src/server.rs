//! What one MCP server of one workspace is, and what its names may look like.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::child::ChildSettings;
use crate::id::{ServerId, WorkspaceId};
use crate::trust::Trust;

/// One MCP server inside one workspace: the link between the two, with everything it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerSpec {
    /// Identity of this link; changes never reuse it.
    pub id: ServerId,
    /// The workspace it belongs to.
    pub workspace: WorkspaceId,
    /// The prefix of its tools.
    pub slug: ServerSlug,
    /// How it is reached.
    pub transport: Transport,
    /// Which protocol era to speak, or to find out.
    pub era: EraSetting,
    /// Whether its names are prefixed with the slug.
    pub prefix: Prefix,
    /// Who shares an upstream session or child process (protocol.md P2.5).
    pub isolation: Isolation,
    /// The secrets it is given and where they go.
    pub injections: Vec<Injection>,
    /// How long its phases may take.
    pub timeouts: Timeouts,
    /// Disabled servers are neither listed nor called.
    pub enabled: bool,
    /// Place in merged lists; ties are broken by id.
    pub display_order: u32,
    /// The operator allowed this exact `host:port` although it is private or plain http (S-65).
    pub allowed_origin: Option<String>,
    /// How far its tools are trusted (S-50).
    pub trust: Trust,
    /// Changes whenever the spec, or a secret it uses, changes; part of the upstream identity (S-47).
    pub version: u64,
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Transport {
    /// HTTP at an absolute URL. `{NAME}` in it is replaced by the secret of that name.
    Http {
        /// The endpoint as configured, placeholders included.
        url: String,
        /// Which HTTP shape to speak, or to find out.
        http: HttpKind,
    },
    /// A child process that speaks over standard input and output.
    Stdio {
        /// Program and arguments; never interpolated (S-71).
        argv: Vec<String>,
        /// How it is started and confined.
        #[serde(default, skip_serializing_if = "ChildSettings::is_default")]
        child: ChildSettings,
    },
}

/// Which HTTP shape a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum HttpKind {
    /// Find out (protocol.md P8.1).
    #[default]
    Auto,
    /// Streamable HTTP, 2025-03-26 and later.
    Streamable,
    /// The 2024-11-05 pair of a GET stream and a second URL.
    Sse,
}

/// Which protocol era to speak to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EraSetting {
    /// Probe and remember (protocol.md P8.1, P8.3).
    #[default]
    Auto,
    /// `initialize` handshake, up to 2025-11-25.
    Legacy,
    /// Stateless, 2026-07-28 and later.
    Modern,
}

/// Whether names of a server are prefixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Prefix {
    /// `{slug}__{tool}`.
    #[default]
    Slug,
    /// Names untouched; only where the server is alone in its workspace (protocol.md P9.6).
    None,
}

/// Who shares an upstream session or child process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// The default of the transport and era (protocol.md P2.5).
    #[default]
    Auto,
    /// Everybody.
    Shared,
    /// One for each token.
    Principal,
    /// One for each client session.
    Session,
}

/// One secret on its way to a server.
///
/// Templates hold `{NAME}` placeholders; they are filled once, never recursively (S-29).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "into", rename_all = "snake_case")]
pub enum Injection {
    /// `Authorization: Bearer <value>`.
    Bearer {
        /// Name of the secret.
        secret: String,
    },
    /// A request header, such as `X-Api-Key: {API_KEY}`.
    Header {
        /// Header name, lower case.
        name: String,
        /// Header value with placeholders.
        template: String,
    },
    /// An environment variable of a child process, named like the secret.
    Env {
        /// Name of the secret and of the variable.
        secret: String,
    },
    /// A `{NAME}` placeholder in the server's URL.
    Url {
        /// Name of the secret.
        secret: String,
    },
}

impl Injection {
    /// Names of the secrets this injection needs, in order of appearance.
    pub fn secret_names(&self) -> Vec<&str> {
        match self {
            Self::Bearer { secret } | Self::Env { secret } | Self::Url { secret } => vec![secret],
            Self::Header { template, .. } => placeholders(template).collect(),
        }
    }
}

/// The `{NAME}` placeholders of a template, in order of appearance; other braces are plain text.
pub fn placeholders(template: &str) -> impl Iterator<Item = &str> {
    let mut rest = template;
    std::iter::from_fn(move || {
        loop {
            rest = &rest[rest.find('{')? + 1..];
            let (name, after) = rest.split_once('}')?;
            if is_placeholder(name) {
                rest = after;
                return Some(name);
            }
        }
    })
}

fn is_placeholder(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// How long the phases of a conversation with a server may take (protocol.md section 12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    /// TCP and TLS together. Default 5 s.
    pub connect: Duration,
    /// All pages of one list. Default 5 s.
    pub list: Duration,
    /// A call without any sign of life. Default 60 s.
    pub call_idle: Duration,
    /// A call in all. Default 600 s.
    pub call_max: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            list: Duration::from_secs(5),
            call_idle: Duration::from_mins(1),
            call_max: Duration::from_mins(10),
        }
    }
}

/// Text that is not a slug.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{text}` is not a {what}: 1 to {max} lower-case letters, digits and single hyphens, starting with a letter"
)]
pub struct InvalidSlug {
    /// What was given, cut at 64 characters.
    pub text: String,
    /// `server name` or `workspace slug`.
    pub what: &'static str,
    /// The longest allowed.
    pub max: usize,
}

/// Declares a slug newtype over one grammar and one greatest length.
macro_rules! slug {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Longest slug of this kind, in bytes.
            pub const MAX_LEN: usize = $max;

            /// The slug as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidSlug;

            fn try_from(text: &str) -> Result<Self, InvalidSlug> {
                if is_slug(text, $max) {
                    return Ok(Self(text.into()));
                }
                Err(InvalidSlug {
                    text: text.chars().take(64).collect(),
                    what: $what,
                    max: $max,
                })
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidSlug;

            fn try_from(text: String) -> Result<Self, InvalidSlug> {
                Self::try_from(text.as_str())
            }
        }

        impl From<$name> for String {
            fn from(slug: $name) -> String {
                slug.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

slug! {
    /// The public name of a server, prefix of its tools: `[a-z]([a-z0-9-]{0,22}[a-z0-9])?` (P9.1, S-33).
    ServerSlug, "server name", 24
}
slug! {
    /// The name of a workspace in its URL, same grammar up to 48 bytes.
    WorkspaceSlug, "workspace slug", 48
}

fn is_slug(text: &str, max: usize) -> bool {
    let bytes = text.as_bytes();
    let starts = bytes.first().is_some_and(u8::is_ascii_lowercase);
    let ends = bytes.last().is_some_and(|b| *b != b'-');
    let body = bytes
        .iter()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-');
    starts && ends && body && bytes.len() <= max
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, valid: bool) {
        assert_eq!(ServerSlug::try_from(text).is_ok(), valid, "{text:?}");
    }

    #[test]
    fn s33_server_slugs_cannot_blur_the_separator() {
        check("a", true);
        check("github", true);
        check("my-server-2", true);
        check("", false);
        check("2fast", false);
        check("a_b", false);
        check("a__b", false);
        check("a_", false);
        check("a-", false);
        check("GitHub", false);
        check("é", false);
        check(&"a".repeat(24), true);
        check(&"a".repeat(25), false);
    }

    #[test]
    fn placeholders_are_found_once_each_and_braces_stay_text() {
        let header = Injection::Header {
            name: "x-api-key".into(),
            template: "{A} and {B_2}, {not one} {} {".into(),
        };
        assert_eq!(header.secret_names(), ["A", "B_2"]);
    }
}
