//! `toolgatectl tools …`

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum ToolsCommand {
    /// List the tools that are known of the servers
    #[command(after_help = "Examples:
  toolgatectl tools list
  toolgatectl tools list github --json | jq -r 'select(.state != \"approved\").tool'")]
    List {
        /// Name of one server; all of them when absent
        server: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Show what waits for an approval: what changed, character by character, and what looks suspicious
    #[command(after_help = "Examples:
  toolgatectl tools review
  toolgatectl tools review github
  toolgatectl tools review github/create_issue

Invisible characters are written out as \\u{…}. Findings are a tripwire, not a guarantee: read what you approve.")]
    Review {
        /// A server, or one tool as SERVER/TOOL; everything that waits when absent
        what: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Approve a tool as it was shown, or who a server is now
    #[command(after_help = "Examples:
  toolgatectl tools approve github/create_issue
  toolgatectl tools approve github/create_issue --hash 3b1f…
  toolgatectl tools approve github

Without --hash it shows what it is about and asks. With it, it fails if something else is offered by now.
Naming a server alone ends its quarantine; its tools are approved one by one.")]
    Approve {
        /// One tool as SERVER/TOOL, or a server that is quarantined
        what: String,
        /// The digest that `tools review` showed
        #[arg(long, value_name = "HASH")]
        hash: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Say what a tool does, whatever its server says
    #[command(after_help = "Examples:
  toolgatectl tools classify github/search_issues read-only
  toolgatectl tools classify github/delete_repository destructive

Read-only tokens may call read-only tools alone. A tool its server says nothing about counts as destructive.")]
    Classify {
        /// The tool, as SERVER/TOOL
        tool: String,
        /// What it does
        #[arg(value_enum)]
        classification: ClassificationArgument,
        #[command(flatten)]
        place: Place,
    },
    /// Enable a tool
    #[command(after_help = "Examples:
  toolgatectl tools enable github/create_issue")]
    Enable {
        /// The tool, as SERVER/TOOL
        tool: String,
        #[command(flatten)]
        place: Place,
    },
    /// Disable a tool: neither listed nor callable
    #[command(after_help = "Examples:
  toolgatectl tools disable github/delete_repository")]
    Disable {
        /// The tool, as SERVER/TOOL
        tool: String,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The workspace; by default the active one
    #[arg(long, value_name = "SLUG")]
    pub(crate) workspace: Option<String>,
}

/// What a tool does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ClassificationArgument {
    /// Changes nothing
    ReadOnly,
    /// Changes something
    Write,
    /// May destroy something
    Destructive,
}
