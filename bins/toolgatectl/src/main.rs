//! Reads flags, calls one `toolgate_admin` function, prints the result, returns an exit code.

mod args;
mod ask;
mod editors;
mod exit;
mod failure;
mod output;
mod progress;
mod run;
mod table;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Cli;
use crate::output::Output;

fn main() -> ExitCode {
    // Before anything else can start a thread or a child.
    let master_key = toolgate_admin::take_master_key();
    let mail_password = toolgate_admin::take_mail_password();
    toolgate_admin::prepare_process();
    let cli = Cli::parse();
    let output = Output::new(cli.json);
    let exit = run::run(cli, master_key, mail_password, &output).unwrap_or_else(|failure| {
        output.failure(&failure);
        failure.exit()
    });
    exit.into()
}
