//! Who hits the limits: calls over the rate limit, by token and minute.

use std::collections::{BTreeMap, HashMap};

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_analytics::CallStatus;
use toolgate_store::{CallFilter, CallsReader, Dimension, WorkspaceScope};

use super::analytics::WEEK_MS;
use super::people::People;
use crate::time::{now_ms, rfc3339};
use crate::{Admin, AdminError};

/// Who went over the rate limit.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LimitsReport {
    /// Calls since then were looked at; not before the oldest that are kept.
    pub from: String,
    /// And until then.
    pub to: String,
    /// How many were over a limit.
    pub rate_limited: u64,
    /// By whom, the most first.
    pub tokens: Vec<LimitedToken>,
}

/// A token that went over its limit.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LimitedToken {
    /// Slug of its workspace.
    pub workspace: String,
    /// Public id of the token.
    pub token_id: String,
    /// Its name; null when it was deleted since.
    pub token_name: Option<String>,
    /// Address of the member who holds it.
    pub member: Option<String>,
    /// Its limit now: requests in any 60 seconds; null for none.
    pub per_minute: Option<u32>,
    /// How many calls it made.
    pub calls: u64,
    /// How many of them were over the limit.
    pub rate_limited: u64,
    /// In how many minutes that happened.
    pub minutes: usize,
    /// The minute with the most of it.
    pub worst: LimitedMinute,
    /// The last such minute.
    pub last: String,
}

/// A minute in which a token went over its limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LimitedMinute {
    /// Its beginning.
    pub time: String,
    /// Calls over the limit.
    pub rate_limited: u64,
}

impl Admin {
    /// Who went over the rate limit, since `from_ms` or in the last seven days.
    pub fn limits(
        &self,
        workspace: Option<&WorkspaceScope>,
        from_ms: Option<u64>,
    ) -> Result<LimitsReport, AdminError> {
        let now_ms = now_ms();
        let people = People::read(self, workspace)?;
        let reader = CallsReader::open(&self.dir)?;
        let limited = CallFilter {
            workspace: workspace.cloned(),
            since_ms: Some(from_ms.unwrap_or_else(|| now_ms.saturating_sub(WEEK_MS))),
            statuses: Some(vec![CallStatus::RateLimited]),
            ..CallFilter::default()
        };
        let by = [Dimension::Workspace, Dimension::Token, Dimension::Minute];
        let grouped = reader.groups(&limited, &by)?;
        let mut minutes: BTreeMap<(String, String), Vec<(u64, u64)>> = BTreeMap::new();
        for group in grouped.groups {
            let workspace = group
                .workspace
                .map(|id| people.workspace_label(id.as_str()));
            let whose = (
                workspace.unwrap_or_default(),
                group.token_id.unwrap_or_default(),
            );
            let minute = (group.time_ms.unwrap_or_default(), group.figures.calls());
            minutes.entry(whose).or_default().push(minute);
        }
        let all = CallFilter {
            since_ms: Some(grouped.from_ms),
            statuses: None,
            tokens: Some(minutes.keys().map(|(_, token)| token.clone()).collect()),
            ..limited
        };
        let calls: HashMap<_, _> = reader
            .groups(&all, &[Dimension::Token])?
            .groups
            .into_iter()
            .filter_map(|group| Some((group.token_id?, group.figures.calls())))
            .collect();
        let mut tokens: Vec<LimitedToken> = minutes
            .into_iter()
            .filter_map(|((workspace, token), minutes)| {
                let calls = calls.get(&token).copied().unwrap_or_default();
                limited_token(&people, workspace, token, calls, &minutes)
            })
            .collect();
        tokens.sort_by_key(|token| std::cmp::Reverse(token.rate_limited));
        Ok(LimitsReport {
            from: rfc3339(grouped.from_ms),
            to: rfc3339(now_ms),
            rate_limited: tokens.iter().map(|token| token.rate_limited).sum(),
            tokens,
        })
    }
}

fn limited_token(
    people: &People,
    workspace: String,
    token_id: String,
    calls: u64,
    minutes: &[(u64, u64)],
) -> Option<LimitedToken> {
    let (worst_ms, worst) = minutes
        .iter()
        .max_by_key(|(time_ms, count)| (*count, *time_ms))?;
    let (last_ms, _) = minutes.iter().max()?;
    let holder = people.holder(&token_id);
    Some(LimitedToken {
        workspace,
        token_name: holder.map(|holder| holder.name.clone()),
        member: holder.and_then(|holder| Some(holder.member.as_ref()?.1.clone())),
        per_minute: holder.and_then(|holder| holder.per_minute),
        token_id,
        calls,
        rate_limited: minutes.iter().map(|(_, count)| count).sum(),
        minutes: minutes.len(),
        worst: LimitedMinute {
            time: rfc3339(*worst_ms),
            rate_limited: *worst,
        },
        last: rfc3339(*last_ms),
    })
}
