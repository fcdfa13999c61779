//! `toolgatectl calls`

use std::time::Duration;

use clap::Args;

use super::span;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolgatectl calls
  toolgatectl calls --since 1h --server github
  toolgatectl calls --follow
  toolgatectl calls --json | jq 'select(.status != \"ok\")'")]
pub(crate) struct CallsArgs {
    /// Only this workspace; all of them when absent
    #[arg(long, value_name = "SLUG")]
    pub(crate) workspace: Option<String>,
    /// Only calls not older than this: seconds, or a number with s, m, h, d or w
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    pub(crate) since: Option<Duration>,
    /// Only calls to this server
    #[arg(long)]
    pub(crate) server: Option<String>,
    /// Only calls with this token, by id or by name
    #[arg(long)]
    pub(crate) token: Option<String>,
    /// How many, the newest ones
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) limit: u32,
    /// Go on showing calls as they happen
    #[arg(long, short)]
    pub(crate) follow: bool,
}
