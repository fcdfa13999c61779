//! S-75: a child that floods standard error costs the gateway no memory, and nobody else their answers.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;
use toolgate_testkit::{Client, Server};
use toolgate_tests::Installation;

use crate::effort::Effort;
use crate::score::{Bar, Score};

/// MiB that one call makes the child write, well within a call's time.
const STEP: u64 = 16;

pub(crate) fn run(effort: &Effort, score: &mut Score) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime
        .expect("a runtime")
        .block_on(flood(effort.size(64, 1024), score));
}

async fn flood(mib: u64, score: &mut Score) {
    let good = Server::new().tool("hello", "good day").start().await;
    let installation = Installation::new();
    installation.workspace("team");
    let token = installation.unlimited("team").token;
    let program = toolgate_testkit::stdio_server_path();
    let program = program.to_str().expect("a plain path");
    // With a secret, so that it is looked for in all of it.
    installation.done(&[
        "mcp",
        "add",
        "c",
        "--workspace",
        "team",
        "--env",
        "API_KEY",
        "--era",
        "legacy",
        "--",
        program,
    ]);
    installation.secret("team", "c", "API_KEY", "fake-secret-value-1");
    installation.done(&[
        "mcp",
        "add",
        "good",
        "--workspace",
        "team",
        "--url",
        good.url(),
    ]);
    let gateway = installation.start();
    let connect = || Client::new(&gateway.workspace("team")).bearer(&token);

    let (mut client, mut other) = (connect(), connect());
    client.initialize().await;
    other.initialize().await;
    let answers = |text: String| u64::from(text == "good day");
    let mut well = answers(other.call("good__hello", json!({})).await.text());
    client.call("c__stderr_flood", json!({"mib": 1})).await;
    let before = resident(gateway.process.id());

    let watch = Peak::of(gateway.process.id());
    let (mut flooded, mut asked) = (0, 1);
    while flooded < mib {
        let said = client
            .call("c__stderr_flood", json!({"mib": STEP}))
            .await
            .text();
        if said != "flooded" {
            score.fail(&format!("the child could not write on: {said}"));
            return;
        }
        well += answers(other.call("good__hello", json!({})).await.text());
        (flooded, asked) = (flooded + STEP, asked + 1);
    }
    let grown = watch.end().saturating_sub(before);
    let shown = installation.lines(&[
        "mcp",
        "logs",
        "c",
        "--workspace",
        "team",
        "--limit",
        "1000000",
    ]);
    let kept: usize = shown
        .iter()
        .map(|line| line["text"].as_str().map_or(0, str::len))
        .sum();

    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    {
        score.figure(
            "written to standard error",
            flooded as f64,
            "MiB",
            Bar::AtLeast(mib as f64),
        );
        score.figure(
            "memory grown by",
            grown as f64 / 1024.0,
            "MiB",
            Bar::AtMost(8.0),
        );
        score.figure(
            "kept of it",
            kept as f64 / 1024.0,
            "KiB",
            Bar::AtMost(256.0),
        );
    }
    score.never("answers that others missed", asked - well);
}

/// The greatest resident size of a process while this lives.
struct Peak {
    stop: Arc<AtomicBool>,
    most: Arc<AtomicU64>,
    watcher: thread::JoinHandle<()>,
}

impl Peak {
    fn of(pid: u32) -> Self {
        let (stop, peak) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (stopped, seen) = (stop.clone(), peak.clone());
        let watcher = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                seen.fetch_max(resident(pid), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(20));
            }
        });
        Self {
            stop,
            most: peak,
            watcher,
        }
    }

    fn end(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        // It does not panic.
        let _ = self.watcher.join();
        self.most.load(Ordering::Relaxed)
    }
}

/// Resident memory of a process, in KiB.
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.unwrap_or_default()
}
