//! a power cut takes what was not synced, and nothing that was acknowledged.
//!
//! The preloaded library copies each file when it was synced. After a kill every file is put back to that
//! copy, and files that were never synced are removed. Every other round also leaves a torn page behind the
//! synced part of the log. The same loop with `synchronous=NORMAL` has to lose rows, or it proves nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use toolgate_admin::{Admin, DataDir, operator};
use toolgate_tests::Dice;

use super::{Writer, acknowledged, count, examine, faults, writer};
use crate::effort::Effort;
use crate::score::{Bar, Score};

const IMAGE: &str = "synced";

pub(crate) fn run(effort: &Effort, score: &mut Score) {
    let loops = effort.size(60, 1_000);
    let mut dice = Dice::new(effort.seed);
    let folder = tempfile::tempdir().expect("a temporary directory");
    let dir = fs::canonicalize(folder.path())
        .expect("a path")
        .join("data");
    drop(Admin::open(DataDir::new(&dir), operator()).expect("an installation"));
    let (library, program) = (faults(), writer());

    let (mut lost, mut half, mut acks, mut torn) = (0, 0, 0, 0);
    for round in 0..loops {
        let seed = dice.number();
        let mut command = Writer::mixed(&program, &dir, seed);
        let lines = cut(
            &mut command,
            &library,
            &dir,
            &mut dice,
            round % 2 == 1,
            &mut torn,
        );
        let heads = acknowledged(&lines);
        acks += heads.len() as u64;
        match examine(&dir, &heads) {
            Ok(found) => {
                lost += found.lost;
                half += found.half;
            }
            Err(error) => {
                score.fail(&format!("round {round}: {error}"));
                return;
            }
        }
    }
    score.figure("power cuts", count(loops), "loops", Bar::AtLeast(60.0));
    score.figure(
        "of them with a torn page",
        count(torn),
        "loops",
        Bar::AtLeast(10.0),
    );
    score.figure(
        "changes acknowledged",
        count(acks),
        "changes",
        Bar::AtLeast(count(loops)),
    );
    score.never("acknowledged change lost", lost);
    score.never("half a change", half);
    careless(effort, &library, &program, &mut dice, score);
}

/// The same cuts without a sync at each commit.
fn careless(effort: &Effort, library: &Path, program: &Path, dice: &mut Dice, score: &mut Score) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let dir = fs::canonicalize(folder.path())
        .expect("a path")
        .join("data");
    fs::create_dir(&dir).expect("a new directory");
    let (mut lost, mut next) = (0, 0_u64);
    let loops = effort.size(8, 60);
    for _ in 0..loops {
        let mut command = Command::new(program);
        command.arg("careless").arg(&dir).arg(next.to_string());
        let lines = cut(&mut command, library, &dir, dice, false, &mut 0);
        let said = lines.iter().filter_map(|line| line.strip_prefix("ack "));
        let said: Vec<u64> = said.filter_map(|number| number.parse().ok()).collect();
        next = said.iter().max().map_or(next, |last| last + 1);
        lost += said.iter().filter(|number| !holds(&dir, **number)).count() as u64;
    }
    score.figure(
        "rows that synchronous=NORMAL loses the same way",
        count(lost),
        "rows",
        Bar::AtLeast(1.0),
    );
}

fn holds(dir: &Path, number: u64) -> bool {
    let file = rusqlite::Connection::open(dir.join("careless.db")).expect("it opens");
    let sql = "SELECT 1 FROM acks WHERE number = ?1";
    file.query_row(sql, [number.cast_signed()], |_| Ok(()))
        .is_ok()
}

/// Runs a writer for a moment, kills it, and leaves of its files what a power cut leaves.
fn cut(
    command: &mut Command,
    library: &Path,
    dir: &Path,
    dice: &mut Dice,
    tear: bool,
    torn: &mut u64,
) -> Vec<String> {
    // What is there now has long been on the disk.
    for file in files(dir) {
        fs::copy(&file, beside(&file, IMAGE)).expect("copied");
    }
    command
        .env("LD_PRELOAD", library)
        .env("TG_FAULT_DIR", dir)
        .env("TG_SYNCED", "1");
    let mut one = Writer::start(command);
    one.until_it_speaks();
    thread::sleep(Duration::from_micros(dice.number() % 60_000));
    let lines = one.kill();

    let log = dir.join("control.db-wal");
    let live = fs::read(&log).unwrap_or_default();
    for file in files(dir) {
        let image = beside(&file, IMAGE);
        // Shared memory is no file after a power cut, and what was never synced may not be there.
        if file.to_string_lossy().ends_with("-shm") || fs::rename(&image, &file).is_err() {
            fs::remove_file(&file).expect("removed");
        }
    }
    for left in leftovers(dir) {
        let file = left.with_extension("");
        if left.extension().is_some_and(|ending| ending == IMAGE) && !file.exists() {
            // Deleted since it was synced, which a power cut can undo.
            fs::rename(&left, &file).expect("renamed");
        } else {
            fs::remove_file(&left).expect("removed");
        }
    }
    if tear && log.exists() {
        tear_page(&log, &live, dice);
        *torn += 1;
    }
    lines
}

/// Writes the beginning of a page behind the synced part of the log, and garbage for the rest of it.
fn tear_page(log: &Path, live: &[u8], dice: &mut Dice) {
    const FRAME: usize = 24 + 4096;
    let mut bytes = fs::read(log).expect("read");
    let page: Vec<u8> = match live.get(bytes.len()..) {
        Some(more) if more.len() >= FRAME => more[..FRAME].to_vec(),
        // Nothing was on its way: tear a page that repeats the last one.
        _ => bytes.iter().rev().take(FRAME).rev().copied().collect(),
    };
    let kept = dice.below(page.len().max(1));
    bytes.extend(&page[..kept]);
    bytes.extend((kept..page.len()).map(|_| u8::try_from(dice.below(256)).unwrap_or(0)));
    fs::write(log, bytes).expect("written");
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

fn is_leftover(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending == IMAGE || ending == "syncing")
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("a directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.is_file()).collect()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let all = entries(dir).into_iter();
    all.filter(|path| !is_leftover(path)).collect()
}

fn leftovers(dir: &Path) -> Vec<PathBuf> {
    let all = entries(dir).into_iter();
    all.filter(|path| is_leftover(path)).collect()
}
