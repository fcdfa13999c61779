//! A large answer that comes slowly: when its first byte is there, and what it costs in memory.

use std::time::Instant;

use toolgate_benches::{
    Ask, Connection, Helper, House, Load, Subject, call, initialize, initialized, precise,
};

use crate::calls::CALL;
use crate::plan::Plan;
use crate::report::Report;

pub(crate) const NAMES: &[&str] = &["first byte of 1 MiB", "memory of 1 MiB"];

/// How long the server waits in the middle of the answer.
const PAUSE_MS: u64 = 300;
const MIB: usize = 1024 * 1024;
const CONNECTIONS: usize = 32;

pub(crate) fn run(plan: &Plan, report: &mut Report) {
    if !NAMES.iter().any(|name| plan.wants(name)) {
        return;
    }
    let server = Helper::upstream();
    let house = House::with_servers(&server.url, 1);
    let relay = Subject::relay(&server.url, false);
    println!(
        "| 1 MiB that pauses {PAUSE_MS} ms in its middle | first byte ms: relay | gateway | last byte ms: relay | gateway | peak KiB a call: relay | gateway |\n|---|---:|---:|---:|---:|---:|---:|"
    );
    for sse in [false, true] {
        // New for each kind: what an allocator keeps of the one before would hide what this one needs.
        let gateway = Subject::gateway(&house);
        let subjects = [&relay, &gateway];
        let [bare_memory, memory] = subjects.map(|subject| memory(plan, subject, sse));
        let [bare, ours] = subjects.map(|subject| first_and_last_byte(plan, subject, sse));
        let kind = if sse { "sse" } else { "json" };
        println!(
            "| {kind} | {:.1} | {:.1} | {:.1} | {:.1} | {bare_memory:.0} | {memory:.0} |",
            bare.0, ours.0, bare.1, ours.1
        );
        report.figure(&format!("first byte ms {kind}"), ours.0);
        report.figure(&format!("last byte ms {kind}"), ours.1);
        report.figure(&format!("peak KiB a call {kind}"), memory);
    }
    println!();
}

/// How far the peak lies above what the same connections need for small answers, for each call under way.
fn memory(plan: &Plan, subject: &Subject, sse: bool) -> f64 {
    let load = |answer, pause_ms| Load {
        ask: Ask::Call {
            answer,
            argument: 0,
            sse,
            pause_ms,
        },
        connections: CONNECTIONS,
        ..CALL.load(plan)
    };
    let small = subject.measure(&load(1024, 0));
    let large = subject.measure(&load(MIB, PAUSE_MS));
    (large.peak_kib - small.resident_kib).max(0.0) / precise(CONNECTIONS as u64)
}

/// Milliseconds after the request was sent; medians.
fn first_and_last_byte(plan: &Plan, subject: &Subject, sse: bool) -> (f64, f64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (target, token) = (&subject.target, &subject.target.tokens[0]);
    let mut times: Vec<(f64, f64)> = runtime.block_on(async {
        let mut connection = Connection::open(target, false)
            .await
            .expect("the subject listens");
        let mut times = Vec::new();
        for id in 0..=(plan.rounds as u64 * 3) {
            let session = connection.session.clone();
            let request = match id {
                0 => initialize(token),
                1 => initialized(token, session.as_deref()),
                _ => {
                    let arguments =
                        format!(r#""bytes":{MIB},"nonce":{id},"sse":{sse},"pause_ms":{PAUSE_MS}"#);
                    call(
                        token,
                        &target.tool,
                        id,
                        &arguments,
                        false,
                        session.as_deref(),
                    )
                }
            };
            let sent = Instant::now();
            connection
                .round(target, &request)
                .await
                .expect("it answers");
            let first = connection.first_byte.duration_since(sent).as_secs_f64();
            times.push((first * 1e3, sent.elapsed().as_secs_f64() * 1e3));
        }
        times.split_off(2)
    });
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    times[times.len() / 2]
}
