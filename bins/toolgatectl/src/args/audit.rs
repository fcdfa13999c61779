//! `toolgatectl audit …`

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::span;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List administrative acts, the newest last
    List(AuditList),
    /// Check that no row was changed, removed, inserted or cut off
    Verify(AuditVerify),
    /// Print every row with what it takes to verify it elsewhere, as one JSON object a line
    #[command(after_help = "Examples:
  toolgatectl audit export > audit.jsonl
  toolgatectl audit export | gzip > audit-$(date +%F).jsonl.gz")]
    Export,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolgatectl audit list
  toolgatectl audit list --since 1d --action token.revoke
  toolgatectl audit list --workspace team --limit 500 --json")]
pub(crate) struct AuditList {
    /// Only this workspace; all of them when absent
    #[arg(long, value_name = "SLUG")]
    pub(crate) workspace: Option<String>,
    /// Only acts not older than this: seconds, or a number with s, m, h, d or w
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    pub(crate) since: Option<Duration>,
    /// Only this action, such as `token.create`, or all of a noun, such as `token`
    #[arg(long)]
    pub(crate) action: Option<String>,
    /// Only acts of whoever has this in the name, such as a token's id or `uid 0`
    #[arg(long)]
    pub(crate) actor: Option<String>,
    /// How many, the newest ones
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolgatectl audit verify
  toolgatectl audit verify --audit-checkpoints /mnt/append-only/toolgate.checkpoints
  toolgatectl audit verify --export audit.jsonl

Exits with 1 and names the first row that does not hold when the chain is broken. A chain that was cut off is
found down to the last checkpoint.")]
pub(crate) struct AuditVerify {
    /// Verify this export instead of the store
    #[arg(long, value_name = "FILE")]
    pub(crate) export: Option<PathBuf>,
    /// The master key the rows were written under; by default the installation's
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
}
