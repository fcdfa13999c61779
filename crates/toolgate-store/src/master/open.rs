//! Opening an installation with its master key, as both programs do.

use std::path::PathBuf;
use std::sync::Arc;

use toolgate_vault::{MasterKey, MasterKeyError};

use super::files;
use super::source::{KeySource, KeySourceError};
use crate::key_check::{self, KeyCheck};
use crate::{Actor, DataDir, Open, Store, StoreError};

/// An opened installation.
#[derive(Debug)]
pub struct Opened {
    /// Its store, unlocked, which follows a rotation of the master key by any process.
    pub store: Store,
    /// Where its master key comes from.
    pub source: Arc<KeySource>,
    /// The configured source still gives the key before; the one in force was found in this file. It has to take
    /// the place of the old one before the file goes.
    pub key_elsewhere: Option<PathBuf>,
}

/// Why an installation does not open. Nothing was changed then (S-08).
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is a store but no key for it: without the key its secrets are lost, so none is made up.
    #[error("the store {store} is there, but its master key {key} is missing")]
    KeyMissing {
        /// The control database.
        store: PathBuf,
        /// Where the key should be.
        key: PathBuf,
    },
    /// The key cannot be had.
    #[error(transparent)]
    Key(#[from] KeySourceError),
    /// The store does not open, or the key is not its key.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Opens the installation in `dir`; where there is neither key nor store both are made.
///
/// The key is checked before the store is opened for writing, and a rotation that was cut off is brought to its
/// end (S-08, S-12). `owner_uid` is the user this process runs as.
pub fn open(
    dir: &DataDir,
    source: KeySource,
    owner_uid: u32,
    actor: &Actor,
) -> Result<Opened, OpenError> {
    dir.create()?;
    let check = key_check::peek(dir)?;
    let key = match &check {
        Some(check) => right_key(dir, &source, check, owner_uid)?,
        None => first_key(dir, &source, owner_uid)?,
    };
    let store = Store::open(dir, Open::CreateIfMissing)?.unlock(Arc::new(key), actor)?;
    let key_elsewhere = finish_rotation(&store, &source, owner_uid, actor)?;
    let source = Arc::new(source);
    let followed = Arc::clone(&source);
    store.follow_key(Box::new(move |check| {
        followed.find_in_files(check, owner_uid)
    }));
    Ok(Opened {
        store,
        source,
        key_elsewhere,
    })
}

/// The key of the store in `dir`, or, where there is none that can be read, what the source gives; nothing is made.
pub fn existing(dir: &DataDir, source: &KeySource, owner_uid: u32) -> Result<MasterKey, OpenError> {
    if let Ok(Some(check)) = key_check::peek(dir)
        && let Ok(Some(key)) = source.find(&check, owner_uid)
    {
        return Ok(key);
    }
    Ok(source.load(owner_uid)?)
}

/// The key of a store that belongs to one.
fn right_key(
    dir: &DataDir,
    source: &KeySource,
    check: &KeyCheck,
    owner_uid: u32,
) -> Result<MasterKey, OpenError> {
    if let Some(key) = source
        .find(check, owner_uid)
        .map_err(|error| missing(dir, error))?
    {
        return Ok(key);
    }
    let given = source.load(owner_uid)?;
    Err(StoreError::WrongKey {
        stored: check.id.clone(),
        given: given.id().as_str().to_owned(),
    }
    .into())
}

/// The key of a store that is to be made; a key file in the data directory is made with it.
fn first_key(dir: &DataDir, source: &KeySource, owner_uid: u32) -> Result<MasterKey, OpenError> {
    if let KeySource::DataDir(path) = source
        && !path.exists()
        && !dir.control_db().exists()
    {
        match MasterKey::create_file(path) {
            // Another process, on its own first start, was quicker: take its key.
            Err(MasterKeyError::Exists { .. }) => {}
            other => return other.map_err(|error| KeySourceError::from(error).into()),
        }
    }
    source.load(owner_uid).map_err(|error| missing(dir, error))
}

fn missing(dir: &DataDir, error: KeySourceError) -> OpenError {
    match error {
        KeySourceError::Key(MasterKeyError::Missing { path }) if dir.control_db().exists() => {
            OpenError::KeyMissing {
                store: dir.control_db(),
                key: path,
            }
        }
        other => other.into(),
    }
}

/// Brings a rotation of the master key to its end, as far as this process can; answers where the key lies if its
/// configured source does not give it yet.
pub(super) fn finish_rotation(
    store: &Store,
    source: &KeySource,
    owner_uid: u32,
    actor: &Actor,
) -> Result<Option<PathBuf>, StoreError> {
    let Some(check) = store.key_check()? else {
        return Ok(None);
    };
    let gives_it = || {
        let given = source.load(owner_uid);
        given.is_ok_and(|key| check.is(&key))
    };
    if let Some(pending) = &check.pending_file {
        if let Some(path) = source.file()
            && !gives_it()
        {
            files::install(path)?;
        }
        if !gives_it() {
            return Ok(Some(pending.clone()));
        }
        store.complete_master_rotation(actor)?;
    }
    match source.file() {
        Some(path) if gives_it() => files::clean_up(path)?,
        _ => {}
    }
    Ok(None)
}

impl OpenError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::KeyMissing { key, .. } => Some(format!(
                "put the key back as {} (mode 0600), or start afresh with another --data-dir",
                key.display()
            )),
            Self::Key(error) => error.hint(),
            Self::Store(error) => error.hint().map(Into::into),
        }
    }
}
