//! What a request costs in figures that do not depend on the machine: instructions and allocations.
//!
//! ```text
//! cargo bench -p toolgate-benches --bench guard              # beside the budgets in benches/budgets.txt
//! cargo bench -p toolgate-benches --bench guard -- --write   # makes them the budgets
//! cargo bench -p toolgate-benches --bench guard -- --profile # where the instructions of a call go
//! ```
//!
//! The release build of `toolgate` runs under callgrind with one worker thread and everything on, and one connection
//! makes one request after the other. Threads are counted apart: the one that serves requests, and those that only
//! watch the clock, which count for nothing here. What writing a call record costs depends on how many are written at
//! once, and so on time; it is counted by itself, with batches of one size.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

mod breakdown;
mod budgets;
mod callgrind;
mod journal;
mod run;

use std::process::ExitCode;

use budgets::{Budgets, Figure};
use run::{Gateway, SCENARIOS};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if journal::run_part(&args) || toolgate_benches::run_part(&args) {
        return ExitCode::SUCCESS;
    }
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        println!("budgets are for x86-64 Linux; nothing to compare here");
        return ExitCode::SUCCESS;
    }
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    let mut gateway = Gateway::start();
    if has("--profile") {
        for scenario in SCENARIOS {
            breakdown::print(scenario, &gateway.measure(scenario));
        }
        return ExitCode::SUCCESS;
    }
    let mut figures = Vec::new();
    for scenario in SCENARIOS {
        let cost = gateway.measure(scenario);
        let mut figure = |what: &str, value: f64, tolerance: f64| {
            let name = format!("{}, {what}", scenario.name);
            figures.push(Figure {
                name,
                value,
                tolerance,
            });
        };
        let (instructions, allocations) = scenario.tolerance;
        figure("instructions", cost.each(cost.requests.total), instructions);
        figure(
            "allocations",
            cost.each(cost.requests.allocations),
            allocations,
        );
    }
    figures.push(Figure {
        name: "a call record written, instructions".to_owned(),
        value: journal::instructions_of_a_record(),
        tolerance: 5.0,
    });
    if has("--write") {
        budgets::write(&figures);
        return ExitCode::SUCCESS;
    }
    if Budgets::read().judge(&figures) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
