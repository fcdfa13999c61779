//! The one place where this project makes a process (S-71).

use std::ffi::OsStr;
use std::process::Command;

/// A command from a list of arguments: never from a text, never by a shell, nothing filled in.
///
/// `None` for an empty list. Who asks has the list from the operator's settings, or is the keeper, which was
/// handed it by the gateway.
pub(super) fn command<Part: AsRef<OsStr>>(argv: &[Part]) -> Option<Command> {
    let (program, arguments) = argv.split_first()?;
    let mut command = Command::new(program);
    command.args(arguments);
    Some(command)
}
