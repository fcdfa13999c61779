//! Whether what an alert watches is so, and about what.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use toolgate_namespace::ServerSlug;
use toolgate_store::control::Gauge;
use toolgate_store::{Alert, AlertRule};

use super::window::{Seen, Windows};
use crate::{Subject, Watched};

/// One call in twenty is slower than the 95th percentile.
const SLOW_PERCENT: u64 = 5;

/// One thing that is as it should not be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Finding {
    /// About what.
    #[serde(flatten)]
    pub(crate) subject: Subject,
    /// In words.
    pub(crate) text: String,
    /// The figure that is too high, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<u64>,
    /// What it should not pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<u64>,
}

/// What an alert that waits for a while knows of the servers it watches.
#[derive(Debug, Default)]
pub(super) struct Downs {
    /// Since when they are down.
    since: HashMap<Subject, Instant>,
    /// Those that the process before this one told: down until something is heard of them.
    told_before: BTreeSet<Subject>,
}

impl Downs {
    pub(super) fn told_before(told: BTreeSet<Subject>) -> Self {
        Self {
            since: HashMap::new(),
            told_before: told,
        }
    }

    /// Those of `down` that have been so for long; `unheard` may be down as well.
    fn lasting(
        &mut self,
        mut down: Vec<Subject>,
        unheard: &[Subject],
        long: Duration,
    ) -> Vec<Subject> {
        (self.told_before).retain(|told| down.contains(told) || unheard.contains(told));
        self.since.retain(|subject, _| down.contains(subject));
        down.retain(|subject| {
            let since = (self.since)
                .entry(subject.clone())
                .or_insert_with(Instant::now);
            since.elapsed() >= long && !self.told_before.contains(subject)
        });
        down.extend(self.told_before.iter().cloned());
        down
    }
}

/// What is so now.
pub(super) fn findings(
    alert: &Alert,
    windows: &Windows,
    now_ms: u64,
    watched: &dyn Watched,
    downs: &mut Downs,
) -> Vec<Finding> {
    let workspace = alert.workspace.as_ref();
    match &alert.rule {
        AlertRule::ErrorRate {
            over_percent,
            window_s,
            least_calls,
            ..
        } => {
            let seen = windows.seen(alert, now_ms).unwrap_or_default();
            let limit = u64::from(*over_percent);
            let share = too_many(seen, limit, *least_calls);
            share.map_or_else(Vec::new, |percent| {
                let text = format!(
                    "{} of {} calls failed within {window_s} s",
                    seen.bad, seen.calls
                );
                vec![finding(alert, watched, text, percent, limit)]
            })
        }
        AlertRule::Latency {
            p95_over_ms,
            window_s,
            least_calls,
            ..
        } => {
            let seen = windows.seen(alert, now_ms).unwrap_or_default();
            let share = too_many(seen, SLOW_PERCENT, *least_calls);
            share.map_or_else(Vec::new, |percent| {
                let text = format!(
                    "{} of {} calls took longer than {p95_over_ms} ms within {window_s} s",
                    seen.bad, seen.calls
                );
                vec![finding(alert, watched, text, percent, SLOW_PERCENT)]
            })
        }
        AlertRule::Quota { at_percent } => quota(alert, watched, u64::from(*at_percent)),
        AlertRule::Pins => {
            let held = watched.held_tools(workspace).into_iter();
            held.map(|subject| {
                told(
                    subject,
                    "the tool is new or changed, and held until somebody approves it",
                )
            })
            .collect()
        }
        AlertRule::ServerDown { for_s, server } => {
            let mut down = watched.down_servers(workspace);
            down.retain(|subject| {
                server.is_none()
                    || subject.server.as_deref() == server.as_ref().map(ServerSlug::as_str)
            });
            let unheard = watched.unheard_servers(workspace);
            let long = Duration::from_secs((*for_s).into());
            let lasting = downs.lasting(down, &unheard, long);
            lasting
                .into_iter()
                .map(|subject| told(subject, "the server fails, and gets no calls"))
                .collect()
        }
    }
}

/// The share of bad calls if it is more than so many per cent.
fn too_many(seen: Seen, over_percent: u64, least_calls: u32) -> Option<u64> {
    let enough = seen.calls >= u64::from(least_calls.max(1));
    (enough && seen.bad * 100 > over_percent * seen.calls).then(|| seen.bad * 100 / seen.calls)
}

fn quota(alert: &Alert, watched: &dyn Watched, at_percent: u64) -> Vec<Finding> {
    let Some(usage) = watched.usage() else {
        return Vec::new();
    };
    let slug = alert.workspace.as_ref().map(|id| watched.slug(id));
    let own = match &slug {
        None => Some(&usage.installation),
        Some(slug) => usage
            .workspaces
            .iter()
            .find(|gauge| Some(&gauge.what) == slug.as_ref()),
    };
    // A workspace without a limit of its own uses up the installation's.
    let mut gauges = own.into_iter().chain([&usage.installation]);
    let limited = gauges.find_map(|gauge: &Gauge| Some((gauge.used, gauge.limit?)));
    let Some((used, limit)) = limited else {
        return Vec::new();
    };
    if used.saturating_mul(100) < at_percent.saturating_mul(limit) {
        return Vec::new();
    }
    let text = format!("{used} of {limit} calls of this month are used up");
    vec![finding(alert, watched, text, used, limit)]
}

fn finding(alert: &Alert, watched: &dyn Watched, text: String, value: u64, limit: u64) -> Finding {
    Finding {
        subject: Subject {
            workspace: alert.workspace.as_ref().and_then(|id| watched.slug(id)),
            server: alert.rule.server().map(ToString::to_string),
            tool: None,
        },
        text,
        value: Some(value),
        limit: Some(limit),
    }
}

fn told(subject: Subject, text: &str) -> Finding {
    Finding {
        subject,
        text: text.to_owned(),
        value: None,
        limit: None,
    }
}
