//! Calls a month: counted in memory, from what `calls.db` remembers of the month so far.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use toolgate_namespace::WorkspaceId;
use toolgate_store::control::{Gauge, MonthlyUsage};
use toolgate_store::{CallsReader, DataDir, Month, StoreError};

use crate::gateway::Gateway;
use crate::record::unix_ms;
use crate::snapshot::WorkspaceEntry;

/// The lower bits of a [`MonthlyCount`] are the count.
const COUNT_BITS: u32 = 40;
const COUNT_MAX: u64 = (1 << COUNT_BITS) - 1;

/// How many calls there were in a month: the month in the upper bits, so that the count starts anew by itself.
#[derive(Debug, Default)]
pub(crate) struct MonthlyCount(AtomicU64);

impl MonthlyCount {
    /// Counts one call, unless there were as many as there may be.
    pub(crate) fn take(&self, month: Month, limit: Option<u64>) -> bool {
        let taken = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
                let used = count(now, month);
                (used < limit.unwrap_or(COUNT_MAX).min(COUNT_MAX)).then(|| with(month, used + 1))
            });
        taken.is_ok()
    }

    /// Takes back one that was counted.
    fn give_back(&self, month: Month) {
        self.add(month, -1);
    }

    fn add(&self, month: Month, more: i64) {
        // The closure always answers, so there is no failure.
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
                Some(with(month, count(now, month).saturating_add_signed(more)))
            });
    }

    pub(crate) fn used(&self, month: Month) -> u64 {
        count(self.0.load(Ordering::Relaxed), month)
    }
}

fn count(packed: u64, month: Month) -> u64 {
    if packed >> COUNT_BITS == month.number() {
        packed & COUNT_MAX
    } else {
        0
    }
}

fn with(month: Month, count: u64) -> u64 {
    month.number() << COUNT_BITS | count.min(COUNT_MAX)
}

/// Which limit was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UsedUp {
    /// `workspace` or `installation`.
    pub(crate) whose: &'static str,
    pub(crate) limit: u64,
    /// When the count starts anew.
    pub(crate) until: Month,
}

impl Gateway {
    /// Counts a call against its workspace and the installation, unless one of them has used up its month.
    pub(crate) fn take_call(&self, workspace: &WorkspaceEntry) -> Result<(), UsedUp> {
        let month = Month::of(unix_ms());
        let used_up = |whose, limit: Option<u64>| UsedUp {
            whose,
            limit: limit.unwrap_or_default(),
            until: month.next(),
        };
        let limit = workspace.calls_per_month;
        if !workspace.calls.take(month, limit) {
            return Err(used_up("workspace", limit));
        }
        let limit = self.snapshot_now().calls_per_month;
        if !self.calls_of_month().take(month, limit) {
            workspace.calls.give_back(month);
            return Err(used_up("installation", limit));
        }
        Ok(())
    }

    /// The calls of this month so far, and how many there may be.
    pub fn usage(&self) -> MonthlyUsage {
        let month = Month::of(unix_ms());
        let snapshot = self.snapshot();
        let gauge = |what: &str, count: &MonthlyCount, limit| Gauge {
            what: what.to_owned(),
            used: count.used(month),
            limit,
        };
        let mut workspaces: Vec<Gauge> = snapshot
            .workspaces
            .iter()
            .map(|(slug, entry)| gauge(slug, &entry.calls, entry.calls_per_month))
            .collect();
        workspaces.sort_by(|a, b| a.what.cmp(&b.what));
        MonthlyUsage {
            resets_at_ms: month.next().starts_ms(),
            installation: gauge(
                "installation",
                self.calls_of_month(),
                snapshot.calls_per_month,
            ),
            workspaces,
        }
    }

    /// Adds what earlier runs recorded of this month. Where nothing is limited yet, nobody waits for it.
    pub(crate) async fn count_month(self: &Arc<Self>) {
        let (gateway, dir, now) = (Arc::downgrade(self), self.dir().clone(), unix_ms());
        let snapshot = self.snapshot();
        let is_limited = snapshot.calls_per_month.is_some()
            || (snapshot.workspaces.values()).any(|entry| entry.calls_per_month.is_some());
        let counting = tokio::task::spawn_blocking(move || {
            let month = Month::of(now);
            let counted = calls_between(&dir, month.starts_ms(), now);
            let Some(gateway) = gateway.upgrade() else {
                return;
            };
            match counted {
                Ok(counted) => gateway.add_calls(month, &counted),
                Err(error) => {
                    tracing::error!(%error, "the calls of this month could not be counted");
                }
            }
        });
        if is_limited {
            // It says itself what went wrong.
            let _ = counting.await;
        }
    }

    fn add_calls(&self, month: Month, counted: &HashMap<WorkspaceId, u64>) {
        let snapshot = self.snapshot();
        for (workspace, calls) in counted {
            let calls = i64::try_from(*calls).unwrap_or(i64::MAX);
            self.calls_of_month().add(month, calls);
            if let Some(entry) = snapshot.workspace(workspace) {
                entry.calls.add(month, calls);
            }
        }
    }
}

fn calls_between(
    dir: &DataDir,
    since_ms: u64,
    until_ms: u64,
) -> Result<HashMap<WorkspaceId, u64>, StoreError> {
    CallsReader::open(dir)?.count_sent(since_ms, until_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_stops_at_its_limit_and_starts_anew_with_the_month() {
        let (count, month) = (MonthlyCount::default(), Month::of(1_795_253_400_125));
        assert!(count.take(month, Some(2)) && count.take(month, Some(2)));
        assert!(!count.take(month, Some(2)));
        assert!(count.take(month, None), "a limit that was lifted");
        assert_eq!(count.used(month), 3);
        count.give_back(month);
        assert_eq!(count.used(month), 2);
        assert!(count.take(month.next(), Some(1)));
        assert_eq!(count.used(month.next()), 1);
    }
}
