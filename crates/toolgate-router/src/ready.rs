//! Lists kept ready to send: written once for everybody who sees the same, handed out as they are.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use bytes::Bytes;
use toolgate_policy::{Principal, Role};
use toolgate_protocol::Revision;

/// Lists kept at once.
const MOST: usize = 64;
/// Bytes of lists kept at once; one list may be larger.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Everything beside the catalogue that decides which tools a list shows and how it is written: what
/// [`may_see`](toolgate_policy::may_see) asks of a principal, and the revision. Tokens that agree in it share a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Eyes {
    role: Role,
    patterns: Vec<String>,
    revision: Revision,
}

impl Eyes {
    pub(crate) fn of(principal: &Principal, revision: Revision) -> Self {
        let token = principal.token();
        Self {
            role: token.role,
            patterns: token.rules.patterns().to_vec(),
            revision,
        }
    }

    /// Whether these are the eyes of that principal.
    pub(crate) fn are_of(&self, principal: &Principal, revision: Revision) -> bool {
        let token = principal.token();
        self.revision == revision
            && self.role == token.role
            && self.patterns == token.rules.patterns()
    }
}

/// The lists of one catalogue, one for each key; the least recently used go when there are too many.
#[derive(Debug)]
pub(crate) struct Ready<K> {
    kept: RwLock<Vec<Arc<Kept<K>>>>,
    turn: AtomicU64,
}

#[derive(Debug)]
struct Kept<K> {
    key: K,
    list: OnceLock<Bytes>,
    /// What the catalogue before this one showed to the same key.
    before: Mutex<Option<Bytes>>,
    used: AtomicU64,
}

impl<K> Default for Ready<K> {
    fn default() -> Self {
        Self {
            kept: RwLock::default(),
            turn: AtomicU64::new(0),
        }
    }
}

impl<K: Clone> Ready<K> {
    /// The lists of a catalogue that takes the place of another. Nothing of the old one is shown; a list that
    /// comes out the same shares its memory, so that whoever remembers it tells at a glance.
    pub(crate) fn after(before: &Self) -> Self {
        let kept = before.kept.read().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.iter().filter_map(|kept| {
            let list = kept.list.get()?.clone();
            Some(Arc::new(Kept::new(kept.key.clone(), Some(list))))
        });
        Self {
            kept: RwLock::new(kept.collect()),
            turn: AtomicU64::new(0),
        }
    }

    /// The list of the key that `is` tells, written now if it was not before. Who comes while it is written waits
    /// for that instead of doing it again.
    pub(crate) fn get(
        &self,
        is: impl Fn(&K) -> bool,
        key: impl FnOnce() -> K,
        write: impl FnOnce() -> Bytes,
    ) -> Bytes {
        let kept = self.find(&is).unwrap_or_else(|| self.add(is, key));
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        kept.used.store(turn, Ordering::Relaxed);
        if let Some(list) = kept.list.get() {
            return list.clone();
        }
        let list = kept.list.get_or_init(|| kept.or_before(write())).clone();
        self.trim();
        list
    }

    fn find(&self, is: impl Fn(&K) -> bool) -> Option<Arc<Kept<K>>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|kept| is(&kept.key)).cloned()
    }

    fn add(&self, is: impl Fn(&K) -> bool, key: impl FnOnce() -> K) -> Arc<Kept<K>> {
        let mut all = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have been faster.
        if let Some(kept) = all.iter().find(|kept| is(&kept.key)) {
            return kept.clone();
        }
        let kept = Arc::new(Kept::new(key(), None));
        // The newest of all, before it is used for the first time.
        kept.used
            .store(self.turn.load(Ordering::Relaxed), Ordering::Relaxed);
        all.push(kept.clone());
        kept
    }

    /// Drops the least recently used while there are too many or too long ones.
    fn trim(&self) {
        let mut all = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        let mut bytes: usize = all.iter().map(|kept| kept.len()).sum();
        while all.len() > 1 && (all.len() > MOST || bytes > MOST_BYTES) {
            let oldest = (0..all.len()).min_by_key(|at| all[*at].used.load(Ordering::Relaxed));
            let gone = all.swap_remove(oldest.unwrap_or_default());
            bytes -= gone.len();
        }
    }
}

impl<K> Kept<K> {
    fn new(key: K, before: Option<Bytes>) -> Self {
        Self {
            key,
            list: OnceLock::new(),
            before: Mutex::new(before),
            used: AtomicU64::new(0),
        }
    }

    fn before(&self) -> std::sync::MutexGuard<'_, Option<Bytes>> {
        self.before.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The list of before where the new one is the same.
    fn or_before(&self, list: Bytes) -> Bytes {
        let before = self.before().take();
        before.filter(|before| *before == list).unwrap_or(list)
    }

    fn len(&self) -> usize {
        let before = self.before().as_ref().map_or(0, Bytes::len);
        self.list.get().map_or(before, Bytes::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(ready: &Ready<usize>, key: usize, text: &[u8]) -> Bytes {
        let write = || Bytes::copy_from_slice(text);
        ready.get(|kept| *kept == key, || key, write)
    }

    #[test]
    fn a_list_is_written_once() {
        let ready = Ready::default();
        assert_eq!(list(&ready, 1, b"one"), "one");
        assert_eq!(list(&ready, 2, b"two"), "two");
        assert_eq!(list(&ready, 1, b"another"), "one");
    }

    #[test]
    fn the_least_recently_used_go() {
        let ready = Ready::default();
        for key in 0..MOST {
            list(&ready, key, b"old");
        }
        list(&ready, 0, b"new");
        list(&ready, MOST, b"old");
        assert_eq!(list(&ready, 0, b"new"), "old", "used lately");
        assert_eq!(list(&ready, 1, b"new"), "new", "gone, and written again");
        assert_eq!(ready.kept.read().unwrap().len(), MOST);
    }

    #[test]
    fn long_lists_leave_room_for_fewer() {
        let ready = Ready::default();
        let long = vec![b' '; MOST_BYTES / 2];
        for key in 0..5 {
            list(&ready, key, &long);
        }
        assert_eq!(ready.kept.read().unwrap().len(), 2);
        list(&ready, 9, &vec![b' '; 2 * MOST_BYTES]);
        assert_eq!(ready.kept.read().unwrap().len(), 1, "always the newest");
    }

    #[test]
    fn after_a_change_every_list_is_written_anew() {
        let ready = Ready::default();
        let (same, other) = (list(&ready, 1, b"same"), list(&ready, 2, b"other"));
        let after = Ready::after(&ready);
        assert_eq!(list(&after, 1, b"same").as_ptr(), same.as_ptr());
        assert_eq!(list(&after, 2, b"changed"), "changed");
        assert_eq!(other, "other");
    }
}
