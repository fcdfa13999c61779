//! A circuit breaker per server: a server that fails again and again is left alone for a while.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use toolgate_upstream::UpstreamErrorKind;

/// So many failures in a row open the circuit.
const FAILURES_IN_A_ROW: u32 = 5;
/// Of so many calls within [`WINDOW_S`] seconds, half failing opens the circuit.
const ENOUGH_CALLS: u32 = 20;
/// How far back calls are counted, in seconds, the current one included.
const WINDOW_S: usize = 10;
/// How long the circuit stays open, times how often it opened of late.
const OPEN_MS: u64 = 30_000;
/// The most it stays open.
const MOST_OPEN_MS: u64 = 300_000;
/// A circuit that was closed for so long has its openings forgiven.
const FORGIVEN_AFTER_MS: u64 = MOST_OPEN_MS;
/// Who asks while a probe is under way may ask again after this long.
const WHILE_PROBED_MS: u64 = 1_000;
/// Stands for a closed circuit in [`Breaker::until_ms`].
const CLOSED: u64 = 0;

/// What a call says about the health of its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It answered, be it with a refusal or a failed tool.
    Answered,
    /// It could not be reached, broke off, kept silent, or said 502, 503 or 504.
    Failed,
    /// Nothing was learnt: the call did not get as far as the server.
    Nothing,
}

impl Verdict {
    /// What a failed call says: transport errors, timeouts, 502, 503 and 504 count, everything else does not.
    pub fn of(error: &UpstreamErrorKind) -> Self {
        match error {
            UpstreamErrorKind::Unreachable(_)
            | UpstreamErrorKind::TimedOut
            | UpstreamErrorKind::Exited
            | UpstreamErrorKind::Refused(502..=504) => Self::Failed,
            UpstreamErrorKind::Refused(_)
            | UpstreamErrorKind::Protocol(_)
            | UpstreamErrorKind::SessionLost => Self::Answered,
            UpstreamErrorKind::SecretMissing(_)
            | UpstreamErrorKind::Held { .. }
            | UpstreamErrorKind::Quarantined
            | UpstreamErrorKind::Busy
            | UpstreamErrorKind::Closed => Self::Nothing,
        }
    }
}

/// How a circuit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Circuit {
    /// Calls go to the server.
    Closed,
    /// Calls are answered at once for so many milliseconds more.
    Open {
        /// Until a call is let through to see whether the server is back.
        retry_after_ms: u64,
    },
    /// One call is under way to see whether the server is back.
    Probing,
}

/// The breaker of one server. Times are milliseconds of a clock of the caller's that never goes back.
///
/// A call that finds the circuit closed pays one load before and one short, uncontended lock after it.
#[derive(Debug)]
pub struct Breaker {
    /// When the circuit may be probed; [`CLOSED`] while it is closed. Written under the lock.
    until_ms: AtomicU64,
    seen: Mutex<Seen>,
}

/// What was seen of the server.
#[derive(Debug)]
struct Seen {
    in_a_row: u32,
    seconds: [Second; WINDOW_S],
    /// How often the circuit opened since it was last forgiven.
    openings: u64,
    closed_since_ms: u64,
    probing: bool,
    /// Counts openings and closings, so that a probe says nothing about what came after it was overtaken.
    era: u64,
    random: u64,
}

/// The calls that ended within one second.
#[derive(Debug, Clone, Copy, Default)]
struct Second {
    at: u64,
    calls: u32,
    failures: u32,
}

/// A call that was let through; it says how the call went with [`Breaker::settle`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pass {
    /// The era of the circuit that this call probes, if it does.
    probe: Option<u64>,
}

impl Pass {
    /// Whether this call is to find out if the server is back.
    pub fn is_probe(&self) -> bool {
        self.probe.is_some()
    }
}

impl Breaker {
    /// A closed circuit; `seed` is where its jitter comes from.
    pub fn new(seed: u64) -> Self {
        Self {
            until_ms: AtomicU64::new(CLOSED),
            seen: Mutex::new(Seen {
                in_a_row: 0,
                seconds: [Second::default(); WINDOW_S],
                openings: 0,
                closed_since_ms: 0,
                probing: false,
                era: 0,
                random: seed,
            }),
        }
    }

    /// Lets a call through, or says after how many milliseconds to try again.
    pub fn admit(&self, now_ms: impl FnOnce() -> u64) -> Result<Pass, u64> {
        if self.until_ms.load(Ordering::Acquire) == CLOSED {
            return Ok(Pass::default());
        }
        let now_ms = now_ms();
        let mut seen = self.seen();
        match self.until_ms.load(Ordering::Relaxed) {
            CLOSED => Ok(Pass::default()),
            until_ms if now_ms < until_ms => Err(until_ms - now_ms),
            _ if seen.probing => Err(WHILE_PROBED_MS),
            _ => {
                seen.probing = true;
                Ok(Pass {
                    probe: Some(seen.era),
                })
            }
        }
    }

    /// After how many milliseconds to try again, if no call is let through now.
    pub fn refuses(&self, now_ms: impl FnOnce() -> u64) -> Option<u64> {
        match self.until_ms.load(Ordering::Acquire) {
            CLOSED => None,
            until_ms => until_ms.checked_sub(now_ms()).filter(|left| *left > 0),
        }
    }

    /// Notes how a call went that was let through.
    pub fn settle(&self, pass: Pass, verdict: Verdict, now_ms: u64) {
        if let Some(era) = pass.probe {
            let mut seen = self.seen();
            if era == seen.era {
                seen.probing = false;
                match verdict {
                    Verdict::Answered => self.close(&mut seen, now_ms),
                    Verdict::Failed => self.open(&mut seen, now_ms),
                    Verdict::Nothing => {}
                }
            }
        } else if verdict != Verdict::Nothing {
            let mut seen = self.seen();
            // What was sent before the circuit opened says nothing new.
            let closed = self.until_ms.load(Ordering::Relaxed) == CLOSED;
            if closed && seen.count(verdict, now_ms) {
                self.open(&mut seen, now_ms);
            }
        }
    }

    /// How the circuit stands.
    pub fn circuit(&self, now_ms: u64) -> Circuit {
        let seen = self.seen();
        match self.until_ms.load(Ordering::Relaxed) {
            CLOSED => Circuit::Closed,
            _ if seen.probing => Circuit::Probing,
            until_ms => Circuit::Open {
                retry_after_ms: until_ms.saturating_sub(now_ms),
            },
        }
    }

    /// Whether the server answered: once since it was last probed, or a call of the last seconds.
    pub fn was_answered(&self) -> bool {
        let seen = self.seen();
        let answered = |second: &Second| second.calls > second.failures;
        seen.closed_since_ms > 0 || seen.seconds.iter().any(answered)
    }

    /// Closes the circuit and forgives what was: the server was seen to answer by other means.
    pub fn reset(&self, now_ms: u64) {
        let mut seen = self.seen();
        seen.openings = 0;
        seen.probing = false;
        self.close(&mut seen, now_ms);
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // Every section leaves it whole.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, seen: &mut Seen, now_ms: u64) {
        let forgiven = now_ms.saturating_sub(seen.closed_since_ms) >= FORGIVEN_AFTER_MS
            && self.until_ms.load(Ordering::Relaxed) == CLOSED;
        seen.openings = if forgiven { 1 } else { seen.openings + 1 };
        seen.era += 1;
        let for_ms = OPEN_MS.saturating_mul(seen.openings).min(MOST_OPEN_MS);
        // Up to a tenth less, so that gateways that lost a server together do not come back together.
        let jitter = seen.draw() % (for_ms / 10 + 1);
        let until_ms = now_ms.saturating_add(for_ms - jitter).max(CLOSED + 1);
        self.until_ms.store(until_ms, Ordering::Release);
    }

    fn close(&self, seen: &mut Seen, now_ms: u64) {
        seen.in_a_row = 0;
        seen.seconds = Default::default();
        seen.closed_since_ms = now_ms;
        seen.era += 1;
        self.until_ms.store(CLOSED, Ordering::Release);
    }
}

impl Seen {
    /// Counts a call; true when the circuit has to open.
    fn count(&mut self, verdict: Verdict, now_ms: u64) -> bool {
        let now = now_ms / 1_000;
        let window = WINDOW_S as u64;
        let at = usize::try_from(now % window).unwrap_or(0);
        let second = &mut self.seconds[at];
        if second.at != now {
            *second = Second {
                at: now,
                ..Second::default()
            };
        }
        second.calls = second.calls.saturating_add(1);
        if verdict == Verdict::Answered {
            self.in_a_row = 0;
            return false;
        }
        second.failures = second.failures.saturating_add(1);
        self.in_a_row += 1;
        let recent = self
            .seconds
            .iter()
            .filter(|second| second.at + window > now);
        let (calls, failures) = recent.fold((0_u64, 0_u64), |(calls, failures), second| {
            (
                calls + u64::from(second.calls),
                failures + u64::from(second.failures),
            )
        });
        let half = calls >= u64::from(ENOUGH_CALLS) && failures * 2 >= calls;
        self.in_a_row >= FAILURES_IN_A_ROW || half
    }

    /// The next number of a `SplitMix64`.
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
