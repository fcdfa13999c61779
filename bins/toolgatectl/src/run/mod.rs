//! One function for each command: what was typed becomes one call of the admin, its report becomes text.

mod calls;
mod clock;
mod doctor;
mod keys;
mod mcp;
mod secrets;
mod status;
mod token;
mod workspace;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::CommandFactory;
use toolgate_admin::{Admin, DataDir, GivenKeySources, Secret, WorkspaceScope, operator};

use crate::args::{Cli, Command};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Does what was asked.
pub(crate) fn run(
    cli: Cli,
    master_key: Option<Secret<String>>,
    output: &Output,
) -> Result<Exit, Failure> {
    let given = cli.data_dir;
    let dir = || match &given {
        Some(dir) => Ok(DataDir::new(dir)),
        None => DataDir::default_path()
            .map(DataDir::new)
            .map_err(Failure::from),
    };
    let keys = GivenKeySources {
        file: cli.keys.master_key_file,
        credential: cli.keys.master_key_credential,
        credentials_directory: std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
        variable: master_key,
        command: cli.keys.master_key_command,
    };
    let open = |keys| -> Result<Context<'_>, Failure> {
        let admin = Admin::open_with(dir()?, keys, operator())?;
        Ok(Context { admin, output })
    };
    match cli.command {
        Command::Workspace(command) => workspace::run(&open(keys)?, command),
        Command::Token(command) => token::run(&open(keys)?, command),
        Command::Mcp(command) => mcp::run(&open(keys)?, command),
        Command::Secrets(command) => secrets::run(&open(keys)?, command),
        Command::Calls(query) => calls::calls(&open(keys)?, query),
        Command::Audit(command) => calls::audit(&open(keys)?, &command),
        Command::Keys(command) => keys::run(&open(keys)?, command),
        Command::Clock(command) => clock::run(&open(keys)?, &command),
        Command::Status => status::status(&dir()?, output),
        Command::Doctor => doctor::doctor(&dir()?, keys, output),
        Command::Completions { shell } => completions(shell),
    }
}

/// What every command works with.
pub(crate) struct Context<'a> {
    pub(crate) admin: Admin,
    pub(crate) output: &'a Output,
}

impl Context<'_> {
    /// The workspace that was named, else the default one; says so when that had to be made.
    fn target(&self, named: Option<&str>) -> Result<WorkspaceScope, Failure> {
        let target = self.admin.target(named)?;
        if target.made {
            self.output.note(&format!(
                "there was no workspace, so `{}` was made and is the active one",
                target.scope.slug()
            ));
        }
        Ok(target.scope)
    }
}

fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "toolgatectl", &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(Exit::Done)
}

/// `1 tool`, `2 tools`.
pub(crate) fn count(number: impl Into<u64>, thing: &str) -> String {
    match number.into() {
        1 => format!("1 {thing}"),
        number => format!("{number} {thing}s"),
    }
}
