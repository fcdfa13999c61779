//! Fidelity: what the gateway does not own passes byte for byte, and a rule explains every difference.
//!
//! ```text
//! cargo run -p toolgate-tests --bin fidelity                     # 100,000 calls in the four pairs of eras
//! cargo run -p toolgate-tests --bin fidelity -- --messages 5000 --seed 7
//! ```
//!
//! Each call is generated from the seed: numbers that no double holds, odd escapes, members that nobody knows, any
//! order, white space, empty names, the deepest nesting that is allowed. What the client writes is compared with what
//! the server reads, what the server writes with what the client reads. A difference needs a rule of the protocol
//! that explains it, by place, name and value; everything else must be the same bytes. Lists are compared the same
//! way. Older revisions get a hundredth of the calls of the four pairs each.
//!
//! The last line is `N passed, N failed`, counted in pairs, and the exit code is 1 if a difference has no explanation.

#![expect(
    clippy::print_stdout,
    reason = "the report is what this program is for"
)]

mod answer;
mod case;
mod client;
mod compare;
mod difference;
mod failure;
mod json;
mod judge;
mod list;
mod odd;
mod offer;
mod pair;
mod rng;
mod rule;
mod server;
mod stage;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;

use case::Case;
use client::Client;
use compare::Known;
use difference::Findings;
use judge::OLD;
use pair::{MODERN, Pair};
use stage::Stage;

/// The newest revision of each era.
const NEWEST: [&str; 2] = ["2025-11-25", MODERN];
/// Connections of one pair at a time.
const CONNECTIONS: u64 = 8;
/// How many unexplained differences of a pair are printed.
const SHOWN: usize = 5;

/// The rules that hold where there is no difference.
const SAME: &str = "ids (P3.3), unknown members (P3.12), blocks (P3.14), numbers (P3.16), lone surrogates (P3.17), \
    definitions (P9.8), arguments (P9.15), URIs (P9.16)";

/// What the command line asks for.
struct Wanted {
    messages: u64,
    seed: u64,
}

impl Wanted {
    fn read() -> Result<Self, String> {
        let mut wanted = Self {
            messages: 100_000,
            seed: 1,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let number = match argument.as_str() {
                "--messages" => &mut wanted.messages,
                "--seed" => &mut wanted.seed,
                other => {
                    return Err(format!(
                        "unknown argument `{other}`; there are --messages N and --seed N"
                    ));
                }
            };
            let value = arguments.next().and_then(|value| value.parse().ok());
            *number = value.ok_or_else(|| format!("{argument} needs a number"))?;
        }
        Ok(wanted)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let wanted = match Wanted::read() {
        Ok(wanted) => wanted,
        Err(mistake) => {
            println!("{mistake}");
            return ExitCode::from(2);
        }
    };
    let began = Instant::now();
    let (stage, _host) = Stage::set(wanted.seed).await;
    let stage = Arc::new(stage);
    let mut sum = Findings::default();
    let (mut passed, mut failed) = (0, 0);
    let mut tell = |what: &str, count: u64, unit: &str, findings: Findings| {
        let bad = findings.unexplained.len();
        let verdict = if bad == 0 { "ok    " } else { "FAILED" };
        let explained: u64 = findings.explained.values().sum();
        println!("{verdict}  {what}: {count} {unit}, {explained} differences explained, {bad} not");
        for difference in findings.unexplained.iter().take(SHOWN) {
            println!("        {difference}");
        }
        passed += usize::from(bad == 0);
        failed += usize::from(bad > 0);
        sum.add(findings);
    };
    for revision in OLD.into_iter().chain(["2025-06-18"]).chain(NEWEST) {
        let (count, findings) = stage.lists(revision).await;
        tell(
            &format!("lists for {revision}"),
            count as u64,
            "definitions",
            findings,
        );
    }
    let mut calls = 0;
    for revision in NEWEST.into_iter().chain(OLD).chain(["2025-06-18"]) {
        for server in 0..stage.servers.len() {
            let share = if NEWEST.contains(&revision) { 4 } else { 400 };
            let count = wanted.messages.div_ceil(share);
            let findings = pair(&stage, revision, server, count, wanted.seed).await;
            let name = Pair {
                client: revision,
                server: &stage.servers[server],
            };
            tell(&name.name(), count, "calls", findings);
            calls += count;
        }
    }

    println!(
        "\n{calls} calls with seed {} in {:.0} s; differences by rule:",
        wanted.seed,
        began.elapsed().as_secs_f64()
    );
    for (rule, count) in &sum.explained {
        let (number, text) = rule.text();
        println!("{count:>9}  {number:<6} {text}");
    }
    println!("{:>9}  unexplained", sum.unexplained.len());
    println!("Everything else is the same bytes: {SAME}");
    println!("{passed} passed, {failed} failed");
    ExitCode::from(u8::from(failed > 0))
}

/// Makes the calls of one pair over several connections.
async fn pair(
    stage: &Arc<Stage>,
    revision: &'static str,
    server: usize,
    count: u64,
    seed: u64,
) -> Findings {
    let mut workers = JoinSet::new();
    for first in 0..CONNECTIONS.min(count) {
        let stage = stage.clone();
        workers.spawn(async move {
            let numbers = (first..count).step_by(usize::try_from(CONNECTIONS).unwrap_or(1));
            worker(&stage, revision, server, numbers, seed).await
        });
    }
    let all = workers.join_all().await;
    // In the order of the connections' ends, but every difference names its call.
    all.into_iter()
        .fold(Findings::default(), |mut sum, findings| {
            sum.add(findings);
            sum
        })
}

async fn worker(
    stage: &Stage,
    revision: &'static str,
    server: usize,
    numbers: impl Iterator<Item = u64>,
    seed: u64,
) -> Findings {
    let pair = Pair {
        client: revision,
        server: &stage.servers[server],
    };
    let known = Known {
        pair,
        gateway: &stage.gateway,
    };
    let mut client = Client::connect(&stage.url, &stage.token, revision).await;
    let mut sum = Findings::default();
    for number in numbers {
        // Pairs come one after another, so the number is enough to tell calls apart.
        let case = Arc::new(Case::new(seed, pair, number));
        stage.book.open(number, case.clone());
        let reply = client.call(&case).await;
        let heard = stage.book.close(number);
        let mut findings = compare::call(known, &case, &heard, &reply);
        for difference in &mut findings.unexplained {
            *difference = format!("call {number}: {difference}");
        }
        sum.add(findings);
    }
    sum
}
