//! `toolgatectl export`, `apply`, `import` and `man`

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolgatectl export > team.toml
  toolgatectl export team --output team.toml

The file has everything of the workspace but values: secrets by name, tokens without their text. Two exports of the
same state are equal, so the file can be kept under version control.")]
pub(crate) struct Export {
    /// Slug of the workspace; by default the active one
    pub(crate) slug: Option<String>,
    /// Write to this file instead of standard output; one that exists is replaced
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolgatectl apply -f team.toml --dry-run
  toolgatectl apply -f team.toml
  toolgatectl apply -f team.toml --prune --yes
  toolgatectl export team | toolgatectl apply -f - --workspace copy --yes

Shows what is different, then asks. What is there and not in the file stays, unless --prune is given. Nothing is
contacted or started. Tokens that are made are shown once. Applying the same file again changes nothing.")]
pub(crate) struct Apply {
    /// The file; `-` for standard input, which then needs --yes or --dry-run
    #[arg(long, short = 'f', value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Remove servers and revoke tokens that are not in the file
    #[arg(long)]
    pub(crate) prune: bool,
    #[command(flatten)]
    pub(crate) how: How,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolgatectl import team.toml
  toolgatectl import proxy.json --workspace team
  toolgatectl import proxy.json --name stripe --dry-run

Takes a workspace that `toolgatectl export` wrote, or a catalog's proxy file (JSON), which becomes one server. Adds and
changes, never removes; `toolgatectl apply --prune` does that. Servers in editors' files: `toolgatectl mcp import`.")]
pub(crate) struct Import {
    /// The file
    pub(crate) file: PathBuf,
    /// Name of the server that a proxy file becomes
    #[arg(long, value_name = "SERVER")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) how: How,
}

/// How a file is put into force.
#[derive(Debug, Args)]
pub(crate) struct How {
    /// Put it into this workspace instead of the one the file names
    #[arg(long, value_name = "SLUG")]
    pub(crate) workspace: Option<String>,
    /// Show what is different and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolgatectl man | man -l -
  toolgatectl man --output /usr/local/share/man/man1

With --output one page for each command is written, as releases have them.")]
pub(crate) struct Man {
    /// Write every page to this directory
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
}
