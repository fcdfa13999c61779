//! `toolgatectl keys …`, and where the master key comes from

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

/// The source of the master key, as the gateway is told it.
#[derive(Debug, Args)]
pub(crate) struct KeySourceArgs {
    /// File of the master key; by default `master.key` in the data directory
    #[arg(
        id = "master-key-file",
        long = "master-key-file",
        global = true,
        env = "TOOLGATE_MASTER_KEY_FILE",
        hide_env_values = true,
        value_name = "PATH",
        hide_short_help = true
    )]
    pub(crate) file: Option<PathBuf>,
    /// The systemd credential that holds the master key
    #[arg(
        id = "master-key-credential",
        long = "master-key-credential",
        global = true,
        env = "TOOLGATE_MASTER_KEY_CREDENTIAL",
        hide_env_values = true,
        value_name = "NAME",
        hide_short_help = true
    )]
    pub(crate) credential: Option<String>,
    /// Command that prints the master key: a JSON array of full path and arguments
    #[arg(
        id = "master-key-command",
        long = "master-key-command",
        global = true,
        env = "TOOLGATE_MASTER_KEY_COMMAND",
        hide_env_values = true,
        value_name = "JSON",
        hide_short_help = true
    )]
    pub(crate) command: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Show the master key's id, source and age, every data key, and whether a rotation is under way
    #[command(after_help = "Examples:
  toolgatectl keys status
  toolgatectl keys status --json | jq .unfinished")]
    Status,
    /// Replace keys while everything runs; no call fails
    Rotate(KeysRotate),
}

#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("which").required(true),
    after_help = "Examples:
  toolgatectl keys rotate --workspace team
  toolgatectl keys rotate --master
  toolgatectl keys rotate --all
  toolgatectl keys rotate --master --new-key-file /etc/toolgate/next.key

Secrets are sealed anew by the gateway; when none is running the new keys are in force at once and the next
start does the rest. After --master make a new backup of the key: backups of the store that were made before
still need the old one."
)]
pub(crate) struct KeysRotate {
    /// The master key
    #[arg(long, group = "which")]
    pub(crate) master: bool,
    /// The data key of this workspace
    #[arg(long, value_name = "SLUG", group = "which")]
    pub(crate) workspace: Option<String>,
    /// The master key and the data keys of all workspaces
    #[arg(long, group = "which")]
    pub(crate) all: bool,
    /// Where the new master key is, or is to be made, when it does not come from a file
    #[arg(long, value_name = "PATH", conflicts_with = "workspace")]
    pub(crate) new_key_file: Option<PathBuf>,
}
