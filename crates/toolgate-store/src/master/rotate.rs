//! Replacing the master key of an installation while it runs (S-12).
//!
//! | step | what is durable after it | after a crash here |
//! |---|---|---|
//! | 1 | the new key, in a file of its own | the old key is in force; the next rotation takes the file up |
//! | 2 | one transaction: every data key wrapped anew, every manifest authenticated anew, the old audit and handle keys sealed under the new key, the store belongs to the new key | whoever opens the store finds the new key in that file |
//! | 3 | the old key file, under a second name | the same |
//! | 4 | the new key file has its name | the same |
//! | 5 | the store says that the rotation is complete | nothing is open |
//! | 6 | the old key file is gone | the next start removes it |
//!
//! Steps 3, 4 and 6 are for keys in a file. For other sources the operator puts the new key into the source, and
//! the start that finds it there completes the rotation.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Transaction, params};
use toolgate_vault::{
    KeyId, MasterKey, MasterKeyError, MasterKeySource, RetiredKeys, SealedRetiredKeys,
};

use super::files;
use super::open::finish_rotation;
use super::source::KeySource;
use crate::audit::{self, Actor, Entry, now_ms};
use crate::error::Doing;
use crate::failpoint::step;
use crate::sql::parsed;
use crate::{Store, StoreError, key_check, keys, manifest};

/// Where the new key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewMaster {
    /// Made now, in the place of the key file.
    InPlace,
    /// In this file; made now if it is not there.
    File(PathBuf),
}

/// What a rotation of the master key did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterRotated {
    /// Id of the key before.
    pub old: String,
    /// Id of the key in force.
    pub new: String,
    /// The configured source still gives the old key: this file has to take its place there.
    pub key_elsewhere: Option<PathBuf>,
}

/// Why the master key was not rotated. The old one is in force then.
#[derive(Debug, thiserror::Error)]
pub enum MasterRotationError {
    /// The key does not come from a file that could be replaced.
    #[error(
        "rotating the master key: it comes from {source_name}, which this program cannot change"
    )]
    NeedsFile {
        /// Where it comes from.
        source_name: String,
    },
    /// A key file is replaced in place, so there is no use for another one.
    #[error("rotating the master key: it is in {}, which is replaced in place", .file.display())]
    InPlaceOnly {
        /// The key file.
        file: PathBuf,
    },
    /// The new key is the one in force.
    #[error("rotating the master key: the new key is the one in force")]
    SameKey,
    /// The new key cannot be had.
    #[error(transparent)]
    Key(#[from] MasterKeyError),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl MasterRotationError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NeedsFile { .. } => Some(
                "name a file for the new key with --new-key-file PATH, and put it into the source afterwards"
                    .to_owned(),
            ),
            Self::InPlaceOnly { .. } => Some("leave --new-key-file out".to_owned()),
            Self::SameKey => Some("name a file that does not exist: the key is made there".to_owned()),
            Self::Key(error) => error.hint(),
            Self::Store(error) => error.hint().map(Into::into),
        }
    }
}

/// Replaces the master key; what was cut off goes on where it stopped.
pub fn rotate_master(
    store: &Store,
    source: &KeySource,
    new: &NewMaster,
    owner_uid: u32,
    actor: &Actor,
) -> Result<MasterRotated, MasterRotationError> {
    let file = match (new, source.file()) {
        (NewMaster::InPlace, Some(path)) => files::next(path),
        (NewMaster::InPlace, None) => {
            return Err(MasterRotationError::NeedsFile {
                source_name: source.describe(),
            });
        }
        (NewMaster::File(_), Some(path)) => {
            return Err(MasterRotationError::InPlaceOnly {
                file: path.to_owned(),
            });
        }
        (NewMaster::File(path), None) => {
            std::path::absolute(path).map_err(|source| StoreError::Io {
                doing: "finding the new key file",
                path: path.clone(),
                source,
            })?
        }
    };
    if file.to_str().is_none() {
        return Err(StoreError::Io {
            doing: "noting down the new key file",
            path: file,
            source: io::Error::new(io::ErrorKind::InvalidInput, "its path is no text"),
        }
        .into());
    }
    let new = new_key(&file, owner_uid)?;
    step("master.file_written");
    let old = store.key()?.id().as_str().to_owned();
    if old == new.id().as_str() {
        return Err(MasterRotationError::SameKey);
    }
    let new = Arc::new(new);
    store.replace_master(actor, &new, &file)?;
    step("master.committed");
    let key_elsewhere = finish_rotation(store, source, owner_uid, actor)?;
    Ok(MasterRotated {
        old,
        new: new.id().as_str().to_owned(),
        key_elsewhere,
    })
}

/// The key in `file`, which is made if it is not there.
fn new_key(file: &Path, owner_uid: u32) -> Result<MasterKey, MasterKeyError> {
    match MasterKey::create_file(file) {
        Err(MasterKeyError::Exists { .. }) => {
            MasterKey::load(MasterKeySource::File(file.to_owned()), owner_uid)
        }
        other => other,
    }
}

impl Store {
    /// What is left of the master keys before this one, in the order of their time.
    pub fn retired_keys(&self) -> Result<Vec<RetiredKeys>, StoreError> {
        self.retired_keys_under(&*self.key()?)
    }

    /// The same of a store that is not unlocked.
    pub fn retired_keys_under(&self, key: &MasterKey) -> Result<Vec<RetiredKeys>, StoreError> {
        let stored = self.read("reading retired keys", |connection| select(connection, 0))?;
        open_all(key, &stored)
    }

    /// Step 2: the store belongs to `new` from here on, or nothing changed.
    fn replace_master(
        &self,
        actor: &Actor,
        new: &Arc<MasterKey>,
        file: &Path,
    ) -> Result<(), StoreError> {
        let doing = "replacing the master key";
        self.change_key(doing, |tx, old| {
            for row in keys::select(tx).doing(doing)? {
                let workspace = row.workspace.as_str();
                let failed = |source| StoreError::Key { doing, source };
                let key = old
                    .unwrap_workspace_key(workspace, &row.key)
                    .map_err(failed)?;
                let wrapped = new.wrap_workspace_key(workspace, &key).map_err(failed)?;
                keys::rewrap(tx, &wrapped).doing(doing)?;
            }
            manifest::authenticate_anew(tx, old, new)?;
            let until = audit::head(tx).doing(doing)?.sequence;
            let mut retired = open_all(old, &select(tx, 0).doing(doing)?)?;
            // Another process may have put this very key in force since it was read; and a key that comes back
            // could not tell the rows of its two times apart.
            if old.id() == new.id() || retired.iter().any(|keys| keys.id() == new.id()) {
                return Err(StoreError::Conflict {
                    what: "master key",
                    name: new.id().as_str().to_owned(),
                });
            }
            retired.push(old.retire(until));
            for keys in &retired {
                let sealed = new
                    .seal_retired(keys)
                    .map_err(|source| StoreError::Key { doing, source })?;
                save(tx, &sealed).doing(doing)?;
            }
            key_check::write(tx, new, file.to_str())?;
            let detail = format!("was {}", old.id());
            let entry = Entry::new("master_key.rotate", None, new.id().as_str(), &detail);
            audit::append(tx, new, actor, &entry).doing(doing)?;
            step("master.before_commit");
            Ok(Arc::clone(new))
        })
    }

    /// Step 5: the configured source gives the key in force.
    pub(super) fn complete_master_rotation(&self, actor: &Actor) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE key_check SET pending_file = NULL
            WHERE pending_file IS NOT NULL RETURNING key_id";
        let doing = "completing the rotation of the master key";
        self.change(doing, actor, |tx| {
            let mut statement = tx.prepare_cached(SQL).doing(doing)?;
            let ids: Vec<String> = statement
                .query_map([], |row| row.get(0))
                .and_then(Iterator::collect)
                .doing(doing)?;
            let entry = ids
                .first()
                .map(|id| Entry::new("master_key.complete", None, id, ""));
            Ok(((), entry))
        })?;
        step("master.completed");
        Ok(())
    }
}

pub(crate) fn open_all(
    key: &MasterKey,
    stored: &[SealedRetiredKeys],
) -> Result<Vec<RetiredKeys>, StoreError> {
    let open = |one| {
        key.open_retired(one).map_err(|source| StoreError::Key {
            doing: "opening a retired key",
            source,
        })
    };
    stored.iter().map(open).collect()
}

/// Those that were retired since then, unix milliseconds.
pub(crate) fn select(
    connection: &rusqlite::Connection,
    since: u64,
) -> rusqlite::Result<Vec<SealedRetiredKeys>> {
    const SQL: &str = "SELECT id, master_id, audit_until, sealed FROM retired_masters
        WHERE retired_at >= ?1 ORDER BY audit_until";
    let mut statement = connection.prepare_cached(SQL)?;
    let rows = statement.query_map([since], |row| {
        Ok(SealedRetiredKeys {
            id: parsed(row, 0, KeyId::parse)?,
            master: parsed(row, 1, KeyId::parse)?,
            audit_until: row.get(2)?,
            sealed: row.get(3)?,
        })
    })?;
    rows.collect()
}

fn save(tx: &Transaction<'_>, keys: &SealedRetiredKeys) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO retired_masters (id, master_id, audit_until, sealed, retired_at)
        VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO UPDATE SET
        master_id = excluded.master_id, sealed = excluded.sealed";
    tx.prepare_cached(SQL)?.execute(params![
        keys.id.as_str(),
        keys.master.as_str(),
        keys.audit_until,
        keys.sealed,
        now_ms(),
    ])?;
    Ok(())
}
