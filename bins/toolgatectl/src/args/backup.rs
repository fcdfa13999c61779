//! `toolgatectl backup …`

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    /// Copy the store while everything goes on, and verify the copy
    #[command(after_help = "Examples:
  toolgatectl backup create
  toolgatectl backup create /mnt/backup/toolgate.db
  toolgatectl backup create --calls --json

The copy holds everything but call records (--calls copies them into a second file, FILE-calls). What is sealed
in the store is sealed in the copy, and the master key is not in it: back up master.key apart from it. A copy that
does not verify is removed, and the command fails. Start the gateway first: only it can try whether secrets open.")]
    Create {
        /// Where to; by default a new file in the data directory's `backups`
        file: Option<PathBuf>,
        /// Copy the call records as well
        #[arg(long)]
        calls: bool,
    },
    /// Restore a backup into a scratch place and look at everything in it
    #[command(after_help = "Examples:
  toolgatectl backup verify /mnt/backup/toolgate.db")]
    Verify {
        /// The backup
        file: PathBuf,
        /// The master key it was made under; by default the installation's
        #[arg(long, value_name = "FILE")]
        key_file: Option<PathBuf>,
    },
    /// Put a backup in the place of the store; what was there is kept aside
    #[command(after_help = "Examples:
  toolgatectl backup restore /mnt/backup/toolgate.db
  toolgatectl backup restore /mnt/backup/toolgate.db --yes

Stop the gateway first. Everything that was changed after the backup is undone: tokens that were revoked since are
valid again, and are listed so that you can revoke them. master.key has to be in its place.")]
    Restore {
        /// The backup
        file: PathBuf,
        /// Put the call records back as well, from FILE-calls
        #[arg(long)]
        calls: bool,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}
