//! One function for each command: what was typed becomes one call of the admin, its report becomes text.

mod calls;
mod clock;
mod doctor;
mod mcp;
mod secrets;
mod status;
mod token;
mod workspace;

use std::io::{self, Write};

use clap::CommandFactory;
use toolgate_admin::{Admin, DataDir, WorkspaceScope, operator};

use crate::args::{Cli, Command};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Does what was asked.
pub(crate) fn run(cli: Cli, output: &Output) -> Result<Exit, Failure> {
    let given = cli.data_dir;
    let dir = || match &given {
        Some(dir) => Ok(DataDir::new(dir)),
        None => DataDir::default_path()
            .map(DataDir::new)
            .map_err(Failure::from),
    };
    let open = || -> Result<Context<'_>, Failure> {
        let admin = Admin::open(dir()?, operator())?;
        Ok(Context { admin, output })
    };
    match cli.command {
        Command::Workspace(command) => workspace::run(&open()?, command),
        Command::Token(command) => token::run(&open()?, command),
        Command::Mcp(command) => mcp::run(&open()?, command),
        Command::Secrets(command) => secrets::run(&open()?, command),
        Command::Calls(query) => calls::calls(&open()?, query),
        Command::Audit(command) => calls::audit(&open()?, &command),
        Command::Clock(command) => clock::run(&open()?, &command),
        Command::Doctor => doctor::doctor(&dir()?, output),
        Command::Status => status::status(&dir()?, output),
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
