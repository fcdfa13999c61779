//! How long to wait before something is tried again.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// The first wait; doubles with every failure in a row.
const FIRST: Duration = Duration::from_millis(500);
/// The longest wait.
const LONGEST: Duration = Duration::from_mins(1);

/// Failures in a row.
#[derive(Debug, Default)]
pub(crate) struct Retry {
    failures: u32,
}

impl Retry {
    /// It worked: the next failure is a first one.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// How long to wait after another failure.
    pub(crate) fn next(&mut self) -> Duration {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(10));
        self.failures = self.failures.saturating_add(1);
        jittered(doubled.min(LONGEST), random())
    }
}

/// Full jitter: anything from nothing to `wait`, so that many gateways do not try in step.
pub(crate) fn jittered(wait: Duration, random: u64) -> Duration {
    let ms = u64::try_from(wait.as_millis())
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    Duration::from_millis(random % ms)
}

pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_below_the_wait() {
        for random in [0, 1, 7, 499, 500, 501, u64::MAX] {
            assert!(jittered(FIRST, random) <= FIRST);
        }
    }

    #[test]
    fn the_wait_never_exceeds_a_minute() {
        let mut retry = Retry::default();
        assert!(retry.next() <= FIRST);
        for _ in 0..40 {
            assert!(retry.next() <= LONGEST);
        }
        retry.reset();
        assert!(retry.next() <= FIRST);
    }
}
