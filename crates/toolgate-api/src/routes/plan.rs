//! The plan: how much there may be, and what is used of it.

use std::collections::BTreeMap;

use hyper::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolgate_admin::{LimitUsed, PlanChange, PlanLimits, PlanListed, PlanSet};

use crate::fields::{Amount, Days, Most, Rate};
use crate::input::Nothing;
use crate::operation::{Act, AuthPolicy, Operation};
use crate::problem::Problem;

#[derive(Debug, Serialize, JsonSchema)]
struct Plans {
    /// The plans that have a name, and the one in force if it is another.
    plans: Vec<PlanListed>,
}

/// A plan to put in force. What is left out stays as it is, or as the named plan has it; null = no limit.
///
/// What there is above a lowered limit stays, and nothing is added. Calls older than the retention are deleted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PlanWanted {
    /// The built-in plan to start from; left out = the one in force.
    name: Option<String>,
    /// Workspaces.
    #[serde(default)]
    workspaces: Most<Amount>,
    /// Servers in each workspace.
    #[serde(default)]
    servers_per_workspace: Most<Amount>,
    /// Secrets in each workspace.
    #[serde(default)]
    secrets_per_workspace: Most<Amount>,
    /// People: the team, members of workspaces, open invitations; each address counts once.
    #[serde(default)]
    members: Most<Amount>,
    /// Calls in a calendar month (UTC), of all workspaces together.
    #[serde(default)]
    calls_per_month: Most<Amount>,
    /// Days that calls are remembered at most.
    #[serde(default)]
    retention_days: Most<Days>,
    /// What a new token may ask in any 60 seconds, unless it is made with another limit.
    #[serde(default)]
    requests_per_minute: Most<Rate>,
}

/// What is used of the plan.
#[expect(
    clippy::struct_field_names,
    reason = "the names are those of the reply"
)]
#[derive(Debug, Serialize, JsonSchema)]
struct Usage {
    /// Name of the plan in force.
    tier: String,
    /// The month of the calls, such as `2026-11` (UTC).
    period: String,
    /// What is used of each limit of the installation.
    usage: BTreeMap<&'static str, Used>,
    /// What is used of the limits that each workspace has.
    workspaces: Vec<LimitUsed>,
}

/// What is used of one limit.
#[derive(Debug, Serialize, JsonSchema)]
struct Used {
    /// How much there is.
    used: u64,
    /// How much there may be; null = no limit.
    limit: Option<u64>,
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            (Method::GET, "/api/plan"),
            AuthPolicy::Operator,
            ("listPlans", "List the plans, and which one is in force"),
            plans,
        ),
        Operation::new(
            (Method::PATCH, "/api/plan"),
            AuthPolicy::Operator,
            (
                "setPlan",
                "Put a plan in force, or change limits of the one that is",
            ),
            set,
        ),
        Operation::new(
            (Method::GET, "/api/billing/usage"),
            AuthPolicy::Operator,
            ("getUsage", "What is used of the plan"),
            usage,
        ),
    ]
}

fn plans(act: &Act<'_>, _: Nothing, _: Nothing) -> Result<Plans, Problem> {
    let plans = act.admin.list_plans()?;
    Ok(Plans { plans })
}

fn set(act: &Act<'_>, _: Nothing, wanted: PlanWanted) -> Result<PlanSet, Problem> {
    let limits = PlanLimits {
        workspaces: wanted.workspaces.0,
        servers: wanted.servers_per_workspace.0,
        secrets: wanted.secrets_per_workspace.0,
        members: wanted.members.0,
        calls: wanted.calls_per_month.0,
        retention_days: wanted.retention_days.0,
        requests_per_minute: wanted.requests_per_minute.0,
    };
    if wanted.name.is_none() && limits == PlanLimits::default() {
        return Err(Problem::invalid("neither a plan nor a limit was named")
            .hint("say `name`, such as `pro`, or a limit, such as `servers_per_workspace`"));
    }
    Ok(act.admin.set_plan(&PlanChange {
        name: wanted.name,
        limits,
    })?)
}

fn usage(act: &Act<'_>, _: Nothing, _: Nothing) -> Result<Usage, Problem> {
    let found = act.admin.plan_usage()?;
    let (workspaces, whole): (Vec<_>, Vec<_>) = found
        .limits
        .into_iter()
        .partition(|limit| limit.workspace.is_some());
    let usage = whole.into_iter().map(|limit| {
        let name = match limit.limit {
            "calls_per_month" => "mcp_proxy_calls",
            name => name,
        };
        let used = Used {
            used: limit.used,
            limit: limit.max,
        };
        (name, used)
    });
    Ok(Usage {
        tier: found.plan,
        period: found.month,
        usage: usage.collect(),
        workspaces,
    })
}
