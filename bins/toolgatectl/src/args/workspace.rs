//! `toolgatectl workspace …`

use clap::{Args, Subcommand};

use super::{InvitationCommand, McpAdd, MemberCommand, TokenCommand, WorkspaceSecretCommand};

#[derive(Debug, Subcommand)]
pub(crate) enum WorkspaceCommand {
    /// Create a workspace, with a first Admin token that is shown once
    #[command(after_help = "Examples:
  toolgatectl workspace create team
  toolgatectl workspace create \"Client A\" --description \"tools for client A\" --use
  toolgatectl workspace create team --json | jq .mcp_json")]
    Create {
        /// Name for people; the slug of the URL is derived from it
        name: String,
        /// What it is for
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
        /// Make it the active workspace
        #[arg(long = "use")]
        activate: bool,
    },
    /// List the workspaces; `*` marks the active one
    #[command(after_help = "Examples:
  toolgatectl workspace list
  toolgatectl workspace list --json | jq -r .url")]
    List,
    /// Make a workspace the default target of other commands
    #[command(after_help = "Examples:
  toolgatectl workspace use team")]
    Use {
        /// Slug of the workspace
        slug: String,
    },
    /// Change settings of a workspace
    #[command(after_help = "Examples:
  toolgatectl workspace set team --read-only all
  toolgatectl workspace set team --read-only annotated
  toolgatectl workspace set team --strict-records on")]
    Set {
        /// Slug of the workspace
        slug: String,
        /// What read-only tokens may call: tools known to be read-only, or every tool
        #[arg(
            long,
            value_name = "WHICH",
            value_enum,
            required_unless_present = "strict_records"
        )]
        read_only: Option<ReadOnly>,
        /// Send a writing call only once its intent is on the disk, and refuse it when that fails
        #[arg(long, value_name = "ON_OFF", value_enum)]
        strict_records: Option<OnOff>,
    },
    /// Delete a workspace with its tokens, servers and secrets
    #[command(after_help = "Examples:
  toolgatectl workspace delete team
  toolgatectl workspace delete team --yes")]
    Delete {
        /// Slug of the workspace
        slug: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Ask every server of a workspace for its tools, through the running gateway
    #[command(after_help = "Examples:
  toolgatectl workspace test
  toolgatectl workspace test team --json")]
    Test {
        /// Slug of the workspace; by default the active one
        slug: Option<String>,
    },
    /// Tokens of a workspace
    #[command(subcommand)]
    Token(TokenCommand),
    /// People of a workspace, each with tokens of their own
    #[command(subcommand)]
    Member(MemberCommand),
    /// Invitations that were not accepted yet
    #[command(subcommand)]
    Invitation(InvitationCommand),
    /// MCP servers of a workspace; the same as `mcp`, with the workspace first
    #[command(subcommand)]
    Server(WorkspaceServerCommand),
    /// Secrets that any server of a workspace may use
    #[command(subcommand)]
    Secret(WorkspaceSecretCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorkspaceServerCommand {
    /// Add a server that is reached by URL, or that is started as a child process
    Add(Box<WorkspaceServerAdd>),
    /// List the servers of a workspace
    #[command(after_help = "Examples:
  toolgatectl workspace server list team")]
    List {
        /// Slug of the workspace; by default the active one
        slug: Option<String>,
    },
    /// Remove a server with its tools and its own secrets
    #[command(after_help = "Examples:
  toolgatectl workspace server remove team github")]
    Remove {
        /// Slug of the workspace
        slug: String,
        /// Name of the server
        server: String,
    },
}

#[derive(Debug, Args)]
#[command(
    mut_arg("workspace", |arg| arg.hide(true)),
    override_usage = "toolgatectl workspace server add [OPTIONS] <SLUG> <SERVER> --url <URL>
       toolgatectl workspace server add [OPTIONS] <SLUG> <SERVER> -- <COMMAND> [ARGS]...",
    after_help = "Examples:
  toolgatectl workspace server add team github --url https://api.example.com/mcp --bearer GITHUB_TOKEN"
)]
pub(crate) struct WorkspaceServerAdd {
    /// Slug of the workspace
    #[arg(value_name = "SLUG")]
    pub(crate) into: String,
    #[command(flatten)]
    pub(crate) add: McpAdd,
}

/// A setting that is on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum OnOff {
    /// From now on
    On,
    /// No longer
    Off,
}

/// What read-only tokens may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ReadOnly {
    /// Tools that are read-only by annotation or classification
    Annotated,
    /// Every enabled tool
    All,
}
