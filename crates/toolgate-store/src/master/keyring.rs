//! The master key in force, which a rotation in another process may replace at any moment.

use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use toolgate_vault::MasterKey;

use crate::key_check::KeyCheck;

/// Finds the key a store has come to belong to.
pub(crate) type FindKey = Box<dyn Fn(&KeyCheck) -> Option<MasterKey> + Send + Sync>;

/// Shared by all clones of a store.
pub(crate) struct Keyring {
    present: RwLock<Arc<MasterKey>>,
    find: OnceLock<FindKey>,
}

impl Keyring {
    pub(crate) fn new(key: Arc<MasterKey>) -> Self {
        Self {
            present: RwLock::new(key),
            find: OnceLock::new(),
        }
    }

    /// Says how a successor is found; the first word counts.
    pub(crate) fn find_with(&self, find: FindKey) {
        // A store is opened once, so nobody has said it before.
        let _ = self.find.set(find);
    }

    pub(crate) fn present(&self) -> Arc<MasterKey> {
        let present = self.present.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&present)
    }

    pub(crate) fn replace(&self, key: Arc<MasterKey>) {
        *self.present.write().unwrap_or_else(PoisonError::into_inner) = key;
    }

    /// The key that `check` describes: the present one, or its successor, which is the present one from then on.
    pub(crate) fn for_check(&self, check: &KeyCheck) -> Option<Arc<MasterKey>> {
        let present = self.present();
        if check.is(&present) {
            return Some(present);
        }
        let found = self.find.get()?(check).filter(|key| check.is(key))?;
        let found = Arc::new(found);
        self.replace(Arc::clone(&found));
        Some(found)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keyring").field(&self.present()).finish()
    }
}
