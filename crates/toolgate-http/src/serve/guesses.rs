//! Guessing credentials is bounded (S-37): failures are counted for each source and for all together.
//!
//! Only failures come here. A valid one is recognised before, so whoever shares an address with a guesser is served
//! as always, and there is nothing by which one could be locked.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use super::proxies::one_source;

/// Failures that one source may have within [`WINDOW_MS`].
const FAILURES: usize = 20;
const WINDOW_MS: u64 = 60_000;
/// Failures that are answered as such in one second, whoever they are of.
const ALL_PER_SECOND: u64 = 1_000;
/// Sources that are remembered: 16,384, which is some 3 MiB. Of more, the one that was quiet longest is forgotten, and the
/// ceiling for all still holds.
const SHARDS: usize = 64;
const SOURCES_PER_SHARD: usize = 256;

/// Failed authentications: how many there were of each source, and of all together.
#[derive(Debug)]
pub struct Guesses {
    shards: [Mutex<HashMap<IpAddr, Failures>>; SHARDS],
    hasher: RandomState,
    /// The second in the upper half, its failures in the lower.
    all: AtomicU64,
}

/// When the last failures were, in a ring.
#[derive(Debug)]
struct Failures {
    at_ms: [Option<u64>; FAILURES],
    next: usize,
}

/// Too many: when it is worth trying again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    /// Milliseconds until then.
    pub retry_after_ms: u64,
}

impl Guesses {
    /// Nobody failed yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
            all: AtomicU64::new(0),
        }
    }

    /// Counts a failed authentication from this address, unless there were too many. A refusal is not counted itself, so
    /// whoever comes back when it says so is heard. `now_ms` is of a clock that never goes back.
    pub fn failed(&self, address: IpAddr, now_ms: u64) -> Result<(), TooMany> {
        self.count_for_all(now_ms)?;
        let source = one_source(address);
        let shard = usize::try_from(self.hasher.hash_one(source)).unwrap_or(0) % SHARDS;
        let mut shard = self.shards[shard]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !shard.contains_key(&source) && shard.len() >= SOURCES_PER_SHARD {
            make_room(&mut shard, now_ms);
        }
        shard.entry(source).or_default().count(now_ms)
    }

    fn count_for_all(&self, now_ms: u64) -> Result<(), TooMany> {
        let second = (now_ms / 1000) << 32;
        let counted = |all: u64| {
            let so_far = if all & !0xffff_ffff == second {
                all
            } else {
                second
            };
            (so_far - second < ALL_PER_SECOND).then_some(so_far + 1)
        };
        match self.all.fetch_update(Relaxed, Relaxed, counted) {
            Ok(_) => Ok(()),
            Err(_) => Err(TooMany {
                retry_after_ms: 1000 - now_ms % 1000,
            }),
        }
    }

    /// How many sources are remembered.
    #[cfg(test)]
    fn sources(&self) -> usize {
        let lock = |shard: &Mutex<HashMap<_, _>>| shard.lock().unwrap().len();
        self.shards.iter().map(lock).sum()
    }
}

/// Forgets every source whose failures are over, or the one that was quiet longest.
fn make_room(shard: &mut HashMap<IpAddr, Failures>, now_ms: u64) {
    shard.retain(|_, failures| failures.last().is_some_and(|at| at + WINDOW_MS > now_ms));
    if shard.len() >= SOURCES_PER_SHARD {
        let quietest = shard.iter().min_by_key(|(_, failures)| failures.last());
        if let Some(quietest) = quietest.map(|(source, _)| *source) {
            shard.remove(&quietest);
        }
    }
}

impl Failures {
    fn count(&mut self, now_ms: u64) -> Result<(), TooMany> {
        if let Some(oldest) = self.at_ms[self.next]
            && oldest + WINDOW_MS > now_ms
        {
            return Err(TooMany {
                retry_after_ms: oldest + WINDOW_MS - now_ms,
            });
        }
        self.at_ms[self.next] = Some(now_ms);
        self.next = (self.next + 1) % FAILURES;
        Ok(())
    }

    fn last(&self) -> Option<u64> {
        self.at_ms[(self.next + FAILURES - 1) % FAILURES]
    }
}

impl Default for Guesses {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for Failures {
    fn default() -> Self {
        Self {
            at_ms: [None; FAILURES],
            next: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn s37_twenty_a_minute_exactly_and_the_time_told_is_true() {
        let (guesses, from) = (Guesses::new(), address("192.0.2.1"));
        for failure in 0..20 {
            assert_eq!(guesses.failed(from, failure * 100), Ok(()), "{failure}");
        }
        let refused = guesses.failed(from, 5_000).unwrap_err();
        assert_eq!(refused.retry_after_ms, 55_000);
        // Refusals are not counted, one millisecond early is early, and the next place opens with the second failure.
        assert!(guesses.failed(from, 59_999).is_err());
        assert_eq!(guesses.failed(from, 60_000), Ok(()));
        assert_eq!(
            guesses.failed(from, 60_000),
            Err(TooMany {
                retry_after_ms: 100
            })
        );
        assert_eq!(guesses.failed(address("192.0.2.2"), 60_000), Ok(()));
    }

    #[test]
    fn s37_one_ipv6_customer_is_one_source() {
        let guesses = Guesses::new();
        for failure in 0..20_u64 {
            let from = address(&format!("2001:db8:0:7::{failure:x}"));
            assert_eq!(guesses.failed(from, 0), Ok(()));
        }
        assert!(guesses.failed(address("2001:db8:0:7:ffff::1"), 1).is_err());
        assert!(guesses.failed(address("2001:db8:0:8::1"), 1).is_ok());
        // And an IPv4 address is the same however it is written.
        for _ in 0..20 {
            assert_eq!(guesses.failed(address("::ffff:192.0.2.1"), 1), Ok(()));
        }
        assert!(guesses.failed(address("192.0.2.1"), 1).is_err());
    }

    #[test]
    fn s37_all_together_have_a_ceiling_each_second() {
        let guesses = Guesses::new();
        let from = |n: u32| IpAddr::V4(std::net::Ipv4Addr::from_bits(0x0a00_0000 + n));
        let passed = (0..5_000).filter(|n| guesses.failed(from(*n), 7_250).is_ok());
        assert_eq!(passed.count(), 1_000);
        let refused = guesses.failed(from(9_000), 7_250).unwrap_err();
        assert_eq!(refused.retry_after_ms, 750);
        assert_eq!(guesses.failed(from(9_000), 8_000), Ok(()));
    }

    #[test]
    fn s37_the_table_is_bounded() {
        let guesses = Guesses::new();
        let from = |n: u32| IpAddr::V4(std::net::Ipv4Addr::from_bits(n));
        for n in 0..60_000_u32 {
            // 500 each second, from a new address each time.
            let _ = guesses.failed(from(n), u64::from(n) * 2);
        }
        assert!(guesses.sources() <= SHARDS * SOURCES_PER_SHARD);
    }
}
