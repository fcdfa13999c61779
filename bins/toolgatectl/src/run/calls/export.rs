//! `toolgatectl calls export`

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;
use toolgate_admin::{AdminError, CallExport};
use toolgate_api::write_calls;
use toolgate_export::Format;

use super::figures::number;
use super::meant;
use crate::args::CallsExport;
use crate::failure::Failure;
use crate::run::{Context, count};
use crate::table::clean;

/// How often a terminal hears how far it is.
const SAY_EVERY: Duration = Duration::from_millis(200);

/// What was written.
#[derive(Serialize)]
struct Exported {
    file: PathBuf,
    calls: u64,
}

pub(super) fn export(context: &Context<'_>, asked: &CallsExport) -> Result<(), Failure> {
    let format = asked.format();
    let calls = context.admin.export_calls(&meant(context, &asked.meant)?)?;
    let Some(file) = &asked.output else {
        let out = io::stdout();
        if format == Format::Parquet && out.is_terminal() {
            return Err(Failure::BinaryOnTerminal);
        }
        write(calls, format, out)?;
        return Ok(());
    };
    let exported = Exported {
        calls: write_file(calls, format, file)?,
        file: file.clone(),
    };
    context.output.one(&exported, |exported| {
        let file = clean(&exported.file.display().to_string());
        format!("Wrote {} to {file}\n", count(exported.calls, "call"))
    })
}

/// Writes beside the file and takes its place at the end: half an export never looks like a whole one.
fn write_file(calls: CallExport, format: Format, path: &Path) -> Result<u64, Failure> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = PathBuf::from(beside);
    let failed = |source| AdminError::File {
        path: path.to_owned(),
        source,
    };
    let out = private(&beside).map_err(failed)?;
    let written = write(calls, format, out).and_then(|written| {
        fs::rename(&beside, path).map_err(failed)?;
        Ok(written)
    });
    if written.is_err() {
        // What is left of it helps nobody; the failure itself is told.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Who called what is for its owner's eyes.
fn private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;

    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

fn write(calls: CallExport, format: Format, out: impl Write + Send) -> Result<u64, Failure> {
    let mut progress = Progress::new();
    write_calls(calls, format, out, |calls| progress.add(calls))?;
    Ok(progress.done())
}

/// How far it is, for a person at a terminal.
struct Progress {
    calls: u64,
    said: Option<Instant>,
    shown: bool,
}

impl Progress {
    fn new() -> Self {
        Self {
            calls: 0,
            said: io::stderr().is_terminal().then(Instant::now),
            shown: false,
        }
    }

    fn add(&mut self, calls: u64) {
        self.calls += calls;
        if self.said.is_some_and(|said| said.elapsed() >= SAY_EVERY) {
            self.said = Some(Instant::now());
            self.shown = true;
            say(&format!("\r{} calls …", number(self.calls)));
        }
    }

    /// Leaves the line as it was, and says how many there were.
    fn done(self) -> u64 {
        if self.shown {
            say("\r\u{1b}[K");
        }
        self.calls
    }
}

/// Writes to standard error; a terminal that is gone is no reason to stop.
fn say(text: &str) {
    let mut out = io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
