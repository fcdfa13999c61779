//! killed at any moment, an installation loses nothing it acknowledged and is back at once.

use std::thread;
use std::time::{Duration, Instant};

use toolgate_admin::{Admin, DataDir, operator};
use toolgate_tests::{Dice, Installation, tool};

use super::{Writer, acknowledged, count, examine, writer};
use crate::effort::Effort;
use crate::score::{Bar, Score};

pub(crate) fn run(effort: &Effort, score: &mut Score) {
    writers(effort, score);
    gateways(effort, score);
}

/// Kills a process that administers, while it starts and while it writes.
fn writers(effort: &Effort, score: &mut Score) {
    let mut dice = Dice::new(effort.seed);
    let program = writer();
    let folder = tempfile::tempdir().expect("a temporary directory");
    let dir = folder.path().join("data");
    drop(Admin::open(DataDir::new(&dir), operator()).expect("an installation"));
    let loops = effort.size(200, 2_000);
    let (mut lost, mut half, mut acks, mut rows) = (0, 0, 0, 0);
    let mut slowest = Duration::ZERO;
    for round in 0..loops {
        let mut one = Writer::start(&mut Writer::mixed(&program, &dir, dice.number()));
        // Every fourth is killed while it starts.
        if round % 4 != 0 {
            one.until_it_speaks();
        }
        thread::sleep(Duration::from_micros(dice.number() % 30_000));
        let heads = acknowledged(&one.kill());
        acks += heads.len() as u64;

        match examine(&dir, &heads) {
            Ok(found) => {
                lost += found.lost;
                half += found.half;
                rows = found.rows;
                slowest = slowest.max(found.opened);
            }
            Err(error) => {
                score.fail(&format!("round {round}: {error}"));
                return;
            }
        }
    }
    score.figure(
        "kill -9 of a writer",
        count(loops),
        "loops",
        Bar::AtLeast(200.0),
    );
    score.figure(
        "changes acknowledged",
        count(acks),
        "changes",
        Bar::AtLeast(count(loops)),
    );
    score.figure(
        "rows in the chain, which verifies",
        count(rows),
        "rows",
        Bar::Told,
    );
    score.never("acknowledged change lost", lost);
    score.never("half a change", half);
    score.figure(
        "slowest restart",
        slowest.as_secs_f64(),
        "s",
        Bar::AtMost(2.0),
    );
}

/// Kills the gateway while `toolgatectl` changes things beside it.
fn gateways(effort: &Effort, score: &mut Score) {
    let mut dice = Dice::new(effort.seed ^ 1);
    tool("admin-writer");
    let installation = Installation::new();
    installation.workspace("team");
    let (mut lost, mut slowest, mut made) = (0, Duration::ZERO, 0);
    let loops = effort.size(8, 100);
    for round in 0..loops {
        let began = Instant::now();
        let mut gateway = installation.start();
        slowest = slowest.max(began.elapsed());
        let name = format!("r{round}");
        let created = thread::scope(|scope| {
            let creating = scope.spawn(|| {
                installation.ctl(&["--json", "token", "create", "team", "--name", &name])
            });
            thread::sleep(Duration::from_millis(dice.number() % 60));
            gateway.process.signal("KILL");
            gateway.process.wait();
            creating.join().expect("no panic")
        });
        if created.status.success() {
            made += 1;
            let tokens = installation.lines(&["token", "list", "team"]);
            lost += u64::from(!tokens.iter().any(|token| token["name"] == *name));
        }
    }
    let verified = installation.json(&["audit", "verify"]);
    score.figure(
        "kill -9 of the gateway",
        count(loops),
        "loops",
        Bar::AtLeast(8.0),
    );
    score.figure(
        "tokens made meanwhile",
        count(made),
        "tokens",
        Bar::AtLeast(1.0),
    );
    score.never("token lost", lost);
    score.never("audit chain broken", u64::from(verified["ok"] != true));
    score.figure(
        "slowest start of the gateway",
        slowest.as_secs_f64(),
        "s",
        Bar::AtMost(2.0),
    );
}
