//! Why is this server slow this week: beside the week before, by tool and by hour.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_analytics::{CallStatus, Outcome};
use toolgate_store::{CallFilter, CallsReader, Dimension, Figures, Group, WorkspaceScope};

use super::analytics::{AnalyticsRow, HOUR_MS, WEEK_MS, times};
use super::figures::{CallFigures, share};
use super::reasons::reasons;
use crate::time::{now_ms, rfc3339};
use crate::{Admin, AdminError, gateway_status};

/// Why a server is slow, or that it is not.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SlowServer {
    /// Slug of its workspace.
    pub workspace: String,
    /// Its name there.
    pub server: String,
    /// `closed`, `open` or `probing`: whether the gateway sends calls to it; null while none runs.
    pub circuit: Option<String>,
    /// The last seven days, to the hour.
    pub this_week: SlowWeek,
    /// The seven before.
    pub week_before: SlowWeek,
    /// What stands out, as sentences, the weightiest first.
    pub reasons: Vec<String>,
    /// Its tools, those first that added most time.
    pub tools: Vec<ToolCompared>,
    /// What errors there were this week, the most frequent first.
    pub errors: Vec<ErrorSeen>,
    /// Each hour of this week, in order.
    pub hours: Vec<AnalyticsRow>,
}

/// One of the two weeks.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SlowWeek {
    /// It begins here.
    pub from: String,
    /// It ends here.
    pub to: String,
    /// What its calls come to.
    #[serde(flatten)]
    pub figures: CallFigures,
}

/// One tool in both weeks.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ToolCompared {
    /// The tool's own name.
    pub tool: String,
    /// Its part in the time that was added, from 0 to 1: longer calls, as often as it was called; null where none
    /// was added.
    pub share_of_added_time: Option<f64>,
    /// This week.
    pub this_week: CallFigures,
    /// The week before.
    pub week_before: CallFigures,
}

/// A kind of error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ErrorSeen {
    /// How the calls ended.
    pub status: CallStatus,
    /// JSON-RPC code that was answered, if one was.
    pub error_code: Option<i64>,
    /// How many there were.
    pub calls: u64,
}

impl Admin {
    /// Why a server is slow this week: this week beside the week before, the tools that moved, the hours.
    pub fn why_slow(&self, scope: &WorkspaceScope, server: &str) -> Result<SlowServer, AdminError> {
        let now_ms = now_ms();
        let middle_ms = (now_ms / HOUR_MS * HOUR_MS).saturating_sub(WEEK_MS);
        let since = |from_ms: u64| CallFilter {
            workspace: Some(scope.clone()),
            server: Some(server.to_owned()),
            since_ms: Some(from_ms),
            ..CallFilter::default()
        };
        let reader = CallsReader::open(&self.dir)?;
        let from_ms = middle_ms.saturating_sub(WEEK_MS);
        let by = [Dimension::Tool, Dimension::Hour];
        let groups = reader.groups(&since(from_ms), &by)?.groups;
        if groups.is_empty() {
            // A server that was removed is worth a look as long as its calls are remembered; any other is a typo.
            self.server(scope, server)?;
        }
        let (now, before): (Vec<Group>, Vec<Group>) = groups
            .into_iter()
            .partition(|group| group.time_ms >= Some(middle_ms));
        let by = [Dimension::Status, Dimension::ErrorCode];
        let errors = reader.groups(&since(middle_ms), &by)?.groups;
        let both = Both {
            now: sum(&now),
            before: sum(&before),
            tools: compare(&now, &before),
            hours: by_hour(now),
        };
        let circuit = self.circuit(scope, server);
        let week = |from_ms, to_ms, figures: &Figures| SlowWeek {
            from: rfc3339(from_ms),
            to: rfc3339(to_ms),
            figures: CallFigures::from(figures),
        };
        Ok(SlowServer {
            workspace: scope.slug().to_string(),
            server: server.to_owned(),
            this_week: week(middle_ms, now_ms, &both.now),
            week_before: week(from_ms, middle_ms, &both.before),
            reasons: reasons(&both, circuit.as_deref()),
            circuit,
            tools: tools(&both.tools),
            errors: seen(errors),
            hours: times(&both.hours, middle_ms, now_ms, HOUR_MS),
        })
    }

    /// How the running gateway holds its circuit; `None` while none runs.
    fn circuit(&self, scope: &WorkspaceScope, server: &str) -> Option<String> {
        let status = gateway_status(&self.dir).ok()?;
        let slug = scope.slug().as_str();
        let mut links = status.links.into_iter();
        let link = links.find(|link| link.workspace == slug && link.server == server)?;
        Some(link.circuit)
    }
}

/// Both weeks.
pub(super) struct Both {
    pub(super) now: Figures,
    pub(super) before: Figures,
    /// Those first that added most time.
    pub(super) tools: Vec<Moved>,
    /// This week's hours.
    pub(super) hours: Vec<Group>,
}

/// A tool in both weeks.
pub(super) struct Moved {
    pub(super) tool: String,
    pub(super) now: Figures,
    pub(super) before: Figures,
    /// Milliseconds that its calls of this week took longer than they would have in the week before.
    added_ms: u64,
    /// Its part in what all tools added.
    pub(super) share: Option<f64>,
}

fn compare(now: &[Group], before: &[Group]) -> Vec<Moved> {
    let mut tools: BTreeMap<String, (Figures, Figures)> = BTreeMap::new();
    for group in now {
        tools
            .entry(tool(group))
            .or_default()
            .0
            .merge(&group.figures);
    }
    for group in before {
        tools
            .entry(tool(group))
            .or_default()
            .1
            .merge(&group.figures);
    }
    let usual = sum(before).mean_ms();
    let mut moved: Vec<Moved> = tools
        .into_iter()
        .map(|(tool, (now, before))| {
            // A tool that was not called the week before is measured by what was usual for its server.
            let expected = before.mean_ms().or(usual);
            let longer = now
                .mean_ms()
                .zip(expected)
                .map(|(now, before)| now.saturating_sub(before));
            Moved {
                tool,
                added_ms: longer.unwrap_or(0).saturating_mul(now.latency.count()),
                share: None,
                now,
                before,
            }
        })
        .collect();
    let all: u64 = moved
        .iter()
        .fold(0, |sum, tool| sum.saturating_add(tool.added_ms));
    for tool in &mut moved {
        tool.share = share(tool.added_ms, all);
    }
    moved.sort_by_key(|tool| std::cmp::Reverse((tool.added_ms, tool.now.calls())));
    moved
}

fn tools(moved: &[Moved]) -> Vec<ToolCompared> {
    moved
        .iter()
        .map(|moved| ToolCompared {
            tool: moved.tool.clone(),
            share_of_added_time: moved.share,
            this_week: CallFigures::from(&moved.now),
            week_before: CallFigures::from(&moved.before),
        })
        .collect()
}

fn tool(group: &Group) -> String {
    group
        .tool
        .clone()
        .unwrap_or_else(|| "unknown tool".to_owned())
}

fn sum(groups: &[Group]) -> Figures {
    let mut all = Figures::default();
    for group in groups {
        all.merge(&group.figures);
    }
    all
}

/// The same calls by hour alone.
fn by_hour(groups: Vec<Group>) -> Vec<Group> {
    let mut hours: BTreeMap<Option<u64>, Group> = BTreeMap::new();
    for group in groups {
        match hours.get_mut(&group.time_ms) {
            Some(hour) => hour.figures.merge(&group.figures),
            None => {
                hours.insert(group.time_ms, group);
            }
        }
    }
    hours.into_values().collect()
}

fn seen(groups: Vec<Group>) -> Vec<ErrorSeen> {
    let mut errors: Vec<ErrorSeen> = groups
        .into_iter()
        .filter_map(|group| {
            let status = group.status?;
            (status.outcome() == Outcome::Failed).then(|| ErrorSeen {
                status,
                error_code: group.error_code,
                calls: group.figures.calls(),
            })
        })
        .collect();
    errors.sort_by_key(|error| std::cmp::Reverse(error.calls));
    errors
}
