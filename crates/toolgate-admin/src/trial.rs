//! What a changed rule would have meant for the calls of the last days, without changing anything.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_analytics::CallStatus;
use toolgate_policy::Role;
use toolgate_store::{CallFilter, CallRow, CallsReader, WorkspaceScope};

use crate::catalog::Catalog;
use crate::time::{millis, now_ms, rfc3339};
use crate::token::rules;
use crate::{Admin, AdminError};

/// Calls read at once.
const PAGE: usize = 10_000;
/// Most calls looked at, the oldest first.
const MAX_CALLS: usize = 1_000_000;

/// A token's rules as they might be; what is absent stays as it is.
#[derive(Debug, Clone, Default)]
pub struct TokenTrial {
    /// Other patterns of tool names.
    pub tools: Option<Vec<String>>,
    /// Another role.
    pub role: Option<Role>,
}

/// What a trial came to.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TokenTried {
    /// Public id of the token.
    pub id: String,
    /// The patterns that were tried.
    pub tools: Vec<String>,
    /// The role that was tried.
    pub role: Role,
    /// Calls since then were looked at.
    pub since: String,
    /// How many there were.
    pub calls: u64,
    /// How many of them are allowed as things are.
    pub allowed: u64,
    /// How many of them would be.
    pub would_be_allowed: u64,
    /// The same for each tool that was called, the most called first.
    pub by_tool: Vec<ToolTried>,
}

/// What a trial came to for one tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ToolTried {
    /// The name clients see; null for names that were no tool's.
    pub tool: Option<String>,
    /// How many calls there were.
    pub calls: u64,
    /// How many of them were refused at that time.
    pub refused: u64,
    /// Whether such a call is allowed as things are.
    pub allowed: bool,
    /// Whether it would be.
    pub would_be_allowed: bool,
    /// Why it would not be.
    pub reason: Option<String>,
}

/// How often a tool was called, and how often that was refused.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    calls: u64,
    refused: u64,
}

impl Admin {
    /// Decides the recorded calls of a token again, by the rules it has and by those of a trial. Today's pins,
    /// classifications and switches decide both, so that the difference is the rules' alone.
    pub fn try_token(
        &self,
        scope: &WorkspaceScope,
        id: &str,
        trial: &TokenTrial,
        since: Duration,
    ) -> Result<TokenTried, AdminError> {
        let token = self.token(scope, id)?;
        let mut changed = token.clone();
        if let Some(tools) = &trial.tools {
            changed.rules = rules(tools)?;
        }
        changed.role = trial.role.unwrap_or(token.role);
        let now = now_ms();
        let since_ms = now.saturating_sub(millis(since));
        let counts = self.count_calls(scope, id, since_ms)?;
        let catalog = Catalog::read(&self.store, scope)?;
        let mut by_tool: Vec<ToolTried> = counts
            .into_iter()
            .map(|(called, count)| {
                let Some((server, tool)) = called else {
                    return tried(None, count, false, Err("no such tool was known".to_owned()));
                };
                let (name, before) = catalog.try_call(&token, &server, &tool, now);
                let (_, after) = catalog.try_call(&changed, &server, &tool, now);
                tried(Some(name), count, before.is_ok(), after)
            })
            .collect();
        by_tool.sort_by(|a, b| (b.calls, &a.tool).cmp(&(a.calls, &b.tool)));
        let sum = |wanted: fn(&ToolTried) -> bool| {
            by_tool
                .iter()
                .filter(|tool| wanted(tool))
                .map(|tool| tool.calls)
                .sum()
        };
        Ok(TokenTried {
            id: id.to_owned(),
            tools: changed.rules.patterns().to_vec(),
            role: changed.role,
            since: rfc3339(since_ms),
            calls: sum(|_| true),
            allowed: sum(|tool| tool.allowed),
            would_be_allowed: sum(|tool| tool.would_be_allowed),
            by_tool,
        })
    }

    /// Calls of a token by server and tool; `None` for names that were no tool's (S-23).
    fn count_calls(
        &self,
        scope: &WorkspaceScope,
        token: &str,
        since_ms: u64,
    ) -> Result<BTreeMap<Option<(String, String)>, Count>, AdminError> {
        let reader = CallsReader::open(&self.dir)?;
        let mut filter = CallFilter {
            workspace: Some(scope.clone()),
            since_ms: Some(since_ms),
            token: Some(token.to_owned()),
            after_rowid: Some(0),
            limit: PAGE,
            ..CallFilter::default()
        };
        let mut counts: BTreeMap<_, Count> = BTreeMap::new();
        let mut seen = 0;
        while seen < MAX_CALLS {
            let rows = reader.query(&filter)?;
            for row in &rows {
                let count = counts.entry(called(row)).or_default();
                count.calls += 1;
                count.refused += u64::from(row.status == CallStatus::Refused);
            }
            seen += rows.len();
            let last = rows.iter().map(|row| row.rowid).max();
            match last {
                Some(last) if rows.len() >= PAGE => filter.after_rowid = Some(last),
                _ => break,
            }
        }
        Ok(counts)
    }
}

fn called(row: &CallRow) -> Option<(String, String)> {
    Some((row.server_slug.clone()?, row.tool.clone()?))
}

fn tried(
    tool: Option<String>,
    count: Count,
    allowed: bool,
    decided: Result<(), String>,
) -> ToolTried {
    ToolTried {
        tool,
        calls: count.calls,
        refused: count.refused,
        allowed,
        would_be_allowed: decided.is_ok(),
        reason: decided.err(),
    }
}
