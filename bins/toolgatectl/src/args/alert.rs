//! `toolgatectl alert …`

use std::time::Duration;

use clap::{Args, Subcommand};

use super::span;

#[derive(Debug, Subcommand)]
pub(crate) enum AlertCommand {
    /// Watch something, and send a webhook when it happens and when it is over
    #[command(after_help = "Examples:
  toolgatectl alert create failing --error-rate 5 --window 5m --url https://hooks.example.com/toolgate
  toolgatectl alert create slow --latency 2000 --server github --url https://hooks.example.com/toolgate
  toolgatectl alert create nearly-out --quota 80 --url https://hooks.example.com/toolgate
  toolgatectl alert create changed --pins --url https://hooks.example.com/toolgate --secret WEBHOOK_KEY
  toolgatectl alert create down --server-down 60s --url https://hooks.example.com/toolgate

With --secret each webhook carries `Toolgate-Signature: t=…,v1=…`, an HMAC-SHA256 of its time and body under that
secret of the workspace (`toolgatectl workspace secret set`). docs/telemetry.md shows what is sent.")]
    Create(AlertCreate),
    /// List the alerts, how they stand and what became of their last webhooks
    #[command(after_help = "Examples:
  toolgatectl alert list
  toolgatectl alert list --all
  toolgatectl alert list --json | jq 'select(.firing_since)'")]
    List {
        /// Slug of the workspace; by default the active one
        #[arg(long, value_name = "SLUG")]
        workspace: Option<String>,
        /// Those of every workspace and of the installation
        #[arg(long, conflicts_with = "workspace")]
        all: bool,
    },
    /// Look at an alert again
    #[command(after_help = "Examples:
  toolgatectl alert enable failing")]
    Enable {
        #[command(flatten)]
        which: WhichAlert,
    },
    /// Leave an alert alone for now
    #[command(after_help = "Examples:
  toolgatectl alert disable failing")]
    Disable {
        #[command(flatten)]
        which: WhichAlert,
    },
    /// Delete an alert
    #[command(after_help = "Examples:
  toolgatectl alert delete failing")]
    Delete {
        #[command(flatten)]
        which: WhichAlert,
    },
    /// Send a sample of an alert's webhook now, through the running gateway
    #[command(after_help = "Examples:
  toolgatectl alert test failing

Exits with 1 when the receiver did not take it.")]
    Test {
        #[command(flatten)]
        which: WhichAlert,
    },
}

#[derive(Debug, Args)]
pub(crate) struct WhichAlert {
    /// Id or name of the alert
    pub(crate) alert: String,
    /// Slug of its workspace; by default the active one
    #[arg(long, value_name = "SLUG")]
    pub(crate) workspace: Option<String>,
    /// It may be any, also one of the installation
    #[arg(long, conflicts_with = "workspace")]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AlertCreate {
    /// Name for people
    pub(crate) name: String,
    /// Where the webhook goes
    #[arg(long)]
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) watched: Watched,
    /// How far back calls are looked at
    #[arg(long, value_name = "TIME", value_parser = span::parse, default_value = "5m")]
    pub(crate) window: Duration,
    /// With fewer calls than this in the window nothing is said
    #[arg(long, value_name = "CALLS", default_value_t = 20)]
    pub(crate) least_calls: u32,
    /// Only this server
    #[arg(long, value_name = "SERVER")]
    pub(crate) server: Option<String>,
    /// The secret of the workspace that signs the webhook
    #[arg(long, value_name = "NAME")]
    pub(crate) secret: Option<String>,
    /// Slug of the workspace; by default the active one
    #[arg(long, value_name = "SLUG")]
    pub(crate) workspace: Option<String>,
    /// Watch the whole installation
    #[arg(long, conflicts_with = "workspace")]
    pub(crate) all: bool,
}

/// Exactly one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Watched {
    /// More than so many of a hundred calls fail
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(0..=99))]
    pub(crate) error_rate: Option<u32>,
    /// One call in twenty takes longer than this
    #[arg(long, value_name = "MILLISECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) latency: Option<u32>,
    /// So much of the calls a month is used up
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) quota: Option<u32>,
    /// A tool is held until somebody approves it
    #[arg(long)]
    pub(crate) pins: bool,
    /// A server gets no calls for so long, since it fails
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    pub(crate) server_down: Option<Duration>,
}
