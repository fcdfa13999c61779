//! A year of history: how large it gets, what it costs to keep, and how long each question takes.
//!
//! `cargo bench --bench history`; `DAYS=30` for a shorter one. 200 tokens and 50 tools: people who work on weekdays, and
//! a tenth of the tokens in programs that never rest. Calls are recorded as the gateway records them, and those older
//! than thirty days are deleted on the way.

#![expect(clippy::print_stdout, reason = "a bench is run for what it prints")]
#![expect(
    clippy::cast_precision_loss,
    reason = "counts and bytes of a bench are far below 2^52"
)]

use std::env;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use toolgate_analytics::{CallRecord, CallStatus, Journal, Source};
use toolgate_namespace::{ServerId, ServerSlug, WorkspaceId};
use toolgate_store::{
    Actor, CallFilter, CallsJournal, CallsReader, DataDir, Dimension, Grouped, Open, Store,
};
use toolgate_vault::MasterKey;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
const TOKENS: u64 = 200;
const TOOLS: u64 = 50;
const SERVERS: u64 = 10;

/// Numbers that look drawn and are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

struct Year {
    workspace: WorkspaceId,
    servers: Vec<(ServerId, ServerSlug)>,
    tools: Vec<Arc<str>>,
    tokens: Vec<Arc<str>>,
    dice: Dice,
}

impl Year {
    fn new() -> Self {
        let server = |n: u64| {
            let slug = ServerSlug::try_from(format!("server-{n}").as_str());
            let id = u8::try_from(n).expect("few servers");
            (ServerId::from_random([id; 16]), slug.expect("a slug"))
        };
        Self {
            workspace: WorkspaceId::from_random([7; 16]),
            servers: (0..SERVERS).map(server).collect(),
            tools: (0..TOOLS)
                .map(|n| format!("tool_number_{n}").into())
                .collect(),
            tokens: (0..TOKENS).map(|n| format!("tok_{n:020}").into()).collect(),
            dice: Dice(0x9E37_79B9_7F4A_7C15),
        }
    }

    /// The calls of an hour.
    fn hour(&mut self, day: u64, hour: u64, start_ms: u64) -> Vec<CallRecord> {
        let mut calls = Vec::new();
        for token in 0..TOKENS {
            let program = token % 10 == 0;
            let at_work = day % 7 < 5 && (8..17).contains(&hour) && self.dice.below(10) < 8;
            let tools = match (program, at_work) {
                (true, _) => 5,
                (false, true) => 1 + self.dice.below(5),
                (false, false) => 0,
            };
            for _ in 0..tools {
                // Everybody has their ten favourites.
                let tool = (token * 7 + self.dice.below(10)) % TOOLS;
                let often = if program { 10 } else { 1 + self.dice.below(7) };
                for _ in 0..often {
                    let time_ms = start_ms + self.dice.below(HOUR_MS);
                    calls.push(self.call(token, tool, time_ms));
                }
            }
        }
        calls.sort_unstable_by_key(|call| call.time_ms);
        calls
    }

    fn call(&mut self, token: u64, tool: u64, time_ms: u64) -> CallRecord {
        let at = |n: u64| usize::try_from(n).expect("64 bits");
        let (server, slug) = &self.servers[at(tool % SERVERS)];
        let usual = 20 + tool * 15;
        let status = match self.dice.below(100) {
            0 => CallStatus::TimedOut,
            1 | 2 => CallStatus::ToolError,
            3 => CallStatus::RateLimited,
            _ => CallStatus::Ok,
        };
        CallRecord {
            number: 0,
            time_ms,
            workspace: self.workspace.clone(),
            server: Some(server.clone()),
            server_slug: Some(slug.clone()),
            tool: Some(self.tools[at(tool)].clone()),
            token_id: self.tokens[at(token)].clone(),
            status,
            error_code: None,
            duration_ms: usual + self.dice.below(usual) * self.dice.below(4),
            bytes_in: 200 + self.dice.below(400),
            bytes_out: 500 + self.dice.below(20_000),
            revision: "2025-11-25",
            source: Source::Gateway,
            intended: false,
            trace: None,
        }
    }
}

fn main() {
    let days = env::var("DAYS").map_or(365, |days| days.parse().expect("a number"));
    let temporary = tempfile::tempdir().expect("a temporary directory");
    let dir = DataDir::new(temporary.path().join("data"));
    // The settings say how long calls are kept.
    let store = Store::open(&dir, Open::CreateIfMissing).expect("a store");
    let key = Arc::new(MasterKey::generate().expect("a key"));
    let store = store.unlock(key, &Actor::gateway()).expect("it opens");
    let now_ms = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(0));
    let start_ms = (now_ms / DAY_MS - days) * DAY_MS;

    let mut year = Year::new();
    let mut number = 0;
    let (mut spent, mut slowest) = (Duration::ZERO, Duration::ZERO);
    for day in 0..days {
        // A process run a day: each rolls up and deletes what it finds to do.
        let mut journal = CallsJournal::open(&dir).expect("a journal");
        let boot = format!("run{day}");
        let mut sequence = 1;
        for hour in 0..24 {
            let mut calls = year.hour(day, hour, start_ms + day * DAY_MS + hour * HOUR_MS);
            for batch in calls.chunks_mut(512) {
                for call in batch.iter_mut() {
                    number += 1;
                    call.number = number;
                }
                let started = Instant::now();
                journal.append(&boot, sequence, batch).expect("an append");
                let took = started.elapsed();
                (spent, slowest) = (spent + took, slowest.max(took));
                sequence += batch.len() as u64;
            }
        }
    }
    println!(
        "{days} days: {number} calls, {:.2} µs each to record, roll up and delete again; the slowest batch took {:.1} ms",
        spent.as_secs_f64() * 1e6 / number as f64,
        slowest.as_secs_f64() * 1e3,
    );
    let kept = dir.path().join("calls-copy.db");
    fs::copy(dir.calls_db(), &kept).expect("a copy");
    println!(
        "the file has {:.1} MB",
        fs::metadata(&kept).map_or(0, |file| file.len()) as f64 / 1e6
    );
    questions(&dir, now_ms);
    drop(store);
    if let Ok(keep) = env::var("KEEP") {
        fs::copy(dir.calls_db(), keep).expect("a copy");
    }
}

fn questions(dir: &DataDir, now_ms: u64) {
    let reader = CallsReader::open(dir).expect("a reader");
    let since = |days: u64| CallFilter {
        since_ms: Some(now_ms - days * DAY_MS),
        ..CallFilter::default()
    };
    let tool = [Dimension::Server, Dimension::Tool];
    let token = || Some(format!("tok_{:020}", 3));
    let of_token = |days| CallFilter {
        token: token(),
        ..since(days)
    };
    let of_server = |days| CallFilter {
        server: Some("server-3".to_owned()),
        ..since(days)
    };
    let questions: [(&str, CallFilter, &[Dimension]); 9] = [
        ("a year by tool", since(365), &tool),
        ("a year by day", since(365), &[Dimension::Day]),
        ("a year by token", since(365), &[Dimension::Token]),
        ("a year of one token by tool", of_token(365), &tool),
        (
            "a month by token and day (overview)",
            since(30),
            &[Dimension::Token, Dimension::Day],
        ),
        ("a week by tool", since(7), &tool),
        ("a day by hour", since(1), &[Dimension::Hour]),
        (
            "two weeks of a server by tool and hour (slow)",
            of_server(14),
            &[Dimension::Tool, Dimension::Hour],
        ),
        (
            "a week by token and minute, call by call (limits)",
            since(7),
            &[Dimension::Token, Dimension::Minute],
        ),
    ];
    for (what, filter, by) in questions {
        let (started, worked) = (Instant::now(), worked());
        let grouped = reader.groups(&filter, by).expect("an answer");
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        println!(
            "{what}: {} calls in {} groups, {:.1} ms of a processor, {:.1} ms by the clock",
            calls(&grouped),
            grouped.groups.len(),
            ms(self::worked().saturating_sub(worked)),
            ms(started.elapsed()),
        );
    }
    let newest = reader.query(&CallFilter::default()).expect("calls");
    let started = Instant::now();
    for call in &newest {
        assert!(reader.find(None, &call.id).expect("a look").is_some());
    }
    let ms = started.elapsed().as_secs_f64() * 1e3 / newest.len() as f64;
    println!("one call by its id: {ms:.2} ms");
}

/// How long this thread was on a processor, as Linux tells it: on a busy machine the clock says more of the others.
fn worked() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

fn calls(grouped: &Grouped) -> u64 {
    grouped
        .groups
        .iter()
        .map(|group| group.figures.calls())
        .sum()
}
