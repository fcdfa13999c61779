//! The time sessions are judged by: one that only goes forward, and that tests can move.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// Milliseconds since some moment.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> u64 + Send + Sync>);

impl Clock {
    /// The process's own monotonic clock.
    pub(crate) fn monotonic() -> Self {
        let began = Instant::now();
        Self::of(move || u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    pub(crate) fn of(now_ms: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now_ms))
    }

    pub(crate) fn now_ms(&self) -> u64 {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now_ms()).finish()
    }
}
