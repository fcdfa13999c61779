//! What a person can do about an administrative act that failed.

use crate::AdminError;

impl AdminError {
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
            Self::NoActiveWorkspace { known } => Some(choose(known)),
            Self::UnknownServer { .. } | Self::ServerTaken { .. } | Self::NotAlone { .. } => {
                self.hint_on_servers()
            }
            Self::Server(source) => source.hint(),
            Self::InFile { source, .. } => source.hint(),
            Self::FileForm(_) => {
                Some("docs/files.md has the form; `toolgatectl export` writes it".to_owned())
            }
            Self::UnknownToken { .. }
            | Self::UnknownHolder { .. }
            | Self::AmbiguousToken { .. }
            | Self::UnknownOperatorKey { .. }
            | Self::AmbiguousOperatorKey { .. }
            | Self::CommandOverApi
            | Self::BeyondOwn { .. }
            | Self::SettingOverApi { .. }
            | Self::NotAllowedHere { .. }
            | Self::NotAToken(_)
            | Self::WeakPassword => self.hint_on_access(),
            Self::UnknownAlert { .. }
            | Self::AmbiguousAlert { .. }
            | Self::TooManyAlerts { .. }
            | Self::WebhookNotAllowed { .. } => self.hint_on_alerts(),
            Self::Email(_)
            | Self::UnknownMember { .. }
            | Self::UnknownInvitation { .. }
            | Self::AlreadyMember { .. }
            | Self::NotInTeam { .. }
            | Self::Mail(_) => self.hint_on_people(),
            Self::UnknownPlan { .. }
            | Self::PlanLimit { .. }
            | Self::RetentionOverPlan { .. }
            | Self::UnknownSetting { .. }
            | Self::SettingValue { .. }
            | Self::SettingWritten { .. } => self.hint_on_settings(),
            Self::UnknownCall { .. } => Some(
                "an id starts with call_ and stands in the error the client saw; calls are forgotten after `retention_days`, see `toolgatectl calls`"
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
            Self::UnknownSecret { .. }
            | Self::SecretName(_)
            | Self::SecretSpelling { .. }
            | Self::SecretValue(_)
            | Self::SecretsDoNotOpen { .. }
            | Self::SecretKeyMissing { .. } => self.hint_on_secrets(),
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
            | Self::Alert { .. }
            | Self::PasswordHash
            | Self::Random => None,
        }
    }

    fn hint_on_secrets(&self) -> Option<String> {
        match self {
            Self::UnknownSecret { .. } => Some("see `toolgatectl secrets list`".to_owned()),
            Self::SecretName(source) => source.hint().map(Into::into),
            Self::SecretSpelling { name, .. } => {
                Some(format!("to replace its value, name it exactly: {name}"))
            }
            Self::SecretValue(source) => source.hint().map(Into::into),
            Self::SecretsDoNotOpen { .. } | Self::SecretKeyMissing { .. } => Some(
                "`toolgatectl doctor` says whether the store itself has them; set those secrets again"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    fn hint_on_servers(&self) -> Option<String> {
        match self {
            Self::UnknownServer { known, .. } => Some(if known.is_empty() {
                "it has none yet; add one with `toolgatectl mcp add`".to_owned()
            } else {
                format!("it has {}; see `toolgatectl mcp list`", listed(known))
            }),
            Self::ServerTaken { slug, .. } => Some(format!(
                "choose another name, or remove it first: `toolgatectl mcp remove {slug}`"
            )),
            Self::NotAlone { unprefixed, other } => Some(format!(
                "disable one of them (`toolgatectl mcp disable {other}`), or add `{unprefixed}` without --prefix none"
            )),
            _ => None,
        }
    }

    fn hint_on_access(&self) -> Option<String> {
        match self {
            Self::UnknownToken { workspace, .. } => Some(format!(
                "see `toolgatectl workspace token list {workspace}`"
            )),
            Self::UnknownHolder { workspace, .. } => Some(format!(
                "name a member by address, or a token by id or name: `toolgatectl workspace token list {workspace}`"
            )),
            Self::AmbiguousToken { .. } => Some(
                "use the id of the one you mean, from `toolgatectl workspace token list`"
                    .to_owned(),
            ),
            Self::UnknownOperatorKey { .. } => Some("see `toolgatectl key list`".to_owned()),
            Self::AmbiguousOperatorKey { .. } => {
                Some("use the id of the one you mean, from `toolgatectl key list`".to_owned())
            }
            Self::CommandOverApi => {
                Some("add it there: `toolgatectl mcp add NAME -- COMMAND ARGS`".to_owned())
            }
            Self::BeyondOwn { instead, .. } => Some(instead.clone()),
            Self::SettingOverApi { name } => Some(format!(
                "set it there: `toolgatectl settings set {name} VALUE`"
            )),
            Self::NotAllowedHere { .. } => Some(
                "whoever has the host may add it there: `toolgatectl mcp add NAME --url URL`"
                    .to_owned(),
            ),
            Self::NotAToken(_) => Some(
                "a token starts with mwt_ and ends in a checksum; check that it was copied whole"
                    .to_owned(),
            ),
            Self::WeakPassword => {
                Some("a few words are easier to keep than a few signs".to_owned())
            }
            _ => None,
        }
    }

    fn hint_on_alerts(&self) -> Option<String> {
        match self {
            Self::UnknownAlert { .. } | Self::AmbiguousAlert { .. } => {
                Some("`toolgatectl alert list` shows them with their ids".to_owned())
            }
            Self::TooManyAlerts { .. } => {
                Some("delete one that nobody needs: `toolgatectl alert delete ID`".to_owned())
            }
            Self::WebhookNotAllowed { .. } => Some(
                "give an https:// address that is public, or have the operator add it on the host"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    fn hint_on_people(&self) -> Option<String> {
        match self {
            Self::Email(source) => Some(source.hint().to_owned()),
            Self::UnknownMember {
                workspace, invited, ..
            } => Some(if *invited {
                format!(
                    "that is an invitation, take it back with `toolgatectl workspace invitation revoke {workspace} EMAIL`"
                )
            } else {
                format!("see `toolgatectl workspace member list {workspace}`")
            }),
            Self::UnknownInvitation { workspace, .. } => Some(format!(
                "see `toolgatectl workspace invitation list {workspace}`"
            )),
            Self::AlreadyMember {
                email,
                workspace: Some(workspace),
            } => Some(format!(
                "another token for the same person: `toolgatectl workspace token create {workspace} --name NAME --member {email}`"
            )),
            Self::AlreadyMember {
                workspace: None, ..
            }
            | Self::NotInTeam { .. } => Some("see `toolgatectl team list`".to_owned()),
            Self::Mail(source) => Some(source.hint().to_owned()),
            _ => None,
        }
    }

    fn hint_on_settings(&self) -> Option<String> {
        match self {
            Self::UnknownPlan { known, .. } => Some(format!(
                "there is {}; see `toolgatectl plan list`",
                listed(known)
            )),
            Self::RetentionOverPlan { .. } => Some(
                "raise it first: `toolgatectl plan set --retention DAYS` (or `unlimited`)"
                    .to_owned(),
            ),
            Self::UnknownSetting { known, .. } => Some(format!(
                "there is {}; see `toolgatectl settings list`",
                known.join(", ")
            )),
            Self::SettingValue { rule, .. } => Some(format!("it must be {rule}")),
            Self::SettingWritten { .. } => {
                Some("see `toolgatectl settings get NAME` for where it comes from".to_owned())
            }
            _ => None,
        }
    }
}

fn choose(known: &[String]) -> String {
    let commands: Vec<String> = known
        .iter()
        .map(|slug| format!("`toolgatectl workspace use {slug}`"))
        .collect();
    format!(
        "choose one with --workspace, or make it the default: {}",
        commands.join(", ")
    )
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
