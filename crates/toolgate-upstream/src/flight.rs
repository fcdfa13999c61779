//! One attempt that many wait for.
//!
//! Opening a session, starting a child and finding out an era are done once, by a task of its own,
//! while any number of callers wait as long as each likes. A caller that gives up does not stop the
//! attempt: a server that takes 20 s to start would otherwise never start for callers that wait 5 s.

use std::sync::{Arc, OnceLock};

use tokio::sync::watch;

use crate::error::{Trouble, UpstreamError};

/// The outcome of one attempt, now or later.
#[derive(Debug)]
pub(crate) struct Flight<T> {
    outcome: OnceLock<Result<T, Trouble>>,
    landed: watch::Sender<()>,
}

/// Publishes the outcome. Dropped without one, it publishes its error, so that nobody waits in vain.
#[derive(Debug)]
pub(crate) struct Pilot<T: Clone> {
    flight: Arc<Flight<T>>,
    otherwise: Option<UpstreamError>,
}

impl<T: Clone> Flight<T> {
    pub(crate) fn new() -> Self {
        Self {
            outcome: OnceLock::new(),
            landed: watch::channel(()).0,
        }
    }

    /// One that is over already.
    pub(crate) fn landed(value: T) -> Self {
        let flight = Self::new();
        flight.land(Ok(value));
        flight
    }

    /// The value, if the attempt has succeeded.
    pub(crate) fn ready(&self) -> Option<&T> {
        self.outcome.get()?.as_ref().ok()
    }

    /// Waits for the outcome. Cancel safe.
    pub(crate) async fn wait(&self) -> Result<T, Trouble> {
        // Subscribed before the look, so that a landing in between is not missed.
        let mut landed = self.landed.subscribe();
        loop {
            if let Some(outcome) = self.outcome.get() {
                return outcome.clone();
            }
            // Cannot fail: the sender lives in `self`.
            let _ = landed.changed().await;
        }
    }

    fn land(&self, outcome: Result<T, Trouble>) {
        if self.outcome.set(outcome).is_ok() {
            self.landed.send_replace(());
        }
    }
}

impl<T: Clone> Pilot<T> {
    pub(crate) fn new(flight: Arc<Flight<T>>, otherwise: UpstreamError) -> Self {
        Self {
            flight,
            otherwise: Some(otherwise),
        }
    }

    pub(crate) fn land(mut self, outcome: Result<T, Trouble>) {
        self.otherwise = None;
        self.flight.land(outcome);
    }
}

impl<T: Clone> Drop for Pilot<T> {
    fn drop(&mut self) {
        if let Some(error) = self.otherwise.take() {
            self.flight.land(Err(error.into()));
        }
    }
}
