//! `toolgatectl key …`

use std::time::Duration;

use clap::Subcommand;

use super::span;

/// Keys of programs that use the management API.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key, shown once: it may do over the management API what the operator may
    #[command(after_help = "Examples:
  toolgatectl key create deploy
  toolgatectl key create ci --expires-in 90d
  curl -H \"X-API-Key: $KEY\" http://127.0.0.1:8421/api/whoami

It manages every workspace. It cannot do what takes the host: commands of servers, private
addresses, master keys and backups.")]
    Create {
        /// Who or what will hold it
        name: String,
        /// How long it lives, such as 90d or 12h; by default until it is revoked
        #[arg(long, value_name = "TIME", value_parser = span::parse)]
        expires_in: Option<Duration>,
    },
    /// List the keys, never their text
    #[command(
        visible_alias = "ls",
        after_help = "Examples:
  toolgatectl key list
  toolgatectl key list --json | jq -r 'select(.status == \"active\").name'"
    )]
    List,
    /// Revoke a key: its next request fails
    #[command(after_help = "Examples:
  toolgatectl key revoke opk_3xZ8pQ
  toolgatectl key revoke ci")]
    Revoke {
        /// Its id, or its name
        key: String,
    },
}
