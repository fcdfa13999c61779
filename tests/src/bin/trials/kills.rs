//! Processes that are killed, and what is known of their calls afterwards.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;
use toolgate_testkit::{Running, Server};
use toolgate_tests::{Created, Gateway, Installation};

use crate::caller::Caller;
use crate::effort::Effort;
use crate::score::{Bar, Score};
use crate::stage::{Dice, add_server, float, runtime};

/// Clients that call without a pause; so many calls may be under way when the process dies.
const CALLERS: u64 = 2;

/// what a killed gateway lost is little, and counted to the last record.
pub(crate) fn analytics_loss(effort: &Effort, score: &mut Score) {
    let runtime = runtime();
    let server = runtime.block_on(Server::new().stateless().tool("work", "ok").start());
    let mut dice = Dice(effort.seed);
    let (mut answered, mut lost, mut worst) = (0, 0, 0);
    let (mut missing, mut invented, mut late) = (0, 0, 0);
    for _ in 0..effort.size(20, 200) {
        let (installation, token) = stage(&server, false);
        let gateway = installation.start();
        let life = Duration::from_millis(80 + dice.below(250));
        let run = runtime.block_on(call_until_killed(&gateway, &token, life));
        drop(gateway);
        // The next one finds out what the last one lost.
        let gateway = installation.start();
        let recorded = installation.lines(&["calls", "--limit", "10000"]).len() as u64;
        let gone = counted_lost(&installation);
        assert!(gateway.stop().success(), "an orderly end");
        let told = run.answers.len() as u64;
        let accounted = recorded + gone;
        missing += told.saturating_sub(accounted);
        invented += accounted.saturating_sub(told + CALLERS);
        late += gone.saturating_sub(run.within(Duration::from_millis(200)) + CALLERS);
        answered += told;
        lost += gone;
        worst = worst.max(gone);
    }
    score.figure(
        "calls answered",
        float(answered),
        "calls",
        Bar::AtLeast(100.0),
    );
    score.figure("records lost", float(lost), "records", Bar::Told);
    score.figure("records lost at once", float(worst), "records", Bar::Told);
    score.never(
        "answered call neither recorded nor counted as lost",
        missing,
    );
    score.never("loss counted that did not happen", invented);
    score.never("record lost that was older than 200 ms", late);
}

/// every effect at the server has its row, whenever the gateway is killed.
pub(crate) fn strict_audit(effort: &Effort, score: &mut Score) {
    let runtime = runtime();
    let mut dice = Dice(effort.seed);
    let (mut effects, mut without, mut begun) = (0, 0, 0);
    for _ in 0..effort.size(12, 200) {
        let server = runtime.block_on(Server::new().stateless().tool("work", "ok").start());
        let (installation, token) = stage(&server, true);
        let gateway = installation.start();
        let life = Duration::from_millis(80 + dice.below(250));
        runtime.block_on(call_until_killed(&gateway, &token, life));
        drop(gateway);
        let rows = installation.lines(&["calls", "--limit", "10000"]);
        let seen: HashSet<u64> = rows
            .iter()
            .filter_map(|row| row["bytes_in"].as_u64())
            .collect();
        begun += rows.iter().filter(|row| row["status"] == "begun").count() as u64;
        for call in server.requests_for("tools/call") {
            effects += 1;
            let length = call.body["params"]["arguments"]["length"].as_u64();
            without += u64::from(!length.is_some_and(|length| seen.contains(&length)));
        }
    }
    score.figure(
        "effects at the server",
        float(effects),
        "calls",
        Bar::AtLeast(100.0),
    );
    score.figure(
        "calls whose end the kill left unknown",
        float(begun),
        "calls",
        Bar::Told,
    );
    score.never("effect without its row", without);
}

fn stage(server: &Running, strict: bool) -> (Installation, Created) {
    let installation = Installation::new();
    installation.workspace("team");
    let token = installation.unlimited("team");
    add_server(&installation, "team", "s", server);
    if strict {
        installation.done(&["workspace", "set", "team", "--strict-records", "on"]);
    }
    (installation, token)
}

/// When each call was answered, and when the gateway was killed.
struct Run {
    answers: Vec<Instant>,
    killed: Instant,
}

impl Run {
    fn within(&self, time: Duration) -> u64 {
        let recent = |at: &&Instant| self.killed.saturating_duration_since(**at) <= time;
        self.answers.iter().filter(recent).count() as u64
    }
}

async fn call_until_killed(gateway: &Gateway, token: &Created, life: Duration) -> Run {
    let url = gateway.workspace("team");
    let mut first = Caller::new(&url, &token.token);
    first.list().await.expect("a list");
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        callers.spawn(call_and_note(Caller::new(&url, &token.token), caller));
    }
    tokio::time::sleep(life).await;
    let killed = Instant::now();
    gateway.process.signal("KILL");
    let answers = callers.join_all().await.concat();
    Run { answers, killed }
}

/// Calls until nobody answers. Each request is of another length, by which its row is known again.
async fn call_and_note(mut caller: Caller, number: u64) -> Vec<Instant> {
    let mut answers = Vec::new();
    for n in 0_usize.. {
        let length = 400 + 2 * n as u64 + number;
        let message = |pad: usize| {
            json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params":
                {"name": "s__work", "arguments": {"length": length, "pad": "x".repeat(pad)}}})
        };
        let bare = message(0).to_string().len() as u64;
        let pad = usize::try_from(length - bare).expect("longer than the rest");
        match caller.post(&message(pad)).await {
            Ok(answer) => {
                assert!(answer.is_ok(), "{answer:?}");
                answers.push(Instant::now());
            }
            Err(_) => break,
        }
    }
    answers
}

/// What `toolgatectl calls` says is missing.
fn counted_lost(installation: &Installation) -> u64 {
    let said = installation.ctl(&["calls", "--limit", "1"]).stderr;
    let note = said.lines().find(|line| line.contains("are missing"));
    let number = note.and_then(|line| line.split_whitespace().nth(1));
    number.map_or(0, |number| number.parse().expect("a number"))
}
