//! Calls of a month (product.md section 25), counted however short a time calls themselves are kept.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use proptest::prelude::*;
use toolgate_analytics::{CallRecord, CallStatus, Journal};
use toolgate_namespace::WorkspaceId;
use toolgate_store::{CallsJournal, CallsReader, Month, WorkspaceScope};

use crate::fixtures::{House, a_call, actor};

const DAY: u64 = 24 * 3_600_000;

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

/// A house that keeps calls, and what they come to, for a day.
fn forgetful() -> House {
    let house = House::new();
    for name in ["retention_days", "history_days"] {
        house.store.set_setting(&actor(), name, "1").unwrap();
    }
    house
}

/// Another process run, which rolls up and deletes what the one before left.
fn record(house: &House, run: u64, calls: &[CallRecord]) {
    let mut journal = CallsJournal::open(&house.dir).unwrap();
    journal.append(&format!("run{run}x"), 1, calls).unwrap();
}

fn count(house: &House, since_ms: u64, until_ms: u64) -> HashMap<WorkspaceId, u64> {
    let reader = CallsReader::open(&house.dir).unwrap();
    reader.count_sent(since_ms, until_ms).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_month_is_counted_whole_whatever_is_kept(
        runs in prop::collection::vec(
            prop::collection::vec((0..1_000_u64, 0..2_usize, 0..12_usize), 1..12), 1..8,
        ),
    ) {
        let house = forgetful();
        let scopes = [house.workspace("alpha", 1), house.workspace("bravo", 2)];
        let now = now_ms();
        let begins = Month::of(now).starts_ms();
        let mut expected: HashMap<WorkspaceId, u64> = HashMap::new();
        for (run, drawn) in (1..).zip(&runs) {
            let calls: Vec<CallRecord> = (1..).zip(drawn).map(|(number, (part, of, ended))| {
                // From two days before the month until now.
                let from = begins - 2 * DAY;
                let time_ms = from + (now - from) * part / 1_000;
                let status = CallStatus::ALL[*ended];
                if time_ms >= begins && !status.is_turned_away() && status != CallStatus::Begun {
                    *expected.entry(scopes[*of].workspace().clone()).or_default() += 1;
                }
                CallRecord { status, ..a_call(&scopes[*of], number, time_ms) }
            }).filter(|call| call.status != CallStatus::Begun).collect();
            record(&house, run, &calls);
            prop_assert_eq!(&count(&house, begins, now), &expected, "after run {}", run);
        }
        // Two more that only delete.
        for run in [98, 99] {
            record(&house, run, &[a_call(&scopes[0], 1, now)]);
        }
        prop_assert_eq!(count(&house, begins, now), expected);
    }
}

/// The first millisecond of a month belongs to it, the last one before it does not.
#[test]
fn a_month_has_sharp_edges() {
    let house = forgetful();
    let scope = house.workspace("acme", 1);
    let now = now_ms();
    let begins = Month::of(now).starts_ms();
    let calls = [(1, begins - 1), (2, begins)].map(|(n, at)| a_call(&scope, n, at));
    record(&house, 1, &calls);
    record(&house, 2, &[a_call(&scope, 1, begins)]);
    assert_eq!(count(&house, begins, now + 1), of(&scope, 2));
}

/// What was begun under strict records and never ended went to its server, for all anybody knows.
#[test]
fn a_call_whose_end_is_not_known_counts() {
    let house = forgetful();
    let scope = house.workspace("acme", 1);
    let now = now_ms();
    let begins = Month::of(now).starts_ms();
    let begun = |number| CallRecord {
        status: CallStatus::Begun,
        ..a_call(&scope, number, now)
    };
    let mut journal = CallsJournal::open(&house.dir).unwrap();
    journal.intend("run", &[begun(1), begun(2)]).unwrap();
    assert_eq!(count(&house, begins, now + 1), of(&scope, 2));
    let ended = CallRecord {
        intended: true,
        ..a_call(&scope, 1, now)
    };
    journal.append("run", 1, &[ended]).unwrap();
    assert_eq!(count(&house, begins, now + 1), of(&scope, 2), "once each");
}

fn of(scope: &WorkspaceScope, calls: u64) -> HashMap<WorkspaceId, u64> {
    [(scope.workspace().clone(), calls)].into()
}
