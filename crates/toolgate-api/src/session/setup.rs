//! The one-time token that claims an installation nobody administers yet (S-76).

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::clock::Clock;
use super::draw;

/// How long it is good for.
pub(crate) const GOOD_FOR_MS: u64 = 30 * 60_000;

/// The token of this start of `serve`, while it can be used.
#[derive(Debug)]
pub(crate) struct Setup {
    token: Mutex<Option<(String, u64)>>,
    clock: Clock,
}

impl Setup {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            token: Mutex::new(None),
            clock,
        }
    }

    /// A new token, in the place of any before.
    pub(crate) fn issue(&self) -> Result<String, draw::NoRandomness> {
        let token = draw::text()?;
        *self.lock() = Some((token.clone(), self.clock.now_ms() + GOOD_FOR_MS));
        Ok(token)
    }

    /// Whether this is the token, and it is still good.
    pub(crate) fn is(&self, given: &str) -> bool {
        let now = self.clock.now_ms();
        self.lock()
            .as_ref()
            .is_some_and(|(token, until)| draw::same(token, given.trim()) && now < *until)
    }

    /// Whether there is one that is still good.
    pub(crate) fn is_open(&self) -> bool {
        let now = self.clock.now_ms();
        self.lock().as_ref().is_some_and(|(_, until)| now < *until)
    }

    /// Uses it up.
    pub(crate) fn spend(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<(String, u64)>> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// S-76: valid 30 min, works once, and nothing else opens.
    #[test]
    fn s76_a_setup_token_works_once_and_for_thirty_minutes() {
        let time = Arc::new(AtomicU64::new(0));
        let read = Arc::clone(&time);
        let setup = Setup::new(Clock::of(move || read.load(Ordering::Relaxed)));
        assert!(!setup.is(""), "without a token nothing can be claimed");
        let token = setup.issue().unwrap();
        assert!(setup.is(&token) && setup.is(&format!(" {token}\n")));
        assert!(!setup.is(&token[1..]) && !setup.is("") && !setup.is(&"0".repeat(64)));
        time.store(GOOD_FOR_MS - 1, Ordering::Relaxed);
        assert!(setup.is(&token));
        time.store(GOOD_FOR_MS, Ordering::Relaxed);
        assert!(!setup.is(&token));
        let token = setup.issue().unwrap();
        assert!(setup.is(&token));
        setup.spend();
        assert!(!setup.is(&token));
    }
}
