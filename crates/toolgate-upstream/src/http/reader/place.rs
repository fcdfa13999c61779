//! Where an event stream stands.

use std::time::Duration;

/// Longest event id that is remembered; a longer one makes the stream not resumable.
const MAX_EVENT_ID: usize = 1024;
/// Reconnection time when the server names none, and the least one (P7.8).
const DEFAULT_RETRY: Duration = Duration::from_secs(1);
const LEAST_RETRY: Duration = Duration::from_millis(100);
const MOST_RETRY: Duration = Duration::from_secs(30);

/// Where a stream stands, for resuming it (P7.8).
#[derive(Debug, Clone)]
pub(crate) struct Place {
    last_event_id: Option<String>,
    retry: Duration,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            last_event_id: None,
            retry: DEFAULT_RETRY,
        }
    }
}

impl Place {
    /// The id of the last event, if the server gave ids.
    pub(crate) fn last_event_id(&self) -> Option<&str> {
        self.last_event_id.as_deref()
    }

    /// How long to wait before reconnecting.
    pub(crate) fn retry(&self) -> Duration {
        self.retry
    }

    pub(super) fn note(&mut self, id: Option<String>, retry: Option<u64>) {
        if let Some(id) = id.filter(|id| id.len() <= MAX_EVENT_ID) {
            // An empty id takes the stream's id back.
            self.last_event_id = Some(id).filter(|id| !id.is_empty());
        }
        if let Some(ms) = retry {
            self.retry = Duration::from_millis(ms).clamp(LEAST_RETRY, MOST_RETRY);
        }
    }
}
