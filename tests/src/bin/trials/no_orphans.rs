//! S-74: a child that ignores signals, forks twice and makes sessions of its own leaves nothing, however often the
//! gateway is killed under it, and however often it is ended in good order.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use toolgate_testkit::Client;
use toolgate_tests::{Gateway, Installation, marked, zombies_of};

use crate::effort::Effort;
use crate::score::{Bar, Score};

/// In the environment of every process of the family.
const MARK: &str = "a-family-that-ignores-its-end";
/// S-74: nothing survives this long.
const BOUND: Duration = Duration::from_secs(5);

/// Families that live at the same time; most of the time is spent waiting for them.
const AT_ONCE: u64 = 5;

pub(crate) fn run(effort: &Effort, score: &mut Score) {
    let runs = effort.size(10, 200);
    let mut ends = Vec::new();
    for first in (0..runs).step_by(5) {
        let end = |number| move || end_of_one(number);
        let together = thread::scope(|scope| {
            let running: Vec<_> = (first..runs.min(first + AT_ONCE))
                .map(|number| scope.spawn(end(number)))
                .collect();
            running
                .into_iter()
                .map(|run| run.join().expect("its panic is the trial's"))
                .collect::<Vec<_>>()
        });
        ends.extend(together);
    }
    let left: u64 = ends.iter().map(|end| end.left).sum();
    let zombies: u64 = ends.iter().map(|end| end.zombies).sum();
    let slowest = ends
        .iter()
        .filter_map(|end| end.after_kill)
        .max()
        .unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    score.figure("endings", runs as f64, "runs", Bar::AtLeast(10.0));
    let memory = ends
        .iter()
        .map(|end| end.keeper_kib)
        .max()
        .unwrap_or_default();
    score.never("descendants left", left);
    score.never("zombies left", zombies);
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    score.figure("memory of a keeper", memory as f64, "KiB", Bar::Told);
    score.figure(
        "slowest end of a family after kill -9",
        slowest.as_secs_f64(),
        "s",
        Bar::AtMost(BOUND.as_secs_f64()),
    );
}

/// What was left of one family, and how long that took.
struct End {
    left: u64,
    zombies: u64,
    /// Memory that its keeper had for itself.
    keeper_kib: u64,
    /// None if it was ended in good order.
    after_kill: Option<Duration>,
}

fn end_of_one(number: u64) -> End {
    let mark = format!("{MARK}-{number:04}.");
    let (installation, token) = prepare(&mark);
    let mut gateway = installation.start();
    grow(&gateway, &token, &mark);
    let keeper_kib = marked(&mark)
        .iter()
        .map(|pid| anonymous(*pid, "toolgate-keeper"))
        .sum();
    // Every fifth in good order, which takes the whole 5 s of a child that ignores it.
    if number % AT_ONCE == AT_ONCE - 1 {
        installation.done(&["mcp", "remove", "c", "--workspace", "team"]);
        wait(&mark, BOUND * 2);
        return End {
            left: marked(&mark).len() as u64,
            zombies: zombies_of(gateway.process.id()).len() as u64,
            keeper_kib,
            after_kill: None,
        };
    }
    gateway.process.signal("KILL");
    gateway.process.wait();
    let after_kill = wait(&mark, BOUND);
    End {
        left: marked(&mark).len() as u64,
        zombies: 0,
        keeper_kib,
        after_kill: Some(after_kill),
    }
}

fn prepare(mark: &str) -> (Installation, String) {
    let installation = Installation::new();
    installation.workspace("team");
    let token = installation.unlimited("team").token;
    let program = toolgate_testkit::stdio_server_path();
    let program = program.to_str().expect("a plain path");
    installation.done(&[
        "mcp",
        "add",
        "c",
        "--workspace",
        "team",
        "--env",
        "MARK",
        "--era",
        "legacy",
        "--",
        program,
        "--ignore-end",
    ]);
    installation.secret("team", "c", "MARK", mark);
    (installation, token)
}

/// Starts the child and has it leave processes behind.
fn grow(gateway: &Gateway, token: &str, mark: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        let mut client = Client::new(&gateway.workspace("team")).bearer(token);
        client.initialize().await;
        client.call("c__orphan", json!({})).await;
        client.call("c__child", json!({})).await;
    });
    toolgate_tests::eventually("the family is there", || {
        (marked(mark).len() >= 5).then_some(())
    });
}

/// Anonymous memory of a process, in KiB; none if it has another name.
fn anonymous(pid: u32, name: &str) -> u64 {
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    if read("comm").trim() != name {
        return 0;
    }
    let memory = read("smaps_rollup");
    let line = memory
        .lines()
        .find_map(|line| line.strip_prefix("Anonymous:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.unwrap_or_default()
}

/// Waits until nobody is left, or for `bound`; how long that took.
fn wait(mark: &str, bound: Duration) -> Duration {
    let begun = Instant::now();
    while !marked(mark).is_empty() && begun.elapsed() < bound {
        thread::sleep(Duration::from_millis(50));
    }
    begun.elapsed()
}
