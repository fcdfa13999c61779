//! Calls from several sessions at once, as fast as they go, while keys are replaced again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use toolgate_testkit::Client;

use super::house::{House, is_good};
use crate::effort::Effort;
use crate::score::{Bar, Score};

const SESSIONS: usize = 4;

#[derive(Default)]
struct Seen {
    good: AtomicU64,
    bad: AtomicU64,
    stop: AtomicBool,
}

pub(super) async fn run(effort: &Effort, score: &mut Score) {
    let house = House::new().await;
    let gateway = house.installation.start();
    let seen = Arc::new(Seen::default());
    let mut callers = Vec::new();
    for _ in 0..SESSIONS {
        let client = house.client(&gateway).await;
        callers.push(tokio::spawn(call(client, seen.clone())));
    }
    let rounds = effort.size(5, 60);
    let began = Instant::now();
    let mut rotations = 0;
    for _ in 0..rounds {
        for which in [&["--workspace", "team"][..], &["--master"], &["--all"]] {
            let mut command = house.rotate(which, None);
            let ended = tokio::task::spawn_blocking(move || command.status());
            let ended = ended.await.expect("no panic").expect("toolgatectl starts");
            rotations += u64::from(ended.success());
            // Opened after a rotation, beside those that were opened before.
            if !house.answers(&gateway).await {
                seen.bad.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    let took = began.elapsed();
    tokio::time::sleep(Duration::from_millis(100)).await;
    seen.stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.expect("no panic");
    }
    let good = seen.good.load(Ordering::Relaxed);
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = good as f64 / took.as_secs_f64();
    score.figure("calls a second during rotations", rate, "1/s", Bar::Told);
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    score.figure(
        "rotations that succeeded",
        rotations as f64,
        "times",
        Bar::AtLeast((rounds * 3) as f64),
    );
    score.never("failed calls", seen.bad.load(Ordering::Relaxed));
    score.never(
        "calls the server did not see",
        good.saturating_sub(house.calls() as u64),
    );
    let status = house.status();
    score.never(
        "rotations left unfinished",
        u64::from(!status["unfinished"].is_null()),
    );
    let told = house.installation.ctl(&["doctor", "--json"]).stdout;
    score.never(
        "audit chains that do not hold",
        u64::from(!told.contains("the audit chain holds")),
    );
}

async fn call(mut client: Client, seen: Arc<Seen>) {
    while !seen.stop.load(Ordering::Relaxed) {
        let reply = client.call("s__echo", json!({})).await;
        let count = if is_good(&reply) {
            &seen.good
        } else {
            &seen.bad
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}
