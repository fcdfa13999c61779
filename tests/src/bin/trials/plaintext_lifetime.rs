//! S-15 `plaintext_lifetime`: 70 s after the last call that needed a secret, its value is nowhere in the gateway's
//! memory.
//!
//! The gateway is not dumpable, so only root can look; without that right the trial says so and judges nothing but
//! that the memory is closed.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::time::Duration;

use serde_json::json;
use toolgate_testkit::{Client, Server};
use toolgate_tests::Installation;

use crate::effort::Effort;
use crate::score::{Bar, Score};

const CANARY: &str = "canary-7Qz3-plaintext-lifetime-Xw91";
const CALLS: usize = 50;
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
            Bar::AtMost(0.0),
        );
    });
}

/// How often the canary is in the writable memory of a process; `None` if that is closed to us.
fn occurrences(id: u32) -> Option<f64> {
    let maps = fs::read_to_string(format!("/proc/{id}/maps")).ok()?;
    let mut memory = File::open(format!("/proc/{id}/mem")).ok()?;
    let mut found = 0_u32;
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (Some(range), Some(rights)) = (fields.next(), fields.next()) else {
            continue;
        };
        let Some((start, end)) = range.split_once('-') else {
            continue;
        };
        let number = |text| u64::from_str_radix(text, 16).ok();
        let (Some(start), Some(end)) = (number(start), number(end)) else {
            continue;
        };
        if !rights.starts_with("rw") || memory.seek(SeekFrom::Start(start)).is_err() {
            continue;
        }
        let mut bytes = Vec::new();
        // A mapping may end early, such as the guard page of a stack.
        drop(
            Read::by_ref(&mut memory)
                .take(end - start)
                .read_to_end(&mut bytes),
        );
        let in_it = bytes
            .windows(CANARY.len())
            .filter(|window| *window == CANARY.as_bytes())
            .count();
        found += u32::try_from(in_it).unwrap_or(u32::MAX);
    }
    Some(f64::from(found))
}
