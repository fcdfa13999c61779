//! `calls.db` beside a list in memory: whatever comes in whichever batches, both remember and show the same; and
//! files of earlier versions.

use std::cmp::Reverse;
use std::time::{SystemTime, UNIX_EPOCH};

use proptest::prelude::*;
use rusqlite::Connection;
use toolgate_analytics::{CallRecord, CallStatus, Journal, Source, call_id};
use toolgate_namespace::WorkspaceId;
use toolgate_store::{CallFilter, CallPlace, CallRow, CallsJournal, CallsReader, WorkspaceScope};

use crate::fixtures::{House, NOW, a_call as record, actor};

fn all() -> CallFilter {
    CallFilter {
        limit: 10_000,
        ..CallFilter::default()
    }
}

/// What is done to a journal.
#[derive(Debug, Clone)]
enum Act {
    /// Calls as (minutes after the beginning, workspace, server, token), and how many were lost before them.
    Append(Vec<(u64, usize, usize, usize)>, u64),
    /// Intents of so many calls, which end in the next batch, or never.
    Intend(usize, bool),
    /// Another process run takes over.
    Restart,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let call = (0..50_u64, 0..2_usize, 0..3_usize, 0..3_usize);
    let act = prop_oneof![
        4 => (prop::collection::vec(call, 0..80), prop_oneof![3 => Just(0), 1 => 1..5_u64])
            .prop_map(|(calls, lost)| Act::Append(calls, lost)),
        1 => (1..4_usize, any::<bool>()).prop_map(|(count, end)| Act::Intend(count, end)),
        1 => Just(Act::Restart),
    ];
    prop::collection::vec(act, 1..12)
}

/// The slow reference: rows in a vector, in the order in which they were recorded.
#[derive(Default)]
struct Model {
    rows: Vec<CallRow>,
    next: u64,
}

impl Model {
    fn push(&mut self, boot: &str, sequence: u64, record: &CallRecord) {
        self.next += 1;
        self.rows.push(CallRow {
            rowid: self.next,
            id: call_id(boot, record.number),
            time_ms: record.time_ms,
            workspace: record.workspace.clone(),
            server: record.server.clone(),
            server_slug: record.server_slug.clone().map(String::from),
            tool: record.tool.as_deref().map(str::to_owned),
            token_id: record.token_id.to_string(),
            status: record.status,
            error_code: record.error_code,
            duration_ms: record.duration_ms,
            bytes_in: record.bytes_in,
            bytes_out: record.bytes_out,
            revision: record.revision.to_owned(),
            source: record.source,
            boot: boot.to_owned(),
            sequence,
        });
    }

    fn forget_intent(&mut self, id: &str) {
        self.rows
            .retain(|row| row.id != id || row.status != CallStatus::Begun);
    }

    fn query(&self, filter: &CallFilter) -> Vec<CallRow> {
        let workspace = filter.workspace.as_ref().map(WorkspaceScope::workspace);
        let passes = |row: &&CallRow| {
            workspace.is_none_or(|id| *id == row.workspace)
                && filter.since_ms.is_none_or(|since| row.time_ms >= since)
                && (filter.server.as_ref())
                    .is_none_or(|slug| Some(slug) == row.server_slug.as_ref())
                && (filter.token.as_ref()).is_none_or(|token| *token == row.token_id)
                && filter.after_rowid.is_none_or(|after| row.rowid > after)
        };
        let mut rows: Vec<_> = self.rows.iter().filter(passes).cloned().collect();
        let follows = filter.after_rowid.is_some();
        if !follows {
            rows.sort_by_key(|row| Reverse((row.time_ms, row.rowid)));
        }
        rows.truncate(filter.limit);
        if follows {
            rows.reverse();
        }
        rows
    }
}

/// One installation under both.
struct Both {
    house: House,
    scopes: [WorkspaceScope; 2],
    journal: CallsJournal,
    model: Model,
    boot: u64,
    number: u64,
    sequence: u64,
    /// Intents whose calls end in the next batch.
    ending: Vec<CallRecord>,
}

impl Both {
    fn new() -> Self {
        let house = House::new();
        house
            .store
            .set_setting(&actor(), "retention_days", "3650")
            .unwrap();
        Self {
            scopes: [house.workspace("alpha", 1), house.workspace("bravo", 2)],
            journal: CallsJournal::open(&house.dir).unwrap(),
            house,
            model: Model::default(),
            boot: 0,
            number: 0,
            sequence: 1,
            ending: Vec::new(),
        }
    }

    fn number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    fn act(&mut self, act: &Act) {
        let boot = format!("boot{}-", self.boot);
        match act {
            Act::Append(calls, lost) => {
                let mut batch: Vec<_> = self.ending.drain(..).collect();
                for &(minute, workspace, server, token) in calls {
                    let number = self.number();
                    batch.push(CallRecord {
                        server_slug: [None, Some("github"), Some("gitlab")][server]
                            .map(|slug| slug.try_into().unwrap()),
                        token_id: ["tok_a", "tok_b", "tok_c"][token].into(),
                        error_code: (server == 0).then_some(-32_602),
                        ..record(&self.scopes[workspace], number, NOW + minute * 60_000)
                    });
                }
                self.sequence += lost;
                self.journal.append(&boot, self.sequence, &batch).unwrap();
                for record in &batch {
                    self.model.push(&boot, self.sequence, record);
                    self.sequence += 1;
                    if record.intended {
                        self.model.forget_intent(&call_id(&boot, record.number));
                    }
                }
            }
            Act::Intend(count, end) => {
                let scope = self.scopes[0].clone();
                let intents: Vec<_> = (0..*count)
                    .map(|_| CallRecord {
                        status: CallStatus::Begun,
                        ..record(&scope, self.number(), NOW + 7 * 60_000)
                    })
                    .collect();
                self.journal.intend(&boot, &intents).unwrap();
                for intent in intents {
                    self.model.push(&boot, 0, &intent);
                    if *end {
                        self.ending.push(CallRecord {
                            status: CallStatus::TimedOut,
                            intended: true,
                            ..intent
                        });
                    }
                }
            }
            Act::Restart => {
                self.journal = CallsJournal::open(&self.house.dir).unwrap();
                self.ending.clear();
                (self.boot, self.sequence) = (self.boot + 1, 1);
            }
        }
    }

    fn check(&self, filter: &CallFilter) {
        let reader = CallsReader::open(&self.house.dir).unwrap();
        let found = reader.query(filter).unwrap();
        assert_eq!(found, self.model.query(filter), "{filter:?}");
    }

    /// Page after page there is what one long list shows.
    fn check_pages(&self, filter: &CallFilter, limit: usize) {
        let reader = CallsReader::open(&self.house.dir).unwrap();
        let mut before = None;
        for expected in reader.query(filter).unwrap().chunks(limit) {
            let page = CallFilter {
                before,
                limit,
                ..filter.clone()
            };
            let page = reader.query(&page).unwrap();
            assert_eq!(page, expected, "{filter:?} behind {before:?}");
            let last = page.last().unwrap();
            before = Some(CallPlace {
                time_ms: last.time_ms,
                rowid: last.rowid,
            });
        }
        let end = CallFilter {
            before,
            ..filter.clone()
        };
        let rest = reader.query(&end).unwrap().len();
        assert!(before.is_none() || rest == 0, "{rest} calls behind the end");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_query_says_what_a_list_in_memory_says(
        acts in acts(),
        since in prop::option::of(0..50_u64),
        limit in 0..120_usize,
        after in 0..200_u64,
    ) {
        let mut both = Both::new();
        for act in &acts {
            both.act(act);
        }
        both.check(&all());
        let ended_late = CallFilter {
            statuses: Some(vec![CallStatus::TimedOut, CallStatus::Begun]),
            source: Some(Source::Gateway),
            ..all()
        };
        for filter in [all(), ended_late] {
            both.check_pages(&filter, limit.max(1));
        }
        let text = |text: &str| Some(text.to_owned());
        for after_rowid in [None, Some(0), Some(after)] {
            for (workspace, server, token) in [
                (None, None, None),
                (Some(0), None, None),
                (Some(1), text("gitlab"), None),
                (None, text("github"), text("tok_b")),
                (None, None, text("tok_c")),
            ] {
                both.check(&CallFilter {
                    workspace: workspace.map(|index: usize| both.scopes[index].clone()),
                    since_ms: since.map(|minute| NOW + minute * 60_000),
                    server,
                    token,
                    after_rowid,
                    limit,
                    ..CallFilter::default()
                });
            }
        }
    }
}

/// A file as the last version before blocks left it.
fn file_of_rows(house: &House) -> Connection {
    let file = Connection::open(house.dir.calls_db()).unwrap();
    file.execute_batch(include_str!("../../src/migrations/calls_1.sql"))
        .unwrap();
    file.execute_batch(include_str!("../../src/migrations/calls_2.sql"))
        .unwrap();
    let compatibility = "CREATE TABLE compatibility (
        only    INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
        oldest  INTEGER NOT NULL,
        program TEXT    NOT NULL
    ) STRICT;
    INSERT INTO compatibility VALUES (1, 1, 'toolgate 0.1.0')";
    file.execute_batch(compatibility).unwrap();
    file.pragma_update(None, "application_id", i32::from_be_bytes(*b"TGca"))
        .unwrap();
    file.pragma_update(None, "user_version", 2).unwrap();
    file
}

/// what an earlier version recorded is shown, followed, settled and forgotten beside what came since.
#[test]
fn r09_rows_of_an_earlier_version_stand_beside_blocks() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = u64::try_from(now.as_millis()).unwrap();
    let day = 24 * 3_600_000;
    let rows = file_of_rows(&house);
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
    for (sequence, time_ms) in [(1, now - 40 * day), (2, now - day), (3, now - day)] {
        rows.execute(
            "INSERT INTO calls (call_id, time_ms, workspace, server, server_slug, tool, token, status, error_code,
                duration_ms, bytes_in, bytes_out, revision, source, boot, sequence)
            VALUES (?1, ?2, 1, NULL, 2, 3, 4, 0, NULL, 5, 6, 7, 5, 0, 6, ?3)",
            (format!("call_{sequence}"), time_ms, sequence),
        )
        .unwrap();
    }
    drop(rows);

    let mut journal = CallsJournal::open(&house.dir).unwrap();
    assert_eq!(journal.settle_run("earlier", 5).unwrap(), 2);
    // Between the two of yesterday by number, before them by time.
    let calls = [record(&scope, 4, now - 2 * day), record(&scope, 5, now)];
    journal.append("boot", 1, &calls).unwrap();
    let reader = CallsReader::open(&house.dir).unwrap();
    let shown = |filter: &CallFilter| -> Vec<(u64, String)> {
        let rows = reader.query(filter).unwrap();
        rows.into_iter().map(|row| (row.rowid, row.id)).collect()
    };
    let of = |rows: &[(u64, &str)]| -> Vec<(u64, String)> {
        rows.iter().map(|(n, id)| (*n, (*id).to_owned())).collect()
    };
    let (two, three) = ((2, "call_2"), (3, "call_3"));
    let (four, five) = ((4, "call_boot4"), (5, "call_boot5"));
    // The first had its 30 days.
    assert_eq!(shown(&all()), of(&[five, three, two, four]));
    let newest = CallFilter { limit: 2, ..all() };
    assert_eq!(shown(&newest), of(&[five, three]));
    let next = CallFilter {
        after_rowid: Some(2),
        limit: 2,
        ..all()
    };
    assert_eq!(shown(&next), of(&[four, three]));
    let row = reader.query(&all()).unwrap().remove(2);
    assert_eq!(
        (row.boot.as_str(), row.revision.as_str()),
        ("earlier", "2025-06-18")
    );
    assert_eq!(reader.lost(None).unwrap(), 2);
}

/// a program that knows only rows would show no new call, and is told so.
#[test]
fn r09_a_program_from_before_blocks_is_told_that_the_file_is_newer() {
    let house = House::new();
    drop(CallsJournal::open(&house.dir).unwrap());
    let file = Connection::open(house.dir.calls_db()).unwrap();
    let oldest: i64 = file
        .query_row("SELECT oldest FROM compatibility", [], |row| row.get(0))
        .unwrap();
    assert_eq!(oldest, 3);
}

/// old calls go in small steps, one a batch, also out of the middle of blocks, and whatever stays keeps its
/// place and its number.
#[test]
fn r03_old_calls_go_step_by_step_and_the_others_keep_their_places() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = u64::try_from(now.as_millis()).unwrap();
    let set = |days: &str| {
        let changed = house.store.set_setting(&actor(), "retention_days", days);
        changed.unwrap();
    };
    set("3650");
    let mut journal = CallsJournal::open(&house.dir).unwrap();
    let ancient = now - 40 * 24 * 3_600_000;
    // A hundred blocks; every fifth call is young, but in every fourth block none is.
    for block in 0..100_u64 {
        let calls: Vec<_> = (block * 300..(block + 1) * 300)
            .map(|n| {
                let is_young = block % 4 != 3 && n % 5 == 0;
                record(&scope, n, if is_young { now } else { ancient })
            })
            .collect();
        journal.append("boot", block * 300 + 1, &calls).unwrap();
    }
    let reader = CallsReader::open(&house.dir).unwrap();
    let shown = || reader.query(&all()).unwrap();
    assert_eq!(shown().len(), 10_000);
    set("30");
    let mut journal = CallsJournal::open(&house.dir).unwrap();
    let mut sequence = 30_001;
    let mut left = || {
        let young = record(&scope, sequence, now);
        journal.append("boot", sequence, &[young]).unwrap();
        sequence += 1;
        shown()
            .into_iter()
            .filter(|row| row.time_ms == ancient)
            .count()
    };
    let after_one = left();
    assert!(after_one > 0, "not all at once");
    assert!((0..10).any(|_| left() == 0), "but all in a few");
    let rows = shown();
    assert!(rows.len() > 4_500);
    for row in rows.iter().filter(|row| row.sequence <= 30_000) {
        let number = row.sequence - 1;
        assert_eq!((row.rowid, number % 5), (row.sequence, 0));
        assert_eq!(row.id, call_id("boot", number));
    }
    let workspace = WorkspaceId::from_random([1; 16]);
    assert!(rows.iter().all(|row| row.workspace == workspace));
}
