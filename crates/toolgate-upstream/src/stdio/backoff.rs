//! When a child that crashed may be started again.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::retry::{jittered, random};

/// The first wait; doubles with every crash in a row.
const FIRST: Duration = Duration::from_millis(500);
/// The longest wait, and the pause between probes of a child that is held.
const LONGEST: Duration = Duration::from_mins(1);
/// A child that lived this long counts as healthy again.
const HEALTHY: Duration = Duration::from_mins(1);
/// So many crashes within a minute hold the child.
const MANY: usize = 5;

/// The memory of crashes of one server.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// Crashes in a row.
    failures: u32,
    recent: VecDeque<Instant>,
    not_before: Option<Instant>,
}

impl Backoff {
    /// How long to wait before the next start; `None` to start now.
    pub(super) fn held(&self, now: Instant) -> Option<Duration> {
        let wait = self.not_before?.saturating_duration_since(now);
        (!wait.is_zero()).then_some(wait)
    }

    /// A child that lived for `lived` ended by itself.
    pub(super) fn crashed(&mut self, now: Instant, lived: Duration) {
        self.crashed_with(now, lived, random());
    }

    /// The same with the randomness as an argument.
    fn crashed_with(&mut self, now: Instant, lived: Duration, random: u64) {
        if lived >= HEALTHY {
            self.failures = 0;
            self.recent.clear();
        }
        self.recent.push_back(now);
        while self.recent.len() > MANY {
            self.recent.pop_front();
        }
        let doubled = FIRST
            .saturating_mul(1 << self.failures.min(10))
            .min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let first_of_many = self.recent.front().filter(|_| self.recent.len() == MANY);
        let wait = match first_of_many {
            Some(first) if now.saturating_duration_since(*first) < LONGEST => LONGEST,
            _ => jittered(doubled, random),
        };
        self.not_before = Some(now + wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    /// The most random number there is: no jitter at all.
    fn longest(wait: Duration) -> u64 {
        u64::try_from(wait.as_millis()).unwrap()
    }

    #[test]
    fn r19_the_wait_doubles_and_five_crashes_a_minute_hold() {
        let mut now = Instant::now();
        let mut backoff = Backoff::default();
        assert_eq!(backoff.held(now), None);
        for wait in [500, 1000, 2000, 4000].map(Duration::from_millis) {
            backoff.crashed_with(now, Duration::ZERO, longest(wait));
            assert_eq!(backoff.held(now), Some(wait));
            now += wait;
            assert_eq!(backoff.held(now), None);
        }
        backoff.crashed_with(now, Duration::ZERO, 0);
        assert_eq!(backoff.held(now), Some(60 * S));
    }

    #[test]
    fn r19_the_wait_never_exceeds_a_minute() {
        let mut now = Instant::now();
        let mut backoff = Backoff::default();
        for _ in 0..40 {
            backoff.crashed_with(now, S, u64::MAX);
            assert!(backoff.held(now).is_none_or(|wait| wait <= 60 * S));
            now += 61 * S;
        }
    }

    #[test]
    fn r19_a_child_that_lived_starts_afresh() {
        let now = Instant::now();
        let mut backoff = Backoff::default();
        for _ in 0..5 {
            backoff.crashed_with(now, Duration::ZERO, 0);
        }
        backoff.crashed_with(now, 60 * S, 500);
        assert_eq!(backoff.held(now), Some(Duration::from_millis(500)));
    }
}
