//! How often a token may ask: an exact sliding log.
//!
//! A fixed window admits twice the limit around its edge, a token bucket more than the limit in the
//! first minute. The log of admitted times does neither: a request is admitted exactly if fewer than
//! `limit` were admitted in the 60 s before it. It costs 8 bytes for each admitted request of the
//! last minute, so a token at the default limit holds at most 1 KiB.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

/// How many requests a token may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RateLimit {
    /// At most this many in any 60 s.
    PerMinute(NonZeroU32),
    /// As many as it likes; an operator's explicit choice.
    Off,
}

impl RateLimit {
    /// 120 in any 60 s.
    pub const DEFAULT: Self = Self::PerMinute(NonZeroU32::new(120).expect("120 is not zero"));
}

impl Default for RateLimit {
    /// [`RateLimit::DEFAULT`].
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What became of one request, with what `Retry-After` and `X-RateLimit-*` need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateVerdict {
    /// Whether the request may go on.
    pub admitted: bool,
    /// The limit; `u32::MAX` where there is none.
    pub limit: u32,
    /// How many more would be admitted right now; `u32::MAX` where there is no limit.
    pub remaining: u32,
    /// Milliseconds until a retry succeeds, if nobody else asks with this token; 0 when admitted.
    pub retry_after_ms: u64,
    /// Milliseconds until the whole limit is there again, if nobody asks.
    pub reset_after_ms: u64,
}

/// The log of one token's admitted requests.
///
/// The lock is held for a few instructions and never across a wait. A limiter belongs to a token and
/// outlives policy snapshots, or each swap would hand out a new minute.
#[derive(Debug)]
pub struct RateLimiter {
    limit: RateLimit,
    /// Times of admission within the last minute, oldest first; never more than the limit.
    admitted: Mutex<VecDeque<u64>>,
}

impl RateLimiter {
    /// An empty log for one token.
    pub fn new(limit: RateLimit) -> Self {
        Self {
            limit,
            admitted: Mutex::new(VecDeque::new()),
        }
    }

    /// Decides on one request at `now_ms` of a monotonic clock, and counts it if admitted.
    ///
    /// A refused request uses nothing. Of two threads that read the clock and then meet at the lock
    /// in the other order, the later one counts as having asked at the time of the earlier.
    pub fn admit(&self, now_ms: u64) -> RateVerdict {
        match self.limit {
            RateLimit::Off => UNLIMITED,
            RateLimit::PerMinute(limit) => {
                // A panic between lock and unlock cannot leave half a change behind.
                let mut log = self.admitted.lock().unwrap_or_else(PoisonError::into_inner);
                admit(&mut log, limit.get(), now_ms)
            }
        }
    }
}

fn admit(log: &mut VecDeque<u64>, limit: u32, now_ms: u64) -> RateVerdict {
    let now_ms = log.back().map_or(now_ms, |newest| now_ms.max(*newest));
    while log
        .front()
        .is_some_and(|oldest| leaves_at(*oldest) <= now_ms)
    {
        log.pop_front();
    }
    let used = u32::try_from(log.len()).unwrap_or(u32::MAX);
    let admitted = used < limit;
    let retry_after_ms = match log.front() {
        Some(oldest) if !admitted => leaves_at(*oldest) - now_ms,
        _ => 0,
    };
    if admitted {
        log.push_back(now_ms);
    }
    RateVerdict {
        admitted,
        limit,
        remaining: limit.saturating_sub(used + u32::from(admitted)),
        retry_after_ms,
        reset_after_ms: log.back().map_or(0, |newest| leaves_at(*newest) - now_ms),
    }
}

/// When a request admitted at `time_ms` stops counting.
fn leaves_at(time_ms: u64) -> u64 {
    time_ms.saturating_add(WINDOW_MS)
}

const WINDOW_MS: u64 = 60_000;

const UNLIMITED: RateVerdict = RateVerdict {
    admitted: true,
    limit: u32::MAX,
    remaining: u32::MAX,
    retry_after_ms: 0,
    reset_after_ms: 0,
};
