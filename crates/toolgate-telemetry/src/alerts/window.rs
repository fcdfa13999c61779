//! What was seen of the calls an alert watches, as far back as it looks.

use std::collections::HashMap;

use toolgate_analytics::{CallRecord, CallStatus, Outcome};
use toolgate_namespace::{ServerSlug, WorkspaceId};
use toolgate_store::{Alert, AlertId, AlertRule, PastCall};

/// A window is kept in so many parts, the one that fills included.
const SLOTS: usize = 31;

/// The windows of all alerts that watch calls, found by the workspace of a call.
#[derive(Debug, Default)]
pub(super) struct Windows {
    of_workspace: HashMap<WorkspaceId, Vec<Window>>,
    of_all: Vec<Window>,
}

impl Windows {
    /// Begins windows of new alerts and ends those of others. A rule never changes, so a window that is there stays.
    pub(super) fn follow(&mut self, alerts: &[Alert]) {
        let mut before: HashMap<AlertId, Window> = std::mem::take(self)
            .into_all()
            .map(|window| (window.alert.clone(), window))
            .collect();
        for alert in alerts.iter().filter(|alert| alert.enabled) {
            let Some(window) = before.remove(&alert.id).or_else(|| Window::of(alert)) else {
                continue;
            };
            match &alert.workspace {
                Some(workspace) => self
                    .of_workspace
                    .entry(workspace.clone())
                    .or_default()
                    .push(window),
                None => self.of_all.push(window),
            }
        }
    }

    pub(super) fn count(&mut self, calls: &[CallRecord], now_ms: u64) {
        for call in calls {
            self.count_one(&call.workspace, &Ended::from(call), now_ms);
        }
    }

    /// Counts a call of a process before this one.
    pub(super) fn count_past(&mut self, call: &PastCall<'_>) {
        let ended_ms = call.time_ms.saturating_add(call.duration_ms);
        self.count_one(call.workspace, &Ended::from(call), ended_ms);
    }

    /// Adds what others counted for the same alerts.
    pub(super) fn merge(&mut self, others: Self) {
        for other in others.into_all() {
            let windows = self.of_workspace.values_mut().flatten();
            let mut windows = windows.chain(&mut self.of_all);
            if let Some(window) = windows.find(|window| window.alert == other.alert) {
                window.merge(&other);
            }
        }
    }

    /// How far back the longest of them looks.
    pub(super) fn longest_ms(&self) -> u64 {
        let all = self.of_workspace.values().flatten().chain(&self.of_all);
        let spans = all.map(|window| window.slot_ms.saturating_mul(SLOTS as u64));
        spans.max().unwrap_or(0)
    }

    fn count_one(&mut self, workspace: &WorkspaceId, call: &Ended<'_>, at_ms: u64) {
        if !counts(call.status) {
            return;
        }
        let of_workspace = self.of_workspace.get_mut(workspace);
        for window in of_workspace.into_iter().flatten().chain(&mut self.of_all) {
            window.count(call, at_ms);
        }
    }

    /// What an alert looks back on.
    pub(super) fn seen(&self, alert: &Alert, now_ms: u64) -> Option<Seen> {
        let windows = match &alert.workspace {
            Some(workspace) => self.of_workspace.get(workspace)?,
            None => &self.of_all,
        };
        let window = windows.iter().find(|window| window.alert == alert.id)?;
        Some(window.seen(now_ms))
    }

    fn into_all(self) -> impl Iterator<Item = Window> {
        self.of_workspace.into_values().flatten().chain(self.of_all)
    }
}

/// A call that policy refused or a client took back says nothing about how well calls go.
fn counts(status: CallStatus) -> bool {
    matches!(status.outcome(), Outcome::Good | Outcome::Failed)
}

/// What a window needs to know of a call.
struct Ended<'a> {
    server: Option<&'a ServerSlug>,
    status: CallStatus,
    duration_ms: u64,
}

impl<'a> From<&'a CallRecord> for Ended<'a> {
    fn from(call: &'a CallRecord) -> Self {
        Self {
            server: call.server_slug.as_ref(),
            status: call.status,
            duration_ms: call.duration_ms,
        }
    }
}

impl<'a> From<&PastCall<'a>> for Ended<'a> {
    fn from(call: &PastCall<'a>) -> Self {
        Self {
            server: call.server,
            status: call.status,
            duration_ms: call.duration_ms,
        }
    }
}

/// Calls of a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) calls: u64,
    /// Those that failed, or took too long.
    pub(super) bad: u64,
}

#[derive(Debug)]
struct Window {
    alert: AlertId,
    server: Option<ServerSlug>,
    /// Calls that took longer are bad; without it, those that failed.
    slow_ms: Option<u64>,
    slot_ms: u64,
    slots: Box<[Slot; SLOTS]>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    at: u64,
    seen: Seen,
}

impl Window {
    fn of(alert: &Alert) -> Option<Self> {
        let (window_s, slow_ms) = match &alert.rule {
            AlertRule::ErrorRate { window_s, .. } => (*window_s, None),
            AlertRule::Latency {
                window_s,
                p95_over_ms,
                ..
            } => (*window_s, Some(u64::from(*p95_over_ms))),
            AlertRule::Quota { .. } | AlertRule::Pins | AlertRule::ServerDown { .. } => {
                return None;
            }
        };
        let parts = SLOTS as u64 - 1;
        Some(Self {
            alert: alert.id.clone(),
            server: alert.rule.server().cloned(),
            slow_ms,
            slot_ms: (u64::from(window_s) * 1_000).div_ceil(parts).max(1),
            slots: Box::default(),
        })
    }

    fn count(&mut self, call: &Ended<'_>, at_ms: u64) {
        if self.server.is_some() && self.server.as_ref() != call.server {
            return;
        }
        let is_bad = match self.slow_ms {
            Some(slow_ms) => call.duration_ms > slow_ms,
            None => call.status.outcome() == Outcome::Failed,
        };
        let seen = Seen {
            calls: 1,
            bad: u64::from(is_bad),
        };
        self.add(at_ms / self.slot_ms, seen);
    }

    fn merge(&mut self, other: &Self) {
        for slot in other.slots.iter() {
            self.add(slot.at, slot.seen);
        }
    }

    /// Adds calls to their slot, unless it is used by a later time already.
    fn add(&mut self, at: u64, seen: Seen) {
        let slot = &mut self.slots[place(at)];
        if slot.at < at {
            *slot = Slot { at, seen };
        } else if slot.at == at {
            slot.seen.calls += seen.calls;
            slot.seen.bad += seen.bad;
        }
    }

    fn seen(&self, now_ms: u64) -> Seen {
        let at = now_ms / self.slot_ms;
        let recent = at.saturating_sub(SLOTS as u64 - 1)..=at;
        let slots = self.slots.iter().filter(|slot| recent.contains(&slot.at));
        slots.fold(Seen::default(), |sum, slot| Seen {
            calls: sum.calls + slot.seen.calls,
            bad: sum.bad + slot.seen.bad,
        })
    }
}

fn place(at: u64) -> usize {
    usize::try_from(at % SLOTS as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use toolgate_analytics::Source;

    use super::*;

    fn alert(rule: AlertRule) -> Alert {
        Alert {
            id: AlertId::from_random([1; 16]),
            workspace: Some(WorkspaceId::from_random([1; 16])),
            name: "failing".into(),
            rule,
            url: String::new(),
            allowed_origin: None,
            secret: None,
            enabled: true,
            created_at: 0,
        }
    }

    fn call(status: CallStatus, server: &str, duration_ms: u64) -> CallRecord {
        CallRecord {
            number: 1,
            time_ms: 0,
            workspace: WorkspaceId::from_random([1; 16]),
            server: None,
            server_slug: Some(server.try_into().unwrap()),
            tool: None,
            token_id: Arc::from("tok_1"),
            status,
            error_code: None,
            duration_ms,
            bytes_in: 0,
            bytes_out: 0,
            revision: "2025-11-25",
            source: Source::Gateway,
            intended: false,
            trace: None,
        }
    }

    #[test]
    fn a_window_forgets_what_is_older_than_it() {
        let alert = alert(AlertRule::ErrorRate {
            over_percent: 5,
            window_s: 60,
            least_calls: 1,
            server: Some("a".try_into().unwrap()),
        });
        let mut windows = Windows::default();
        windows.follow(std::slice::from_ref(&alert));
        let calls = [
            call(CallStatus::Ok, "a", 1),
            call(CallStatus::TimedOut, "a", 1),
            call(CallStatus::TimedOut, "b", 1),
            call(CallStatus::Refused, "a", 1),
        ];
        windows.count(&calls, 100_000);
        windows.count(&calls, 130_000);
        windows.follow(std::slice::from_ref(&alert));
        let seen = |now_ms| windows.seen(&alert, now_ms).unwrap();
        assert_eq!(seen(130_000), Seen { calls: 4, bad: 2 });
        assert_eq!(seen(170_000), Seen { calls: 2, bad: 1 });
        assert_eq!(seen(200_000), Seen::default());
        let off = Alert {
            enabled: false,
            ..alert.clone()
        };
        windows.follow(&[off]);
        assert_eq!(windows.seen(&alert, 130_000), None);
    }

    #[test]
    fn latency_counts_what_took_longer() {
        let alert = Alert {
            workspace: None,
            ..alert(AlertRule::Latency {
                p95_over_ms: 100,
                window_s: 10,
                least_calls: 1,
                server: None,
            })
        };
        let mut windows = Windows::default();
        windows.follow(std::slice::from_ref(&alert));
        let calls = [100, 101, 5_000].map(|ms| call(CallStatus::Ok, "a", ms));
        windows.count(&calls, 1_000);
        assert_eq!(windows.seen(&alert, 1_000), Some(Seen { calls: 3, bad: 2 }));
    }
}
