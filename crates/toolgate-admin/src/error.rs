//! Why an administrative act failed, what kind of failure that is, and what to do about it.

use std::path::PathBuf;

use toolgate_namespace::InvalidSlug;
use toolgate_policy::{InvalidRule, InvalidToken, UnknownRole};
use toolgate_store::StoreError;
use toolgate_store::control::ControlError;
use toolgate_store::master::{MasterRotationError, OpenError};
use toolgate_vault::{InvalidSecretName, InvalidSecretValue, KeyError, SealError};

use crate::InvalidServer;

/// An administrative act that failed. Nothing was changed, unless a variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The installation does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store failed or refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The running gateway could not be asked.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// No workspace has this slug.
    #[error("no workspace `{slug}`")]
    UnknownWorkspace {
        /// What was asked for.
        slug: String,
        /// The ones there are.
        known: Vec<String>,
    },
    /// Several workspaces, and neither named nor active one.
    #[error("there are {} workspaces and none is active", known.len())]
    NoActiveWorkspace {
        /// The ones there are.
        known: Vec<String>,
    },
    /// The file that names the active workspace.
    #[error("keeping the active workspace in {path}")]
    ActiveFile {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A name for people that is too short, too long or not printable.
    #[error("the name of a {what} has {min} to {max} characters, none of them a control character")]
    Name {
        /// `workspace` or `token`.
        what: &'static str,
        /// Least length.
        min: usize,
        /// Greatest length.
        max: usize,
    },
    /// No server of this workspace has this slug.
    #[error("no server `{slug}` in workspace `{workspace}`")]
    UnknownServer {
        /// What was asked for.
        slug: String,
        /// Where.
        workspace: String,
        /// The ones there are.
        known: Vec<String>,
    },
    /// The server name is taken.
    #[error("workspace `{workspace}` already has a server `{slug}`")]
    ServerTaken {
        /// The name.
        slug: String,
        /// Where.
        workspace: String,
    },
    /// Not a server name.
    #[error(transparent)]
    Slug(#[from] InvalidSlug),
    /// A server cannot be configured like this.
    #[error(transparent)]
    Server(#[from] InvalidServer),
    /// As many servers as a workspace may have (product.md section 25).
    #[error("workspace `{workspace}` already has {limit} servers, the most there may be")]
    TooManyServers {
        /// Where.
        workspace: String,
        /// The limit.
        limit: usize,
    },
    /// An unprefixed server would not be alone (P9.6).
    #[error(
        "server `{unprefixed}` has no prefix, so it must be the only enabled one; `{other}` is enabled too"
    )]
    NotAlone {
        /// The server with `--prefix none`.
        unprefixed: String,
        /// The other one.
        other: String,
    },
    /// No token of this workspace has this id.
    #[error("no token `{id}` in workspace `{workspace}`")]
    UnknownToken {
        /// What was asked for.
        id: String,
        /// Where.
        workspace: String,
    },
    /// No call has this id, or it is forgotten by now.
    #[error("no call `{id}` is remembered")]
    UnknownCall {
        /// What was asked for.
        id: String,
    },
    /// Nobody of this workspace is known by this.
    #[error("no member and no token `{who}` in workspace `{workspace}`")]
    UnknownMember {
        /// What was asked for.
        who: String,
        /// Where.
        workspace: String,
    },
    /// Several tokens have this name.
    #[error("{count} tokens are named `{name}`")]
    AmbiguousToken {
        /// The name.
        name: String,
        /// How many have it.
        count: usize,
    },
    /// Text that is not a token, so nothing was looked up.
    #[error("that is not a token")]
    NotAToken(#[from] InvalidToken),
    /// Not a role.
    #[error(transparent)]
    Role(#[from] UnknownRole),
    /// Not a tool pattern.
    #[error(transparent)]
    Rule(#[from] InvalidRule),
    /// Tool patterns that only exclude: they allow nothing (S-01).
    #[error("the tool patterns exclude tools and allow none")]
    GrantsNothing,
    /// Not a rate limit.
    #[error("`{given}` is not a rate limit")]
    RateLimit {
        /// What was given.
        given: String,
    },
    /// The server has no such tool, or was never reached.
    #[error("no tool `{tool}` is known of server `{server}`")]
    UnknownTool {
        /// What was asked for.
        tool: String,
        /// Whose tool.
        server: String,
    },
    /// What is offered now is not what was shown (S-51).
    #[error("`{what}` changed since it was shown")]
    Changed {
        /// A tool as `server/tool`, or a server.
        what: String,
    },
    /// Not a digest.
    #[error("a digest has 64 hexadecimal digits")]
    NotAHash,
    /// No secret of that name is set there.
    #[error("no secret `{name}` is set for {owner}")]
    UnknownSecret {
        /// Its name.
        name: String,
        /// `server `x`` or `workspace `y``.
        owner: String,
    },
    /// Cannot name a secret.
    #[error(transparent)]
    SecretName(#[from] InvalidSecretName),
    /// Two spellings meet in one name; replacing a value takes the exact name (S-18).
    #[error("`{given}` is written {name}, and {name} is set already")]
    SecretSpelling {
        /// What was given.
        given: String,
        /// The stored name.
        name: String,
    },
    /// Cannot be the value of a secret.
    #[error("the value cannot be kept as a secret")]
    SecretValue(#[from] InvalidSecretValue),
    /// A key could not be made or opened.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Sealing failed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The master key was not rotated.
    #[error(transparent)]
    MasterRotation(#[from] MasterRotationError),
    /// The system gave no random bytes.
    #[error("drawing random bytes")]
    Random,
    /// A backup that cannot be relied on.
    #[error("the backup {file} does not verify, so it counts as not made")]
    NotVerified {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: Box<AdminError>,
    },
    /// A backup of a store that no key was ever adopted in.
    #[error("it is the backup of a store that was never used")]
    NeverUsed,
    /// A secret's data key is not in the backup.
    #[error("the key that the secret {name} is sealed with is not in it")]
    SecretKeyMissing {
        /// Its name.
        name: String,
    },
    /// The gateway could not open secrets of a backup.
    #[error("secrets of these workspaces do not open: {}", workspaces.join(", "))]
    SecretsDoNotOpen {
        /// Their slugs.
        workspaces: Vec<String>,
    },
    /// The gateway could not do what it was asked.
    #[error("the gateway says: {error}")]
    GatewaySays {
        /// In its words.
        error: String,
    },
    /// A file outside the store.
    #[error("reading or writing {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// What is written out could not be.
    #[error("writing the export")]
    Output(#[source] std::io::Error),
    /// A file that is no audit export.
    #[error("{path} is no audit export: line {line} is not a row")]
    NotAnExport {
        /// The file.
        path: PathBuf,
        /// Which line.
        line: u64,
    },
    /// The act needs a running gateway.
    #[error("no gateway is running on {dir}")]
    GatewayNeeded {
        /// The data directory.
        dir: PathBuf,
    },
    /// The running gateway could not do it.
    #[error("{error}")]
    Gateway {
        /// What it says.
        error: String,
        /// What it says to do.
        hint: Option<String>,
    },
    /// A server that is reached by URL has no output to show.
    #[error("server `{slug}` is no child process, so its output is not here")]
    NoLogs {
        /// Its name.
        slug: String,
    },
}

/// Kinds of failure, for exit codes and HTTP statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Something broke.
    Failed,
    /// What was asked for cannot be meant.
    Invalid,
    /// It does not exist.
    NotFound,
    /// It is in the way of a rule or of something that exists.
    Refused,
    /// It takes a running gateway.
    GatewayNeeded,
    /// The disk is full; nothing was changed. 507 over HTTP.
    NoSpace,
    /// Another process held the store too long; nothing was changed. 503 over HTTP.
    Busy,
}

impl AdminError {
    /// Which kind of failure this is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Store(source) | Self::Open(OpenError::Store(source)) => store_fault(source),
            Self::UnknownWorkspace { .. }
            | Self::UnknownServer { .. }
            | Self::UnknownToken { .. }
            | Self::UnknownCall { .. }
            | Self::UnknownMember { .. }
            | Self::UnknownTool { .. }
            | Self::UnknownSecret { .. } => Fault::NotFound,
            Self::NotAnExport { .. }
            | Self::NoActiveWorkspace { .. }
            | Self::Name { .. }
            | Self::Slug(_)
            | Self::Server(_)
            | Self::AmbiguousToken { .. }
            | Self::NotAToken(_)
            | Self::NotAHash
            | Self::Role(_)
            | Self::Rule(_)
            | Self::GrantsNothing
            | Self::RateLimit { .. }
            | Self::SecretName(_)
            | Self::SecretValue(_)
            | Self::NoLogs { .. } => Fault::Invalid,
            Self::ServerTaken { .. }
            | Self::TooManyServers { .. }
            | Self::NotAlone { .. }
            | Self::Changed { .. }
            | Self::SecretSpelling { .. }
            | Self::MasterRotation(
                MasterRotationError::NeedsFile { .. } | MasterRotationError::InPlaceOnly { .. },
            ) => Fault::Refused,
            Self::GatewayNeeded { .. } => Fault::GatewayNeeded,
            Self::NotVerified { source, .. } => match source.fault() {
                Fault::NoSpace => Fault::NoSpace,
                _ => Fault::Failed,
            },
            Self::File { source, .. } | Self::Output(source)
                if source.kind() == std::io::ErrorKind::StorageFull =>
            {
                Fault::NoSpace
            }
            Self::Open(_)
            | Self::Control(_)
            | Self::Gateway { .. }
            | Self::NeverUsed
            | Self::SecretKeyMissing { .. }
            | Self::SecretsDoNotOpen { .. }
            | Self::GatewaySays { .. }
            | Self::File { .. }
            | Self::Output(_)
            | Self::ActiveFile { .. }
            | Self::Key(_)
            | Self::Seal(_)
            | Self::MasterRotation(_)
            | Self::Random => Fault::Failed,
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Open(source) => source.hint(),
            Self::Store(source) => source.hint().map(Into::into),
            Self::UnknownWorkspace { known, .. } => Some(if known.is_empty() {
                "there is none yet; make one with `toolgatectl workspace create NAME`".to_owned()
            } else {
                format!(
                    "there is {}; see `toolgatectl workspace list`",
                    listed(known)
                )
            }),
            Self::NoActiveWorkspace { known } => Some(format!(
                "choose one with --workspace, or make it the default: {}",
                known
                    .iter()
                    .map(|slug| format!("`toolgatectl workspace use {slug}`"))
                    .collect::<Vec<_>>()
                    .join(", ")
            )),
            Self::UnknownServer { known, .. } => Some(if known.is_empty() {
                "it has none yet; add one with `toolgatectl mcp add`".to_owned()
            } else {
                format!("it has {}; see `toolgatectl mcp list`", listed(known))
            }),
            Self::ServerTaken { slug, .. } => Some(format!(
                "choose another name, or remove it first: `toolgatectl mcp remove {slug}`"
            )),
            Self::Server(source) => source.hint(),
            Self::TooManyServers { .. } => Some("use another workspace for more".to_owned()),
            Self::NotAlone { unprefixed, other } => Some(format!(
                "disable one of them (`toolgatectl mcp disable {other}`), or add `{unprefixed}` without --prefix none"
            )),
            Self::UnknownToken { workspace, .. } | Self::UnknownMember { workspace, .. } => Some(format!(
                "see `toolgatectl workspace token list {workspace}`"
            )),
            Self::UnknownCall { .. } => Some(
                "an id starts with call_ and stands in the error the client saw; calls are forgotten after `retention_days`, see `toolgatectl calls`"
                    .to_owned(),
            ),
            Self::AmbiguousToken { .. } => Some(
                "use the id of the one you mean, from `toolgatectl workspace token list`"
                    .to_owned(),
            ),
            Self::NotAToken(_) => Some(
                "a token starts with mwt_ and ends in a checksum; check that it was copied whole"
                    .to_owned(),
            ),
            Self::GrantsNothing => {
                Some("add what it may use, such as `*,!github__delete_*`".to_owned())
            }
            Self::Rule(source) => Some(source.hint().to_owned()),
            Self::Key(source) => source.hint().map(Into::into),
            Self::Seal(source) => source.hint().map(Into::into),
            Self::MasterRotation(source) => source.hint(),
            Self::RateLimit { .. } => Some(
                "use a number of requests in any 60 seconds, from 1 to 1000000, or `off`"
                    .to_owned(),
            ),
            Self::UnknownTool { server, .. } => Some(format!(
                "see `toolgatectl tools list {server}`; a server that was never reached has none yet (`toolgatectl workspace test`)"
            )),
            Self::Changed { what } => Some(format!(
                "look at it again with `toolgatectl tools review {what}`, then approve what that shows"
            )),
            Self::NotAHash => Some("`toolgatectl tools review` shows it with each tool".to_owned()),
            Self::UnknownSecret { .. } => Some("see `toolgatectl secrets list`".to_owned()),
            Self::SecretName(source) => source.hint().map(Into::into),
            Self::SecretSpelling { name, .. } => {
                Some(format!("to replace its value, name it exactly: {name}"))
            }
            Self::SecretValue(source) => source.hint().map(Into::into),
            Self::Control(source) => source.hint().map(Into::into),
            Self::GatewayNeeded { dir } => Some(format!(
                "start one: `toolgate --data-dir {}`",
                dir.display()
            )),
            Self::Gateway { hint, .. } => hint.clone(),
            Self::NoLogs { .. } => Some("look at it where it runs".to_owned()),
            Self::NotVerified { source, .. } => source.hint().or_else(|| {
                Some("make another one; `toolgatectl doctor` looks at the store itself".to_owned())
            }),
            Self::SecretsDoNotOpen { .. } | Self::SecretKeyMissing { .. } => Some(
                "`toolgatectl doctor` says whether the store itself has them; set those secrets again"
                    .to_owned(),
            ),
            Self::NotAnExport { .. } => {
                Some("make one with `toolgatectl audit export > FILE`".to_owned())
            }
            Self::NeverUsed
            | Self::GatewaySays { .. }
            | Self::File { .. }
            | Self::Output(_)
            | Self::ActiveFile { .. }
            | Self::Name { .. }
            | Self::Slug(_)
            | Self::Role(_)
            | Self::Random => None,
        }
    }
}

fn store_fault(error: &StoreError) -> Fault {
    match error {
        StoreError::UnknownWorkspace { .. } | StoreError::Unknown { .. } => Fault::NotFound,
        StoreError::Taken { .. }
        | StoreError::Conflict { .. }
        | StoreError::InUse { .. }
        | StoreError::BackupExists { .. } => Fault::Refused,
        StoreError::Full { .. } => Fault::NoSpace,
        StoreError::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
            Fault::NoSpace
        }
        StoreError::Busy { .. } => Fault::Busy,
        _ => Fault::Failed,
    }
}

/// `a, b and 3 more`, so that a message stays one line.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown = names
        .iter()
        .take(SHOWN)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
