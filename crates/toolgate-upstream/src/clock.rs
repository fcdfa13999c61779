//! The two time limits of a call: without a sign of life, and in all (P12.1, P9.40, P11.5).

use std::time::Duration;

use tokio::time::Instant;

/// How long a call may go on. Stands still while a person is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    idle: Duration,
    idle_until: Instant,
    deadline: Instant,
    paused_since: Option<Instant>,
}

impl Clock {
    pub(crate) fn new(now: Instant, idle: Duration, deadline: Instant) -> Self {
        Self {
            idle,
            idle_until: now + idle,
            deadline,
            paused_since: None,
        }
    }

    /// When the call ends if nothing happens; `None` while a question is open.
    pub(crate) fn limit(&self) -> Option<Instant> {
        match self.paused_since {
            Some(_) => None,
            None => Some(self.idle_until.min(self.deadline)),
        }
    }

    /// Whether the time in all is up, however much is heard.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.paused_since.is_none() && now >= self.deadline
    }

    /// The server gave a sign of life.
    pub(crate) fn touch(&mut self, now: Instant) {
        self.idle_until = now + self.idle;
    }

    /// A question was put to a person.
    pub(crate) fn pause(&mut self, now: Instant) {
        self.paused_since.get_or_insert(now);
    }

    /// The last open question was answered.
    pub(crate) fn resume(&mut self, now: Instant) {
        if let Some(since) = self.paused_since.take() {
            self.deadline += now.saturating_duration_since(since);
            self.touch(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn p9_40_a_sign_of_life_resets_the_idle_limit_and_never_the_total() {
        let start = Instant::now();
        let mut clock = Clock::new(start, 60 * S, start + 100 * S);
        assert_eq!(clock.limit(), Some(start + 60 * S));
        clock.touch(start + 30 * S);
        assert_eq!(clock.limit(), Some(start + 90 * S));
        clock.touch(start + 90 * S);
        assert_eq!(clock.limit(), Some(start + 100 * S));
    }

    #[test]
    fn p11_5_time_stands_still_while_a_question_is_open() {
        let start = Instant::now();
        let mut clock = Clock::new(start, 60 * S, start + 100 * S);
        clock.pause(start + 10 * S);
        clock.pause(start + 20 * S);
        assert_eq!(clock.limit(), None);
        clock.resume(start + 1_000 * S);
        assert_eq!(clock.limit(), Some(start + 1_060 * S));
        clock.touch(start + 1_059 * S);
        assert_eq!(clock.limit(), Some(start + 1_090 * S));
    }
}
