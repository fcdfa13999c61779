//! How many calls there were, how they ended and how long they took, since the process started.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use toolgate_analytics::{CallRecord, CallStatus};
use toolgate_namespace::{ServerSlug, WorkspaceId};

/// Upper bounds of the buckets that durations are counted in, milliseconds. What took longer is in one more.
pub(crate) const BOUNDS_MS: [u64; 17] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 120_000,
    300_000,
];
/// More series than this share one (S-24).
const SERIES_MAX: usize = 10_000;

/// Whose calls a series counts; `None` is the series of whatever had no room.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) workspace: Option<WorkspaceId>,
    /// Unknown tools belong to no server.
    pub(crate) server: Option<ServerSlug>,
    /// Where metrics are wanted by tool.
    pub(crate) tool: Option<Arc<str>>,
}

/// Calls of one kind.
#[derive(Debug, Clone, Default)]
pub(crate) struct Series {
    /// The few statuses that occurred.
    pub(crate) by_status: Vec<(CallStatus, u64)>,
    pub(crate) buckets: [u64; BOUNDS_MS.len() + 1],
    pub(crate) sum_ms: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
}

impl Series {
    fn count(&mut self, call: &CallRecord) {
        let mut statuses = self.by_status.iter_mut();
        match statuses.find(|(status, _)| *status == call.status) {
            Some((_, count)) => *count += 1,
            None => self.by_status.push((call.status, 1)),
        }
        let bucket = BOUNDS_MS.partition_point(|bound| *bound < call.duration_ms);
        self.buckets[bucket] += 1;
        self.sum_ms = self.sum_ms.saturating_add(call.duration_ms);
        self.bytes_in = self.bytes_in.saturating_add(call.bytes_in);
        self.bytes_out = self.bytes_out.saturating_add(call.bytes_out);
    }
}

/// All series.
#[derive(Debug)]
pub(crate) struct Tally {
    by_tool: bool,
    series: Mutex<HashMap<Key, Series>>,
}

impl Tally {
    pub(crate) fn new(by_tool: bool) -> Self {
        Self {
            by_tool,
            series: Mutex::default(),
        }
    }

    pub(crate) fn count(&self, calls: &[CallRecord]) {
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        for call in calls {
            let key = Key {
                workspace: Some(call.workspace.clone()),
                server: call.server_slug.clone(),
                tool: call.tool.clone().filter(|_| self.by_tool),
            };
            let is_known = series.len() < SERIES_MAX || series.contains_key(&key);
            let key = if is_known { key } else { Key::OTHERS };
            series.entry(key).or_default().count(call);
        }
    }

    /// A copy of all series, so that nobody who counts waits for whoever reads.
    pub(crate) fn series(&self) -> Vec<(Key, Series)> {
        let series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let all = series.iter();
        all.map(|(key, series)| (key.clone(), series.clone()))
            .collect()
    }
}

impl Key {
    const OTHERS: Self = Self {
        workspace: None,
        server: None,
        tool: None,
    };
}
