//! Settings of the installation, its plan, and what is used of it.

use std::collections::BTreeMap;

use hyper::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolgate_admin::{LimitUsed, PlanListed, SettingChanged, SettingListed};

use crate::input::Nothing;
use crate::operation::{Act, AuthPolicy, Operation};
use crate::problem::Problem;

#[derive(Debug, Serialize, JsonSchema)]
struct Settings {
    /// By name.
    settings: Vec<SettingListed>,
}

/// What a setting is to be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("required" = ["value"]))]
struct SettingWanted {
    /// The value; null = back to the default.
    #[serde(deserialize_with = "Option::deserialize")]
    value: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Plans {
    /// The plans that have a name, and the one in force if it is another.
    plans: Vec<PlanListed>,
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
            (Method::GET, "/api/settings"),
            AuthPolicy::Operator,
            ("listSettings", "List the settings of the installation"),
            list,
        ),
        Operation::new(
            (Method::PATCH, "/api/settings/{setting}"),
            AuthPolicy::Operator,
            ("changeSetting", "Change a setting"),
            change,
        ),
        Operation::new(
            (Method::GET, "/api/plan"),
            AuthPolicy::Operator,
            ("listPlans", "List the plans, and which one is in force"),
            plans,
        ),
        Operation::new(
            (Method::GET, "/api/billing/usage"),
            AuthPolicy::Operator,
            ("getUsage", "What is used of the plan"),
            usage,
        ),
    ]
}

fn list(act: &Act<'_>, _: Nothing, _: Nothing) -> Result<Settings, Problem> {
    let settings = act.admin.list_settings()?;
    Ok(Settings { settings })
}

fn change(act: &Act<'_>, _: Nothing, wanted: SettingWanted) -> Result<SettingChanged, Problem> {
    let name = act.param("setting");
    Ok(match wanted.value {
        Some(value) => act.admin.set_setting(name, &value)?,
        None => act.admin.unset_setting(name)?,
    })
}

fn plans(act: &Act<'_>, _: Nothing, _: Nothing) -> Result<Plans, Problem> {
    let plans = act.admin.list_plans()?;
    Ok(Plans { plans })
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
