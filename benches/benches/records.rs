//! What remembering a call costs: on the calling thread, and in the journal.
//!
//! `cargo bench --bench records`. The goal is 50,000 records a second on one core (design.md
//! section 6): `append` must stay under 20 µs a record, and `record` is what a call itself pays.

use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use toolgate_analytics::{CallRecord, CallStatus, Journal, MemoryJournal, Recorder, Source};
use toolgate_namespace::{ServerId, WorkspaceId};
use toolgate_store::{CallsJournal, DataDir};

/// Records of a busy installation: 4 workspaces, 50 servers, 1,000 tools, 200 tokens.
fn record(n: u64) -> CallRecord {
    let id = |count: u64| {
        let mut bytes = [7; 16];
        bytes[8..].copy_from_slice(&(n % count).to_be_bytes());
        bytes
    };
    CallRecord {
        id: format!("call_{n:020}"),
        time_ms: 1_800_000_000_000 + n / 50,
        workspace: WorkspaceId::from_random(id(4)),
        server: Some(ServerId::from_random(id(50))),
        server_slug: Some(format!("server-{}", n % 50)),
        tool: Some(format!("tool_number_{}", n % 1_000)),
        token_id: format!("tok_{:020}", n % 200),
        status: CallStatus::Ok,
        error_code: None,
        duration_ms: n % 100,
        bytes_in: 300,
        bytes_out: 1_200,
        revision: "2025-11-25",
        source: Source::Gateway,
        intended: false,
    }
}

/// The price of one call's `record`, its record being at hand.
fn record_cost(c: &mut Criterion) {
    let recorder = Recorder::start(MemoryJournal::keeping(0), "boot".to_owned(), 1 << 20);
    let prepared = record(1);
    c.bench_function("records/record", |b| {
        b.iter_batched(
            || prepared.clone(),
            |record| recorder.record(record),
            BatchSize::SmallInput,
        );
    });
    assert!(
        recorder.flush(Duration::from_secs(10)),
        "the journal is far behind"
    );
}

/// Batches into `calls.db`, dictionary warm, file growing.
fn append(c: &mut Criterion) {
    let temporary = tempfile::tempdir().expect("a temporary directory");
    let mut group = c.benchmark_group("records/append");
    for size in [1_u64, 512, 2_048] {
        let dir = DataDir::new(temporary.path().join(size.to_string()));
        dir.create().expect("a data directory");
        let mut journal = CallsJournal::open(&dir).expect("a journal");
        let batch: Vec<_> = (0..size).map(record).collect();
        let mut sequence = 1;
        group.throughput(Throughput::Elements(size));
        group.bench_function(size.to_string(), |b| {
            b.iter(|| {
                journal.append("boot", sequence, &batch).expect("an append");
                sequence += size;
            });
        });
    }
    group.finish();
}

criterion_group!(benches, record_cost, append);
criterion_main!(benches);
