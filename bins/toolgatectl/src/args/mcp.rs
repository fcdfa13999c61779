//! `toolgatectl mcp …`

use std::time::Duration;

use clap::{Args, Subcommand};

use super::ceiling::{self, Ceiling};
use super::{McpImport, span};

#[derive(Debug, Subcommand)]
pub(crate) enum McpCommand {
    /// Add a server that is reached by URL, or that is started as a child process
    Add(Box<McpAdd>),
    /// List the servers of a workspace
    #[command(after_help = "Examples:
  toolgatectl mcp list
  toolgatectl mcp list --workspace team --json")]
    List(InWorkspace),
    /// Remove a server with its tools and its own secrets
    #[command(after_help = "Examples:
  toolgatectl mcp remove github")]
    Remove(McpServer),
    /// Enable a server
    #[command(after_help = "Examples:
  toolgatectl mcp enable github

One tool of it: `toolgatectl tools enable SERVER/TOOL`.")]
    Enable(McpServer),
    /// Disable a server: none of its tools is listed or callable
    #[command(after_help = "Examples:
  toolgatectl mcp disable github

One tool of it: `toolgatectl tools disable SERVER/TOOL`.")]
    Disable(McpServer),
    /// Take over the servers of editors' files, their secrets into the vault
    Import(McpImport),
    /// Show what a server that is a child process wrote to standard error
    Logs(McpLogs),
    /// Install a server of the catalog
    #[command(after_help = "Examples:
  toolgatectl mcp install @acme/github

This version has no catalog yet: it says so and how to add the server without one.")]
    Install {
        /// Name in the catalog, `@publisher/name` or `name`
        name: String,
        /// The workspace; by default the active one
        #[arg(long, value_name = "SLUG")]
        workspace: Option<String>,
    },
}

#[derive(Debug, Args)]
#[command(override_usage = "toolgatectl mcp add [OPTIONS] <SERVER> --url <URL>
       toolgatectl mcp add [OPTIONS] <SERVER> -- <COMMAND> [ARGS]...")]
#[command(after_help = "Examples:
  toolgatectl mcp add github --url https://api.example.com/mcp --bearer GITHUB_TOKEN
  toolgatectl mcp add search --url https://search.example.com/mcp --header 'X-Api-Key: {SEARCH_KEY}'
  toolgatectl mcp add notes --url http://127.0.0.1:8080/mcp
  toolgatectl mcp add files -- npx -y @modelcontextprotocol/server-filesystem@2025.8.21 /srv/files
  toolgatectl mcp add db --env DATABASE_URL -- /usr/local/bin/db-mcp --stdio
  toolgatectl mcp add shell --wrapper 'bwrap --unshare-all --ro-bind / /' --max-memory 1G -- some-mcp-server
  toolgatectl mcp add mine --changes accept --url http://127.0.0.1:3000/mcp

Secrets are named here, never given: set their values with `toolgatectl secrets set SERVER NAME`.")]
pub(crate) struct McpAdd {
    /// Name of the server, prefix of its tools
    #[arg(value_name = "SERVER")]
    pub(crate) slug: String,
    /// Address of its MCP endpoint; `{NAME}` stands for a secret
    #[arg(long, conflicts_with = "command", required_unless_present = "command")]
    pub(crate) url: Option<String>,
    /// Send this secret as `Authorization: Bearer …`
    #[arg(long, value_name = "SECRET", requires = "url")]
    pub(crate) bearer: Option<String>,
    /// Send a header; `{NAME}` in it stands for a secret
    #[arg(long = "header", value_name = "NAME: VALUE", requires = "url")]
    pub(crate) headers: Vec<String>,
    /// Give the child process this secret as an environment variable
    #[arg(long = "env", value_name = "SECRET", requires = "command")]
    pub(crate) env: Vec<String>,
    /// Accept this --env name although it steers a loader or an interpreter
    #[arg(long = "allow-env", value_name = "SECRET", requires = "command")]
    pub(crate) allow_env: Vec<String>,
    #[command(flatten)]
    pub(crate) child: McpChild,
    /// Put the server's name before its tools (slug), or leave the names as they are (none)
    #[arg(long, value_enum, default_value_t)]
    pub(crate) prefix: PrefixArgument,
    /// Longest time a call may take: seconds, or a number with s, m, h
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    pub(crate) timeout: Option<Duration>,
    /// Which protocol era to speak
    #[arg(long, value_enum, default_value_t)]
    pub(crate) era: EraArgument,
    /// Which HTTP shape to speak
    #[arg(long, value_enum, default_value_t, requires = "url")]
    pub(crate) transport: TransportArgument,
    /// Who shares a session with the server, or its child process
    #[arg(long, value_enum, default_value_t)]
    pub(crate) isolation: IsolationArgument,
    /// When the server changes its tools: hold new and changed ones for a review, or accept every change
    ///
    /// `accept` is for servers you write yourself.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) changes: ChangesArgument,
    /// Hold every tool until it is approved, instead of approving those that are shown now
    #[arg(long, conflicts_with = "changes")]
    pub(crate) review: bool,
    /// Accept a URL that leads to a cloud metadata address
    #[arg(long, requires = "url")]
    pub(crate) allow_metadata_address: bool,
    /// The workspace; by default the active one
    #[arg(long, value_name = "SLUG")]
    pub(crate) workspace: Option<String>,
    /// Program and arguments of a server that speaks over standard input and output
    #[arg(last = true, value_name = "COMMAND ARGS")]
    pub(crate) command: Vec<String>,
}

/// How a child process is started and confined.
#[derive(Debug, Args)]
pub(crate) struct McpChild {
    /// Put this before the command, such as a sandbox or another user; split at spaces, no quoting
    #[arg(
        long,
        value_name = "COMMAND",
        requires = "command",
        allow_hyphen_values = true
    )]
    pub(crate) wrapper: Option<String>,
    /// Start it in this directory; by default in a private one of its own
    #[arg(long, value_name = "DIR", requires = "command")]
    pub(crate) cwd: Option<String>,
    /// Writable memory of each of its processes: a number with K, M, G, or `none` [default: 4G]
    #[arg(long, value_name = "SIZE", requires = "command", value_parser = ceiling::size)]
    pub(crate) max_memory: Option<Ceiling>,
    /// Size of any file it writes [default: 4G]
    #[arg(long, value_name = "SIZE", requires = "command", value_parser = ceiling::size)]
    pub(crate) max_file_size: Option<Ceiling>,
    /// Files each of its processes may have open, or `none` [default: 4096]
    #[arg(long, value_name = "NUMBER", requires = "command", value_parser = ceiling::count)]
    pub(crate) max_files: Option<Ceiling>,
    /// Processes its user may run beyond those at its start, or `none` [default: 2048]
    #[arg(long, value_name = "NUMBER", requires = "command", value_parser = ceiling::count)]
    pub(crate) max_processes: Option<Ceiling>,
}

#[derive(Debug, Args)]
pub(crate) struct InWorkspace {
    /// The workspace; by default the active one
    #[arg(long, value_name = "SLUG")]
    pub(crate) workspace: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct McpServer {
    /// Name of the server
    pub(crate) server: String,
    /// The workspace; by default the active one
    #[arg(long, value_name = "SLUG")]
    pub(crate) workspace: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolgatectl mcp logs files
  toolgatectl mcp logs files --limit 20
  toolgatectl mcp logs files --json | jq -r .text

The running gateway keeps the last 256 KiB of each server in memory, with the server's secrets taken out.")]
pub(crate) struct McpLogs {
    /// Name of the server
    pub(crate) server: String,
    /// How many lines, the last ones
    #[arg(long, value_name = "NUMBER", default_value_t = 200)]
    pub(crate) limit: usize,
    /// The workspace; by default the active one
    #[arg(long, value_name = "SLUG")]
    pub(crate) workspace: Option<String>,
}

/// Whether names are prefixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum PrefixArgument {
    /// `SERVER__tool`
    #[default]
    Slug,
    /// The server's own names; only for a server that is alone in its workspace
    None,
}

/// Which protocol era to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum EraArgument {
    /// Find out
    #[default]
    Auto,
    /// The `initialize` handshake, up to 2025-11-25
    Legacy,
    /// Stateless, 2026-07-28
    Modern,
}

/// Which HTTP shape to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum TransportArgument {
    /// Find out
    #[default]
    Auto,
    /// Streamable HTTP
    Http,
    /// HTTP with server-sent events, as of 2024-11-05
    Sse,
}

/// Who shares a session with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum IsolationArgument {
    /// What suits its transport and era
    #[default]
    Auto,
    /// Everybody
    Shared,
    /// One for each token
    Principal,
    /// One for each client session
    Session,
}

/// What happens when a server changes its tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum ChangesArgument {
    /// New and changed tools wait for an approval
    #[default]
    Hold,
    /// Every change is accepted
    Accept,
}
