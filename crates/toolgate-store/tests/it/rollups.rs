//! What calls come to, beside counting them in a list: whatever comes in whichever batches, killed or pruned.

use std::collections::BTreeMap;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use proptest::prelude::*;
use rusqlite::Connection;
use tempfile::TempDir;
use toolgate_analytics::{CallRecord, CallStatus, Journal, Outcome, call_id};
use toolgate_namespace::ServerSlug;
use toolgate_store::{
    CallFilter, CallsJournal, CallsReader, DataDir, Dimension, Group, WorkspaceScope,
};

use crate::fixtures::{House, a_call, actor};

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

/// A call as it is drawn: minutes before now, and what tells it apart.
type Drawn = (u64, usize, usize, usize, usize, u64);

#[derive(Debug, Clone)]
enum Act {
    Append(Vec<Drawn>),
    /// Intents of so many calls, which end in the next batch, or never.
    Intend(usize, bool),
    /// The process is killed: what another one finds is what is in the files.
    Kill,
    /// It ends and another one takes over, which rolls up and deletes first.
    Restart,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let duration = prop_oneof![0..100_u64, 0..20_000_u64, 0..10_000_000_u64];
    let minutes = prop_oneof![0..120_u64, 0..8_640_u64];
    let call = (
        minutes,
        0..2_usize,
        0..3_usize,
        0..3_usize,
        0..12_usize,
        duration,
    );
    let act = prop_oneof![
        5 => prop::collection::vec(call, 1..60).prop_map(Act::Append),
        1 => (1..4_usize, any::<bool>()).prop_map(|(count, end)| Act::Intend(count, end)),
        1 => Just(Act::Kill),
        2 => Just(Act::Restart),
    ];
    prop::collection::vec(act, 1..14)
}

/// An installation, and all calls it ever recorded.
struct Both {
    house: House,
    scopes: [WorkspaceScope; 2],
    now: u64,
    journal: CallsJournal,
    dir: DataDir,
    /// Where the files were copied to when the process was killed.
    copies: Vec<TempDir>,
    calls: Vec<CallRecord>,
    boot: u64,
    sequence: u64,
    number: u64,
}

impl Both {
    fn new() -> Self {
        let house = House::new();
        let scopes = [house.workspace("alpha", 1), house.workspace("bravo", 2)];
        house
            .store
            .set_setting(&actor(), "retention_days", "2")
            .unwrap();
        Self {
            journal: CallsJournal::open(&house.dir).unwrap(),
            dir: DataDir::new(house.dir.path()),
            house,
            scopes,
            now: now_ms(),
            copies: Vec::new(),
            calls: Vec::new(),
            boot: 1,
            sequence: 1,
            number: 1,
        }
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Append(drawn) => {
                let batch: Vec<_> = drawn.iter().map(|drawn| self.call(*drawn)).collect();
                self.append(batch);
            }
            Act::Intend(count, end) => {
                let drawn = (1, 0, 0, 0, 0, 5);
                let ended: Vec<_> = (0..*count).map(|_| self.call(drawn)).collect();
                let begun = ended.iter().cloned().map(|call| CallRecord {
                    status: CallStatus::Begun,
                    ..call
                });
                let boot = self.boot();
                self.journal
                    .intend(&boot, &begun.collect::<Vec<_>>())
                    .unwrap();
                if *end {
                    let intended = |call| CallRecord {
                        intended: true,
                        ..call
                    };
                    self.append(ended.into_iter().map(intended).collect());
                }
            }
            Act::Kill => {
                let copy = tempfile::tempdir().unwrap();
                for name in ["calls.db", "calls.db-wal", "control.db", "control.db-wal"] {
                    let file = self.dir.path().join(name);
                    if file.exists() {
                        fs::copy(file, copy.path().join(name)).unwrap();
                    }
                }
                self.dir = DataDir::new(copy.path());
                self.copies.push(copy);
                self.restart();
            }
            Act::Restart => self.restart(),
        }
    }

    fn boot(&self) -> String {
        format!("run{:04}_", self.boot)
    }

    fn restart(&mut self) {
        self.journal = CallsJournal::open(&self.dir).unwrap();
        (self.boot, self.sequence, self.number) = (self.boot + 1, 1, 1);
    }

    fn append(&mut self, batch: Vec<CallRecord>) {
        let boot = self.boot();
        self.journal.append(&boot, self.sequence, &batch).unwrap();
        self.sequence += batch.len() as u64;
        self.calls.extend(batch);
    }

    fn call(&mut self, drawn: Drawn) -> CallRecord {
        let (minutes, workspace, server, token, status, duration_ms) = drawn;
        self.number += 1;
        let status = CallStatus::ALL[status];
        let time_ms = self.now - minutes * 60_000 - duration_ms % 50_000;
        CallRecord {
            server_slug: [Some("github"), Some("gitlab"), None][server]
                .map(|slug| slug.try_into().unwrap()),
            tool: ["search", "create"].get(server).map(|tool| (*tool).into()),
            token_id: ["tok_a", "tok_b", "tok_c"][token].into(),
            status,
            error_code: (status == CallStatus::RpcError).then_some(-32_603),
            duration_ms,
            bytes_in: duration_ms % 7,
            ..a_call(&self.scopes[workspace], self.number, time_ms)
        }
    }

    #[track_caller]
    fn check(&self, filter: &CallFilter, by: &[Dimension]) {
        let reader = CallsReader::open(&self.dir).unwrap();
        let grouped = reader.groups(filter, by).unwrap();
        let to_ms = grouped.to_ms.unwrap_or(u64::MAX);
        let (from, to) = (
            filter.since_ms.unwrap_or(0),
            filter.until_ms.unwrap_or(u64::MAX),
        );
        assert!(grouped.from_ms <= from && from - grouped.from_ms < HOUR);
        assert!(to_ms >= to && to_ms - to < HOUR);
        let mut expected: BTreeMap<String, Vec<&CallRecord>> = BTreeMap::new();
        for call in &self.calls {
            let inside = call.time_ms >= grouped.from_ms && call.time_ms < to_ms;
            if inside && passes(filter, call) {
                expected.entry(key(call, by)).or_default().push(call);
            }
        }
        let mut found: BTreeMap<String, Group> = BTreeMap::new();
        for group in grouped.groups {
            assert!(found.insert(group_key(&group), group).is_none());
        }
        assert!(
            found.keys().eq(expected.keys()),
            "{filter:?} {by:?}\n{found:#?}\n{expected:#?}"
        );
        for (key, calls) in expected {
            compare(&found[&key], &calls);
        }
    }
}

fn passes(filter: &CallFilter, call: &CallRecord) -> bool {
    let workspace = filter.workspace.as_ref().map(WorkspaceScope::workspace);
    let slug = call.server_slug.as_ref().map(ServerSlug::as_str);
    workspace.is_none_or(|id| *id == call.workspace)
        && filter
            .server
            .as_deref()
            .is_none_or(|server| Some(server) == slug)
        && filter
            .tool
            .as_deref()
            .is_none_or(|tool| Some(tool) == call.tool.as_deref())
        && filter
            .tokens
            .as_ref()
            .is_none_or(|ids| ids.iter().any(|id| **id == *call.token_id))
        && filter
            .statuses
            .as_ref()
            .is_none_or(|all| all.contains(&call.status))
}

/// What a call is grouped under, as text.
fn key(call: &CallRecord, by: &[Dimension]) -> String {
    let mut parts: Vec<String> = vec![String::new(); 6];
    for dimension in by {
        match dimension {
            Dimension::Workspace => parts[0] = call.workspace.to_string(),
            Dimension::Server => parts[1] = slug(call),
            Dimension::Tool => parts[2] = call.tool.as_deref().unwrap_or_default().into(),
            Dimension::Token => parts[3] = call.token_id.to_string(),
            Dimension::Status => parts[4] = call.status.as_str().into(),
            Dimension::Hour => parts[5] = (call.time_ms / HOUR * HOUR).to_string(),
            Dimension::Day => parts[5] = (call.time_ms / DAY * DAY).to_string(),
            other => panic!("{other:?} is not tried here"),
        }
    }
    parts.join("|")
}

fn slug(call: &CallRecord) -> String {
    let slug = call.server_slug.as_ref();
    slug.map_or_else(String::new, |slug| slug.as_str().to_owned())
}

fn group_key(group: &Group) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    [
        group
            .workspace
            .as_ref()
            .map_or(String::new(), ToString::to_string),
        text(&group.server),
        text(&group.tool),
        text(&group.token_id),
        group
            .status
            .map_or(String::new(), |status| status.as_str().to_owned()),
        group
            .time_ms
            .map_or(String::new(), |time_ms| time_ms.to_string()),
    ]
    .join("|")
}

#[track_caller]
fn compare(group: &Group, calls: &[&CallRecord]) {
    let figures = &group.figures;
    for status in CallStatus::ALL {
        let ended = calls.iter().filter(|call| call.status == status);
        assert_eq!(figures.ended(status), ended.count() as u64, "{group:?}");
    }
    assert_eq!(figures.calls(), calls.len() as u64);
    assert_eq!(
        figures.bytes_in,
        calls.iter().map(|call| call.bytes_in).sum::<u64>()
    );
    assert_eq!(
        figures.bytes_out,
        calls.iter().map(|call| call.bytes_out).sum::<u64>()
    );
    let sent = calls.iter().filter(|call| call.status.was_sent());
    let mut durations: Vec<u64> = sent.map(|call| call.duration_ms).collect();
    durations.sort_unstable();
    assert_eq!(figures.duration_ms, durations.iter().sum::<u64>());
    assert_eq!(figures.latency.count(), durations.len() as u64);
    let count = durations.len() as u64;
    assert_eq!(figures.mean_ms(), figures.duration_ms.checked_div(count));
    for share in [500, 950, 990] {
        let rank = (count * u64::from(share)).div_ceil(1_000).max(1);
        let exact = durations.get(usize::try_from(rank).unwrap() - 1).copied();
        let shown = figures.latency.permille(share);
        match (exact, shown) {
            (Some(exact), Some(shown)) => {
                assert!(
                    shown.abs_diff(exact) <= exact / 32,
                    "{share}: {shown} for {exact}"
                );
            }
            other => assert_eq!(other, (None, None)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Product section 12: what is rolled up and what is not is counted once, by whatever and between whichever times.
    #[test]
    fn figures_are_what_counting_all_calls_comes_to(
        acts in acts(),
        from in 0..9_000_u64,
        length in 0..9_000_u64,
    ) {
        let mut both = Both::new();
        for act in &acts {
            both.act(act);
        }
        let text = |text: &str| Some(text.to_owned());
        let every = [
            Dimension::Workspace, Dimension::Server, Dimension::Tool, Dimension::Token,
            Dimension::Status, Dimension::Hour,
        ];
        let since = both.now - from * 60_000;
        let until = since + length * 60_000;
        for (since_ms, until_ms) in [
            (None, None),
            (Some(since), None),
            (None, Some(until)),
            (Some(since), Some(until)),
            (Some(since / HOUR * HOUR), Some(until / HOUR * HOUR)),
        ] {
            let span = CallFilter { since_ms, until_ms, ..CallFilter::default() };
            both.check(&span, &[]);
            both.check(&span, &every);
            both.check(&span, &[Dimension::Server, Dimension::Day]);
            let narrow = CallFilter {
                workspace: Some(both.scopes[0].clone()),
                server: text("github"),
                tool: text("search"),
                tokens: Some(vec!["tok_a".into(), "tok_c".into(), "tok_never".into()]),
                ..span.clone()
            };
            both.check(&narrow, &[Dimension::Token]);
            let failed = CallFilter {
                statuses: Some(vec![CallStatus::RpcError, CallStatus::TimedOut]),
                ..span
            };
            both.check(&failed, &[Dimension::Status]);
        }
        drop(both.house);
    }
}

fn file_of(house: &House, version: u32) -> Connection {
    let file = Connection::open(house.dir.calls_db()).unwrap();
    let scripts = [
        include_str!("../../src/migrations/calls_1.sql"),
        include_str!("../../src/migrations/calls_2.sql"),
        include_str!("../../src/migrations/calls_3.sql"),
    ];
    for script in &scripts[..version as usize] {
        file.execute_batch(script).unwrap();
    }
    file.execute_batch(
        "CREATE TABLE compatibility (only INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
            oldest INTEGER NOT NULL, program TEXT NOT NULL) STRICT;
        INSERT INTO compatibility VALUES (1, 1, 'toolgate 0.1.0');",
    )
    .unwrap();
    file.pragma_update(None, "application_id", i32::from_be_bytes(*b"TGca"))
        .unwrap();
    file.pragma_update(None, "user_version", version).unwrap();
    file
}

fn total(house: &House) -> u64 {
    let reader = CallsReader::open(&house.dir).unwrap();
    let grouped = reader.groups(&CallFilter::default(), &[]).unwrap();
    grouped
        .groups
        .iter()
        .map(|group| group.figures.calls())
        .sum()
}

/// what was there before is rolled up once, and counted also before it is.
#[test]
fn r09_calls_of_earlier_versions_are_counted_before_and_after_the_change() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let now = now_ms();
    let rows = file_of(&house, 3);
    for (kind, text) in [
        (1, scope.workspace().as_str()),
        (3, "github"),
        (4, "search"),
        (5, "tok_one"),
        (6, "2025-06-18"),
        (7, "earlier"),
    ] {
        rows.execute(
            "INSERT INTO names (kind, text) VALUES (?1, ?2)",
            (kind, text),
        )
        .unwrap();
    }
    for (sequence, status) in [(1, 0), (2, 7), (3, 12)] {
        rows.execute(
            "INSERT INTO calls (call_id, time_ms, workspace, server, server_slug, tool, token, status, error_code,
                duration_ms, bytes_in, bytes_out, revision, source, boot, sequence)
            VALUES (?1, ?2, 1, NULL, 2, 3, 4, ?3, NULL, 5, 6, 7, 5, 0, 6, ?4)",
            (format!("call_earlier{sequence}"), now - 3 * HOUR, status, sequence),
        )
        .unwrap();
    }
    drop(rows);
    // A new command line beside a gateway that was not restarted yet.
    assert_eq!(total(&house), 2, "one was only begun");
    for run in 0..3_u64 {
        let mut journal = CallsJournal::open(&house.dir).unwrap();
        let boot = format!("run{run}");
        journal.append(&boot, 1, &[a_call(&scope, 1, now)]).unwrap();
        assert_eq!(total(&house), 3 + run);
    }
    let reader = CallsReader::open(&house.dir).unwrap();
    let by = [Dimension::Status];
    let groups = reader.groups(&CallFilter::default(), &by).unwrap().groups;
    let timed_out = groups
        .iter()
        .find(|group| group.status == Some(CallStatus::TimedOut));
    assert_eq!(timed_out.unwrap().figures.came_to(Outcome::Failed), 1);
    let found = reader.find(None, "call_earlier2").unwrap().unwrap();
    assert_eq!(found.status, CallStatus::TimedOut);
}

/// Retention: the calls go, what they came to stays, and goes in its own time.
#[test]
fn hours_outlive_their_calls_and_go_after_history_days() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let set = |name: &str, days: &str| {
        house.store.set_setting(&actor(), name, days).unwrap();
    };
    set("retention_days", "1");
    let now = now_ms();
    let mut number = 0;
    let mut append = |ages: &[u64]| {
        let mut journal = CallsJournal::open(&house.dir).unwrap();
        for age in ages {
            number += 1;
            let call = a_call(&scope, number, now - age * DAY);
            let boot = format!("run{number}");
            journal.append(&boot, 1, &[call]).unwrap();
        }
    };
    append(&[300, 300, 40]);
    append(&[0]);
    let reader = CallsReader::open(&house.dir).unwrap();
    assert_eq!(reader.query(&CallFilter::default()).unwrap().len(), 1);
    assert_eq!(total(&house), 4);
    set("history_days", "100");
    append(&[0]);
    assert_eq!(total(&house), 3, "two were 300 days old");
    set("history_days", "1");
    append(&[0]);
    assert_eq!(total(&house), 3, "the three of today");
    let refused = house.store.set_setting(&actor(), "history_days", "0");
    assert!(refused.is_err());
}

/// Only what the calls themselves tell is as old as they are.
#[test]
fn minutes_and_error_codes_are_known_as_long_as_the_calls() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let now = now_ms();
    let mut journal = CallsJournal::open(&house.dir).unwrap();
    let failed = |number, code| CallRecord {
        status: CallStatus::RpcError,
        error_code: code,
        ..a_call(&scope, number, now / 60_000 * 60_000 + number)
    };
    let old = a_call(&scope, 9, now - 60 * DAY);
    let batch = [
        old,
        failed(1, Some(-1)),
        failed(2, None),
        failed(3, Some(-1)),
    ];
    journal.append("run", 1, &batch).unwrap();
    drop(journal);
    let mut journal = CallsJournal::open(&house.dir).unwrap();
    journal.append("run2", 1, &[failed(4, Some(7))]).unwrap();
    let reader = CallsReader::open(&house.dir).unwrap();
    let grouped = reader
        .groups(
            &CallFilter::default(),
            &[Dimension::ErrorCode, Dimension::Minute],
        )
        .unwrap();
    assert!(
        grouped.from_ms > now - 31 * DAY,
        "what is older is not claimed"
    );
    let mut counts: Vec<_> = grouped
        .groups
        .iter()
        .map(|group| (group.error_code, group.figures.calls()))
        .collect();
    counts.sort_unstable();
    assert_eq!(counts, [(None, 1), (Some(-1), 2), (Some(7), 1)]);
    assert!(
        grouped
            .groups
            .iter()
            .all(|group| group.time_ms == Some(now / 60_000 * 60_000))
    );
}

/// S-45: by its id a call is found in its own workspace, among many and before it ended, and in no other.
#[test]
fn s45_a_call_is_found_by_its_id_in_its_own_workspace() {
    let house = House::new();
    let (ours, theirs) = (house.workspace("alpha", 1), house.workspace("bravo", 2));
    let now = now_ms();
    let mut journal = CallsJournal::open(&house.dir).unwrap();
    for (run, calls) in [("a", 3_000_u64), ("ab", 700)] {
        let numbers: Vec<u64> = (1..=calls).collect();
        for part in numbers.chunks(170) {
            // Long calls are recorded long after younger ones.
            let batch: Vec<_> = part
                .iter()
                .map(|n| a_call(&ours, if n % 500 == 0 { n + 9_000 } else { *n }, now))
                .collect();
            journal.append(run, part[0], &batch).unwrap();
        }
    }
    let begun = CallRecord {
        status: CallStatus::Begun,
        ..a_call(&ours, 77_777, now)
    };
    journal.intend("ab", &[begun]).unwrap();
    let reader = CallsReader::open(&house.dir).unwrap();
    for (run, number, status) in [
        ("a", 1, CallStatus::Ok),
        ("a", 2_999, CallStatus::Ok),
        ("a", 9_500, CallStatus::Ok),
        ("ab", 699, CallStatus::Ok),
        ("ab", 77_777, CallStatus::Begun),
    ] {
        let id = call_id(run, number);
        let found = reader.find(Some(&ours), &id).unwrap().unwrap();
        assert_eq!((found.id.as_str(), found.status), (id.as_str(), status));
        assert_eq!(reader.find(None, &id).unwrap(), Some(found));
        assert_eq!(reader.find(Some(&theirs), &id).unwrap(), None);
    }
    for id in [
        "",
        "call_",
        "call_a",
        "call_a500000",
        "call_zz1",
        "1",
        "call_a' OR 1=1",
    ] {
        assert_eq!(reader.find(None, id).unwrap(), None, "{id}");
    }
}

/// A list of tokens that is empty is nobody's calls, not everybody's.
#[test]
fn s45_no_tokens_are_no_calls() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let mut journal = CallsJournal::open(&house.dir).unwrap();
    journal
        .append("run", 1, &[a_call(&scope, 1, now_ms())])
        .unwrap();
    let reader = CallsReader::open(&house.dir).unwrap();
    for (token, tokens) in [
        (None, Some(vec![])),
        (None, Some(vec!["tok_never".to_owned()])),
        (Some("tok_one".to_owned()), Some(vec!["tok_two".to_owned()])),
    ] {
        let nobody = CallFilter {
            token,
            tokens,
            ..CallFilter::default()
        };
        assert!(reader.query(&nobody).unwrap().is_empty());
        assert!(reader.groups(&nobody, &[]).unwrap().groups.is_empty());
    }
}
