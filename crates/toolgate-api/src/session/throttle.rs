//! Guessing passwords takes time: failures are counted for each account and each address (S-77).

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use super::clock::Clock;

/// So many may fail before anybody waits: people mistype.
const FREE: u32 = 3;
/// Each further failure doubles the wait, up to these. An account's is short, so that nobody can lock its owner out.
const ACCOUNT_MAX_MS: u64 = 30_000;
const ADDRESS_MAX_MS: u64 = 15 * 60_000;
/// After so long without a failure they are forgotten.
const FORGET_MS: u64 = 15 * 60_000;
const MOST: usize = 4096;
/// An address that fails so often in a row is worth a row of the audit.
pub(crate) const BURST: u32 = 10;

/// Failures of accounts and of addresses.
#[derive(Debug)]
pub(crate) struct Throttle {
    accounts: Failures<String>,
    addresses: Failures<IpAddr>,
    clock: Clock,
}

#[derive(Debug)]
struct Failures<K> {
    known: Mutex<HashMap<K, Failed>>,
    max_ms: u64,
}

#[derive(Debug, Clone, Copy)]
struct Failed {
    times: u32,
    last_ms: u64,
}

impl Throttle {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            accounts: Failures::new(ACCOUNT_MAX_MS),
            addresses: Failures::new(ADDRESS_MAX_MS),
            clock,
        }
    }

    /// How long both have to wait before they may try; 0 = now. `account` is canonical, so that all spellings of a name
    /// share one counter.
    pub(crate) fn wait_ms(&self, account: Option<&str>, address: IpAddr) -> u64 {
        let now = self.clock.now_ms();
        let account = account.map_or(0, |name| self.accounts.wait_ms(&name.to_owned(), now));
        account.max(self.addresses.wait_ms(&address, now))
    }

    /// Counts a failure; true when the address has just failed often enough to be written down.
    pub(crate) fn failed(&self, account: Option<&str>, address: IpAddr) -> bool {
        let now = self.clock.now_ms();
        if let Some(name) = account {
            self.accounts.failed(name.to_owned(), now);
        }
        self.addresses.failed(address, now) == BURST
    }

    /// Forgets the failures of an account whose password was right. Those of the address stay: it may be guessing at
    /// others.
    pub(crate) fn succeeded(&self, account: &str) {
        self.accounts.lock().remove(account);
    }
}

impl<K: Eq + Hash + Clone> Failures<K> {
    fn new(max_ms: u64) -> Self {
        Self {
            known: Mutex::default(),
            max_ms,
        }
    }

    fn wait_ms(&self, key: &K, now_ms: u64) -> u64 {
        let Some(failed) = self.lock().get(key).copied() else {
            return 0;
        };
        let over = failed.times.saturating_sub(FREE);
        if over == 0 {
            return 0;
        }
        let wait = 1_000_u64
            .checked_shl(over - 1)
            .map_or(self.max_ms, |wait| wait.min(self.max_ms));
        (failed.last_ms + wait).saturating_sub(now_ms)
    }

    fn failed(&self, key: K, now_ms: u64) -> u32 {
        let mut known = self.lock();
        if known.len() >= MOST && !known.contains_key(&key) {
            known.retain(|_, failed| failed.last_ms + FORGET_MS > now_ms);
            if known.len() >= MOST {
                let quietest = known.iter().min_by_key(|(_, failed)| failed.last_ms);
                if let Some(quietest) = quietest.map(|(key, _)| key.clone()) {
                    known.remove(&quietest);
                }
            }
        }
        let failed = known.entry(key).or_insert(Failed {
            times: 0,
            last_ms: now_ms,
        });
        if failed.last_ms + FORGET_MS <= now_ms {
            failed.times = 0;
        }
        failed.times = failed.times.saturating_add(1).min(64);
        failed.last_ms = now_ms;
        failed.times
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<K, Failed>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn throttle() -> (Throttle, Arc<AtomicU64>) {
        let time = Arc::new(AtomicU64::new(1));
        let read = Arc::clone(&time);
        (
            Throttle::new(Clock::of(move || read.load(Ordering::Relaxed))),
            time,
        )
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    /// S-77: delay per account, whichever address it is tried from.
    #[test]
    fn s77_guessing_one_account_from_many_addresses_waits() {
        let (throttle, time) = throttle();
        for from in 0..4 {
            assert_eq!(throttle.wait_ms(Some("a@x"), address(from)), 0);
            throttle.failed(Some("a@x"), address(from));
        }
        assert_eq!(throttle.wait_ms(Some("a@x"), address(99)), 1_000);
        assert_eq!(throttle.wait_ms(Some("b@x"), address(99)), 0);
        throttle.failed(Some("a@x"), address(5));
        assert_eq!(throttle.wait_ms(Some("a@x"), address(99)), 2_000);
        time.fetch_add(2_000, Ordering::Relaxed);
        assert_eq!(throttle.wait_ms(Some("a@x"), address(99)), 0);
        for from in 0..100 {
            throttle.failed(Some("a@x"), address(from));
        }
        assert_eq!(
            throttle.wait_ms(Some("a@x"), address(200)),
            ACCOUNT_MAX_MS,
            "an owner is never locked out for long"
        );
    }

    /// S-77: delay per address, whichever account it tries; a success does not clear it.
    #[test]
    fn s77_guessing_many_accounts_from_one_address_waits() {
        let (throttle, time) = throttle();
        let mut bursts = 0;
        for account in 0..20 {
            bursts += u32::from(throttle.failed(Some(&account.to_string()), address(1)));
        }
        assert_eq!(bursts, 1, "written down once");
        throttle.succeeded("0");
        assert_eq!(
            throttle.wait_ms(Some("new"), address(1)),
            131_072_000.min(ADDRESS_MAX_MS)
        );
        assert_eq!(throttle.wait_ms(Some("new"), address(2)), 0);
        time.fetch_add(FORGET_MS, Ordering::Relaxed);
        throttle.failed(None, address(1));
        assert_eq!(throttle.wait_ms(None, address(1)), 0, "forgotten");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (throttle, _) = throttle();
        for account in 0..2 * MOST {
            throttle.failed(Some(&account.to_string()), address(1));
        }
        assert!(throttle.accounts.lock().len() <= MOST);
    }
}
