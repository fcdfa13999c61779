//! What writing one call record costs: batches of one size, journaled by a process of their own under callgrind.

use std::path::Path;
use std::process::Command;

use toolgate_analytics::Journal;
use toolgate_benches::{Busy, NOW_MS, precise, target_dir};
use toolgate_store::{CallsJournal, DataDir};

use crate::callgrind::Profile;

const PART: &str = "journal";
const BATCH: u64 = 256;
/// Batches of the two runs, whose difference has no start-up in it.
const FEW: u64 = 10;
const MANY: u64 = 110;

/// Writes batches, if that is what these arguments ask for.
pub(crate) fn run_part(args: &[String]) -> bool {
    let [part, folder, batches] = args else {
        return false;
    };
    if part != PART {
        return false;
    }
    write(Path::new(folder), batches.parse().expect("a number"));
    true
}

/// Instructions of each record of a batch.
pub(crate) fn instructions_of_a_record() -> f64 {
    let more = measure(MANY) - measure(FEW);
    precise(more) / precise((MANY - FEW) * BATCH)
}

fn measure(batches: u64) -> u64 {
    let folder = target_dir().join("guard-journal");
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).expect("the target directory is ours");
    let out = folder.join("callgrind.out");
    let done = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe().expect("a program has a file"))
        .arg(PART)
        .arg(folder.join("data"))
        .arg(batches.to_string())
        .status()
        .expect("valgrind is installed");
    assert!(done.success(), "writing records under callgrind: {done}");
    let text = std::fs::read_to_string(&out).expect("callgrind wrote it");
    Profile::parse(&text).total
}

fn write(folder: &Path, batches: u64) {
    let dir = DataDir::new(folder);
    dir.create().expect("a data directory");
    let mut journal = CallsJournal::open(&dir).expect("a journal");
    let busy = Busy::new();
    for batch in 0..batches {
        let first = batch * BATCH;
        let records: Vec<_> = (first..first + BATCH)
            .map(|n| busy.record(n, NOW_MS + n / 50))
            .collect();
        let done = journal.append("boot", first + 1, &records);
        done.expect("the disk takes it");
    }
}
