//! Counting, numbering, flushing, ending.

use std::thread;
use std::time::Duration;

use toolgate_analytics::{Counters, MemoryJournal, Recorder};

use crate::journals::{Failing, gated, record};

const LONG: Duration = Duration::from_secs(30);

fn sequences(journal: &MemoryJournal) -> Vec<u64> {
    journal.records().iter().map(|r| r.sequence).collect()
}

#[test]
fn r11_nothing_is_lost_under_capacity() {
    let journal = MemoryJournal::keeping(100_000);
    let recorder = Recorder::start(journal.clone(), "boot".to_owned(), 20_000);
    thread::scope(|scope| {
        for worker in 0..4_u64 {
            let recorder = recorder.clone();
            scope.spawn(move || {
                for n in 0..5_000 {
                    recorder.record(record(worker * 10_000 + n));
                }
            });
        }
    });
    assert!(recorder.flush(LONG));
    let expected = Counters {
        recorded: 20_000,
        written: 20_000,
        dropped: 0,
        failed: 0,
    };
    assert_eq!(recorder.counters(), expected);
    assert_eq!(sequences(&journal), (1..=20_000).collect::<Vec<_>>());
    let mut ids: Vec<_> = journal.records().into_iter().map(|r| r.record.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 20_000, "each record once");
}

#[test]
fn r11_drops_are_counted_exactly_and_leave_a_gap() {
    let (journal, gate, kept) = gated();
    let recorder = Recorder::start(journal, "boot".to_owned(), 10);
    recorder.record(record(0));
    // The thread holds record 0 and waits: nine more fit, the rest does not.
    assert_eq!(gate.arrived.recv_timeout(LONG), Ok(1));
    for n in 1..=25 {
        recorder.record(record(n));
    }
    let counters = recorder.counters();
    assert_eq!((counters.recorded, counters.dropped), (10, 16));

    gate.permits.send(()).unwrap();
    gate.permits.send(()).unwrap();
    assert!(recorder.flush(LONG));
    assert_eq!(recorder.counters().written, 10);
    // 1, then a gap as wide as what was dropped, then the nine that had waited.
    let expected: Vec<u64> = std::iter::once(1).chain(18..=26).collect();
    assert_eq!(sequences(&kept), expected);

    // The queue has room again.
    gate.permits.send(()).unwrap();
    recorder.record(record(99));
    assert!(recorder.flush(LONG));
    assert_eq!(sequences(&kept).last(), Some(&27));
}

#[test]
fn r07_a_failing_journal_is_counted_and_recovers() {
    let kept = MemoryJournal::keeping(100);
    let journal = Failing {
        inner: kept.clone(),
        turn: 0,
        fail: &[1],
    };
    let recorder = Recorder::start(journal, "boot".to_owned(), 100);
    for n in 0..3 {
        recorder.record(record(n));
        assert!(recorder.flush(LONG));
    }
    let expected = Counters {
        recorded: 3,
        written: 2,
        dropped: 0,
        failed: 1,
    };
    assert_eq!(recorder.counters(), expected);
    assert_eq!(sequences(&kept), [1, 3], "the lost record is a gap");
}

#[test]
fn flush_gives_up_after_its_timeout() {
    let (journal, gate, _kept) = gated();
    let recorder = Recorder::start(journal, "boot".to_owned(), 10);
    recorder.record(record(0));
    assert!(!recorder.flush(Duration::from_millis(10)));
    gate.permits.send(()).unwrap();
    assert!(recorder.flush(LONG));
}

#[test]
fn the_last_clone_writes_what_is_queued() {
    let journal = MemoryJournal::keeping(100);
    let recorder = Recorder::start(journal.clone(), "boot".to_owned(), 100);
    let other = recorder.clone();
    recorder.record(record(0));
    drop(recorder);
    other.record(record(1));
    drop(other);
    assert_eq!(sequences(&journal), [1, 2]);
}

#[test]
fn a_full_batch_does_not_wait_for_the_clock() {
    let (journal, gate, _kept) = gated();
    let recorder = Recorder::start(journal, "boot".to_owned(), 10_000);
    recorder.record(record(0));
    gate.arrived.recv_timeout(LONG).unwrap();
    for n in 0..512 {
        recorder.record(record(n));
    }
    gate.permits.send(()).unwrap();
    assert_eq!(gate.arrived.recv_timeout(LONG), Ok(512));
    gate.permits.send(()).unwrap();
    assert!(recorder.flush(LONG));
}

#[test]
fn a_journal_that_panics_costs_records_not_the_process() {
    struct Broken;
    impl toolgate_analytics::Journal for Broken {
        fn append(
            &mut self,
            _: &str,
            _: u64,
            _: &[toolgate_analytics::CallRecord],
        ) -> Result<(), toolgate_analytics::JournalError> {
            panic!("a bug in a journal");
        }
    }
    let recorder = Recorder::start(Broken, "boot".to_owned(), 2);
    recorder.record(record(0));
    assert!(!recorder.flush(Duration::from_millis(200)));
    for n in 0..5 {
        recorder.record(record(n));
    }
    assert_eq!(
        recorder.counters().recorded + recorder.counters().dropped,
        6
    );
}
