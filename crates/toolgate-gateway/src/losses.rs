//! How many call records each process run made, kept where a killed process leaves it.
//!
//! Records reach `calls.db` within 100 ms, so a killed process loses some at its end, of which no gap in the
//! sequence tells. Each run therefore counts the records it makes in a file of its own, and the next run notes
//! the difference and removes the file.

use std::fs;
use std::io;
use std::path::Path;

use toolgate_store::{CallsJournal, DataDir};
use toolgate_sys::KeptCount;

const PREFIX: &str = "calls-made-";

/// The count of this run; without it, records that are lost at its end cannot be told.
pub(crate) fn count(dir: &DataDir, boot: &str) -> Option<KeptCount> {
    let made = KeptCount::create(&dir.path().join(format!("{PREFIX}{boot}")));
    made.inspect_err(|error| {
        tracing::warn!(kind = ?error.kind(), "call records that are lost with this process will not be counted");
    })
    .ok()
}

/// Notes what runs that ended have lost. Best effort: what cannot be settled now is settled by the next run.
pub(crate) fn settle(dir: &DataDir, journal: &mut CallsJournal) {
    let Ok(files) = fs::read_dir(dir.path()) else {
        return;
    };
    for file in files.flatten() {
        let name = file.file_name();
        if let Some(boot) = name.to_str().and_then(|name| name.strip_prefix(PREFIX))
            && let Err(error) = settle_one(&file.path(), boot, journal)
        {
            tracing::warn!(kind = ?error.kind(), "lost call records could not be counted");
        }
    }
}

fn settle_one(path: &Path, boot: &str, journal: &mut CallsJournal) -> io::Result<()> {
    let Some(made) = toolgate_sys::left_count(path)? else {
        // That run is still at it.
        return Ok(());
    };
    let lost = journal.settle_run(boot, made).map_err(io::Error::other)?;
    if lost > 0 {
        tracing::warn!(
            lost,
            "call records were lost when the process before this one ended"
        );
    }
    fs::remove_file(path)
}
