//! `toolgatectl mcp import` and `toolgatectl connect`

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::span;
use crate::editors::Editor;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolgatectl mcp import
  toolgatectl mcp import --from cursor --dry-run
  toolgatectl mcp import --from ~/project/.mcp.json --workspace team --yes

Without --from the files of all editors are looked for, your own and those of the current directory. What is found is
shown first: which servers, and which values are secrets. Those go into the vault, for their server alone; no value is
ever shown. Nothing is contacted or started, and the editors' files stay as they are (`toolgatectl connect` changes them).")]
pub(crate) struct McpImport {
    /// claude-desktop, claude-code, cursor, vscode, windsurf, or a file of any of them
    #[arg(long, value_name = "EDITOR|FILE")]
    pub(crate) from: Option<String>,
    /// Only these servers
    #[arg(long, value_name = "SERVER", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Show what is found and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    /// The workspace; by default the active one
    #[arg(long, value_name = "SLUG")]
    pub(crate) workspace: Option<String>,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag people type")]
#[command(after_help = "Examples:
  toolgatectl connect cursor
  toolgatectl connect vscode --path .vscode/mcp.json --role read-only --expires-in 14d
  toolgatectl connect claude-code --print
  toolgatectl connect windsurf --token-stdin < token.txt
  toolgatectl connect cursor --remove-imported

Writes the workspace into the editor's own file, with a token of its own, and leaves everything else in it as it is,
comments included. The file as it was is kept beside it. Start the editor again, or reload its window, to use it.")]
pub(crate) struct Connect {
    /// The editor
    pub(crate) editor: Editor,
    /// Name of the token that is made; by default the editor's
    #[arg(long, value_name = "NAME", conflicts_with = "token_stdin")]
    pub(crate) token_name: Option<String>,
    /// Take a token from standard input instead of making one; asked for, hidden, on a terminal
    #[arg(long, conflicts_with_all = ["role", "expires_in"])]
    pub(crate) token_stdin: bool,
    /// Role of the token that is made
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<String>,
    /// Life time of the token: seconds, or a number with s, m, h, d or w; for ever when absent
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    pub(crate) expires_in: Option<Duration>,
    /// Print the block, token included, instead of writing it
    #[arg(long, conflicts_with_all = ["path", "remove_imported"])]
    pub(crate) print: bool,
    /// Write to this file, such as a project's
    #[arg(long, value_name = "FILE")]
    pub(crate) path: Option<PathBuf>,
    /// Take servers out of the file that the workspace has too
    #[arg(long)]
    pub(crate) remove_imported: bool,
    /// Replace an entry of the workspace's name that leads elsewhere
    #[arg(long)]
    pub(crate) yes: bool,
    /// The workspace; by default the active one
    #[arg(long, value_name = "SLUG")]
    pub(crate) workspace: Option<String>,
}
