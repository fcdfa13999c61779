//! When a child that crashed may be started again.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::crash::Crash;
use crate::retry::{jittered, random};

/// The first wait; doubles with every crash in a row.
const FIRST: Duration = Duration::from_millis(500);
/// The longest wait, and the pause between probes of a child that is held.
const LONGEST: Duration = Duration::from_mins(1);
/// A child that lived this long counts as healthy again.
const HEALTHY: Duration = Duration::from_mins(1);
/// So many crashes within a minute hold the child.
const MANY: usize = 5;
/// What callers are told to wait while a start is being tried.
const SOON: Duration = Duration::from_secs(1);

/// The memory of crashes of one server.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// Crashes in a row.
    failures: u32,
    recent: VecDeque<Instant>,
    /// It crashed so often that it is only probed until it lives again.
    held: bool,
    /// The last crash and when the next start is due; none once a start has worked.
    down: Option<(Crash, Instant)>,
}

/// A server that is down: why, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// How the last child ended.
    pub crash: Crash,
    /// When the next start is tried.
    pub retry_after: Duration,
    /// It crashed 5 times within a minute: it is probed once a minute.
    pub often: bool,
}

impl Backoff {
    /// Why calls have to fail, and for how long; `None` while a child may be started for them.
    pub(super) fn hold(&self, now: Instant) -> Option<Hold> {
        let (crash, due) = self.down?;
        let wait = due.saturating_duration_since(now);
        Some(Hold {
            crash,
            retry_after: if wait.is_zero() { SOON } else { wait },
            often: self.held,
        })
    }

    /// When the next start is due; `None` if nothing is down.
    pub(super) fn due(&self) -> Option<Instant> {
        self.down.map(|(_, due)| due)
    }

    /// A start worked.
    pub(super) fn started(&mut self) {
        self.down = None;
    }

    /// A child ended by itself after `lived`, or its start failed after that.
    pub(super) fn crashed(&mut self, now: Instant, lived: Duration, crash: Crash) {
        self.crashed_with(now, lived, crash, random());
    }

    /// The same with the randomness as an argument.
    fn crashed_with(&mut self, now: Instant, lived: Duration, crash: Crash, random: u64) {
        if lived >= HEALTHY {
            *self = Self::default();
        }
        self.recent.push_back(now);
        while self.recent.len() > MANY {
            self.recent.pop_front();
        }
        let first_of_many = self.recent.front().filter(|_| self.recent.len() == MANY);
        self.held |=
            first_of_many.is_some_and(|first| now.saturating_duration_since(*first) < LONGEST);
        let doubled = FIRST
            .saturating_mul(1 << self.failures.min(10))
            .min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let wait = if self.held {
            LONGEST
        } else {
            jittered(doubled, random)
        };
        self.down = Some((crash, now + wait));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);
    const CRASH: Crash = Crash::Exited(3);

    /// The most random number there is: no jitter at all.
    fn longest(wait: Duration) -> u64 {
        u64::try_from(wait.as_millis()).unwrap()
    }

    fn wait(backoff: &Backoff, now: Instant) -> Duration {
        backoff.due().unwrap().saturating_duration_since(now)
    }

    #[test]
    fn r19_the_wait_doubles_and_five_crashes_a_minute_hold() {
        let mut now = Instant::now();
        let mut backoff = Backoff::default();
        assert_eq!(backoff.hold(now), None);
        for doubled in [500, 1000, 2000, 4000].map(Duration::from_millis) {
            backoff.crashed_with(now, Duration::ZERO, CRASH, longest(doubled));
            let hold = Hold {
                crash: CRASH,
                retry_after: doubled,
                often: false,
            };
            assert_eq!(backoff.hold(now), Some(hold));
            now += doubled;
            assert_eq!(wait(&backoff, now), Duration::ZERO);
        }
        backoff.crashed_with(now, Duration::ZERO, CRASH, 0);
        let hold = Hold {
            crash: CRASH,
            retry_after: 60 * S,
            often: true,
        };
        assert_eq!(backoff.hold(now), Some(hold));
    }

    #[test]
    fn r19_full_jitter_is_anything_up_to_the_wait() {
        let now = Instant::now();
        for random in [0, 1, 250, 500, 501, u64::MAX] {
            let mut backoff = Backoff::default();
            backoff.crashed_with(now, Duration::ZERO, CRASH, random);
            assert!(wait(&backoff, now) <= FIRST);
        }
    }

    #[test]
    fn r19_a_held_child_is_probed_each_minute_until_it_lives() {
        let mut now = Instant::now();
        let mut backoff = Backoff::default();
        for _ in 0..MANY {
            backoff.crashed_with(now, Duration::ZERO, CRASH, 0);
        }
        for _ in 0..3 {
            now += 60 * S;
            assert!(
                backoff
                    .hold(now)
                    .is_some_and(|hold| hold.often && hold.retry_after == SOON)
            );
            // One that starts and crashes again is held all the same.
            backoff.started();
            assert_eq!(backoff.hold(now), None);
            backoff.crashed_with(now, S, CRASH, 0);
            assert_eq!(wait(&backoff, now), 60 * S);
        }
    }

    #[test]
    fn r19_the_wait_never_exceeds_a_minute() {
        let mut now = Instant::now();
        let mut backoff = Backoff::default();
        for _ in 0..40 {
            backoff.crashed_with(now, S, CRASH, u64::MAX);
            assert!(wait(&backoff, now) <= 60 * S);
            now += 61 * S;
        }
    }

    #[test]
    fn r19_a_child_that_lived_starts_afresh() {
        let now = Instant::now();
        let mut backoff = Backoff::default();
        for _ in 0..5 {
            backoff.crashed_with(now, Duration::ZERO, CRASH, 0);
        }
        backoff.crashed_with(now, 60 * S, CRASH, 500);
        assert_eq!(wait(&backoff, now), Duration::from_millis(500));
        assert!(!backoff.hold(now).unwrap().often);
    }
}
