//! Plans: named sets of limits (product.md section 25), one of them in force.

use serde::{Deserialize, Serialize};

use crate::settings::Settings;

/// The setting that holds the plan in force, as JSON. Default: [`Plan::default`].
pub const PLAN: &str = "plan";

/// How much there may be. `None` is no limit; what JSON leaves out is as in the default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Plan {
    /// What it is called.
    pub name: String,
    /// Workspaces.
    pub workspaces: Option<u64>,
    /// Servers in each workspace.
    pub servers_per_workspace: Option<u64>,
    /// Secrets in each workspace.
    pub secrets_per_workspace: Option<u64>,
    /// People: the team, members of workspaces, open invitations; each address counts once.
    pub members: Option<u64>,
    /// Calls in a calendar month (UTC), of all workspaces together.
    pub calls_per_month: Option<u64>,
    /// Days that calls are remembered at most.
    pub retention_days: Option<u32>,
    /// What a new token may ask in any 60 seconds, unless it is made with another limit.
    pub requests_per_minute: Option<u32>,
}

impl Default for Plan {
    /// What an installation starts with: whoever runs it on a machine of their own sells no seats.
    fn default() -> Self {
        Self {
            name: "self-hosted".to_owned(),
            workspaces: None,
            servers_per_workspace: Some(50),
            secrets_per_workspace: None,
            members: None,
            calls_per_month: None,
            retention_days: None,
            requests_per_minute: Some(120),
        }
    }
}

impl Plan {
    /// The plans that have a name from the start.
    pub fn built_in() -> Vec<Self> {
        let sold =
            |name: &str, [workspaces, servers, calls, secrets, members]: [u64; 5], days| Self {
                name: name.to_owned(),
                workspaces: Some(workspaces),
                servers_per_workspace: Some(servers),
                secrets_per_workspace: Some(secrets),
                members: Some(members),
                calls_per_month: Some(calls),
                retention_days: Some(days),
                ..Self::default()
            };
        vec![
            Self::default(),
            sold("free", [3, 5, 5_000, 10, 1], 1),
            sold("starter", [10, 15, 50_000, 50, 3], 7),
            sold("pro", [50, 50, 500_000, 200, 10], 30),
            sold("business", [200, 200, 5_000_000, 1_000, 25], 90),
            Self {
                name: "unlimited".to_owned(),
                servers_per_workspace: None,
                ..Self::default()
            },
        ]
    }

    /// Reads a plan as it is stored.
    pub fn parse(json: &str) -> Option<Self> {
        let plan: Self = serde_json::from_str(json).ok()?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let has_name = (1..=40).contains(&plan.name.len()) && plan.name.chars().all(is_name);
        let days = plan
            .retention_days
            .is_none_or(|days| (1..=3650).contains(&days));
        let rate = plan
            .requests_per_minute
            .is_none_or(|rate| (1..=1_000_000).contains(&rate));
        (has_name && days && rate).then_some(plan)
    }
}

impl Settings {
    /// The plan in force ([`PLAN`]).
    pub fn plan(&self) -> Plan {
        self.get(PLAN).and_then(Plan::parse).unwrap_or_default()
    }
}
