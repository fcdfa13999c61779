//! What a call costs: the gateway beside a bare relay that parses nothing, in the same run.
//!
//! ```text
//! cargo bench -p toolgate-benches --bench load                   # what the goals are about, three rounds
//! cargo bench -p toolgate-benches --bench load -- --quick        # one short round: does it run, roughly where are we
//! cargo bench -p toolgate-benches --bench load -- --all          # every combination of revision, kind, size and so on
//! cargo bench -p toolgate-benches --bench load -- --only "sse,1 MiB"   # scenarios whose name has all these parts
//! cargo bench -p toolgate-benches --bench load -- --list         # their names
//! ```
//!
//! One fast MCP server answers at once and refuses whoever does not bring its secret. In front of it stands either
//! the relay, which only moves bytes, or the release build of `toolgate` with everything on: token, tool rules, rate
//! limit, secret injection, masking, call records. A closed loop of keep-alive connections calls through one of them;
//! every answer is checked. Where `taskset` is there, the subject has a core of its own and server and load share
//! another.
//!
//! The first figure is CPU time of the subject per call: on a shared machine it repeats within a few percent, which
//! wall-clock figures do not. Rounds alternate between the two, so that a change in the machine's mood hits both;
//! figures are medians, ratios are to the relay. What is printed is Markdown; the same figures are in
//! `target/load.json`.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

mod answers;
mod calls;
mod goals;
mod lists;
mod plan;
mod report;
mod starts;
mod streams;

use plan::Plan;
use report::Report;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if toolgate_benches::run_part(&args) {
        return;
    }
    if cfg!(not(target_os = "linux")) {
        println!("the load bench reads CPU times from /proc and needs Linux");
        return;
    }
    let plan = Plan::from_args(&args);
    if plan.list {
        let calls = calls::Shape::all().into_iter().map(calls::Shape::name);
        let others = [answers::NAMES, lists::NAMES, starts::NAMES, streams::NAMES].concat();
        calls
            .chain(others.into_iter().map(str::to_owned))
            .for_each(|name| println!("{name}"));
        return;
    }
    println!("{}\n", toolgate_benches::machine());
    let mut report = Report::default();
    calls::run(&plan, &mut report);
    answers::run(&plan, &mut report);
    lists::run(&plan, &mut report);
    starts::run(&plan, &mut report);
    streams::run(&plan, &mut report);
    goals::print(&report);
    report.save();
}
