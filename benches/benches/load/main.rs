//! What a call costs: the gateway beside a bare relay that parses nothing, in the same run.
//!
//! ```text
//! cargo bench -p toolgate-benches --bench load               # all scenarios, three rounds, about six minutes
//! cargo bench -p toolgate-benches --bench load -- --quick    # one short round: does it run, roughly where are we
//! cargo bench -p toolgate-benches --bench load -- --only sse # scenarios whose name contains the word
//! ```
//!
//! One fast MCP server answers at once and refuses whoever does not bring its secret. In front of it stands either
//! [`relay`], which only moves bytes, or the release build of `toolgate` with everything on: token, tool rules, secret
//! injection, masking, call records. A closed loop of keep-alive connections calls through one of them; every answer
//! is checked. Where `taskset` is there, the subject has a core of its own and server and load share another.
//!
//! The first figure is CPU time of the subject per call: on a shared machine it repeats within a few percent, which
//! wall-clock figures do not. Rounds alternate between the two, so that a change in the machine's mood hits both;
//! figures are medians, ratios are to the relay.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

mod drive;
mod relay;
mod scenario;
mod subject;
mod table;
mod upstream;
mod wire;

use std::time::Duration;

use scenario::{SCENARIOS, Scenario};
use subject::{Helper, Subject};
use table::{Row, median};

/// How long and how often.
struct Plan {
    rounds: usize,
    warmup: Duration,
    measured: Duration,
    only: Option<String>,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        // The bench starts itself for the parts that have to be processes of their own.
        ["upstream"] => upstream::run(),
        ["relay", upstream] => relay::run(upstream),
        ["drive", job] => drive::run(job),
        _ if cfg!(not(target_os = "linux")) => {
            println!("the load bench reads CPU times from /proc and needs Linux");
        }
        _ => compare(&Plan::from(&args)),
    }
}

impl From<&Vec<String>> for Plan {
    fn from(args: &Vec<String>) -> Self {
        let quick = args.iter().any(|arg| arg == "--quick");
        let only = args
            .iter()
            .position(|arg| arg == "--only")
            .and_then(|at| args.get(at + 1))
            .cloned();
        let (rounds, warmup, measured) = if quick {
            (1, 300, 1_000)
        } else {
            (3, 1_000, 4_000)
        };
        Self {
            rounds,
            warmup: Duration::from_millis(warmup),
            measured: Duration::from_millis(measured),
            only,
        }
    }
}

fn compare(plan: &Plan) {
    let server = Helper::start("server", &["upstream"], subject::LOAD_CORE);
    let relay = Subject::relay(&server.url);
    let gateway = Subject::gateway(&server.url);
    println!("{}", subject::machine());
    println!("{}", table::HEAD);
    let wanted = |scenario: &&Scenario| {
        plan.only
            .as_ref()
            .is_none_or(|word| scenario.name.contains(word.as_str()))
    };
    for scenario in SCENARIOS.iter().filter(wanted) {
        let (mut bare, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..plan.rounds {
            bare.push(relay.measure(scenario, plan.warmup, plan.measured));
            ours.push(gateway.measure(scenario, plan.warmup, plan.measured));
        }
        println!(
            "{}",
            Row {
                name: scenario.name,
                relay: median(&bare),
                gateway: median(&ours)
            }
        );
    }
}
