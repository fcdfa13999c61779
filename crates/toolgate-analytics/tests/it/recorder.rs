//! Counting, numbering, flushing, ending.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use toolgate_analytics::{CallRecord, Counters, Journal, JournalError, MemoryJournal, Recorder};

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
    let mut ids: Vec<_> = journal
        .records()
        .into_iter()
        .map(|r| r.record.number)
        .collect();
    ids.sort_unstable();
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

/// A journal that keeps intents, and says when it is asked to.
struct Strict {
    inner: MemoryJournal,
    begun: SyncSender<Vec<u64>>,
    permits: Receiver<bool>,
}

impl Journal for Strict {
    fn append(&mut self, boot: &str, first: u64, batch: &[CallRecord]) -> Result<(), JournalError> {
        self.inner.append(boot, first, batch)
    }

    fn intend(&mut self, _: &str, intents: &[CallRecord]) -> Result<(), JournalError> {
        let ids = intents.iter().map(|intent| intent.number).collect();
        self.begun.send(ids).ok();
        match self.permits.recv() {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(JournalError {
                count: intents.len(),
                reason: "the disk is full".to_owned(),
            }),
        }
    }
}

#[test]
fn r12_intents_share_a_commit_and_are_told_what_came_of_it() {
    let (begun, arrived) = sync_channel(100);
    let (permits, permit) = sync_channel(100);
    let inner = MemoryJournal::keeping(100);
    let journal = Strict {
        inner: inner.clone(),
        begun,
        permits: permit,
    };
    let recorder = Recorder::start(journal, "boot".to_owned(), 100);
    let (told, heard) = sync_channel(100);
    let intend = |n: u64| {
        let told = told.clone();
        recorder.intend(record(n), move |durable| told.send((n, durable)).unwrap());
    };
    intend(0);
    assert_eq!(arrived.recv_timeout(LONG).unwrap().len(), 1);
    // These come while the first is written, so they are written together.
    (1..=5).for_each(&intend);
    permits.send(true).unwrap();
    assert_eq!(heard.recv_timeout(LONG), Ok((0, true)));
    assert_eq!(arrived.recv_timeout(LONG).unwrap().len(), 5);
    permits.send(false).unwrap();
    let told: Vec<_> = (1..=5).map(|_| heard.recv_timeout(LONG).unwrap()).collect();
    assert_eq!(told, (1..=5).map(|n| (n, false)).collect::<Vec<_>>());
    // Records go on whatever becomes of intents.
    recorder.record(record(9));
    assert!(recorder.flush(LONG));
    assert_eq!(inner.records().len(), 1);
    assert!(recorder.is_alive());
}

#[test]
fn r12_a_journal_without_intents_refuses_them() {
    let recorder = Recorder::start(MemoryJournal::keeping(1), "boot".to_owned(), 10);
    let (told, heard) = sync_channel(1);
    recorder.intend(record(0), move |durable| told.send(durable).unwrap());
    assert_eq!(heard.recv_timeout(LONG), Ok(false));
}

#[test]
fn r11_every_record_is_tallied_whether_or_not_there_is_room() {
    let (journal, gate, _) = gated();
    let made = Arc::new(AtomicU64::new(0));
    let tally = {
        let made = Arc::clone(&made);
        move || {
            made.fetch_add(1, Ordering::Relaxed);
        }
    };
    let recorder = Recorder::start_counting(journal, "boot".to_owned(), 3, tally);
    (0..10).for_each(|n| recorder.record(record(n)));
    assert_eq!(made.load(Ordering::Relaxed), 10);
    assert_eq!(recorder.counters().dropped, 7);
    drop(gate);
}

struct Panics;

impl Journal for Panics {
    fn append(&mut self, _: &str, _: u64, _: &[CallRecord]) -> Result<(), JournalError> {
        panic!("as a bug would")
    }
}

/// S-63: who owns the recorder finds out that its thread is gone.
#[test]
fn s63_a_thread_that_panicked_is_noticed() {
    let recorder = Recorder::start(Panics, "boot".to_owned(), 10);
    assert!(recorder.is_alive());
    recorder.record(record(0));
    let deadline = Instant::now() + LONG;
    while recorder.is_alive() {
        assert!(Instant::now() < deadline);
        thread::yield_now();
    }
    let (told, heard) = sync_channel(1);
    recorder.intend(record(0), move |durable| told.send(durable).unwrap());
    drop(recorder);
    assert_eq!(heard.recv_timeout(LONG), Ok(false), "nobody waits for ever");
}
