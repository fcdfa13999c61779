//! One connection to `control.db`, and the three ways to use it: read, change, note.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use toolgate_vault::MasterKey;

use crate::audit::{self, Actor, Entry};
use crate::database::{self, Durability, Open};
use crate::error::Doing;
use crate::migrations::CONTROL;
use crate::{DataDir, Shred, StoreError, key_check};

/// The control store. Cheap to clone; clones share one connection. Every function blocks.
///
/// Reading works on any open store. Changing needs the master key ([`Store::unlock`]), because each
/// change and its audit row, which is authenticated under that key, are one transaction (S-83).
#[derive(Clone)]
pub struct Store {
    connection: Arc<Mutex<Connection>>,
    key: Option<Arc<MasterKey>>,
}

impl Store {
    /// Opens the store of a data directory, checks that it is whole and brings its schema up
    /// to date.
    pub fn open(dir: &DataDir, open: Open) -> Result<Self, StoreError> {
        let path = dir.control_db();
        if !path.exists() && (open == Open::MustExist || had_a_store(dir)) {
            return Err(StoreError::Missing { path });
        }
        if open == Open::CreateIfMissing {
            dir.create()?;
        }
        let connection = database::open(&path, open, Durability::Disk, &CONTROL)?;
        database::quick_check(&connection, &path)?;
        Ok(Self::new(connection, None))
    }

    /// A store in memory with a master key of its own, already unlocked: for tests and examples.
    pub fn in_memory() -> Result<Self, StoreError> {
        let connection = database::open_in_memory(&CONTROL)?;
        let key = MasterKey::generate().map_err(|_| StoreError::Locked)?;
        Self::new(connection, None).unlock(Arc::new(key), &Actor::gateway())
    }

    /// Hands over the master key, so that the store can be changed.
    ///
    /// A key with another check value is refused and nothing is written (S-08); a store that has
    /// none yet adopts this one.
    pub fn unlock(mut self, key: Arc<MasterKey>, actor: &Actor) -> Result<Self, StoreError> {
        match self.key_check()? {
            Some((_, mac)) if key.matches(&mac) => self.key = Some(key),
            Some((stored, _)) => {
                return Err(StoreError::WrongKey {
                    stored,
                    given: key.id().as_str().to_owned(),
                });
            }
            None => {
                self.key = Some(Arc::clone(&key));
                self.adopt(actor, &key)?;
            }
        }
        Ok(self)
    }

    /// Number of the last change; 0 in a new store.
    pub fn generation(&self) -> Result<u64, StoreError> {
        self.read("reading the change counter", generation)
    }

    fn new(connection: Connection, key: Option<Arc<MasterKey>>) -> Self {
        // Every noun has a handful of statements; all of them fit.
        connection.set_prepared_statement_cache_capacity(128);
        Self {
            connection: Arc::new(Mutex::new(connection)),
            key,
        }
    }

    fn adopt(&self, actor: &Actor, key: &MasterKey) -> Result<(), StoreError> {
        let id = key.id().as_str();
        self.change("adopting the master key", actor, |tx| {
            // Another process may have adopted its key since we looked.
            if let Some((stored, mac)) = key_check::read(tx)? {
                return if key.matches(&mac) {
                    Ok(((), None))
                } else {
                    Err(StoreError::WrongKey {
                        stored,
                        given: id.to_owned(),
                    })
                };
            }
            key_check::write(tx, id, &key.check_value())?;
            Ok(((), Some(Entry::new("key.adopt", None, id, ""))))
        })
    }
}

// === impl Store: what the nouns build on ===

impl Store {
    /// Runs queries on one connection.
    pub(crate) fn read<T>(
        &self,
        doing: &'static str,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        query(&self.connection()).doing(doing)
    }

    /// Runs queries that all see the same moment.
    pub(crate) fn read_at_once<T>(
        &self,
        doing: &'static str,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let mut connection = self.connection();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Deferred)
            .doing(doing)?;
        query(&transaction).doing(doing)
    }

    /// Makes a change, its audit row and the next generation one transaction (S-83, R-03, R-04).
    ///
    /// Without an entry nothing had to be changed, and nothing is written.
    pub(crate) fn change<T>(
        &self,
        doing: &'static str,
        actor: &Actor,
        change: impl FnOnce(&Transaction<'_>) -> Result<(T, Option<Entry>), StoreError>,
    ) -> Result<T, StoreError> {
        let key = self.key()?;
        let mut connection = self.connection();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .doing(doing)?;
        let (value, entry) = change(&transaction)?;
        if let Some(entry) = entry {
            audit::append(&transaction, key, actor, &entry).doing(doing)?;
            bump(&transaction).doing(doing)?;
            transaction.commit().doing(doing)?;
        }
        Ok(value)
    }

    /// Writes down something that nobody decided, such as a last-used stamp: no audit row.
    ///
    /// The closure says whether a gateway has to know.
    pub(crate) fn note(
        &self,
        doing: &'static str,
        note: impl FnOnce(&Transaction<'_>) -> Result<Noted, StoreError>,
    ) -> Result<(), StoreError> {
        let mut connection = self.connection();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .doing(doing)?;
        if note(&transaction)? == Noted::Change {
            bump(&transaction).doing(doing)?;
        }
        transaction.commit().doing(doing)
    }

    /// Takes deleted bytes out of the write-ahead log too (S-13).
    ///
    /// The change is committed already, so a busy store is no error: any later checkpoint, or the
    /// last connection that closes, completes the work.
    pub(crate) fn shred(&self) -> Shred {
        const SQL: &str = "PRAGMA wal_checkpoint(TRUNCATE)";
        let connection = self.connection();
        match connection.query_row(SQL, [], |row| row.get::<_, bool>(0)) {
            Ok(false) => Shred::Done,
            Ok(true) | Err(_) => Shred::Pending,
        }
    }

    pub(crate) fn key(&self) -> Result<&MasterKey, StoreError> {
        self.key.as_deref().ok_or(StoreError::Locked)
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic cannot leave a half change behind: a dropped transaction rolls back.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("unlocked", &self.key.is_some())
            .finish_non_exhaustive()
    }
}

/// What a note was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noted {
    /// Gateways must load again.
    Change,
    /// Nobody needs to know.
    Bookkeeping,
}

/// Number of the last change, as seen by this connection.
pub(crate) fn generation(connection: &Connection) -> rusqlite::Result<u64> {
    const SQL: &str = "SELECT generation FROM changes";
    connection
        .prepare_cached(SQL)?
        .query_row([], |row| row.get(0))
}

fn bump(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    const SQL: &str = "UPDATE changes SET generation = generation + 1";
    transaction.prepare_cached(SQL)?.execute([])?;
    Ok(())
}

/// Whether something else in the directory says that a store has been here.
fn had_a_store(dir: &DataDir) -> bool {
    let mut log = dir.control_db().into_os_string();
    log.push("-wal");
    dir.calls_db().exists() || std::path::Path::new(&log).exists()
}
