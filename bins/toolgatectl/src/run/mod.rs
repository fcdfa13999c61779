//! One function for each command: what was typed becomes one call of the admin, its report becomes text.

mod alert;
mod audit;
mod backup;
mod calls;
mod clock;
mod connect;
mod doctor;
mod file;
mod import;
mod key;
mod keys;
mod man;
mod mcp;
mod member;
mod operator;
mod plan;
mod secrets;
mod serve;
mod settings;
mod status;
mod team;
mod token;
mod tools;
mod whoami;
mod workspace;

use std::cell::Cell;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::CommandFactory;
use toolgate_admin::{Admin, DataDir, GivenKeySources, Secret, WorkspaceScope, operator};

use crate::args::{AuditCommand, BackupCommand, Cli, Command, KeysCommand};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Does what was asked.
pub(crate) fn run(
    cli: Cli,
    master_key: Option<Secret<String>>,
    mail_password: Option<Secret<String>>,
    output: &Output,
) -> Result<Exit, Failure> {
    let keys = GivenKeySources {
        file: cli.keys.file,
        credential: cli.keys.credential,
        credentials_directory: std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
        variable: master_key,
        command: cli.keys.command,
    };
    let place = Place {
        given: cli.data_dir,
        sink: cli.audit_checkpoints,
        mail_password: Cell::new(mail_password),
        output,
    };
    let dir = || place.dir();
    match cli.command {
        Command::Workspace(command) => place.open(keys, |context| workspace::run(context, command)),
        Command::Token(command) => place.open(keys, |context| token::run(context, command)),
        Command::Team(command) => place.open(keys, |context| team::run(context, command)),
        Command::Mcp(command) => place.open(keys, |context| mcp::run(context, command)),
        Command::Tools(command) => place.open(keys, |context| tools::run(context, command)),
        Command::Operator(command) => place.open(keys, |context| operator::run(context, command)),
        Command::Secrets(command) => place.open(keys, |context| secrets::run(context, command)),
        Command::Calls(asked) => place.open(keys, |context| calls::run(context, asked)),
        Command::Alert(command) => place.open(keys, |context| alert::run(context, command)),
        Command::Audit(AuditCommand::List(query)) => {
            place.open(keys, |context| audit::list(context, query))
        }
        Command::Audit(AuditCommand::Verify(asked)) => {
            audit::verify(&dir()?, keys, place.sink.as_deref(), &asked, output)
        }
        Command::Audit(AuditCommand::Export) => audit::export(&dir()?),
        Command::Backup(BackupCommand::Create { file, calls }) => place.open(keys, |context| {
            backup::create(context, file.as_deref(), calls)
        }),
        Command::Backup(BackupCommand::Verify { file, key_file }) => {
            backup::verify(&dir()?, keys, &file, key_file.as_deref(), output)
        }
        Command::Backup(BackupCommand::Restore { file, calls, yes }) => {
            backup::restore(&dir()?, keys, &file, calls, yes, output)
        }
        Command::Serve(asked) => {
            let admin = Admin::open_with(dir()?, keys, operator())?;
            serve::serve(admin, asked, place.sink.clone(), output)
        }
        Command::Key(command) => place.open(keys, |context| key::run(context, command)),
        Command::Keys(command) => place.open(keys, |context| keys::run(context, command)),
        Command::Settings(command) => place.open(keys, |context| settings::run(context, command)),
        Command::Plan(command) => place.open(keys, |context| plan::run(context, command)),
        Command::Whoami => place.open(keys, whoami::whoami),
        Command::Login => place.open(keys, whoami::login),
        Command::RotateKey(asked) => {
            let command = KeysCommand::Rotate(asked);
            place.open(keys, |context| keys::run(context, command))
        }
        Command::Clock(command) => place.open(keys, |context| clock::run(context, &command)),
        Command::Status => status::status(&dir()?, output),
        Command::Doctor => doctor::doctor(&dir()?, keys, output),
        Command::Connect(asked) => place.open(keys, |context| connect::run(context, &asked)),
        Command::Export(asked) => place.open(keys, |context| file::export(context, &asked)),
        Command::Apply(asked) => place.open(keys, |context| file::apply(context, &asked)),
        Command::Import(asked) => place.open(keys, |context| file::import(context, &asked)),
        Command::Man(asked) => man::run(asked.output.as_deref(), output),
        Command::Completions { shell } => completions(shell),
    }
}

/// Which installation is meant, and where the end of its audit chain is kept besides.
struct Place<'a> {
    given: Option<PathBuf>,
    sink: Option<PathBuf>,
    mail_password: Cell<Option<Secret<String>>>,
    output: &'a Output,
}

impl Place<'_> {
    fn dir(&self) -> Result<DataDir, Failure> {
        match &self.given {
            Some(dir) => Ok(DataDir::new(dir)),
            None => Ok(DataDir::new(DataDir::default_path()?)),
        }
    }

    /// Runs a command on the opened installation; what it changed is kept in the second sinks (S-84).
    fn open(
        &self,
        keys: GivenKeySources,
        command: impl FnOnce(&Context<'_>) -> Result<Exit, Failure>,
    ) -> Result<Exit, Failure> {
        let context = Context {
            admin: Admin::open_with(self.dir()?, keys, operator())?,
            mail_password: Cell::new(self.mail_password.take()),
            output: self.output,
        };
        let done = command(&context);
        if let Err(error) = context.admin.settle(self.sink.as_deref()) {
            // The command is done or has failed by now; the next one, or the gateway, makes up for this.
            self.output
                .note(&format!("no audit checkpoint was kept: {error}"));
        }
        done
    }
}

/// What every command works with.
pub(crate) struct Context<'a> {
    pub(crate) admin: Admin,
    /// The password of the mail account, from the environment; whoever sends mail takes it.
    mail_password: Cell<Option<Secret<String>>>,
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
