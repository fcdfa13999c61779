//! What was typed: the commands and flags of `toolgatectl`, and nothing of what they mean.

mod alert;
mod audit;
mod backup;
mod calls;
mod ceiling;
mod editors;
mod file;
mod key;
mod keys;
mod mcp;
mod member;
mod operator;
mod plan;
mod secrets;
mod serve;
mod span;
mod token;
mod tools;
mod workspace;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub(crate) use alert::{AlertCommand, AlertCreate, WhichAlert};
pub(crate) use audit::{AuditCommand, AuditList, AuditVerify};
pub(crate) use backup::BackupCommand;
pub(crate) use calls::{CallsArgs, CallsCommand, CallsExport, CallsList, CallsMeant, CallsStats};
pub(crate) use ceiling::Ceiling;
pub(crate) use editors::{Connect, McpImport};
pub(crate) use file::{Apply, Export, How, Import, Man};
pub(crate) use key::KeyCommand;
pub(crate) use keys::{KeySourceArgs, KeysCommand, KeysRotate};
pub(crate) use mcp::{
    ChangesArgument, EraArgument, InWorkspace, IsolationArgument, McpAdd, McpChild, McpCommand,
    McpLogs, McpServer, PrefixArgument, TransportArgument,
};
pub(crate) use member::{InvitationCommand, MailArgs, MemberCommand, MemberInvite, TeamCommand};
pub(crate) use operator::OperatorCommand;
pub(crate) use plan::{PlanCommand, PlanSetArgs, SettingsCommand};
pub(crate) use secrets::{SecretArgument, SecretsCommand, WorkspaceSecretCommand};
pub(crate) use serve::ServeArgs;
pub(crate) use token::{TokenCommand, TokenCreate, TokenTry};
pub(crate) use tools::{ClassificationArgument, ToolsCommand};
pub(crate) use workspace::{OnOff, ReadOnly, WorkspaceCommand, WorkspaceServerCommand};

/// The admin of a Toolgate installation.
///
/// Works straight on the data directory: beside a running gateway, which applies every change before the
/// command returns, or before one was ever started.
#[derive(Debug, Parser)]
#[command(
    name = "toolgatectl",
    version,
    max_term_width = 100,
    after_help = "Examples:
  toolgatectl workspace create team
  toolgatectl mcp add github --url https://api.example.com/mcp --bearer GITHUB_TOKEN
  toolgatectl secrets set github GITHUB_TOKEN
  toolgatectl workspace token create team --name alice --role developer
  toolgatectl calls --since 1h

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 refused, 5 needs a running gateway, 6 disk full, 7 store busy."
)]
pub(crate) struct Cli {
    /// Directory of the installation; by default the platform's data directory for Toolgate
    #[arg(
        long,
        global = true,
        env = "TOOLGATE_DATA_DIR",
        hide_env_values = true,
        value_name = "DIR"
    )]
    pub(crate) data_dir: Option<PathBuf>,
    /// Also keep the end of the audit chain in this file after each change, as the gateway does with the same flag
    #[arg(
        long,
        global = true,
        env = "TOOLGATE_AUDIT_CHECKPOINTS",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub(crate) audit_checkpoints: Option<PathBuf>,
    /// Print JSON for programs: one object, lists as one object a line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) keys: KeySourceArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One variant for each noun.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Workspaces: sets of MCP servers behind one URL
    #[command(subcommand, visible_alias = "ws")]
    Workspace(WorkspaceCommand),
    /// Tokens of a workspace; the same as `workspace token`
    #[command(subcommand)]
    Token(TokenCommand),
    /// People who may sign in to the dashboard and administer the installation
    #[command(subcommand)]
    Team(TeamCommand),
    /// MCP servers of a workspace
    #[command(subcommand)]
    Mcp(McpCommand),
    /// Tools of the servers: what they do, what changed in them, who may have them
    #[command(subcommand)]
    Tools(ToolsCommand),
    /// Write a workspace into an editor's own configuration, with a token for it
    Connect(Connect),
    /// Write a workspace out as one readable file, without secrets
    Export(Export),
    /// Make a workspace equal to a file; shows the difference first
    Apply(Apply),
    /// Take over a workspace's file, or a catalog's proxy file
    Import(Import),
    /// Secrets: credentials the gateway adds to calls
    #[command(subcommand)]
    Secrets(SecretsCommand),
    /// Serve the management API and the dashboard
    Serve(ServeArgs),
    /// Keys of programs that use the management API
    #[command(subcommand)]
    Key(KeyCommand),
    /// Keys that seal the secrets: which there are, and how they are replaced
    #[command(subcommand)]
    Keys(KeysCommand),
    /// People who sign in to the dashboard
    #[command(subcommand)]
    Operator(OperatorCommand),
    /// The same as `keys rotate`
    #[command(hide = true)]
    RotateKey(KeysRotate),
    /// What was called, by whom, and how it went: the calls, what they come to, files of them
    Calls(CallsArgs),
    /// Alerts: a webhook when calls fail, are slow or run out, when a tool changed or a server is down
    #[command(subcommand)]
    Alert(AlertCommand),
    /// What administrators did, and whether the record of it is whole
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Settings of the installation: what they are, what they may be
    #[command(subcommand)]
    Settings(SettingsCommand),
    /// How much there may be, and how much there is
    #[command(subcommand)]
    Plan(PlanCommand),
    /// The time that tokens are judged by
    #[command(subcommand)]
    Clock(ClockCommand),
    /// Copies of the store, verified before they count
    #[command(subcommand)]
    Backup(BackupCommand),
    /// Check the installation and say how to mend what is wrong
    #[command(after_help = "Examples:
  toolgatectl doctor
  toolgatectl doctor --json

Exits with 1 when it finds a problem; warnings alone exit with 0.")]
    Doctor,
    /// How the running gateway fares: its queues, what it sheds, which servers it leaves alone
    #[command(after_help = "Examples:
  toolgatectl status
  toolgatectl status --json | jq '.links[] | select(.circuit != \"closed\")'")]
    Status,
    /// Which installation this is, as whom you act in it, whether a gateway runs
    #[command(after_help = "Examples:
  toolgatectl whoami
  toolgatectl whoami --json | jq -r .installation")]
    Whoami,
    /// Say why no sign-in is needed here, and where you are
    #[command(after_help = "Examples:
  toolgatectl login

toolgatectl works on the data directory itself: whoever can read it administers the installation,
so there is no account to sign in to.")]
    Login,
    /// Print the manual page, or write one for each command
    Man(Man),
    /// Print a completion script for a shell
    #[command(after_help = "Examples:
  toolgatectl completions bash > ~/.local/share/bash-completion/completions/toolgatectl
  toolgatectl completions zsh > ~/.zfunc/_toolgatectl
  toolgatectl completions fish > ~/.config/fish/completions/toolgatectl.fish
  toolgatectl completions powershell >> $PROFILE")]
    Completions {
        /// The shell to complete for
        shell: clap_complete::Shell,
    },
}

/// `toolgatectl clock …`
#[derive(Debug, Subcommand)]
pub(crate) enum ClockCommand {
    /// Show what time it is, and what time tokens are judged by
    #[command(after_help = "Examples:
  toolgatectl clock show
  toolgatectl clock show --json | jq .behind_ms

Expiry is judged by the latest time this installation has seen, so that a clock that was
set back does not bring expired tokens back to life.")]
    Show,
    /// Say that this host's clock is right, after it had been ahead
    #[command(after_help = "Examples:
  toolgatectl clock accept

Use it when `toolgatectl doctor` says that a later time was seen than it is now, and the
clock of this host is right: tokens that only seemed to have expired work again. Do not use
it while the clock is behind: tokens that did expire would work again, too.")]
    Accept,
}
