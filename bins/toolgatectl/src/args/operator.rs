//! `toolgatectl operator …`

use clap::Subcommand;

/// `toolgatectl operator …`
#[derive(Debug, Subcommand)]
pub(crate) enum OperatorCommand {
    /// List who may sign in to the dashboard
    #[command(after_help = "Examples:
  toolgatectl operator list
  toolgatectl operator list --json")]
    List,
    /// Give somebody another password, who lost theirs; whoever is signed in with it is signed out
    #[command(after_help = "Examples:
  toolgatectl operator reset-password alice@example.com
  toolgatectl operator reset-password alice@example.com < new-password.txt

The password has at least 12 characters; it is asked for, hidden, or read from standard input.")]
    ResetPassword {
        /// The address they sign in with
        email: String,
    },
    /// Remove somebody, with the keys they made; they are signed out
    #[command(after_help = "Examples:
  toolgatectl operator remove alice@example.com

When nobody is left, the next start of `toolgatectl serve` prints a setup token again.")]
    Remove {
        /// The address they sign in with
        email: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}
