//! `toolgatectl workspace member …`, `workspace invitation …` and `team …`

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::SecretArgument;
use super::span;

#[derive(Debug, Subcommand)]
pub(crate) enum MemberCommand {
    /// Invite somebody; the link works once, for seven days
    Invite(MemberInvite),
    /// List members and who is invited
    #[command(after_help = "Examples:
  toolgatectl workspace member list team
  toolgatectl workspace member list team --json | jq -r 'select(.token_status != \"active\").email'

CALLS counts the calls that are remembered (`toolgatectl settings get retention_days`).")]
    List {
        /// Slug of the workspace; by default the active one
        slug: Option<String>,
    },
    /// Remove a member: all of that person's tokens stop working at once, nobody else's do
    #[command(after_help = "Examples:
  toolgatectl workspace member remove team alice@example.com

An invitation that was not accepted is taken back with `workspace invitation revoke`.")]
    Remove {
        /// Slug of the workspace
        slug: String,
        /// Address or id of the member
        #[arg(value_name = "EMAIL|ID")]
        who: String,
    },
    /// Accept an invitation: shows the personal token, once
    #[command(after_help = "Examples:
  toolgatectl workspace member accept inv_4fJ…
  toolgatectl workspace member accept < code.txt

People usually open the link instead. Without CODE it is asked for, hidden, on a terminal, else
read from standard input.")]
    Accept {
        /// The code, the last part of the link
        code: Option<SecretArgument>,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolgatectl workspace member invite team alice@example.com
  toolgatectl workspace member invite team bob@example.com --role read-only --tools 'github__*'
  toolgatectl workspace member invite team contractor@example.com --expires-in 14d

Inviting the same address again replaces the invitation; the old link is dead then. With a mail
server (`toolgatectl settings set smtp_url …`) the link is mailed, else it is printed.")]
pub(crate) struct MemberInvite {
    /// Slug of the workspace
    pub(crate) slug: String,
    /// Whom to invite
    pub(crate) email: String,
    /// admin, developer or read-only
    #[arg(long, default_value = "developer")]
    pub(crate) role: String,
    /// Patterns of tool names the member may use, `!` excludes; every tool when absent
    #[arg(long, value_name = "GLOB,…", value_delimiter = ',')]
    pub(crate) tools: Vec<String>,
    /// Life time of the member's token: seconds, or a number with s, m, h, d or w; for ever when absent
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    pub(crate) expires_in: Option<Duration>,
    #[command(flatten)]
    pub(crate) mail: MailArgs,
}

/// What a mail needs that is in no setting.
#[derive(Debug, Args)]
pub(crate) struct MailArgs {
    /// Who invites, in the words of the mail; by default whoever `smtp_from` names
    #[arg(long, value_name = "NAME")]
    pub(crate) invited_by: Option<String>,
    /// File with the password of the mail account; else `TOOLGATE_SMTP_PASSWORD`, else the setting `smtp_password_file`
    #[arg(
        long,
        value_name = "FILE",
        env = "TOOLGATE_SMTP_PASSWORD_FILE",
        hide_env_values = true
    )]
    pub(crate) smtp_password_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum InvitationCommand {
    /// List the invitations that were not accepted
    #[command(after_help = "Examples:
  toolgatectl workspace invitation list team")]
    List {
        /// Slug of the workspace; by default the active one
        slug: Option<String>,
    },
    /// Take an invitation back: its link opens nothing any more
    #[command(after_help = "Examples:
  toolgatectl workspace invitation revoke team alice@example.com")]
    Revoke {
        /// Slug of the workspace
        slug: String,
        /// Address or id of the invitation
        #[arg(value_name = "EMAIL|ID")]
        who: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TeamCommand {
    /// Invite somebody to sign in to the dashboard; the link works once, for seven days
    #[command(after_help = "Examples:
  toolgatectl team invite carol@example.com

Whoever is in the team administers the whole installation. To give somebody the tools of one
workspace, use `toolgatectl workspace member invite`.")]
    Invite {
        /// Whom to invite
        email: String,
        #[command(flatten)]
        mail: MailArgs,
    },
    /// List who may sign in, and who is invited
    #[command(after_help = "Examples:
  toolgatectl team list
  toolgatectl team list --json | jq -r 'select(.status == \"active\").email'")]
    List,
    /// Remove somebody: sessions, keys and an open invitation go along
    #[command(after_help = "Examples:
  toolgatectl team remove carol@example.com")]
    Remove {
        /// Address or id
        #[arg(value_name = "EMAIL|ID")]
        who: String,
    },
    /// Accept an invitation to the team; the password is chosen in the dashboard
    #[command(after_help = "Examples:
  toolgatectl team accept inv_4fJ…
  toolgatectl team accept < code.txt")]
    Accept {
        /// The code, the last part of the link
        code: Option<SecretArgument>,
    },
}
