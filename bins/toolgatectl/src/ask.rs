//! Asking the person at the terminal, and reading values from standard input.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use toolgate_admin::Secret;

use crate::failure::Failure;

/// Largest value of a secret (S-18), a line end, and one byte to notice that it was more.
const READ_MAX: usize = 16 * 1024 + 3;

/// Asks a question that is answered with y or yes; everything else, an empty line included, means no.
pub(crate) fn confirm(what: &str, question: &str) -> Result<(), Failure> {
    confirm_or(what, question, "add --yes")
}

/// The same, with what else to add where there is no terminal.
pub(crate) fn confirm_or(what: &str, question: &str, instead: &'static str) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::NotAsked {
            what: what.to_owned(),
            instead,
        });
    }
    // On standard error, so that the result alone goes where standard output leads.
    let mut err = io::stderr().lock();
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::Declined),
    }
}

/// A value that must not be seen: hidden prompt on a terminal, else standard input without its line end.
pub(crate) fn secret(prompt: &str) -> Result<Secret<String>, Failure> {
    if io::stdin().is_terminal() {
        return Ok(Secret::new(rpassword::prompt_password(format!(
            "{prompt}: "
        ))?));
    }
    // Room for everything from the start: a growing buffer would leave copies behind that nobody wipes.
    let mut bytes = Vec::with_capacity(READ_MAX);
    io::stdin()
        .lock()
        .take(READ_MAX as u64)
        .read_to_end(&mut bytes)?;
    let too_long = bytes.len() == READ_MAX;
    let mut text = match String::from_utf8(bytes) {
        Ok(text) if !too_long => text,
        _ => return Err(Failure::UnreadableValue),
    };
    let end = text.strip_suffix('\n').unwrap_or(&text);
    let end = end.strip_suffix('\r').unwrap_or(end).len();
    text.truncate(end);
    if text.is_empty() {
        return Err(Failure::NoValue);
    }
    Ok(Secret::new(text))
}
