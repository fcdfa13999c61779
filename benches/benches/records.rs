//! What remembering calls costs: on the calling thread, in the journal, for seconds on end, and when they are
//! looked at again.
//!
//! `cargo bench --bench records`; a word after `--` runs only what has it in its name: `records`, `sustained` or
//! `stored`. The goal is 50,000 records a second on one core, none lost (design.md section 6): `taskset -c 0` keeps
//! `sustained` to one. `STORED=10000000` lets `stored` go on to ten million.

#![expect(clippy::print_stdout, reason = "a bench is run for what it prints")]
#![expect(
    clippy::cast_precision_loss,
    reason = "counts and bytes of a bench are far below 2^52"
)]

use std::env;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput, criterion_group};
use toolgate_analytics::{CallRecord, CallStatus, Journal, MemoryJournal, Recorder, Source};
use toolgate_namespace::{ServerId, ServerSlug, WorkspaceId};
use toolgate_store::{CallFilter, CallsJournal, CallsReader, DataDir};

const NOW_MS: u64 = 1_800_000_000_000;
const DAY_MS: u64 = 24 * 3_600_000;

/// A busy installation: 4 workspaces, 50 servers, 1,000 tools, 200 tokens, all of them used in turn.
struct Busy {
    workspaces: Vec<WorkspaceId>,
    servers: Vec<(ServerId, ServerSlug)>,
    tools: Vec<Arc<str>>,
    tokens: Vec<Arc<str>>,
}

impl Busy {
    fn new() -> Self {
        let id = |n: u8| [[7; 8], [n; 8]].concat().try_into().expect("16 bytes");
        let server = |n: u8| {
            let slug = ServerSlug::try_from(format!("server-{n}").as_str());
            (ServerId::from_random(id(n)), slug.expect("a slug"))
        };
        Self {
            workspaces: (0..4).map(|n| WorkspaceId::from_random(id(n))).collect(),
            servers: (0..50).map(server).collect(),
            tools: (0..1_000)
                .map(|n| format!("tool_number_{n}").into())
                .collect(),
            tokens: (0..200).map(|n| format!("tok_{n:020}").into()).collect(),
        }
    }

    fn record(&self, n: u64, time_ms: u64) -> CallRecord {
        let n_ = usize::try_from(n).expect("64 bits");
        let (server, slug) = &self.servers[n_ % 50];
        CallRecord {
            number: n,
            time_ms,
            workspace: self.workspaces[n_ % 4].clone(),
            server: Some(server.clone()),
            server_slug: Some(slug.clone()),
            tool: Some(self.tools[n_ % 1_000].clone()),
            token_id: self.tokens[n_ / 7 % 200].clone(),
            status: CallStatus::Ok,
            error_code: None,
            duration_ms: n % 100,
            bytes_in: 300 + n % 64,
            bytes_out: 1_200 + n % 512,
            revision: "2025-11-25",
            source: Source::Gateway,
            intended: false,
            trace: None,
        }
    }
}

/// The price of one call's `record`, its record being at hand.
fn record_cost(c: &mut Criterion) {
    let recorder = Recorder::start(MemoryJournal::keeping(0), "boot".to_owned(), 1 << 20);
    let prepared = Busy::new().record(1, NOW_MS);
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
    let busy = Busy::new();
    let mut group = c.benchmark_group("records/append");
    for size in [1_u64, 512, 2_048] {
        let (_, mut journal) = journal(&temporary.path().join(size.to_string()));
        let batch: Vec<_> = (0..size).map(|n| busy.record(n, NOW_MS + n / 50)).collect();
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

fn journal(path: &Path) -> (DataDir, CallsJournal) {
    let dir = DataDir::new(path);
    dir.create().expect("a data directory");
    let journal = CallsJournal::open(&dir).expect("a journal");
    (dir, journal)
}

/// Records as fast as they are taken, for some seconds, through the queue into a real file.
fn sustained() {
    const LASTING: Duration = Duration::from_secs(5);
    const QUEUE: usize = 16_384;
    let temporary = tempfile::tempdir().expect("a temporary directory");
    let busy = Busy::new();
    let (dir, journal) = journal(temporary.path());
    let recorder = Recorder::start(journal, "boot".to_owned(), QUEUE);
    let (started, cpu_before) = (Instant::now(), cpu_time());
    let mut made = 0;
    while started.elapsed() < LASTING {
        for _ in 0..512 {
            recorder.record(busy.record(made, NOW_MS + made / 50));
            made += 1;
        }
        // Calls would not wait; here it is to be seen how much can be written, not how much is dropped.
        while recorder.waiting().0 > QUEUE / 2 {
            thread::sleep(Duration::from_micros(200));
        }
    }
    assert!(recorder.flush(Duration::from_secs(10)), "all are written");
    let (took, cpu) = (started.elapsed(), cpu_time().saturating_sub(cpu_before));
    let counters = recorder.counters();
    println!(
        "sustained: {:.0} records/s for {:.1} s; recorded {}, written {}, dropped {}, failed {}",
        per_second(made, took),
        took.as_secs_f64(),
        counters.recorded,
        counters.written,
        counters.dropped,
        counters.failed,
    );
    println!(
        "sustained: {:.2} µs of CPU a record, made, handed over and written; 50,000 a second take {:.1} % of a core",
        1e6 / per_second(made, cpu),
        5e6 / per_second(made, cpu),
    );
    println!(
        "sustained: {:.1} bytes a record in the file",
        size(&dir) / counters.written as f64
    );
    assert_eq!(
        (counters.written, counters.dropped),
        (made, 0),
        "none is lost"
    );
}

fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// What looking at records costs when there are many, over thirty days: the growth curve "stored records".
fn stored() {
    let most = env::var("STORED").map_or(1_000_000, |most| most.parse().expect("a number"));
    for count in [10_000, 100_000, 1_000_000, 10_000_000] {
        if count <= most {
            store_and_look(count);
        }
    }
}

fn store_and_look(count: u64) {
    let temporary = tempfile::tempdir().expect("a temporary directory");
    let busy = Busy::new();
    let (dir, mut journal) = journal(temporary.path());
    let time_of = |n: u64| NOW_MS - 30 * DAY_MS + n * 30 * DAY_MS / count;
    let numbers: Vec<u64> = (0..count).collect();
    let mut spent = Duration::ZERO;
    for part in numbers.chunks(512) {
        let batch: Vec<_> = part.iter().map(|n| busy.record(*n, time_of(*n))).collect();
        let started = Instant::now();
        journal
            .append("boot", part[0] + 1, &batch)
            .expect("an append");
        spent += started.elapsed();
    }
    drop(journal);
    println!(
        "stored {count}: file {:.1} MB, written in {:.2} µs a record",
        size(&dir) / 1e6,
        1e6 / per_second(count, spent),
    );
    let reader = CallsReader::open(&dir).expect("a reader");
    let all = || CallFilter {
        limit: 10_000,
        ..CallFilter::default()
    };
    let token = || Some(format!("tok_{:020}", 3));
    let day = Some(NOW_MS - DAY_MS);
    let week = Some(NOW_MS - 7 * DAY_MS);
    for (what, filter) in [
        ("newest 100", CallFilter::default()),
        ("newest 10,000", all()),
        (
            "newest 100 of a token",
            CallFilter {
                token: token(),
                ..CallFilter::default()
            },
        ),
        (
            "a token's last day",
            CallFilter {
                token: token(),
                since_ms: day,
                ..all()
            },
        ),
        (
            "a server that was not called since",
            CallFilter {
                server: Some("server-7".to_owned()),
                since_ms: Some(NOW_MS),
                ..all()
            },
        ),
        (
            "the last 10 by number",
            CallFilter {
                after_rowid: Some(count - 10),
                ..all()
            },
        ),
    ] {
        let started = Instant::now();
        let found = black_box(reader.query(&filter)).expect("a query").len();
        let ms = started.elapsed().as_secs_f64() * 1e3;
        println!("stored {count}: {what}: {found} in {ms:.2} ms");
    }
    // As `token try` goes through them, page by page.
    let started = Instant::now();
    let mut page = CallFilter {
        token: token(),
        since_ms: week,
        after_rowid: Some(0),
        ..all()
    };
    let mut found = 0;
    loop {
        let rows = reader.query(&page).expect("a query");
        found += rows.len();
        match rows.first() {
            Some(newest) if rows.len() == page.limit => page.after_rowid = Some(newest.rowid),
            _ => break,
        }
    }
    let ms = started.elapsed().as_secs_f64() * 1e3;
    println!("stored {count}: a token's week, page by page: {found} in {ms:.2} ms");
}

/// Bytes of `calls.db` and its log.
fn size(dir: &DataDir) -> f64 {
    let file = dir.calls_db();
    let log = file.with_extension("db-wal");
    [file, log]
        .iter()
        .filter_map(|file| fs::metadata(file).ok())
        .map(|file| file.len() as f64)
        .sum()
}

/// CPU time of this process, user and system, as the kernel counts it: in ticks of 10 ms.
fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").expect("a process has one");
    // See proc(5): 14 and 15, counted behind the name, which may hold anything.
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks
        .map(|ticks| ticks.parse::<u64>().expect("a number"))
        .sum();
    Duration::from_millis(ticks * 10)
}

criterion_group!(benches, record_cost, append);

fn main() {
    let word = env::args().skip(1).find(|word| !word.starts_with("--"));
    let wanted = |name: &str| {
        word.as_ref()
            .is_none_or(|word| name.contains(word.as_str()))
    };
    benches();
    Criterion::default().configure_from_args().final_summary();
    if wanted("sustained") {
        sustained();
    }
    if wanted("stored") {
        stored();
    }
}
