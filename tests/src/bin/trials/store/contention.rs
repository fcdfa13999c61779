//! R-03 `two_process_contention`: two processes write at a high rate, nobody is turned away, nothing is lost,
//! and the log stays small although one of them writes it back all the time.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use toolgate_admin::{Admin, DataDir, operator};
use toolgate_store::{AuditKeys, Open, Store};

use super::{Writer, count, writer};
use crate::effort::Effort;
use crate::score::{Bar, Score};

/// What each process is to write a second.
const RATE: u32 = 200;
const LOG_MAX_BYTES: f64 = 64.0 * 1024.0 * 1024.0;

pub(crate) fn run(effort: &Effort, score: &mut Score) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let dir = folder.path().join("data");
    let place = DataDir::new(&dir);
    drop(Admin::open(place.clone(), operator()).expect("an installation"));
    let (program, writes) = (writer(), effort.size(1_000, 120_000));
    let began = Instant::now();
    let start = |name: &str| {
        let mut command = Command::new(&program);
        command.arg("steady").arg(&dir).arg(name);
        command.arg(writes.to_string()).arg(RATE.to_string());
        Writer::start(&mut command)
    };
    let [one, two] = [start("gateway"), start("admin")];
    let log = dir.join("control.db-wal");
    let (said, longest) = thread::scope(|scope| {
        let finishing = scope.spawn(|| [one.finish(), two.finish()].concat());
        let third = rusqlite::Connection::open(place.control_db()).expect("it opens");
        third.busy_timeout(Duration::from_secs(5)).expect("set");
        let mut longest = 0;
        while !finishing.is_finished() {
            longest = longest.max(fs::metadata(&log).map_or(0, |log| log.len()));
            // A forced checkpoint from a third side, as deleting a secret makes one.
            let forced = "PRAGMA wal_checkpoint(TRUNCATE)";
            drop(third.query_row(forced, [], |row| row.get::<_, i64>(0)));
            thread::sleep(Duration::from_millis(100));
        }
        (finishing.join().expect("no panic"), longest)
    });
    let took = began.elapsed().as_secs_f64();

    let after = Store::open(&place, Open::MustExist).expect("whole");
    let key =
        toolgate_admin::existing_key(&place, toolgate_admin::GivenKeySources::default(), None)
            .expect("the key");
    let head = after
        .verify_audit_with(AuditKeys::of(&*key), None)
        .expect("the chain holds");
    let after = after.unlock(key, &operator()).expect("its key");
    let loaded = after.load().expect("it loads");
    let acks: Vec<&str> = said
        .iter()
        .filter_map(|line| line.strip_prefix("ack "))
        .collect();
    let lost = acks
        .iter()
        .filter(|name| loaded.settings.get(name).is_none())
        .count();
    let busy = said.iter().filter(|line| *line == "busy").count();
    let failed = said
        .iter()
        .filter(|line| line.starts_with("failed"))
        .count();
    score.figure(
        "writes acknowledged",
        count(acks.len() as u64),
        "writes",
        Bar::AtLeast(count(2 * writes)),
    );
    score.figure(
        "rate of both",
        count(acks.len() as u64) / took,
        "writes/s",
        Bar::Told,
    );
    score.never("store busy", busy as u64);
    score.never("write failed", failed as u64);
    score.never("update lost", lost as u64);
    score.never(
        "row too many or too few",
        head.sequence.abs_diff(acks.len() as u64 + 1),
    );
    score.figure(
        "longest log",
        count(longest),
        "bytes",
        Bar::AtMost(LOG_MAX_BYTES),
    );
}
