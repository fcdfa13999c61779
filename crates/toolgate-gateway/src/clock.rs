//! The time by which tokens, sessions and handles are judged: it never runs back (S-38).
//!
//! It is the latest of what the wall clock says, what the installation has ever seen, and what the monotonic
//! clock makes of that since: a wall clock that is set back neither revives what has ended nor lets anything
//! live longer. The mark in the store is raised now and then, so that a restart does not forget.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use toolgate_store::ClockMark;

use crate::record::unix_ms;

/// Where wall time comes from: the system, or a test.
#[derive(Clone)]
pub struct WallClock(Arc<dyn Fn() -> u64 + Send + Sync>);

impl WallClock {
    /// Asks `now` for milliseconds since 1970, each time anew.
    pub fn new(now: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn now_ms(&self) -> u64 {
        (self.0)()
    }
}

impl Default for WallClock {
    /// The system's.
    fn default() -> Self {
        Self::new(unix_ms)
    }
}

impl fmt::Debug for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WallClock")
    }
}

/// The judging clock of one gateway.
#[derive(Debug)]
pub(crate) struct Clock {
    wall: WallClock,
    started: Instant,
    /// The latest time seen, less what had passed since the start when it was seen.
    floor_ms: AtomicU64,
    /// Corrections of the mark that are known; held while the floor is set, so that none is set by what was read
    /// before a correction.
    corrections: Mutex<u64>,
}

impl Clock {
    /// Goes on from the stored mark.
    pub(crate) fn new(wall: WallClock, mark: ClockMark) -> Self {
        Self {
            wall,
            started: Instant::now(),
            floor_ms: AtomicU64::new(mark.high_water_ms),
            corrections: Mutex::new(mark.corrections),
        }
    }

    /// Now, unix milliseconds.
    pub(crate) fn now_ms(&self) -> u64 {
        let floor = self.floor_ms.load(Ordering::Relaxed);
        self.wall
            .now_ms()
            .max(floor.saturating_add(self.passed_ms()))
    }

    /// Remembers how late it is; called often, off the request path. Returns now.
    pub(crate) fn remember(&self) -> u64 {
        self.mark().high_water_ms
    }

    /// Goes by the stored mark: not before it, and exactly by it when it was corrected since.
    pub(crate) fn follow(&self, mark: ClockMark) {
        let mut known = self.corrections();
        let floor = mark.high_water_ms.saturating_sub(self.passed_ms());
        if *known == mark.corrections {
            self.floor_ms.fetch_max(floor, Ordering::Relaxed);
        } else {
            *known = mark.corrections;
            self.floor_ms.store(floor, Ordering::Relaxed);
        }
    }

    /// The same, and by which count of corrections: what the stored mark is raised to.
    pub(crate) fn mark(&self) -> ClockMark {
        let known = self.corrections();
        let now = self.now_ms();
        let floor = now.saturating_sub(self.passed_ms());
        self.floor_ms.fetch_max(floor, Ordering::Relaxed);
        ClockMark {
            high_water_ms: now,
            corrections: *known,
        }
    }

    fn corrections(&self) -> std::sync::MutexGuard<'_, u64> {
        self.corrections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn passed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
