//! What was called: metadata, never payload.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use toolgate_admin::{CallListed, CallQuery, CallStatus, Role, ago_ms};

use crate::answer::{Answer, count, lines};
use crate::desk::Desk;
use crate::params::{Arguments, Kind, Param};
use crate::refusal::Refusal;
use crate::table::{Effect, FLAG, LIST, NUMBER, OBJECT, Tool};

/// The most calls that statistics are made of.
const COUNTED: usize = 10_000;
const DAY: Duration = Duration::from_hours(24);

const SINCE: Param = Param::may(
    "since",
    Kind::Span,
    "Only calls not older than this, such as `1h` or `7d`. Default: 24h.",
);
const SERVER: Param = Param::may("server", Kind::Text, "Only to this server.");
const LIMIT: Param = Param::may(
    "limit",
    Kind::Number(1, 200),
    "The newest so many. Default 20.",
);

pub(crate) static MY_CALLS: Tool = Tool {
    name: "my_calls",
    title: "My calls",
    about: "Lists what the token you speak with called lately: when, which tool, how it ended and how long it took. \
            Arguments and results are never recorded.",
    effect: Effect::Reads,
    reaches_out: false,
    least: Role::ReadOnly,
    params: &[SINCE, SERVER, LIMIT],
    output: &[("calls", LIST)],
    act: |desk, given| {
        let own = desk.principal.clone();
        let mut calls = find(desk, given, Some(own.clone()), given.limit(20))?;
        // A name given to a token could be the id of another one.
        calls.retain(|call| call.token_id == own);
        Ok(listed(&calls))
    },
};

pub(crate) static QUERY_CALLS: Tool = Tool {
    name: "query_calls",
    title: "Calls of the workspace",
    about: "Lists calls of everybody in this workspace, oldest first: when, with which token, which tool, how it \
            ended and how long it took. Arguments and results are never recorded.",
    effect: Effect::Reads,
    reaches_out: false,
    least: Role::Admin,
    params: &[
        SINCE,
        SERVER,
        Param::may("token", Kind::Text, "Only with this token, by id or name."),
        Param::may("failed", Kind::Flag, "Only calls that did not end well."),
        LIMIT,
    ],
    output: &[("calls", LIST)],
    act: query,
};

pub(crate) static CALL_STATISTICS: Tool = Tool {
    name: "call_statistics",
    title: "Call statistics",
    about: "Counts the calls of this workspace by tool and by how they ended, with how long they took.",
    effect: Effect::Reads,
    reaches_out: false,
    least: Role::Admin,
    params: &[
        SINCE,
        SERVER,
        Param::may("token", Kind::Text, "Only with this token, by id or name."),
    ],
    output: &[
        ("calls", NUMBER),
        ("failed", NUMBER),
        ("partial", FLAG),
        ("by_status", OBJECT),
        ("by_tool", LIST),
    ],
    act: statistics,
};

/// The newest calls of the workspace that match, oldest first.
pub(crate) fn find(
    desk: &Desk,
    given: &Arguments,
    token: Option<String>,
    limit: usize,
) -> Result<Vec<CallListed>, Refusal> {
    let query = CallQuery {
        workspace: Some(desk.scope.clone()),
        from_ms: Some(ago_ms(given.span("since").unwrap_or(DAY))),
        server: given.maybe("server").map(ToOwned::to_owned),
        token,
        limit,
        ..CallQuery::default()
    };
    Ok(desk.admin.calls(&query)?.newer()?)
}

fn query(desk: &Desk, given: &mut Arguments) -> Result<Answer, Refusal> {
    let limit = given.limit(20);
    let only_failed = given.flag("failed");
    let token = given.maybe("token").map(ToOwned::to_owned);
    let asked = if only_failed { COUNTED } else { limit };
    let mut calls = find(desk, given, token, asked)?;
    if only_failed {
        calls.retain(|call| call.status != CallStatus::Ok);
        calls.drain(..calls.len().saturating_sub(limit));
    }
    Ok(listed(&calls))
}

fn listed(calls: &[CallListed]) -> Answer {
    let headline = format!("{}, oldest first.", count(calls.len(), "call"));
    Answer::list(lines(headline, calls.iter().map(line)), "calls", calls)
}

fn line(call: &CallListed) -> String {
    let who = call.token_name.as_deref().unwrap_or(&call.token_id);
    format!(
        "{} {} by {who}: {}, {} ms ({})",
        call.time,
        named(call),
        word(call.status),
        call.duration_ms,
        call.id
    )
}

/// The tool as people write it; what was unknown was recorded without its name (S-23).
pub(crate) fn named(call: &CallListed) -> String {
    match (&call.server, &call.tool) {
        (Some(server), Some(tool)) => format!("{server}/{tool}"),
        _ => "an unknown tool".to_owned(),
    }
}

/// How a call ended, as records have it.
pub(crate) fn word(status: CallStatus) -> String {
    match serde_json::to_value(status) {
        Ok(Value::String(word)) => word,
        // Every status is a word.
        Ok(_) | Err(_) => String::new(),
    }
}

fn statistics(desk: &Desk, given: &mut Arguments) -> Result<Answer, Refusal> {
    let token = given.maybe("token").map(ToOwned::to_owned);
    let calls = find(desk, given, token, COUNTED)?;
    let mut by_status: BTreeMap<String, u64> = BTreeMap::new();
    let mut by_tool: BTreeMap<String, Vec<&CallListed>> = BTreeMap::new();
    for call in &calls {
        *by_status.entry(word(call.status)).or_default() += 1;
        by_tool.entry(named(call)).or_default().push(call);
    }
    let failed = failures(calls.iter());
    let mut rows: Vec<Row> = by_tool
        .iter()
        .map(|(tool, calls)| Row::of(tool, calls))
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.calls));
    let partial = calls.len() == COUNTED;
    let mut headline = format!(
        "{}, {failed} of them did not end well.",
        count(calls.len(), "call")
    );
    if partial {
        headline.push_str(" There were more; these are the newest.");
    }
    let text = lines(headline, rows.iter().map(Row::line));
    let rows: Vec<Value> = rows.iter().map(Row::json).collect();
    let fields = json!({
        "calls": calls.len(),
        "failed": failed,
        "partial": partial,
        "by_status": by_status,
        "by_tool": rows,
    });
    Ok(Answer::report(text, &fields))
}

fn failures<'a>(calls: impl Iterator<Item = &'a CallListed>) -> usize {
    calls.filter(|call| call.status != CallStatus::Ok).count()
}

/// The calls of one tool.
struct Row {
    tool: String,
    calls: usize,
    failed: usize,
    median_ms: u64,
    p95_ms: u64,
}

impl Row {
    fn of(tool: &str, calls: &[&CallListed]) -> Self {
        let mut times: Vec<u64> = calls.iter().map(|call| call.duration_ms).collect();
        times.sort_unstable();
        let at = |percent: usize| {
            let place = (times.len() * percent).div_ceil(100).saturating_sub(1);
            times.get(place).copied().unwrap_or_default()
        };
        Self {
            tool: tool.to_owned(),
            calls: calls.len(),
            failed: failures(calls.iter().copied()),
            median_ms: at(50),
            p95_ms: at(95),
        }
    }

    fn line(&self) -> String {
        format!(
            "{}: {}, {} failed, half within {} ms, 95 % within {} ms",
            self.tool,
            count(self.calls, "call"),
            self.failed,
            self.median_ms,
            self.p95_ms
        )
    }

    fn json(&self) -> Value {
        json!({
            "tool": self.tool,
            "calls": self.calls,
            "failed": self.failed,
            "median_ms": self.median_ms,
            "p95_ms": self.p95_ms,
        })
    }
}
