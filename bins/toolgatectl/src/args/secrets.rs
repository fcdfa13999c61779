//! `toolgatectl secrets …` and `toolgatectl workspace secret …`

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum SecretsCommand {
    /// Set a secret of one server; a value that exists is replaced from the next call on
    Set(SecretsSet),
    /// Replace the value of a secret that is set; says which servers use it
    #[command(after_help = "Examples:
  toolgatectl secrets rotate github GITHUB_TOKEN
  toolgatectl secrets rotate github GITHUB_TOKEN < new-token.txt

The next call uses the new value; calls under way end with the old one.")]
    Rotate {
        /// Name of the server
        server: String,
        /// Name of the secret, exactly as `secrets list` shows it
        name: String,
        /// The value; asked for or read from standard input when absent
        value: Option<SecretArgument>,
        /// The workspace; by default the active one
        #[arg(long, value_name = "SLUG")]
        workspace: Option<String>,
    },
    /// List names, versions and dates; values are never shown
    #[command(after_help = "Examples:
  toolgatectl secrets list
  toolgatectl secrets list github --json")]
    List {
        /// Name of one server; all secrets of the workspace when absent
        server: Option<String>,
        /// The workspace; by default the active one
        #[arg(long, value_name = "SLUG")]
        workspace: Option<String>,
    },
    /// Delete a secret of one server
    #[command(after_help = "Examples:
  toolgatectl secrets delete github GITHUB_TOKEN")]
    Delete {
        /// Name of the server
        server: String,
        /// Name of the secret
        name: String,
        /// The workspace; by default the active one
        #[arg(long, value_name = "SLUG")]
        workspace: Option<String>,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolgatectl secrets set github GITHUB_TOKEN
  toolgatectl secrets set github GITHUB_TOKEN < token.txt
  pass show github | toolgatectl secrets set github GITHUB_TOKEN --workspace team

Without VALUE it is asked for, hidden, on a terminal, else read from standard input.
Prefer that: an argument can be seen in the shell's history and in the list of processes.")]
pub(crate) struct SecretsSet {
    /// Name of the server
    pub(crate) server: String,
    /// Name of the secret; `github-token` becomes `GITHUB_TOKEN`
    pub(crate) name: String,
    /// The value; 8 bytes to 16 KiB
    pub(crate) value: Option<SecretArgument>,
    /// The workspace; by default the active one
    #[arg(long, value_name = "SLUG")]
    pub(crate) workspace: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorkspaceSecretCommand {
    /// Set a secret that any server of the workspace may use if it names it
    #[command(after_help = "Examples:
  toolgatectl workspace secret set team GITHUB_TOKEN
  toolgatectl workspace secret set team GITHUB_TOKEN < token.txt")]
    Set {
        /// Slug of the workspace
        slug: String,
        /// Name of the secret
        name: String,
        /// The value; asked for or read from standard input when absent
        value: Option<SecretArgument>,
    },
    /// Replace the value of a secret that is set; says which servers use it
    #[command(after_help = "Examples:
  toolgatectl workspace secret rotate team GITHUB_TOKEN < new-token.txt")]
    Rotate {
        /// Slug of the workspace
        slug: String,
        /// Name of the secret, exactly as `secrets list` shows it
        name: String,
        /// The value; asked for or read from standard input when absent
        value: Option<SecretArgument>,
    },
    /// List every secret of the workspace; values are never shown
    #[command(after_help = "Examples:
  toolgatectl workspace secret list team")]
    List {
        /// Slug of the workspace; by default the active one
        slug: Option<String>,
    },
    /// Delete a secret of the workspace
    #[command(after_help = "Examples:
  toolgatectl workspace secret delete team GITHUB_TOKEN")]
    Delete {
        /// Slug of the workspace
        slug: String,
        /// Name of the secret
        name: String,
    },
}

/// A value typed as an argument. `Debug` never shows it.
#[derive(Clone)]
pub(crate) struct SecretArgument(pub(crate) String);

impl FromStr for SecretArgument {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for SecretArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}
