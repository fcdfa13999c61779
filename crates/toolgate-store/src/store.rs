//! One connection to `control.db`, and the three ways to use it: read, change, note.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use toolgate_vault::MasterKey;

use crate::audit::{self, Actor, Entry};
use crate::database::{self, Durability, Open};
use crate::error::Doing;
use crate::key_check::KeyCheck;
use crate::master::{FindKey, Keyring};
use crate::migrations::CONTROL;
use crate::{DataDir, Shred, StoreError, content_seal, key_check, manifest, secrets, workspaces};

/// The control store. Cheap to clone; clones share one connection. Every function blocks.
///
/// Reading works on any open store. Changing needs the master key ([`Store::unlock`]), because each
/// change and its audit row, which is authenticated under that key, are one transaction (S-83).
#[derive(Clone)]
pub struct Store {
    connection: Arc<Mutex<Connection>>,
    keyring: Option<Arc<Keyring>>,
}

impl Store {
    /// Opens the store of a data directory, checks that it is whole and brings its schema up
    /// to date.
    pub fn open(dir: &DataDir, open: Open) -> Result<Self, StoreError> {
        let path = dir.control_db();
        if !path.exists() && (open == Open::MustExist || had_a_store(dir)) {
            return Err(StoreError::Missing { path });
        }
        refuse_emptied(dir)?;
        if open == Open::CreateIfMissing {
            dir.create()?;
        }
        let connection = database::open(&path, open, Durability::Disk, &CONTROL)?;
        database::check_integrity(&connection, &path)?;
        Ok(Self::new(connection))
    }

    /// Another connection to the same store, for a caller that must not wait for this one's: opened without looking
    /// through the whole file again, under the same key.
    pub fn beside(&self, dir: &DataDir) -> Result<Self, StoreError> {
        let path = dir.control_db();
        let connection = database::open(&path, Open::MustExist, Durability::Disk, &CONTROL)?;
        Ok(Self {
            keyring: self.keyring.clone(),
            ..Self::new(connection)
        })
    }

    /// A store in memory with a master key of its own, already unlocked: for tests and examples.
    pub fn in_memory() -> Result<Self, StoreError> {
        let connection = database::open_in_memory(&CONTROL)?;
        let key = MasterKey::generate().map_err(|_| StoreError::Locked)?;
        Self::new(connection).unlock(Arc::new(key), &Actor::gateway())
    }

    /// Hands over the master key, so that the store can be changed.
    ///
    /// A key with another check value is refused and nothing is written (S-08); a store that has
    /// none yet adopts this one.
    pub fn unlock(mut self, key: Arc<MasterKey>, actor: &Actor) -> Result<Self, StoreError> {
        let check = self.key_check()?;
        if let Some(check) = &check
            && !check.is(&key)
        {
            return Err(wrong_key(check, &key));
        }
        self.check_seal(&key)?;
        let keyring = Arc::new(Keyring::new(key));
        self.keyring = Some(Arc::clone(&keyring));
        match check {
            None => self.adopt(actor, &keyring.present())?,
            Some(_) => self.start_manifests(actor)?,
        }
        Ok(self)
    }

    /// Takes the whole log into the file, unless another process is reading: what a gateway does at its end, so that
    /// the file alone is the store.
    pub fn write_back(&self) {
        // What stays in the log is as durable there; the next start takes it in.
        let _ = self.shred();
    }

    /// Writes the log back into the file early and often, which is the gateway's work alone.
    pub fn keep_log_short(&self) -> Result<(), StoreError> {
        self.read("setting up the store", database::keep_log_short)
    }

    /// Says how the key is found that takes the place of this one when another process rotates it (S-12).
    pub(crate) fn follow_key(&self, find: FindKey) {
        if let Some(keyring) = &self.keyring {
            keyring.find_with(find);
        }
    }

    /// The master key in force as far as this process knows.
    pub fn master(&self) -> Result<Arc<MasterKey>, StoreError> {
        self.key()
    }

    /// Number of the last change; 0 in a new store.
    pub fn generation(&self) -> Result<u64, StoreError> {
        self.read("reading the change counter", generation)
    }

    fn new(connection: Connection) -> Self {
        // Every noun has a handful of statements; all of them fit.
        connection.set_prepared_statement_cache_capacity(128);
        Self {
            connection: Arc::new(Mutex::new(connection)),
            keyring: None,
        }
    }

    fn adopt(&self, actor: &Actor, key: &MasterKey) -> Result<(), StoreError> {
        let id = key.id().as_str();
        self.change("adopting the master key", actor, |tx| {
            // Another process may have adopted its key since we looked.
            if let Some(check) = key_check::read(tx)? {
                return if check.is(key) {
                    Ok(((), None))
                } else {
                    Err(wrong_key(&check, key))
                };
            }
            key_check::write(tx, key, None)?;
            Ok(((), Some(Entry::new("key.adopt", None, id, WITH_MANIFESTS))))
        })
    }

    /// Makes the manifests of a store that was made before there were any (S-17), once in its life: the audit
    /// trail knows that it was done, so a manifest that is missing later was taken away.
    fn start_manifests(&self, actor: &Actor) -> Result<(), StoreError> {
        const MISSING: &str = "SELECT count(*) FROM workspaces
            WHERE id NOT IN (SELECT workspace_id FROM manifests)";
        const STARTED: &str =
            "SELECT count(*) FROM audit WHERE action = 'key.adopt' AND detail = ?1";
        let doing = "starting the manifests of secrets";
        let missing: u64 = self.read(doing, |connection| {
            connection.query_row(MISSING, [], |row| row.get(0))
        })?;
        if missing == 0 {
            return Ok(());
        }
        self.change(doing, actor, |tx| {
            let started: u64 = tx
                .query_row(STARTED, [WITH_MANIFESTS], |row| row.get(0))
                .doing(doing)?;
            if started > 0 {
                return Ok(((), None));
            }
            let key = self.key_in_force(tx)?;
            let rows = secrets::select(tx).doing(doing)?;
            for workspace in workspaces::select(tx).doing(doing)? {
                manifest::adopt(tx, &key, &rows, workspace.id.as_str())?;
            }
            let entry = Entry::new("key.adopt", None, key.id().as_str(), WITH_MANIFESTS);
            Ok(((), Some(entry)))
        })
    }
}

/// What the audit row says since there are manifests.
const WITH_MANIFESTS: &str = "with manifests";

fn wrong_key(check: &KeyCheck, given: &MasterKey) -> StoreError {
    StoreError::WrongKey {
        stored: check.id.clone(),
        given: given.id().as_str().to_owned(),
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
    /// Without an entry nothing had to be changed, and nothing is written; each entry counts as a change.
    pub(crate) fn change<T, E: IntoIterator<Item = Entry>>(
        &self,
        doing: &'static str,
        actor: &Actor,
        change: impl FnOnce(&Transaction<'_>) -> Result<(T, E), StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = self.connection();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .doing(doing)?;
        let key = self.key_in_force(&transaction)?;
        let (value, entries) = change(&transaction)?;
        let mut changed = false;
        for entry in entries {
            audit::append(&transaction, &key, actor, &entry).doing(doing)?;
            bump(&transaction).doing(doing)?;
            changed = true;
        }
        if changed {
            transaction.commit().doing(doing)?;
        }
        Ok(value)
    }

    /// Makes another master key the one in force: `change` gets the present one, writes its own audit row under
    /// the new one, and answers that.
    pub(crate) fn change_key(
        &self,
        doing: &'static str,
        change: impl FnOnce(&Transaction<'_>, &MasterKey) -> Result<Arc<MasterKey>, StoreError>,
    ) -> Result<(), StoreError> {
        let mut connection = self.connection();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .doing(doing)?;
        let present = self.key_in_force(&transaction)?;
        let new = change(&transaction, &present)?;
        bump(&transaction).doing(doing)?;
        transaction.commit().doing(doing)?;
        self.keyring().map(|keyring| keyring.replace(new))
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
        let before = self.sealed_state(&transaction).doing(doing)?;
        if note(&transaction)? == Noted::Change {
            bump(&transaction).doing(doing)?;
        } else {
            let after = self.sealed_state(&transaction).doing(doing)?;
            debug_assert_eq!(
                before, after,
                "{doing}: this breaks the seal over the contents"
            );
        }
        transaction.commit().doing(doing)
    }

    /// What the seal covers, where assertions are on: bookkeeping that touched it would read as damage
    /// after the next start.
    fn sealed_state(&self, transaction: &Transaction<'_>) -> rusqlite::Result<Option<[u8; 32]>> {
        match self.key() {
            Ok(key) if cfg!(debug_assertions) => content_seal::digest(transaction, &key).map(Some),
            _ => Ok(None),
        }
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

    pub(crate) fn key(&self) -> Result<Arc<MasterKey>, StoreError> {
        self.keyring().map(Keyring::present)
    }

    /// The master key this store belongs to at this moment, which another process may have replaced (S-12).
    pub(crate) fn key_in_force(
        &self,
        connection: &Connection,
    ) -> Result<Arc<MasterKey>, StoreError> {
        let keyring = self.keyring()?;
        match key_check::read(connection)? {
            None => Ok(keyring.present()),
            Some(check) => keyring
                .for_check(&check)
                .ok_or_else(|| wrong_key(&check, &keyring.present())),
        }
    }

    fn keyring(&self) -> Result<&Keyring, StoreError> {
        self.keyring.as_deref().ok_or(StoreError::Locked)
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
            .field("unlocked", &self.keyring.is_some())
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
    log_of(dir).exists() || has_history(dir)
}

/// Files that are made only after the store was.
fn has_history(dir: &DataDir) -> bool {
    dir.calls_db().exists() || dir.checkpoints().exists()
}

/// A file without a byte is a new store only where nothing says that one has been here: SQLite would
/// make it one, and throw its log away.
fn refuse_emptied(dir: &DataDir) -> Result<(), StoreError> {
    let path = dir.control_db();
    // In this order: whoever makes a store has written its first page before there is a log.
    let logged = log_of(dir).metadata().is_ok_and(|log| log.len() > 0);
    let empty = path.metadata().is_ok_and(|file| file.len() == 0);
    if empty && (logged || has_history(dir)) {
        return Err(StoreError::Damaged {
            path,
            finding: "it is empty".to_owned(),
        });
    }
    Ok(())
}

fn log_of(dir: &DataDir) -> std::path::PathBuf {
    let mut log = dir.control_db().into_os_string();
    log.push("-wal");
    log.into()
}
