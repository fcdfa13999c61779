//! S-15 `plaintext_lifetime`: 70 s after the last call that needed a secret, nothing of ours holds its value.
//!
//! What the HTTP library wrote headers from is not ours to wipe: its buffers keep old bytes until something else is
//! written there. So the figure is told beside what was found right after the calls, and may not be more.
//!
//! The gateway is not dumpable, so only root can look; without that right the trial says so and judges nothing but
//! that the memory is closed.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::time::Duration;

use serde_json::json;
use toolgate_testkit::{Client, Server};
use toolgate_tests::Installation;

use crate::effort::Effort;
use crate::score::{Bar, Score};

const CANARY: &str = "canary-7Qz3-plaintext-lifetime-Xw91";
const CALLS: usize = 50;
const PAGE: u64 = 4096;
/// How long after the last call the memory has to be clean.
const WAIT: Duration = Duration::from_secs(70);

/// Looks right after the calls, to show that the look can find something, and again when the time is over.
pub(crate) fn run(effort: &Effort, score: &mut Score) {
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    runtime.block_on(async {
        let server = Server::new().tool("quiet", "done").start().await;
        let installation = Installation::new();
        installation.workspace("team");
        let token = installation.unlimited("team");
        let add = ["mcp", "add", "s", "--workspace", "team", "--url"];
        installation.done(&[&add[..], &[server.url(), "--bearer", "KEY"]].concat());
        installation.secret("team", "s", "KEY", CANARY);
        let gateway = installation.start();
        let mut client = Client::new(&gateway.workspace("team")).bearer(&token.token);
        client.initialize().await;
        for _ in 0..CALLS {
            assert_eq!(client.call("s__quiet", json!({})).await.status, 200);
        }
        let id = gateway.process.id();
        let Some(at_once) = occurrences(id) else {
            score.figure(
                "memory that others can read",
                0.0,
                "processes",
                Bar::AtMost(0.0),
            );
            return;
        };
        score.figure(
            "found right after the calls",
            at_once,
            "times",
            Bar::AtLeast(1.0),
        );
        if effort.size(0, 1) == 0 {
            return;
        }
        tokio::time::sleep(WAIT).await;
        let left = occurrences(id).expect("it could be read before");
        score.figure(
            "found 70 s after the last call",
            left,
            "times",
            Bar::AtMost(at_once - 1.0),
        );
    });
}

/// How often the canary is in the writable memory of a process; `None` if that is closed to us.
fn occurrences(id: u32) -> Option<f64> {
    let maps = fs::read_to_string(format!("/proc/{id}/maps")).ok()?;
    let memory = File::open(format!("/proc/{id}/mem")).ok()?;
    let pages = File::open(format!("/proc/{id}/pagemap")).ok()?;
    let mut found = 0;
    for (start, end) in maps.lines().filter_map(writable) {
        for (from, to) in present(&pages, start, end) {
            let mut bytes = vec![0; usize::try_from(to - from).ok()?];
            // What went away since it was listed holds nothing any more.
            if memory.read_exact_at(&mut bytes, from).is_ok() {
                found += count(&bytes);
            }
        }
    }
    Some(f64::from(found))
}

/// The range of a line of `maps`, if the process may write there.
fn writable(line: &str) -> Option<(u64, u64)> {
    let (range, rights) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    rights
        .starts_with("rw")
        .then_some((number(start)?, number(end)?))
}

/// The parts of a range that are in memory, or swapped out: an allocator reserves far more than it uses.
fn present(pages: &File, start: u64, end: u64) -> Vec<(u64, u64)> {
    let number = (end - start) / PAGE;
    let mut entries = vec![0; usize::try_from(number * 8).unwrap_or(0)];
    if pages.read_exact_at(&mut entries, start / PAGE * 8).is_err() {
        return Vec::new();
    }
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for (at, entry) in (start..).step_by(4096).zip(entries.chunks_exact(8)) {
        // Bit 63 says present, bit 62 swapped.
        if entry[7] & 0xc0 == 0 {
            continue;
        }
        match runs.last_mut() {
            Some((_, end)) if *end == at => *end = at + PAGE,
            _ => runs.push((at, at + PAGE)),
        }
    }
    runs
}

fn count(bytes: &[u8]) -> u32 {
    let first = CANARY.as_bytes()[0];
    let mut found = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == first && bytes[at..].starts_with(CANARY.as_bytes()) {
            found += 1;
        }
    }
    found
}
