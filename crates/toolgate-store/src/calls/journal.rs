//! The writing end of `calls.db`: batches in, old calls out.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use toolgate_analytics::{CallRecord, Journal, JournalError, call_id};

use super::blocks::{self, Block, Head};
use super::history::History;
use super::names::{Kind, Names, find};
use super::packed::Call;
use super::rollups::HOUR_MS;
use super::{clamp, rollups, rows};
use crate::database::{self, Durability, Open};
use crate::error::{Doing, explain};
use crate::migrations::{CALLS, CONTROL};
use crate::{DataDir, Month, StoreError, settings};

/// A power cut loses at most the calls of about this long (R-11 allows 1 s).
const SYNC_EVERY: Duration = Duration::from_millis(500);
/// How often old calls are looked for.
const PRUNE_EVERY: Duration = Duration::from_hours(1);
/// Old rows, and blocks with old calls, that are dealt with in one transaction, which keeps it to a few
/// milliseconds.
const PRUNE_ROWS: usize = 1_000;
const PRUNE_BLOCKS: usize = 32;
const PRUNE_HOURS: usize = 256;
const DAY_HOURS: u64 = 24;
/// Calls are rolled up this often, or when so many wait for it; queries read those that wait one by one.
const ROLL_EVERY: Duration = Duration::from_mins(15);
const ROLL_CALLS: usize = 65_536;
/// How many at a time, which keeps a transaction to some ten milliseconds.
const ROLL_STEP: usize = 16_384;

/// Where the recorder's batches go: `calls.db`.
///
/// Commits reach the operating system at once and the disk twice a second, so a killed process loses
/// no batch and a power cut about half a second of them. Calls older than
/// [`settings::RETENTION_DAYS`] are deleted a few at a time; what they came to is kept by the hour, for
/// [`settings::HISTORY_DAYS`].
#[derive(Debug)]
pub struct CallsJournal {
    connection: Connection,
    names: Names,
    /// The last block, while more calls may go to its end.
    open: Option<Block>,
    /// Where the retention setting is.
    control: PathBuf,
    /// The write-ahead log of `calls.db`.
    log: PathBuf,
    /// Since when commits may not be on the disk.
    unsynced: Option<Instant>,
    prune_at: Instant,
    roll_at: Instant,
    /// Calls since they were rolled up last.
    waiting: usize,
    /// Number of the last record written by this process run; what is left out after it was lost.
    last_sequence: u64,
}

impl CallsJournal {
    /// Opens `calls.db`, making it if it is not there.
    pub fn open(dir: &DataDir) -> Result<Self, StoreError> {
        let path = dir.calls_db();
        let connection = database::open(&path, Open::CreateIfMissing, Durability::System, &CALLS)?;
        // Every reference is a number that the dictionary gave in the same transaction; looking up
        // eight of them again would cost as much as the row itself.
        connection
            .pragma_update(None, "foreign_keys", false)
            .doing("opening the call records")?;
        let mut log = path.into_os_string();
        log.push("-wal");
        Ok(Self {
            connection,
            names: Names::default(),
            open: None,
            control: dir.control_db(),
            log: log.into(),
            unsynced: None,
            prune_at: Instant::now(),
            roll_at: Instant::now(),
            waiting: 0,
            last_sequence: 0,
        })
    }

    /// Notes what an earlier process run lost when it ended: it had made `made` records in all, and what is
    /// beyond the last one written is gone. Returns how many that is. Noted once, however often it is told.
    pub fn settle_run(&mut self, boot: &str, made: u64) -> Result<u64, StoreError> {
        const SETTLED: &str = "SELECT settled FROM losses WHERE boot = ?1";
        const SETTLE: &str = "UPDATE losses SET settled = 1 WHERE boot = ?1";
        let doing = "noting lost call records";
        let tx = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .doing(doing)?;
        let known = find(&tx, Kind::Boot, boot).doing(doing)?;
        let written = match known {
            Some(boot) => last_sequence(&tx, boot).doing(doing)?,
            None => 0,
        };
        let lost = made.saturating_sub(written);
        if lost > 0 {
            let number = self.names.number(&tx, Kind::Boot, boot).doing(doing)?;
            if tx
                .query_row(SETTLED, [number], |row| row.get(0))
                .optional()
                .doing(doing)?
                == Some(true)
            {
                return Ok(0);
            }
            note_lost(&tx, number, lost).doing(doing)?;
            tx.execute(SETTLE, [number]).doing(doing)?;
        }
        tx.commit().doing(doing)?;
        Ok(lost)
    }

    fn insert(&mut self, boot: &str, first: u64, batch: &[CallRecord]) -> rusqlite::Result<()> {
        // Taken out, so that a failure leaves none that is ahead of the file.
        let open = self.open.take();
        let tx = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let number = self.names.number(&tx, Kind::Boot, boot)?;
        let lost = first.saturating_sub(self.last_sequence + 1);
        if lost > 0 {
            note_lost(&tx, number, lost)?;
        }
        let head = Head {
            first: next_place(&tx)?,
            boot: number,
            sequence: clamp(first),
        };
        let open = open.filter(|block| block.goes_on(head));
        let mut block = open.unwrap_or_else(|| Block::new(head));
        for record in batch {
            let party = self.names.party(&tx, record)?;
            block.packed.push(party, &Call::from(record));
            if record.intended {
                rows::forget_intent(&tx, &call_id(boot, record.number))?;
            }
        }
        if !batch.is_empty() {
            block.save(&tx)?;
        }
        tx.commit()?;
        self.open = Some(block);
        self.last_sequence = first.saturating_add(batch.len() as u64).saturating_sub(1);
        Ok(())
    }

    /// Writes intents and waits for the disk.
    fn insert_intents(&mut self, boot: &str, intents: &[CallRecord]) -> rusqlite::Result<()> {
        let tx = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let number = self.names.number(&tx, Kind::Boot, boot)?;
        for (place, intent) in (next_place(&tx)?..).zip(intents) {
            let id = call_id(boot, intent.number);
            rows::insert_intent(&tx, &mut self.names, place, number, &id, intent)?;
        }
        tx.commit()
    }

    fn set_durability(&self, durability: Durability) -> rusqlite::Result<()> {
        database::set_durability(&self.connection, durability)
    }

    fn sync_if_due(&mut self) {
        let since = *self.unsynced.get_or_insert_with(Instant::now);
        if since.elapsed() >= SYNC_EVERY {
            self.sync();
        }
    }

    /// Brings commits to the disk. A failure is the next commit's to report.
    fn sync(&mut self) {
        if self.unsynced.take().is_some() {
            // The log holds no locks of SQLite's (they are on the other two files), so opening and
            // closing it here loosens none.
            let _: io::Result<()> = File::open(&self.log).and_then(|log| log.sync_data());
        }
    }

    /// Rolls up calls and deletes old ones when it is time to, some at a time; what is left is for the next batch.
    fn tend(&mut self) {
        let now = Instant::now();
        if now >= self.roll_at || self.waiting >= ROLL_CALLS {
            // A failure here loses nothing: the calls stay until they are rolled up.
            if let Ok(true) = self.roll() {
                return;
            }
            self.roll_at = now + ROLL_EVERY;
            self.waiting = 0;
        }
        if now >= self.prune_at {
            // Nor here: they are deleted another time.
            let more = self
                .oldest_to_keep()
                .is_some_and(|oldest| self.prune(oldest).unwrap_or(false));
            if !more {
                self.prune_at = now + PRUNE_EVERY;
            }
        }
    }

    /// Rolls up some calls; true when there are more.
    fn roll(&mut self) -> rusqlite::Result<bool> {
        let tx = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let more = rollups::step(&tx, ROLL_STEP)?;
        tx.commit()?;
        Ok(more)
    }

    /// Deletes some calls and hours that need not be kept; true when there may be more of them.
    ///
    /// Only calls that are rolled up go. The newest one stays in any case, so that places, which readers follow,
    /// are never given twice.
    fn prune(&mut self, oldest: Oldest) -> rusqlite::Result<bool> {
        // It may be among those that change.
        self.open = None;
        let tx = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let last = next_place(&tx)? - 1;
        let history = History::read(&tx)?.unwrap_or_default();
        if history.rolled < last && rollups::step(&tx, ROLL_STEP)? {
            tx.commit()?;
            return Ok(true);
        }
        History {
            rolled: last,
            kept_ms: history.kept_ms.max(oldest.call_ms),
        }
        .save(&tx)?;
        let oldest_ms = clamp(oldest.call_ms);
        let rows = rows::prune(&tx, oldest_ms, last, PRUNE_ROWS)?;
        let blocks = blocks::prune(&tx, oldest_ms, last, PRUNE_BLOCKS)?;
        let hours = rollups::prune(&tx, oldest.hour, PRUNE_HOURS)?;
        tx.commit()?;
        Ok(rows == PRUNE_ROWS || blocks == PRUNE_BLOCKS || hours == PRUNE_HOURS)
    }

    /// What the settings want kept; `None` while they cannot be read, since deleting by a guess could not be
    /// undone.
    fn oldest_to_keep(&self) -> Option<Oldest> {
        let control = database::open_to_read(&self.control, &CONTROL).ok()?;
        let settings = settings::select(&control).ok()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        let now_ms = u64::try_from(now.as_millis()).ok()?;
        let hours = |days: u32| u64::from(days) * DAY_HOURS;
        // The calls of a month are counted to its end, and from the hours where the calls are gone.
        let month = Month::of(now_ms).starts_ms() / HOUR_MS;
        let call_ms = now_ms.checked_sub(hours(settings.retention_days()) * HOUR_MS)?;
        let history = (now_ms / HOUR_MS).checked_sub(hours(settings.history_days()))?;
        Some(Oldest {
            call_ms,
            // Whole hours are read from here even where their calls are still there.
            hour: history.min(month).min(call_ms / HOUR_MS),
        })
    }
}

/// What is kept begins here.
#[derive(Debug, Clone, Copy)]
struct Oldest {
    /// Arrival of calls, unix milliseconds.
    call_ms: u64,
    /// Of what they came to, hours of the unix epoch.
    hour: u64,
}

impl Journal for CallsJournal {
    fn append(
        &mut self,
        boot: &str,
        first_sequence: u64,
        batch: &[CallRecord],
    ) -> Result<(), JournalError> {
        if let Err(error) = self.insert(boot, first_sequence, batch) {
            self.names.forget();
            return Err(JournalError {
                count: batch.len(),
                reason: class(error),
            });
        }
        self.waiting += batch.len();
        self.sync_if_due();
        self.tend();
        Ok(())
    }

    fn intend(&mut self, boot: &str, intents: &[CallRecord]) -> Result<(), JournalError> {
        let written = self
            .set_durability(Durability::Disk)
            .and_then(|()| self.insert_intents(boot, intents));
        // Should this fail, later batches are only brought to the disk more often than they need be.
        let _ = self.set_durability(Durability::System);
        written.map_err(|error| {
            self.names.forget();
            JournalError {
                count: intents.len(),
                reason: class(error),
            }
        })
    }

    fn settle(&mut self) {
        self.sync();
    }
}

/// Where the next call goes: places are numbered from 1, over rows and blocks.
fn next_place(tx: &Transaction<'_>) -> rusqlite::Result<i64> {
    Ok(rows::last(tx)?.max(blocks::last(tx)?).saturating_add(1))
}

/// Number of the last record that a process run wrote; 0 if there is none.
fn last_sequence(tx: &Transaction<'_>, boot: i64) -> rusqlite::Result<u64> {
    match blocks::last_sequence(tx, boot)? {
        Some(last) => Ok(last),
        None => rows::last_sequence(tx, boot),
    }
}

fn note_lost(tx: &Transaction<'_>, boot: i64, records: u64) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO losses (boot, records, time_ms) VALUES (?1, ?2, ?3)
        ON CONFLICT (boot) DO UPDATE SET records = records + excluded.records,
            time_ms = excluded.time_ms";
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |since| {
        clamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    });
    tx.prepare_cached(SQL)?
        .execute(params![boot, clamp(records), now])?;
    Ok(())
}

/// What kind of failure it was; SQLite's own words stay out of logs (S-20).
fn class(error: rusqlite::Error) -> String {
    match explain("appending", error) {
        StoreError::Busy { .. } => "the file is busy".to_owned(),
        StoreError::Full { .. } => "the disk is full".to_owned(),
        StoreError::Sqlite { source, .. } => match source.sqlite_error_code() {
            Some(code) => format!("SQLite says {code:?}"),
            None => "a value does not fit its column".to_owned(),
        },
        _ => "a value does not fit its column".to_owned(),
    }
}
