//! Which calls to look through one by one: by place in the file and by arrival.

/// A range of places, and a range of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// Calls behind this place,
    pub(super) after: i64,
    /// up to this one,
    pub(super) end: i64,
    /// that arrived at or after this time,
    pub(super) from_ms: u64,
    /// and before this one.
    pub(super) to_ms: u64,
}

impl Span {
    /// Calls of any time.
    pub(super) fn of_places(after: i64, end: i64) -> Self {
        Self {
            after,
            end,
            from_ms: 0,
            to_ms: u64::MAX,
        }
    }

    pub(super) fn holds(&self, place: i64, time_ms: u64) -> bool {
        place > self.after && place <= self.end && time_ms >= self.from_ms && time_ms < self.to_ms
    }
}
