//! Overload: what the process runs out of first, and what it gives up for it.
//!
//! A task reads memory, descriptors and the delay of the event loop ten times a second; requests read the verdict
//! as one atomic. Calls under way are counted exactly. What is shed is new work from clients: revocation, health
//! and the control socket go on at every level.

mod readings;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use self::readings::Readings;

/// From here on no new streams.
const NO_STREAMS: u32 = 850;
/// From here on no new calls.
const NO_CALLS: u32 = 920;
/// From here on no new connections.
const NO_CONNECTIONS: u32 = 950;
/// How often everything is read.
const EVERY: Duration = Duration::from_millis(100);
/// An event loop that was late by this much, each time of [`LATE_IN_A_ROW`], has nothing left.
const TOO_LATE: Duration = Duration::from_secs(1);
const LATE_IN_A_ROW: usize = 5;

/// What the process may use before it sheds load.
#[derive(Debug, Clone, Copy)]
pub struct OverloadLimits {
    /// Resident memory, bytes; `None` means what the control group allows, if it says.
    pub memory_bytes: Option<u64>,
    /// Calls under way at once, over all workspaces. 8,192.
    pub max_calls: usize,
}

impl Default for OverloadLimits {
    fn default() -> Self {
        Self {
            memory_bytes: None,
            max_calls: 8_192,
        }
    }
}

/// What is shed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Nothing,
    Streams,
    Calls,
    Connections,
}

impl Level {
    fn at(per_mille: u32) -> Self {
        match per_mille {
            NO_CONNECTIONS.. => Self::Connections,
            NO_CALLS.. => Self::Calls,
            NO_STREAMS.. => Self::Streams,
            _ => Self::Nothing,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Streams => "streams",
            Self::Calls => "calls",
            Self::Connections => "connections",
        }
    }
}

/// How full each resource is, in thousandths; `None` where there is no limit to be full of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pressure {
    pub(crate) memory: Option<u32>,
    pub(crate) descriptors: Option<u32>,
    pub(crate) event_loop: Option<u32>,
}

impl Pressure {
    fn worst(self) -> u32 {
        let all = [self.memory, self.descriptors, self.event_loop];
        all.into_iter().flatten().max().unwrap_or(0)
    }
}

/// The verdict that requests read.
#[derive(Debug)]
pub(crate) struct Overload {
    limits: OverloadLimits,
    level: AtomicU8,
    calls: AtomicUsize,
    /// Calls that each workspace may have while there is too much to do.
    share: AtomicUsize,
    shed: AtomicU64,
    memory: AtomicU32,
    descriptors: AtomicU32,
    event_loop: AtomicU32,
}

/// Stands for a resource without a limit.
const UNLIMITED: u32 = u32::MAX;

/// A call that counts among those under way until it is dropped.
#[derive(Debug)]
pub(crate) struct CallUnderWay(Arc<Overload>);

impl Drop for CallUnderWay {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Relaxed);
    }
}

impl Overload {
    pub(crate) fn new(limits: OverloadLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            level: AtomicU8::new(0),
            calls: AtomicUsize::new(0),
            share: AtomicUsize::new(limits.max_calls),
            shed: AtomicU64::new(0),
            memory: AtomicU32::new(UNLIMITED),
            descriptors: AtomicU32::new(UNLIMITED),
            event_loop: AtomicU32::new(0),
        })
    }

    /// What is shed now.
    pub(crate) fn level(&self) -> Level {
        match self.level.load(Relaxed) {
            0 => Level::Nothing,
            1 => Level::Streams,
            2 => Level::Calls,
            _ => Level::Connections,
        }
    }

    /// Whether this must be shed now; if so it is counted.
    pub(crate) fn sheds(&self, what: Level) -> bool {
        let sheds = self.level() >= what;
        if sheds {
            self.shed.fetch_add(1, Relaxed);
        }
        sheds
    }

    /// A place among the calls under way. When they are nearly all taken, who has more than its share of them is
    /// refused first: `in_workspace` are the calls that the caller's workspace has under way.
    pub(crate) fn begin_call(self: &Arc<Self>, in_workspace: usize) -> Option<CallUnderWay> {
        let before = self.calls.fetch_add(1, Relaxed);
        let place = CallUnderWay(self.clone());
        let max = self.limits.max_calls;
        let scarce = before * 1_000 >= max * NO_CALLS as usize;
        if before >= max || scarce && in_workspace >= self.share.load(Relaxed) {
            self.shed.fetch_add(1, Relaxed);
            return None;
        }
        Some(place)
    }

    /// Calls under way, and how many there may be.
    pub(crate) fn calls(&self) -> (usize, usize) {
        (self.calls.load(Relaxed), self.limits.max_calls)
    }

    /// Requests refused since the start.
    pub(crate) fn shed(&self) -> u64 {
        self.shed.load(Relaxed)
    }

    /// How full everything was when it was last read.
    pub(crate) fn pressure(&self) -> Pressure {
        let read = |gauge: &AtomicU32| Some(gauge.load(Relaxed)).filter(|full| *full != UNLIMITED);
        Pressure {
            memory: read(&self.memory),
            descriptors: read(&self.descriptors),
            event_loop: read(&self.event_loop),
        }
    }

    /// Resolves when connections may be accepted. Cancel safe.
    pub(crate) async fn accepts(&self) {
        while self.level() >= Level::Connections {
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Reads everything again and again; `busy_workspaces` tells how many workspaces have calls under way. Runs
    /// until it is dropped.
    pub(crate) async fn watch(&self, busy_workspaces: impl Fn() -> usize) {
        let mut readings = Readings::new(self.limits.memory_bytes);
        let mut late = [Duration::ZERO; LATE_IN_A_ROW];
        let mut turn = 0;
        loop {
            let began = Instant::now();
            tokio::time::sleep(EVERY).await;
            late[turn % LATE_IN_A_ROW] = began.elapsed().saturating_sub(EVERY);
            turn += 1;
            // One late turn is a hiccup; the least of several is how late everything is.
            let steadily = late.iter().min().copied().unwrap_or_default();
            self.observe(Pressure {
                memory: readings.memory(),
                descriptors: readings.descriptors(),
                event_loop: Some(per_mille(steadily.as_micros(), TOO_LATE.as_micros())),
            });
            let share = self.limits.max_calls / busy_workspaces().max(1);
            self.share.store(share.max(1), Relaxed);
        }
    }

    fn observe(&self, pressure: Pressure) {
        let note = |gauge: &AtomicU32, full: Option<u32>| {
            gauge.store(full.unwrap_or(UNLIMITED), Relaxed);
        };
        note(&self.memory, pressure.memory);
        note(&self.descriptors, pressure.descriptors);
        note(&self.event_loop, pressure.event_loop);
        // Calls that fill up keep streams away as well; further calls are judged one by one.
        let (calls, max) = self.calls();
        let streams = per_mille(calls as u128, max as u128).min(NO_STREAMS);
        let level = Level::at(pressure.worst().max(streams));
        let before = self.level();
        self.level.store(level as u8, Relaxed);
        if level != before {
            tracing::warn!(sheds = level.as_str(), ?pressure, calls, "the load changed");
        }
    }
}

fn per_mille(used: u128, of: u128) -> u32 {
    u32::try_from(used * 1_000 / of.max(1)).unwrap_or(u32::MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(memory: u32, expected: Level) {
        let overload = Overload::new(OverloadLimits::default());
        overload.observe(Pressure {
            memory: Some(memory),
            ..Pressure::default()
        });
        assert_eq!(overload.level(), expected, "{memory}");
    }

    #[test]
    fn r21_each_threshold_sheds_one_thing_more() {
        check(0, Level::Nothing);
        check(849, Level::Nothing);
        check(850, Level::Streams);
        check(919, Level::Streams);
        check(920, Level::Calls);
        check(949, Level::Calls);
        check(950, Level::Connections);
        check(5_000, Level::Connections);
    }

    #[test]
    fn r21_the_level_falls_as_soon_as_there_is_room() {
        let overload = Overload::new(OverloadLimits::default());
        let with = |descriptors| Pressure {
            descriptors: Some(descriptors),
            ..Pressure::default()
        };
        overload.observe(with(990));
        assert!(overload.sheds(Level::Calls));
        overload.observe(with(100));
        assert!(!overload.sheds(Level::Streams));
        assert_eq!(overload.shed(), 1);
    }

    #[test]
    fn r17_who_has_more_than_its_share_is_refused_first() {
        let limits = OverloadLimits {
            max_calls: 100,
            ..OverloadLimits::default()
        };
        let overload = Overload::new(limits);
        overload.share.store(50, Relaxed);
        let mut under_way: Vec<_> = (0..92).filter_map(|n| overload.begin_call(n)).collect();
        assert_eq!(under_way.len(), 92);
        assert!(overload.begin_call(92).is_none(), "the noisy one");
        under_way.extend((0..8).filter_map(|n| overload.begin_call(n)));
        assert_eq!(overload.calls().0, 100, "the quiet ones");
        assert!(overload.begin_call(0).is_none(), "there is no room left");
        under_way.clear();
        assert_eq!(overload.calls().0, 0);
    }
}
