//! `toolgatectl workspace token …`

use std::time::Duration;

use clap::{Args, Subcommand};

use super::span;

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Create a token; its text is shown once
    Create(TokenCreate),
    /// List the tokens of a workspace, never their text
    #[command(after_help = "Examples:
  toolgatectl workspace token list team
  toolgatectl workspace token list team --json | jq -r 'select(.status == \"active\").name'")]
    List {
        /// Slug of the workspace; by default the active one
        slug: Option<String>,
    },
    /// Give a token another role or other tools; calls under way that it may not make any more end
    #[command(after_help = "Examples:
  toolgatectl workspace token set team tok_5f0c2k9m1x7t3v8r4e6q --role read-only
  toolgatectl workspace token set team tok_5f0c2k9m1x7t3v8r4e6q --tools 'github__*,!github__delete_*'
  toolgatectl workspace token set team tok_5f0c2k9m1x7t3v8r4e6q --tools '*'")]
    Set {
        /// Slug of the workspace
        slug: String,
        /// Id of the token, from `token list`
        id: String,
        /// admin, developer or read-only; as it is when absent
        #[arg(long, required_unless_present = "tools")]
        role: Option<String>,
        /// Patterns of tool names it may use, `!` excludes; as they are when absent
        #[arg(long, value_name = "GLOB,…", value_delimiter = ',')]
        tools: Option<Vec<String>>,
    },
    /// Revoke a token: its next request fails, its open streams end
    #[command(after_help = "Examples:
  toolgatectl workspace token revoke team tok_5f0c2k9m1x7t3v8r4e6q")]
    Revoke {
        /// Slug of the workspace
        slug: String,
        /// Id of the token, from `token list`
        id: String,
    },
    /// Say why a token is or is not accepted
    #[command(after_help = "Examples:
  toolgatectl workspace token inspect team tok_5f0c2k9m1x7t3v8r4e6q
  toolgatectl workspace token inspect team < token.txt

Without an id the token itself is read from standard input (hidden on a terminal),
so that it appears neither in the shell's history nor in the list of processes.")]
    Inspect {
        /// Slug of the workspace
        slug: String,
        /// Id of the token, from `token list`
        id: Option<String>,
    },
    /// Say whether a token may call a tool, and what decides it
    #[command(after_help = "Examples:
  toolgatectl workspace token explain team tok_5f0c2k9m1x7t3v8r4e6q github__create_issue")]
    Explain {
        /// Slug of the workspace
        slug: String,
        /// Id of the token, from `token list`
        id: String,
        /// Name of the tool as clients see it
        tool: String,
    },
    /// Say what other rules would have meant for the calls of the last days; changes nothing
    Try(TokenTry),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolgatectl workspace token try team tok_5f0c2k9m1x7t3v8r4e6q --tools 'github__*,!github__delete_*'
  toolgatectl workspace token try team tok_5f0c2k9m1x7t3v8r4e6q --role read-only --since 30d

The recorded calls are decided again: by the rules the token has, and by those given here. Pins, classifications
and switches are those of now.")]
pub(crate) struct TokenTry {
    /// Slug of the workspace
    pub(crate) slug: String,
    /// Id of the token, from `token list`
    pub(crate) id: String,
    /// Patterns of tool names to try, `!` excludes
    #[arg(long, value_name = "GLOB,…", value_delimiter = ',')]
    pub(crate) tools: Vec<String>,
    /// A role to try
    #[arg(long)]
    pub(crate) role: Option<String>,
    /// Calls not older than this: seconds, or a number with s, m, h, d or w
    #[arg(long, value_name = "TIME", value_parser = span::parse, default_value = "7d")]
    pub(crate) since: Duration,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolgatectl workspace token create team --name alice
  toolgatectl workspace token create team --name contractor --role read-only --expires-in 14d
  toolgatectl workspace token create team --name ci --tools 'github__*,!github__delete_*' --rate-limit off")]
pub(crate) struct TokenCreate {
    /// Slug of the workspace; by default the active one
    pub(crate) slug: Option<String>,
    /// Who or what will hold it
    #[arg(long)]
    pub(crate) name: String,
    /// admin, developer or read-only
    #[arg(long, default_value = "developer")]
    pub(crate) role: String,
    /// Life time: seconds, or a number with s, m, h, d or w; for ever when absent
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    pub(crate) expires_in: Option<Duration>,
    /// Patterns of tool names it may use, `!` excludes; every tool when absent
    #[arg(long, value_name = "GLOB,…", value_delimiter = ',')]
    pub(crate) tools: Vec<String>,
    /// Requests in any 60 seconds, or `off`; what the plan says when absent, 120 unless that was changed
    #[arg(long, value_name = "PER_MINUTE|off")]
    pub(crate) rate_limit: Option<String>,
    /// The member whose token it is, by address or id; removing the member revokes it
    #[arg(long, value_name = "EMAIL")]
    pub(crate) member: Option<String>,
}
