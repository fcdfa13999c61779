//! `calls.db`: what goes in comes out, what is old goes, what follows follows.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::Connection;
use toolgate_analytics::{CallRecord, CallStatus, Journal, Recorder, Source, call_id};
use toolgate_namespace::ServerId;
use toolgate_store::{CallFilter, CallRow, CallsJournal, CallsReader, Store, WorkspaceScope};

use crate::fixtures::{House, NOW, a_call, actor};

fn record(scope: &WorkspaceScope, n: u64) -> CallRecord {
    a_call(scope, n, NOW + n)
}

fn ids(rows: &[CallRow]) -> Vec<&str> {
    rows.iter().map(|row| row.id.as_str()).collect()
}

#[test]
fn a_call_comes_back_as_it_was_recorded() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let mut journal = CallsJournal::open(&house.dir).unwrap();
    let unknown = CallRecord {
        server: None,
        server_slug: None,
        tool: None,
        status: CallStatus::Refused,
        error_code: Some(-32_602),
        ..record(&scope, 1)
    };
    journal
        .append("boot-1", 41, &[record(&scope, 0), unknown])
        .unwrap();
    let reader = CallsReader::open(&house.dir).unwrap();
    let rows = reader.query(&CallFilter::default()).unwrap();
    let expected = CallRow {
        rowid: 1,
        id: "call_boot-10".to_owned(),
        time_ms: NOW,
        workspace: scope.workspace().clone(),
        server: Some(ServerId::from_random([1; 16])),
        server_slug: Some("github".to_owned()),
        tool: Some("search".to_owned()),
        token_id: "tok_one".to_owned(),
        status: CallStatus::Ok,
        error_code: None,
        duration_ms: 12,
        bytes_in: 100,
        bytes_out: 2_000,
        revision: "2025-11-25".to_owned(),
        source: Source::Gateway,
        boot: "boot-1".to_owned(),
        sequence: 41,
    };
    assert_eq!(rows[1], expected);
    assert_eq!(rows[0].sequence, 42);
    assert_eq!((&rows[0].server, &rows[0].tool), (&None, &None));
    assert_eq!(
        (rows[0].status, rows[0].error_code),
        (CallStatus::Refused, Some(-32_602))
    );
}

#[test]
fn filters_narrow_and_the_newest_come_first() {
    let house = House::new();
    let (a, b) = (house.workspace("alpha", 1), house.workspace("bravo", 2));
    let mut journal = CallsJournal::open(&house.dir).unwrap();
    let batch = [
        record(&a, 0),
        CallRecord {
            server_slug: Some("gitlab".try_into().unwrap()),
            ..record(&a, 1)
        },
        record(&b, 2),
        CallRecord {
            token_id: "tok_two".into(),
            ..record(&a, 3)
        },
    ];
    journal.append("boot", 1, &batch).unwrap();
    let reader = CallsReader::open(&house.dir).unwrap();
    let check = |narrow: &dyn Fn(&mut CallFilter), expected: &[&str]| {
        let mut filter = CallFilter::default();
        narrow(&mut filter);
        let rows = reader.query(&filter).unwrap();
        assert_eq!(ids(&rows), expected, "{filter:?}");
    };
    let (a, b, text) = (
        || Some(a.clone()),
        || Some(b.clone()),
        |t: &str| Some(t.to_owned()),
    );
    check(
        &|_| (),
        &["call_boot3", "call_boot2", "call_boot1", "call_boot0"],
    );
    check(
        &|f| f.workspace = a(),
        &["call_boot3", "call_boot1", "call_boot0"],
    );
    check(
        &|f| (f.workspace, f.limit) = (a(), 2),
        &["call_boot3", "call_boot1"],
    );
    check(&|f| f.workspace = b(), &["call_boot2"]);
    check(
        &|f| (f.workspace, f.since_ms) = (a(), Some(NOW + 1)),
        &["call_boot3", "call_boot1"],
    );
    check(
        &|f| f.since_ms = Some(NOW + 2),
        &["call_boot3", "call_boot2"],
    );
    check(&|f| f.server = text("gitlab"), &["call_boot1"]);
    check(&|f| (f.workspace, f.server) = (b(), text("gitlab")), &[]);
    check(&|f| f.server = text("nothing"), &[]);
    check(&|f| f.token = text("tok_two"), &["call_boot3"]);
    check(&|f| f.token = text("' OR 1=1 --"), &[]);
    check(
        &|f| (f.after_rowid, f.limit) = (Some(1), 2),
        &["call_boot2", "call_boot1"],
    );
}

#[test]
fn a_follower_misses_nothing() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let reader = CallsReader::open(&house.dir).unwrap();
    assert!(
        reader.query(&CallFilter::default()).unwrap().is_empty(),
        "no file yet"
    );

    let mut journal = CallsJournal::open(&house.dir).unwrap();
    let mut seen = Vec::new();
    let mut last = 0;
    for round in 0..3_u64 {
        let batch: Vec<_> = (0..10).map(|n| record(&scope, round * 10 + n)).collect();
        journal.append("boot", round * 10 + 1, &batch).unwrap();
        loop {
            let filter = CallFilter {
                workspace: Some(scope.clone()),
                after_rowid: Some(last),
                limit: 4,
                ..CallFilter::default()
            };
            let rows = reader.query(&filter).unwrap();
            let Some(newest) = rows.first() else { break };
            last = newest.rowid;
            seen.extend(rows.iter().rev().map(|row| row.sequence));
        }
    }
    assert_eq!(seen, (1..=30).collect::<Vec<_>>());
}

#[test]
fn s23_no_column_can_hold_payload() {
    let house = House::new();
    drop(CallsJournal::open(&house.dir).unwrap());
    let file = Connection::open(house.dir.calls_db()).unwrap();
    let columns = |table: &str| -> Vec<(String, String)> {
        let mut statement = file
            .prepare("SELECT name, type FROM pragma_table_info(?1) WHERE type <> 'INTEGER'")
            .unwrap();
        let rows = statement
            .query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        rows.map(Result::unwrap).collect()
    };
    let text = |name: &str| (name.to_owned(), "TEXT".to_owned());
    assert_eq!(columns("calls"), [text("call_id")]);
    assert_eq!(columns("names"), [text("text")]);
    // Numbers, packed: what goes in has no field for anything else.
    let blob = |name: &str| (name.to_owned(), "BLOB".to_owned());
    assert_eq!(columns("call_blocks"), [blob("parties"), blob("records")]);
    assert_eq!(columns("rollups"), [blob("cells")]);
    assert_eq!(columns("history"), []);
}

#[test]
fn absurd_values_do_not_cost_their_batch() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let mut journal = CallsJournal::open(&house.dir).unwrap();
    let absurd = CallRecord {
        number: u64::MAX,
        tool: Some("ä".repeat(600).into()),
        duration_ms: u64::MAX,
        bytes_in: u64::MAX,
        ..record(&scope, 0)
    };
    journal
        .append("boot", 1, std::slice::from_ref(&absurd))
        .unwrap();
    let reader = CallsReader::open(&house.dir).unwrap();
    let row = reader.query(&CallFilter::default()).unwrap().remove(0);
    assert!(row.id.len() <= 64 && row.tool.unwrap().len() <= 512);
    assert_eq!(row.duration_ms, i64::MAX.unsigned_abs());
    // The same as an intent, under a name of a run that is longer than an id may be.
    journal.intend(&"é".repeat(100), &[absurd]).unwrap();
    let rows = reader.query(&CallFilter::default()).unwrap();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row.id.len() <= 64));
}

#[test]
fn old_calls_go_and_numbers_are_never_given_twice() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    house
        .store
        .set_setting(&actor(), "retention_days", "1")
        .unwrap();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis();
    let now = u64::try_from(now).unwrap();
    let hour = 3_600_000;
    let at = |n, time_ms| CallRecord {
        time_ms,
        ..record(&scope, n)
    };
    let mut journal = CallsJournal::open(&house.dir).unwrap();
    let batch = [
        at(1, now - 25 * hour),
        at(2, now - 23 * hour),
        at(3, now - 26 * hour),
    ];
    journal.append("boot", 1, &batch).unwrap();
    let reader = CallsReader::open(&house.dir).unwrap();
    // The old one with the greatest number stays until there is a newer one.
    assert_eq!(
        ids(&reader.query(&CallFilter::default()).unwrap()),
        ["call_boot2", "call_boot3"]
    );

    drop(journal);
    let mut journal = CallsJournal::open(&house.dir).unwrap();
    journal.append("boot", 4, &[at(4, now)]).unwrap();
    let rows = reader.query(&CallFilter::default()).unwrap();
    assert_eq!(ids(&rows), ["call_boot4", "call_boot2"]);
    assert_eq!(rows[0].rowid, 4);
}

#[test]
fn nothing_is_deleted_while_the_settings_cannot_be_read() {
    let mut house = House::new();
    let scope = house.workspace("acme", 1);
    // Closed, so that the write-ahead log does not make up for the damage.
    house.store = Store::in_memory().unwrap();
    std::fs::write(house.dir.control_db(), b"damaged").unwrap();
    let mut journal = CallsJournal::open(&house.dir).unwrap();
    let ancient = |n| CallRecord {
        time_ms: n,
        ..record(&scope, n)
    };
    journal
        .append("boot", 1, &[ancient(1), ancient(2)])
        .unwrap();
    let reader = CallsReader::open(&house.dir).unwrap();
    assert_eq!(reader.query(&CallFilter::default()).unwrap().len(), 2);
}

#[test]
fn a_reopened_journal_finds_its_names_again() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    for n in 0..3 {
        let mut journal = CallsJournal::open(&house.dir).unwrap();
        journal
            .append(&format!("boot-{n}"), 1, &[record(&scope, n)])
            .unwrap();
    }
    let file = Connection::open(house.dir.calls_db()).unwrap();
    let names: i64 = file
        .query_row("SELECT count(*) FROM names", [], |row| row.get(0))
        .unwrap();
    assert_eq!(names, 3 + 6, "three boots, one of everything else");
}

#[test]
fn r11_the_recorder_writes_through_to_the_file() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let journal = CallsJournal::open(&house.dir).unwrap();
    let recorder = Recorder::start(journal, "boot".to_owned(), 10_000);
    for n in 0..3_000 {
        recorder.record(record(&scope, n));
    }
    assert!(recorder.flush(Duration::from_secs(30)));
    let counters = recorder.counters();
    assert_eq!(
        (counters.written, counters.dropped, counters.failed),
        (3_000, 0, 0)
    );
    let reader = CallsReader::open(&house.dir).unwrap();
    let filter = CallFilter {
        limit: 10_000,
        ..CallFilter::default()
    };
    let mut sequences: Vec<_> = reader
        .query(&filter)
        .unwrap()
        .iter()
        .map(|row| row.sequence)
        .collect();
    sequences.sort_unstable();
    assert_eq!(sequences, (1..=3_000).collect::<Vec<_>>());
}

#[test]
fn r07_a_journal_that_cannot_write_is_counted_and_recovers() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let mut journal = CallsJournal::open(&house.dir).unwrap();
    let file = Connection::open(house.dir.calls_db()).unwrap();
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON call_blocks
        BEGIN SELECT RAISE(ABORT, 'refused'); END";
    file.execute_batch(refuse).unwrap();
    let error = journal.append("boot", 1, &[record(&scope, 0)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "appending 1 call records: SQLite says ConstraintViolation"
    );

    let recorder = Recorder::start(journal, "boot".to_owned(), 100);
    recorder.record(record(&scope, 1));
    assert!(recorder.flush(Duration::from_secs(30)));
    assert_eq!(recorder.counters().failed, 1);

    file.execute_batch("DROP TRIGGER refuse").unwrap();
    recorder.record(record(&scope, 2));
    assert!(recorder.flush(Duration::from_secs(30)));
    assert_eq!(recorder.counters().written, 1);
    let reader = CallsReader::open(&house.dir).unwrap();
    let rows = reader.query(&CallFilter::default()).unwrap();
    assert_eq!(
        (ids(&rows), rows[0].sequence),
        (vec!["call_boot2"], 2),
        "1 is the gap"
    );
}

#[test]
fn r12_a_record_takes_its_intents_place() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let mut journal = CallsJournal::open(&house.dir).unwrap();
    let intent = |n| CallRecord {
        status: CallStatus::Begun,
        ..record(&scope, n)
    };
    journal.intend("boot", &[intent(0), intent(1)]).unwrap();
    let reader = CallsReader::open(&house.dir).unwrap();
    let statuses = || {
        let mut rows = reader.query(&CallFilter::default()).unwrap();
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        let of = |row: &CallRow| (row.id.clone(), row.status, row.sequence);
        rows.iter().map(of).collect::<Vec<_>>()
    };
    let begun = |n: u64| (call_id("boot", n), CallStatus::Begun, 0);
    assert_eq!(statuses(), [begun(0), begun(1)]);
    let ended = CallRecord {
        intended: true,
        ..record(&scope, 0)
    };
    journal.append("boot", 1, &[ended]).unwrap();
    let ok = ("call_boot0".to_owned(), CallStatus::Ok, 1);
    assert_eq!(statuses(), [ok, begun(1)], "the other one never ended");
    assert_eq!(reader.lost(None).unwrap(), 0, "intents leave no gap");
}

#[test]
fn r12_intents_that_cannot_be_written_are_an_error_and_nothing_stays() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let mut journal = CallsJournal::open(&house.dir).unwrap();
    let file = Connection::open(house.dir.calls_db()).unwrap();
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON calls WHEN NEW.call_id = 'call_boot1'
        BEGIN SELECT RAISE(ABORT, 'refused'); END";
    file.execute_batch(refuse).unwrap();
    let intents = [record(&scope, 0), record(&scope, 1)];
    assert!(journal.intend("boot", &intents).is_err());
    let reader = CallsReader::open(&house.dir).unwrap();
    assert_eq!(reader.query(&CallFilter::default()).unwrap(), []);
    journal.intend("boot", &intents[..1]).unwrap();
}

#[test]
fn r11_losses_are_counted_within_a_run_and_at_its_end() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let mut journal = CallsJournal::open(&house.dir).unwrap();
    let reader = CallsReader::open(&house.dir).unwrap();
    let lost = || reader.lost(None).unwrap();
    journal
        .append("one", 1, &[record(&scope, 0), record(&scope, 1)])
        .unwrap();
    assert_eq!(lost(), 0);
    // Three were dropped in between.
    journal.append("one", 6, &[record(&scope, 2)]).unwrap();
    assert_eq!(lost(), 3);
    // The run made ten in all before it was killed; telling it again changes nothing.
    let mut next = CallsJournal::open(&house.dir).unwrap();
    assert_eq!(next.settle_run("one", 10).unwrap(), 4);
    assert_eq!(next.settle_run("one", 10).unwrap(), 0);
    assert_eq!(lost(), 7);
    // Runs that lost everything, and nothing.
    assert_eq!(next.settle_run("two", 5).unwrap(), 5);
    next.append("three", 1, &[record(&scope, 3)]).unwrap();
    assert_eq!(next.settle_run("three", 1).unwrap(), 0);
    assert_eq!(lost(), 12);
    assert_eq!(reader.lost(Some(u64::MAX)).unwrap(), 0);
}
