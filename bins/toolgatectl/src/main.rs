//! Reads flags, calls one `toolgate_admin` function, prints the result, returns an exit code.

mod args;
mod ask;
mod exit;
mod failure;
mod output;
mod run;
mod table;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Cli;
use crate::output::Output;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.json);
    let exit = run::run(cli, &output).unwrap_or_else(|failure| {
        output.failure(&failure);
        failure.exit()
    });
    exit.into()
}
