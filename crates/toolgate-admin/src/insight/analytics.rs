//! Calls in groups: by tool, server, token, member, hour, day or status.

use std::collections::{BTreeMap, HashMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolgate_store::{CallFilter, CallsReader, Dimension, Figures, Group, WorkspaceScope};

use super::figures::CallFigures;
use super::people::{People, Whom};
use crate::time::{now_ms, rfc3339};
use crate::{Admin, AdminError};

pub(super) const HOUR_MS: u64 = 3_600_000;
pub(super) const DAY_MS: u64 = 24 * HOUR_MS;
pub(super) const WEEK_MS: u64 = 7 * DAY_MS;
/// Most hours or days of one answer, so that nobody asks for a row for each hour since 1970.
const MAX_TIMES: u64 = 12_000;

/// What calls are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupBy {
    /// The tool, as SERVER/TOOL.
    Tool,
    /// The server.
    Server,
    /// The token.
    Token,
    /// The member who holds the token; a token without one stands for itself.
    Member,
    /// The hour of arrival.
    Hour,
    /// The day of arrival, in UTC.
    Day,
    /// How they ended.
    Status,
}

/// Which calls to look at, and how.
#[derive(Debug, Clone)]
pub struct AnalyticsQuery {
    /// Only of this workspace; `None` = of all, which is for the operator.
    pub workspace: Option<WorkspaceScope>,
    /// Calls since then, unix milliseconds; `None` = seven days ago.
    pub from_ms: Option<u64>,
    /// Calls before then; `None` = until now.
    pub to_ms: Option<u64>,
    /// What they are grouped by.
    pub group_by: GroupBy,
    /// Only to the server of this name.
    pub server: Option<String>,
    /// Only of the tool that its server gives this name.
    pub tool: Option<String>,
    /// Only with this token, by id or name.
    pub token: Option<String>,
    /// Only of this member, by id or address, or of a token without one.
    pub member: Option<String>,
    /// Most rows, those with most calls; `None` = all. Hours and days are always all there.
    pub limit: Option<usize>,
}

impl AnalyticsQuery {
    /// All calls of the last seven days.
    pub fn by(group_by: GroupBy) -> Self {
        Self {
            workspace: None,
            from_ms: None,
            to_ms: None,
            group_by,
            server: None,
            tool: None,
            token: None,
            member: None,
            limit: None,
        }
    }
}

/// What calls come to, in groups.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Analytics {
    /// The time that was counted begins here: what was asked for, but to the hour where the calls themselves are
    /// gone and only the hours are known.
    pub from: String,
    /// It ends here.
    pub to: String,
    /// What they are grouped by.
    pub group_by: GroupBy,
    /// What all of them come to.
    pub total: CallFigures,
    /// The groups: hours and days in order, empty ones among them; others with most calls first.
    pub rows: Vec<AnalyticsRow>,
    /// Groups beyond the limit, which are in `total` alone.
    pub more: usize,
}

/// One group of calls.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AnalyticsRow {
    /// What they have in common: SERVER/TOOL, the server, the id of the token or member, the beginning of the hour
    /// or day, the status. Null where no tool or server was known.
    pub key: Option<String>,
    /// The same for people: the name of the token, the address of the member.
    pub label: String,
    /// What they come to.
    #[serde(flatten)]
    pub figures: CallFigures,
}

impl Admin {
    /// What calls come to, in groups.
    pub fn analytics(&self, query: &AnalyticsQuery) -> Result<Analytics, AdminError> {
        let people = People::read(self, query.workspace.as_ref())?;
        let filter = filter(&people, query)?;
        let by = dimensions(query.group_by);
        let grouped = CallsReader::open(&self.dir)?.groups(&filter, by)?;
        let mut total = Figures::default();
        for group in &grouped.groups {
            total.merge(&group.figures);
        }
        let to_ms = grouped.to_ms.unwrap_or_else(now_ms).max(grouped.from_ms);
        let mut rows = match query.group_by {
            GroupBy::Hour => times(&grouped.groups, grouped.from_ms, to_ms, HOUR_MS),
            GroupBy::Day => times(&grouped.groups, grouped.from_ms, to_ms, DAY_MS),
            group_by => named(&people, grouped.groups, group_by),
        };
        let timed = matches!(query.group_by, GroupBy::Hour | GroupBy::Day);
        let shown = query.limit.filter(|_| !timed).unwrap_or(usize::MAX);
        let more = rows.len().saturating_sub(shown);
        rows.truncate(shown);
        Ok(Analytics {
            from: rfc3339(grouped.from_ms),
            to: rfc3339(to_ms),
            group_by: query.group_by,
            total: CallFigures::from(&total),
            rows,
            more,
        })
    }
}

pub(super) fn filter(people: &People, query: &AnalyticsQuery) -> Result<CallFilter, AdminError> {
    let token = query.token.as_deref();
    let member = query.member.as_deref();
    Ok(CallFilter {
        workspace: query.workspace.clone(),
        since_ms: Some(
            query
                .from_ms
                .unwrap_or_else(|| now_ms().saturating_sub(WEEK_MS)),
        ),
        until_ms: query.to_ms,
        server: query.server.clone(),
        tool: query.tool.clone(),
        token: token.map(|token| people.token_id(token)).transpose()?,
        tokens: member
            .map(|member| people.member(member))
            .transpose()?
            .map(|(_, tokens)| tokens),
        ..CallFilter::default()
    })
}

fn dimensions(group_by: GroupBy) -> &'static [Dimension] {
    match group_by {
        GroupBy::Tool => &[Dimension::Server, Dimension::Tool],
        GroupBy::Server => &[Dimension::Server],
        GroupBy::Token | GroupBy::Member => &[Dimension::Token],
        GroupBy::Hour => &[Dimension::Hour],
        GroupBy::Day => &[Dimension::Day],
        GroupBy::Status => &[Dimension::Status],
    }
}

/// A row for each hour or day, also where there were no calls: a chart needs its axis.
pub(super) fn times(groups: &[Group], from_ms: u64, to_ms: u64, each: u64) -> Vec<AnalyticsRow> {
    let known: HashMap<u64, &Group> = groups
        .iter()
        .filter_map(|group| Some((group.time_ms?, group)))
        .collect();
    let last = to_ms.saturating_sub(1) / each;
    let earliest = known.keys().min().map_or(last, |time_ms| time_ms / each);
    // The beginning of all time is not worth a row an hour.
    let first = match from_ms {
        0 => earliest,
        from_ms => from_ms / each,
    };
    let first = first.max(last.saturating_sub(MAX_TIMES));
    (first..=last)
        .map(|time| {
            let time_ms = time * each;
            let figures = known.get(&time_ms).map(|group| (&group.figures).into());
            AnalyticsRow {
                key: Some(rfc3339(time_ms)),
                label: rfc3339(time_ms),
                figures: figures.unwrap_or_default(),
            }
        })
        .collect()
}

fn named(people: &People, groups: Vec<Group>, group_by: GroupBy) -> Vec<AnalyticsRow> {
    let mut by_name: BTreeMap<(Option<String>, String), Figures> = BTreeMap::new();
    for group in groups {
        let name = name(people, &group, group_by);
        by_name.entry(name).or_default().merge(&group.figures);
    }
    let mut rows: Vec<AnalyticsRow> = by_name
        .into_iter()
        .map(|((key, label), figures)| AnalyticsRow {
            key,
            label,
            figures: CallFigures::from(&figures),
        })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.figures.calls));
    rows
}

/// What a group is known by, to programs and to people.
fn name(people: &People, group: &Group, group_by: GroupBy) -> (Option<String>, String) {
    let token = || group.token_id.clone().unwrap_or_default();
    let same = |key: Option<String>, none: &str| {
        let label = key.clone().unwrap_or_else(|| none.to_owned());
        (key, label)
    };
    match group_by {
        GroupBy::Server => same(group.server.clone(), "no server"),
        GroupBy::Tool => same(tool_name(group), "unknown tool"),
        GroupBy::Status => same(group.status.map(|status| status.as_str().to_owned()), "-"),
        GroupBy::Hour | GroupBy::Day => same(group.time_ms.map(rfc3339), "-"),
        GroupBy::Token => (Some(token()), people.token_label(&token())),
        GroupBy::Member => {
            let Whom { id, label } = people.whom(&token());
            (Some(id), label)
        }
    }
}

/// A tool as SERVER/TOOL.
pub(super) fn tool_name(group: &Group) -> Option<String> {
    match (&group.server, &group.tool) {
        (Some(server), Some(tool)) => Some(format!("{server}/{tool}")),
        _ => None,
    }
}
