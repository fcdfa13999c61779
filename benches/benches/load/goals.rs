//! The goals of the design beside what was measured.

use crate::calls::{CALL, ERAS_AND_KINDS, Shape};
use crate::report::Report;
use toolgate_benches::Measured;

/// One line: what, the goal, what was measured, whether it is met, and how to measure it again.
struct Goal {
    what: &'static str,
    wanted: &'static str,
    only: &'static str,
    /// What was measured, and whether that will do. `None` when it was not.
    found: Option<(String, bool)>,
}

/// Prints every goal; those that this run did not measure say so.
pub(crate) fn print(report: &Report) {
    println!("| figure | goal | measured | met | again with |\n|---|---|---|---|---|");
    for goal in of_calls(report).into_iter().chain(of_the_rest(report)) {
        let (found, met) = match goal.found {
            Some((found, true)) => (found, "yes"),
            Some((found, false)) => (found, "no"),
            None => ("not in this run".to_owned(), ""),
        };
        println!(
            "| {} | {} | {found} | {met} | `just load --only \"{}\"` |",
            goal.what, goal.wanted, goal.only
        );
    }
    println!(
        "| call records, sustained on one core, none lost | 50,000 a second | | | `just bench --bench records` |"
    );
}

/// CPU of the gateway for each microsecond of the floor.
fn cpu((floor, ours): &(Measured, Measured)) -> f64 {
    ours.cpu_us / floor.cpu_us
}

fn of_calls(report: &Report) -> Vec<Goal> {
    let calls = |shapes: &[Shape]| -> Vec<(Measured, Measured)> {
        let found = shapes.iter().map(|shape| report.both(&shape.name()));
        found.collect::<Option<_>>().unwrap_or_default()
    };
    let kinds = |answer| {
        ERAS_AND_KINDS.map(|(modern, sse)| Shape {
            modern,
            sse,
            answer,
            ..CALL
        })
    };
    let arguments = [false, true].map(|modern| Shape {
        modern,
        argument: 64 * 1024,
        ..CALL
    });
    let wide = [32, 128].map(|connections| Shape {
        connections,
        ..CALL
    });
    let alone = [false, true].map(|modern| Shape {
        modern,
        connections: 1,
        ..CALL
    });
    let alone = calls(&alone);
    let small: Vec<f64> = calls(&kinds(1024)).iter().map(cpu).collect();
    let large = calls(&[&kinds(1024 * 1024)[..], &arguments].concat());
    let large: Vec<f64> = large.iter().map(cpu).collect();
    let throughput = calls(&wide).into_iter();
    let throughput = throughput.map(|(relay, ours)| ours.throughput / relay.throughput);
    let added = |of: fn(&Measured) -> f64| {
        let added = alone.iter().map(|(relay, ours)| of(ours) - of(relay));
        worst(&added.collect::<Vec<f64>>())
    };
    let added = added(|one| one.p50_us).zip(added(|one| one.p99_us));
    vec![
        Goal {
            what: "CPU of a call, 1 KiB, worst of both revisions, JSON and SSE",
            wanted: "≤ 1.3 × relay",
            only: "1 KiB 32c h1",
            found: worst(&small).map(|ratio| (times(ratio), ratio <= 1.3)),
        },
        Goal {
            what: "throughput at 32 and 128 connections, the lower",
            wanted: "≥ 0.75 × relay",
            only: "2025-11-25 json 1 KiB",
            found: throughput
                .reduce(f64::min)
                .map(|ratio| (times(ratio), ratio >= 0.75)),
        },
        Goal {
            what: "CPU of a call, 1 MiB result or 64 KiB arguments, the worst",
            wanted: "≤ 1.5 × relay",
            only: "32c h1",
            found: worst(&large).map(|ratio| (times(ratio), ratio <= 1.5)),
        },
        Goal {
            what: "added latency at one connection, p50 / p99",
            wanted: "≤ 60 / ≤ 200 µs",
            only: "json 1 KiB 1c h1",
            found: added.map(|(p50, p99)| {
                let met = p50 <= 60.0 && p99 <= 200.0;
                (format!("{p50:.0} / {p99:.0} µs"), met)
            }),
        },
    ]
}

fn of_the_rest(report: &Report) -> Vec<Goal> {
    let two = |one: &str, other: &str| report.get(one).zip(report.get(other));
    let first_byte = two("first byte ms json", "first byte ms sse");
    let memory = two("peak KiB a call json", "peak KiB a call sse");
    let list = report.both("list of 50");
    let dead = report.both("list of 50, 10 of them dead");
    let dead = dead.map(|(healthy, ours)| ours.p99_us / healthy.p99_us);
    let streams = |what: &str| {
        let names = crate::streams::NAMES.iter();
        let both = names.map(|name| report.get(&format!("{name} {what}")));
        worst(&both.collect::<Option<Vec<f64>>>()?)
    };
    vec![
        Goal {
            what: "first byte of a 1 MiB result that pauses 300 ms in its middle, JSON / SSE",
            wanted: "before the last one came in",
            only: "of 1 MiB",
            found: first_byte
                .map(|(json, sse)| (format!("{json:.1} / {sse:.1} ms"), json.max(sse) < 300.0)),
        },
        Goal {
            what: "memory of such a call at its peak, JSON / SSE",
            wanted: "≤ 256 KiB",
            only: "of 1 MiB",
            found: memory
                .map(|(json, sse)| (format!("{json:.0} / {sse:.0} KiB"), json.max(sse) <= 256.0)),
        },
        Goal {
            what: "`tools/list`, 50 servers × 20 tools, warm",
            wanted: "≤ 3 × the same bytes from memory",
            only: "list of 50",
            found: list
                .as_ref()
                .map(cpu)
                .map(|ratio| (times(ratio), ratio <= 3.0)),
        },
        Goal {
            what: "the same with 10 of 50 servers dead, p99",
            wanted: "≤ 1.2 × healthy",
            only: "list of 50",
            found: dead.map(|ratio| (times(ratio), ratio <= 1.2)),
        },
        Goal {
            what: "idle with 50 servers, resident",
            wanted: "≤ 20 MiB",
            only: "start and idle",
            found: report
                .get("idle MiB")
                .map(|idle| (format!("{idle:.1} MiB"), idle <= 20.0)),
        },
        Goal {
            what: "start to first answered call, 50 servers",
            wanted: "≤ 100 ms",
            only: "start and idle",
            found: report
                .get("first call ms")
                .map(|first| (format!("{first:.0} ms"), first <= 100.0)),
        },
        Goal {
            what: "10,000 open streams, each",
            wanted: "≤ 32 KiB",
            only: "streams",
            found: streams("KiB each").map(|kib| (format!("{kib:.1} KiB"), kib <= 32.0)),
        },
        Goal {
            what: "revoking the token of one of them",
            wanted: "≤ 100 ms",
            only: "streams",
            found: streams("revoked ms").map(|ms| (format!("{ms:.0} ms"), ms <= 100.0)),
        },
    ]
}

fn times(ratio: f64) -> String {
    format!("{ratio:.2} ×")
}

fn worst(figures: &[f64]) -> Option<f64> {
    figures.iter().copied().reduce(f64::max)
}
