//! The goals of the design beside what was measured.

use crate::calls::{CALL, ERAS_AND_KINDS, Shape};
use crate::report::Report;
use toolgate_benches::Measured;

/// One line: what, the goal, what was measured, whether it is met, and how to measure it again.
struct Goal {
    what: &'static str,
    goal: &'static str,
    only: &'static str,
    /// What was measured, and whether that will do. `None` when it was not.
    found: Option<(String, bool)>,
}

/// Prints every goal; those that this run did not measure say so.
pub(crate) fn print(report: &Report) {
    println!("| figure | goal | measured | met | again with |\n|---|---|---|---|---|");
    for goal in goals(report) {
        let (found, met) = match goal.found {
            Some((found, true)) => (found, "yes"),
            Some((found, false)) => (found, "no"),
            None => ("not in this run".to_owned(), ""),
        };
        println!(
            "| {} | {} | {found} | {met} | `just load --only \"{}\"` |",
            goal.what, goal.goal, goal.only
        );
    }
    println!(
        "| call records, sustained on one core, none lost | 50,000 a second | | | `just bench --bench records` |"
    );
}

fn goals(report: &Report) -> Vec<Goal> {
    let cpu = |one: &(Measured, Measured)| one.1.cpu_us / one.0.cpu_us;
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
    let large = [&kinds(1024 * 1024)[..], &arguments].concat();
    let throughput: Vec<f64> = calls(&wide)
        .iter()
        .map(|(relay, ours)| ours.throughput / relay.throughput)
        .collect();
    let added = |of: fn(&Measured) -> f64| -> Vec<f64> {
        let both = calls(&alone);
        both.iter()
            .map(|(relay, ours)| of(ours) - of(relay))
            .collect()
    };
    let (p50, p99) = (added(|one| one.p50_us), added(|one| one.p99_us));
    let first_byte = report
        .get("first byte ms json")
        .zip(report.get("first byte ms sse"));
    let memory = report
        .get("peak KiB a call json")
        .zip(report.get("peak KiB a call sse"));
    let list = report.both("list of 50");
    let dead = report.both("list of 50, 10 of them dead");
    let streams = |what: &str| {
        let both = crate::streams::NAMES
            .iter()
            .map(|name| report.get(&format!("{name} {what}")));
        both.collect::<Option<Vec<f64>>>()
            .and_then(|both| worst(&both))
    };
    vec![
        Goal {
            what: "CPU of a call, 1 KiB, worst of both revisions, JSON and SSE",
            goal: "≤ 1.3 × relay",
            only: "1 KiB 32c h1",
            found: worst(&calls(&kinds(1024)).iter().map(cpu).collect::<Vec<_>>())
                .map(|ratio| (format!("{ratio:.2} ×"), ratio <= 1.3)),
        },
        Goal {
            what: "throughput at 32 and 128 connections, the lower",
            goal: "≥ 0.75 × relay",
            only: "2025-11-25 json 1 KiB h1",
            found: throughput
                .iter()
                .copied()
                .reduce(f64::min)
                .map(|ratio| (format!("{ratio:.2} ×"), ratio >= 0.75)),
        },
        Goal {
            what: "CPU of a call, 1 MiB result or 64 KiB arguments, the worst",
            goal: "≤ 1.5 × relay",
            only: "32c h1",
            found: worst(&calls(&large).iter().map(cpu).collect::<Vec<_>>())
                .map(|ratio| (format!("{ratio:.2} ×"), ratio <= 1.5)),
        },
        Goal {
            what: "added latency at one connection, p50 / p99",
            goal: "≤ 60 / ≤ 200 µs",
            only: "json 1 KiB 1c h1",
            found: worst(&p50).zip(worst(&p99)).map(|(p50, p99)| {
                (
                    format!("{p50:.0} / {p99:.0} µs"),
                    p50 <= 60.0 && p99 <= 200.0,
                )
            }),
        },
        Goal {
            what: "first byte of a 1 MiB result that pauses 300 ms in its middle, JSON / SSE",
            goal: "before the last one came in",
            only: "first byte",
            found: first_byte
                .map(|(json, sse)| (format!("{json:.1} / {sse:.1} ms"), json.max(sse) < 300.0)),
        },
        Goal {
            what: "memory of such a call at its peak, JSON / SSE",
            goal: "≤ 256 KiB",
            only: "memory of 1 MiB",
            found: memory
                .map(|(json, sse)| (format!("{json:.0} / {sse:.0} KiB"), json.max(sse) <= 256.0)),
        },
        Goal {
            what: "`tools/list`, 50 servers × 20 tools, warm",
            goal: "≤ 3 × the same bytes from memory",
            only: "list of 50",
            found: list
                .as_ref()
                .map(cpu)
                .map(|ratio| (format!("{ratio:.2} ×"), ratio <= 3.0)),
        },
        Goal {
            what: "the same with 10 of 50 servers dead, p99",
            goal: "≤ 1.2 × healthy",
            only: "list of 50",
            found: dead
                .map(|(healthy, ours)| ours.p99_us / healthy.p99_us)
                .map(|ratio| (format!("{ratio:.2} ×"), ratio <= 1.2)),
        },
        Goal {
            what: "idle with 50 servers, resident",
            goal: "≤ 20 MiB",
            only: "start and idle",
            found: report
                .get("idle MiB")
                .map(|idle| (format!("{idle:.1} MiB"), idle <= 20.0)),
        },
        Goal {
            what: "start to first answered call, 50 servers",
            goal: "≤ 100 ms",
            only: "start and idle",
            found: report
                .get("first call ms")
                .map(|first| (format!("{first:.0} ms"), first <= 100.0)),
        },
        Goal {
            what: "10,000 open streams, each",
            goal: "≤ 32 KiB",
            only: "streams",
            found: streams("KiB each").map(|kib| (format!("{kib:.1} KiB"), kib <= 32.0)),
        },
        Goal {
            what: "revoking the token of one of them",
            goal: "≤ 100 ms",
            only: "streams",
            found: streams("revoked ms").map(|ms| (format!("{ms:.0} ms"), ms <= 100.0)),
        },
    ]
}

fn worst(figures: &[f64]) -> Option<f64> {
    figures.iter().copied().reduce(f64::max)
}
