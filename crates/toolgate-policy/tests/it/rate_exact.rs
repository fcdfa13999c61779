//! `rate_exact`: the limiter against the definition of R-20.

use std::num::NonZeroU32;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use toolgate_policy::{RateLimit, RateLimiter};

use crate::support::{SplitMix, fixed};

fn limiter(limit: u32) -> RateLimiter {
    let limit = NonZeroU32::new(limit).expect("the case gives a limit");
    RateLimiter::new(RateLimit::PerMinute(limit))
}

/// "At most `limit` in any 60 s", by the definition: every admission is remembered for ever.
struct Definition {
    limit: u32,
    admitted: Vec<u64>,
}

impl Definition {
    fn new(limit: u32) -> Self {
        Self {
            limit,
            admitted: Vec::new(),
        }
    }

    fn in_the_minute_before(&self, now_ms: u64) -> u32 {
        let older = self
            .admitted
            .partition_point(|time| now_ms - time >= 60_000);
        u32::try_from(self.admitted.len() - older).expect("at most the limit")
    }

    fn admit(&mut self, now_ms: u64) -> bool {
        let admitted = self.in_the_minute_before(now_ms) < self.limit;
        if admitted {
            self.admitted.push(now_ms);
        }
        admitted
    }
}

#[track_caller]
fn check(limiter: &RateLimiter, definition: &mut Definition, now_ms: u64) {
    let expected = definition.admit(now_ms);
    let verdict = limiter.admit(now_ms);
    assert_eq!(verdict.admitted, expected, "at {now_ms}");
    assert_eq!(verdict.limit, definition.limit);
    assert_eq!(
        verdict.remaining,
        definition.limit - definition.in_the_minute_before(now_ms),
        "at {now_ms}"
    );
    let back_at = now_ms + verdict.reset_after_ms;
    assert_eq!(definition.in_the_minute_before(back_at), 0, "reset");
    assert!(
        definition.in_the_minute_before(back_at - 1) > 0,
        "reset is no later than needed"
    );
    if verdict.admitted {
        assert_eq!(verdict.retry_after_ms, 0);
        return;
    }
    // Not a millisecond early, and asking early costs nothing.
    let early = limiter.admit(now_ms + verdict.retry_after_ms - 1);
    assert!(!early.admitted);
    assert_eq!(early.retry_after_ms, 1);
}

/// Milliseconds to the next request: bursts, ordinary traffic, and both sides of the window's edge.
fn pause() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => Just(0_u64),
        4 => 0_u64..50,
        2 => 0_u64..3_000,
        1 => 29_990_u64..30_010,
        2 => 59_995_u64..60_005,
        1 => 60_000_u64..300_000,
    ]
}

proptest! {
    #![proptest_config(fixed())]

    #[test]
    fn r20_admits_neither_one_too_many_nor_one_too_few(
        limit in prop_oneof![1_u32..6, 100_u32..130],
        start in prop_oneof![Just(0_u64), 1_u64..1 << 50],
        pauses in proptest::collection::vec(pause(), 1..400),
    ) {
        let limiter = limiter(limit);
        let mut definition = Definition::new(limit);
        let mut now_ms = start;
        for pause in pauses {
            now_ms += pause;
            check(&limiter, &mut definition, now_ms);
        }
    }

    #[test]
    fn r20_retrying_when_told_succeeds(
        limit in 1_u32..6,
        pauses in proptest::collection::vec(pause(), 1..60),
    ) {
        let limiter = limiter(limit);
        let mut now_ms = 0;
        for pause in pauses {
            now_ms += pause;
            let verdict = limiter.admit(now_ms);
            now_ms += verdict.retry_after_ms;
            prop_assert!(verdict.admitted || limiter.admit(now_ms).admitted);
        }
    }
}

/// A million arrivals, most of them around the limit and the edges of the window.
#[test]
fn r20_a_million_arrivals() {
    let limiter = limiter(120);
    let mut definition = Definition::new(120);
    let mut random = SplitMix(20);
    let mut now_ms = 0;
    for _ in 0..1_000_000 {
        now_ms += match random.below(200) {
            0 => 59_000 + random.below(2_000),
            1..=60 => random.below(1_000),
            _ => 0,
        };
        assert_eq!(
            limiter.admit(now_ms).admitted,
            definition.admit(now_ms),
            "at {now_ms}"
        );
    }
    assert!(
        definition.admitted.len() > 100_000,
        "the arrivals were too dense to tell"
    );
    assert!(
        definition.admitted.len() < 900_000,
        "the arrivals were too sparse to tell"
    );
}

#[test]
fn r20_a_burst_over_the_edge_of_a_fixed_window_is_not_admitted_twice() {
    let limiter = limiter(120);
    assert!((0..120).all(|_| limiter.admit(59_999).admitted));
    assert!(!limiter.admit(60_000).admitted);
    let verdict = limiter.admit(119_998);
    assert_eq!((verdict.admitted, verdict.remaining), (false, 0));
    assert_eq!((verdict.retry_after_ms, verdict.reset_after_ms), (1, 1));
    assert!((0..120).all(|_| limiter.admit(119_999).admitted));
}

#[test]
fn r20_connections_that_ask_at_once_share_one_limit() {
    let limiter = limiter(120);
    let barrier = Barrier::new(64);
    for now_ms in [0, 60_000, 120_000] {
        let admitted = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..64 {
                scope.spawn(|| {
                    barrier.wait();
                    for _ in 0..20 {
                        admitted.fetch_add(
                            u32::from(limiter.admit(now_ms).admitted),
                            Ordering::Relaxed,
                        );
                    }
                });
            }
        });
        assert_eq!(admitted.into_inner(), 120, "at {now_ms}");
    }
}

#[test]
fn r20_a_request_that_meets_the_lock_late_counts_as_now() {
    let limiter = limiter(2);
    assert!(limiter.admit(100).admitted);
    assert!(limiter.admit(90).admitted);
    // The second one counts from 100: at 60,095 it still does.
    assert!(!limiter.admit(60_095).admitted);
    assert!(limiter.admit(60_100).admitted);
    assert!(limiter.admit(60_100).admitted);
    assert!(!limiter.admit(60_100).admitted);
}

#[test]
fn the_end_of_time_is_survived() {
    let limiter = limiter(1);
    assert!(limiter.admit(u64::MAX - 1).admitted);
    assert!(!limiter.admit(u64::MAX - 1).admitted);
}

#[test]
fn a_limit_that_is_off_admits_everything() {
    let limiter = RateLimiter::new(RateLimit::Off);
    for _ in 0..1_000 {
        let verdict = limiter.admit(0);
        assert!(verdict.admitted);
        assert_eq!((verdict.limit, verdict.remaining), (u32::MAX, u32::MAX));
        assert_eq!((verdict.retry_after_ms, verdict.reset_after_ms), (0, 0));
    }
}
