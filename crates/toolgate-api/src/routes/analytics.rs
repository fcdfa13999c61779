//! What calls come to: who calls what, how often, how fast and how it goes. Metadata only (S-23).
//!
//! The paths below a workspace count its calls, those without one the calls of all.

use hyper::Method;
use schemars::JsonSchema;
use serde::Deserialize;
use toolgate_admin::{
    Analytics, AnalyticsQuery, GroupBy, LimitsReport, MemberTimeline, Overview, SlowServer,
};

use crate::fields::{Limit, Moment};
use crate::input::Nothing;
use crate::operation::{Act, AuthPolicy, Operation};
use crate::problem::Problem;

const GROUPS: &str = "/api/community/mcp/workspaces/{ws}/analytics";
const OVERVIEW: &str = "/api/community/mcp/workspaces/{ws}/analytics/overview";
const LIMITS: &str = "/api/community/mcp/workspaces/{ws}/analytics/limits";
const SLOW: &str = "/api/community/mcp/workspaces/{ws}/servers/{server}/slow";
const TIMELINE: &str = "/api/community/mcp/workspaces/{ws}/members/{member}/timeline";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GroupsQuery {
    /// Calls since then; left out = seven days ago.
    from: Option<Moment>,
    /// Calls before then; left out = now.
    to: Option<Moment>,
    /// What they are grouped by; left out = the tool.
    group_by: Option<GroupBy>,
    /// Only to this server.
    server: Option<String>,
    /// Only of this tool, by the name its server gives it.
    tool: Option<String>,
    /// Only with this token, by id or name.
    token: Option<String>,
    /// Only of this member, by id or address.
    member: Option<String>,
    /// At most so many groups, those with most calls; hours and days are always all there.
    limit: Option<Limit>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SinceQuery {
    /// Calls since then; left out = seven days ago.
    from: Option<Moment>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TimelineQuery {
    /// Calls since then; left out = seven days ago.
    from: Option<Moment>,
    /// At most so many of the newest calls themselves.
    limit: Option<Limit>,
}

pub(super) fn operations() -> Vec<Operation> {
    let of_all = AuthPolicy::Operator;
    vec![
        Operation::new(
            (Method::GET, GROUPS),
            AuthPolicy::Admin,
            ("analyseCalls", "What the calls of a workspace come to"),
            groups,
        ),
        Operation::new(
            (Method::GET, OVERVIEW),
            AuthPolicy::Admin,
            ("getOverview", "Today, this week and this month"),
            overview,
        ),
        Operation::new(
            (Method::GET, LIMITS),
            AuthPolicy::Admin,
            ("listLimited", "Who went over the rate limit"),
            limits,
        ),
        Operation::new(
            (Method::GET, SLOW),
            AuthPolicy::Admin,
            ("explainSlowServer", "Why a server is slow this week"),
            slow,
        ),
        Operation::new(
            (Method::GET, TIMELINE),
            AuthPolicy::Admin,
            ("getMemberTimeline", "What a member, or a token, did"),
            timeline,
        ),
        Operation::new(
            (Method::GET, "/api/analytics"),
            of_all,
            (
                "analyseAllCalls",
                "What the calls of all workspaces come to",
            ),
            groups,
        ),
        Operation::new(
            (Method::GET, "/api/analytics/overview"),
            of_all,
            ("getWholeOverview", "The same of all workspaces"),
            overview,
        ),
        Operation::new(
            (Method::GET, "/api/analytics/limits"),
            of_all,
            ("listAllLimited", "Who went over the rate limit anywhere"),
            limits,
        ),
    ]
}

fn groups(act: &Act<'_>, query: GroupsQuery, _: Nothing) -> Result<Analytics, Problem> {
    Ok(act.admin.analytics(&AnalyticsQuery {
        workspace: act.workspace.cloned(),
        from_ms: query.from.map(Moment::millis),
        to_ms: query.to.map(Moment::millis),
        server: query.server,
        tool: query.tool,
        token: query.token,
        member: query.member,
        limit: Some(Limit::or_default(query.limit)),
        ..AnalyticsQuery::by(query.group_by.unwrap_or(GroupBy::Tool))
    })?)
}

fn overview(act: &Act<'_>, _: Nothing, _: Nothing) -> Result<Overview, Problem> {
    Ok(act.admin.overview(act.workspace)?)
}

fn limits(act: &Act<'_>, query: SinceQuery, _: Nothing) -> Result<LimitsReport, Problem> {
    let from_ms = query.from.map(Moment::millis);
    Ok(act.admin.limits(act.workspace, from_ms)?)
}

fn slow(act: &Act<'_>, _: Nothing, _: Nothing) -> Result<SlowServer, Problem> {
    Ok(act.admin.why_slow(act.scope()?, act.param("server"))?)
}

fn timeline(act: &Act<'_>, query: TimelineQuery, _: Nothing) -> Result<MemberTimeline, Problem> {
    let from_ms = query.from.map(Moment::millis);
    let calls = Limit::or_default(query.limit);
    let member = act.param("member");
    Ok(act
        .admin
        .member_timeline(act.scope()?, member, from_ms, calls)?)
}
