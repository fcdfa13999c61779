//! Why an administrative act failed, and what kind of failure that is.

use std::path::PathBuf;

use toolgate_namespace::InvalidSlug;
use toolgate_policy::{InvalidEmail, InvalidRule, InvalidToken, UnknownRole};
use toolgate_store::StoreError;
use toolgate_store::control::ControlError;
use toolgate_store::master::{MasterRotationError, OpenError};
use toolgate_vault::{InvalidSecretName, InvalidSecretValue, KeyError, SealError};

use crate::{FileError, InvalidServer, MailError};

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
    /// A file that is no workspace, or cannot be meant.
    #[error("the file cannot be taken")]
    FileForm(#[from] FileError),
    /// A part of a file that cannot be meant.
    #[error("{place} of the file")]
    InFile {
        /// Which part.
        place: String,
        /// What is wrong with it.
        source: Box<AdminError>,
    },
    /// Not a server name.
    #[error(transparent)]
    Slug(#[from] InvalidSlug),
    /// A server cannot be configured like this.
    #[error(transparent)]
    Server(#[from] InvalidServer),
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
    /// An alert that cannot be meant like this.
    #[error("an alert {rule}")]
    Alert {
        /// What an alert does.
        rule: &'static str,
    },
    /// There is no such alert here.
    #[error("no alert `{alert}`")]
    UnknownAlert {
        /// What was asked for.
        alert: String,
    },
    /// Several alerts have this name.
    #[error("{count} alerts are named `{name}`")]
    AmbiguousAlert {
        /// The name.
        name: String,
        /// How many have it.
        count: usize,
    },
    /// As many alerts as there may be.
    #[error("there are {limit} alerts already, the most there may be")]
    TooManyAlerts {
        /// The limit.
        limit: usize,
    },
    /// A webhook to a private or plain address, which only the operator may allow (S-65).
    #[error("the webhook goes to {origin}, which is private or plain http")]
    WebhookNotAllowed {
        /// `host:port`.
        origin: String,
    },
    /// No token of this workspace has this id.
    #[error("no token `{id}` in workspace `{workspace}`")]
    UnknownToken {
        /// What was asked for.
        id: String,
        /// Where.
        workspace: String,
    },
    /// Not an e-mail address.
    #[error(transparent)]
    Email(#[from] InvalidEmail),
    /// Nobody in this workspace has this address or id.
    #[error("no member `{who}` in workspace `{workspace}`")]
    UnknownMember {
        /// What was asked for.
        who: String,
        /// Where.
        workspace: String,
        /// Somebody is invited there by this address or id.
        invited: bool,
    },
    /// Nobody was invited to this workspace by this address or id.
    #[error("no invitation for `{who}` to workspace `{workspace}`")]
    UnknownInvitation {
        /// What was asked for.
        who: String,
        /// Where.
        workspace: String,
    },
    /// Whoever is invited joined before.
    #[error("`{email}` is {} already", place(workspace.as_deref()))]
    AlreadyMember {
        /// The address.
        email: String,
        /// The workspace; `None` = the team.
        workspace: Option<String>,
    },
    /// Nobody in the team has this address or id.
    #[error("no `{who}` in the team")]
    NotInTeam {
        /// What was asked for.
        who: String,
    },
    /// Mail is not set up so that it could be sent; nothing was changed.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// No built-in plan has this name.
    #[error("no plan `{name}`")]
    UnknownPlan {
        /// What was asked for.
        name: String,
        /// The ones there are.
        known: Vec<String>,
    },
    /// A limit of a plan that cannot be meant.
    #[error("the {what} of a plan is from 1 to {greatest}, or `unlimited`")]
    PlanLimit {
        /// `retention` or `rate`.
        what: &'static str,
        /// The most.
        greatest: u32,
    },
    /// Longer than the plan in force remembers calls.
    #[error("plan `{plan}` remembers calls for {most} days at most")]
    RetentionOverPlan {
        /// The plan.
        plan: String,
        /// Its limit.
        most: u32,
    },
    /// There is no such setting.
    #[error("no setting `{name}`")]
    UnknownSetting {
        /// What was asked for.
        name: String,
        /// The ones there are.
        known: Vec<&'static str>,
    },
    /// A setting was given a value it cannot have.
    #[error("setting `{name}` cannot be that")]
    SettingValue {
        /// The setting.
        name: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// A setting that somebody else writes.
    #[error("setting `{name}` is written by {writer}")]
    SettingWritten {
        /// The setting.
        name: &'static str,
        /// Who writes it.
        writer: &'static str,
    },
    /// No call has this id, or it is forgotten by now.
    #[error("no call `{id}` is remembered")]
    UnknownCall {
        /// What was asked for.
        id: String,
    },
    /// Nobody of this workspace is known by this.
    #[error("no member and no token `{who}` in workspace `{workspace}`")]
    UnknownHolder {
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
    /// No key of an operator's has this id or name.
    #[error("no key `{key}`")]
    UnknownOperatorKey {
        /// What was asked for.
        key: String,
    },
    /// Several keys that work have this name.
    #[error("{count} keys are named `{name}`")]
    AmbiguousOperatorKey {
        /// The name.
        name: String,
        /// How many have it.
        count: usize,
    },
    /// Commands are set on the host alone (design.md section 4).
    #[error("a server that is a program on the gateway's host cannot be set up over an API")]
    CommandOverApi,
    /// A token that may more than the one that makes it (S-40).
    #[error("{what}")]
    BeyondOwn {
        /// What it would be.
        what: String,
        /// What to ask for.
        instead: String,
    },
    /// Settings by which the gateway's host reads a file or sends a password are set there alone.
    #[error("`{name}` is set on the gateway's host, not over an API")]
    SettingOverApi {
        /// The setting.
        name: &'static str,
    },
    /// Addresses that are not public are allowed on the host alone (S-65).
    /// Which address a name stands for is not said: that would map a network for whoever may not see it (S-67).
    #[error(
        "`{origin}` is plain http or not at a public address, and nobody on the gateway's host has allowed it in this workspace"
    )]
    NotAllowedHere {
        /// Host and port.
        origin: String,
    },
    /// Text that is not a token, so nothing was looked up.
    #[error("that is not a token")]
    NotAToken(#[from] InvalidToken),
    /// Too short to hold, or too long to be one.
    #[error("a password has 12 to 1024 bytes")]
    WeakPassword,
    /// Argon2 refused, which takes a system without memory.
    #[error("hashing a password")]
    PasswordHash,
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
            | Self::UnknownHolder { .. }
            | Self::UnknownOperatorKey { .. }
            | Self::UnknownTool { .. }
            | Self::UnknownMember { .. }
            | Self::UnknownInvitation { .. }
            | Self::NotInTeam { .. }
            | Self::UnknownPlan { .. }
            | Self::UnknownSetting { .. }
            | Self::UnknownAlert { .. }
            | Self::UnknownSecret { .. } => Fault::NotFound,
            Self::NotAnExport { .. }
            | Self::FileForm(_)
            | Self::NoActiveWorkspace { .. }
            | Self::Name { .. }
            | Self::Slug(_)
            | Self::Server(_)
            | Self::Alert { .. }
            | Self::AmbiguousAlert { .. }
            | Self::AmbiguousToken { .. }
            | Self::AmbiguousOperatorKey { .. }
            | Self::NotAToken(_)
            | Self::Email(_)
            | Self::PlanLimit { .. }
            | Self::SettingValue { .. }
            | Self::WeakPassword
            | Self::NotAHash
            | Self::Role(_)
            | Self::Rule(_)
            | Self::GrantsNothing
            | Self::RateLimit { .. }
            | Self::SecretName(_)
            | Self::SecretValue(_)
            | Self::NoLogs { .. } => Fault::Invalid,
            Self::ServerTaken { .. }
            | Self::AlreadyMember { .. }
            | Self::Mail(_)
            | Self::RetentionOverPlan { .. }
            | Self::SettingWritten { .. }
            | Self::CommandOverApi
            | Self::BeyondOwn { .. }
            | Self::SettingOverApi { .. }
            | Self::NotAllowedHere { .. }
            | Self::TooManyAlerts { .. }
            | Self::WebhookNotAllowed { .. }
            | Self::NotAlone { .. }
            | Self::Changed { .. }
            | Self::SecretSpelling { .. }
            | Self::MasterRotation(
                MasterRotationError::NeedsFile { .. } | MasterRotationError::InPlaceOnly { .. },
            ) => Fault::Refused,
            Self::GatewayNeeded { .. } => Fault::GatewayNeeded,
            Self::InFile { source, .. } => source.fault(),
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
            | Self::PasswordHash
            | Self::Random => Fault::Failed,
        }
    }
}

fn store_fault(error: &StoreError) -> Fault {
    match error {
        StoreError::UnknownWorkspace { .. } | StoreError::Unknown { .. } => Fault::NotFound,
        StoreError::Taken { .. }
        | StoreError::OverLimit { .. }
        | StoreError::NoInvitation
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

fn place(workspace: Option<&str>) -> String {
    workspace.map_or_else(
        || "in the team".to_owned(),
        |slug| format!("a member of workspace `{slug}`"),
    )
}
