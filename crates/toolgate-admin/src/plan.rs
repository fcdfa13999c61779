//! Plans: how much there may be, and how much there is (product.md section 25).

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_store::plan::PLAN;
use toolgate_store::{CallsReader, Month, Plan};

use crate::time::now_ms;
use crate::{Admin, AdminError, GatewayState};

/// A plan that has a name from the start.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PlanListed {
    /// What it allows.
    #[serde(flatten)]
    pub plan: Plan,
    /// Whether it is the one in force.
    pub active: bool,
}

/// What is to become of the plan in force.
#[derive(Debug, Clone, Default)]
pub struct PlanChange {
    /// Start from the built-in plan of this name; else from the one in force.
    pub name: Option<String>,
    /// Limits to change in it.
    pub limits: PlanLimits,
}

/// Limits to change; each as it is when absent, and no limit where it says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlanLimits {
    /// Workspaces.
    pub workspaces: Option<Bound>,
    /// Servers in each workspace.
    pub servers: Option<Bound>,
    /// Secrets in each workspace.
    pub secrets: Option<Bound>,
    /// People.
    pub members: Option<Bound>,
    /// Calls in a calendar month.
    pub calls: Option<Bound>,
    /// Days that calls are remembered at most.
    pub retention_days: Option<Bound>,
    /// What a new token may ask in any 60 seconds.
    pub requests_per_minute: Option<Bound>,
}

/// How much of something there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// As much as anybody wants.
    Unlimited,
    /// At most this.
    AtMost(u64),
}

/// The plan that was put in force.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PlanSet {
    /// What it allows.
    #[serde(flatten)]
    pub plan: Plan,
    /// What there is more of than it allows: that stays, and nothing is added.
    pub over: Vec<LimitUsed>,
    /// What became of the change at the gateway.
    pub gateway: GatewayState,
}

/// How much there is, beside how much there may be.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PlanUsage {
    /// The plan in force.
    pub plan: String,
    /// The month of the calls, such as `2026-11` (UTC).
    pub month: String,
    /// Each limit, of each workspace where it is one of workspaces.
    pub limits: Vec<LimitUsed>,
}

/// One limit and what is used of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LimitUsed {
    /// Its name in the plan, such as `servers_per_workspace`.
    pub limit: &'static str,
    /// The workspace it is about; null = the installation.
    pub workspace: Option<String>,
    /// How much there is.
    pub used: u64,
    /// How much there may be; null = no limit.
    pub max: Option<u64>,
}

impl LimitUsed {
    /// Whether there is more than there may be.
    pub fn is_over(&self) -> bool {
        self.max.is_some_and(|max| self.used > max)
    }
}

impl Admin {
    /// The plan in force.
    pub fn plan(&self) -> Result<Plan, AdminError> {
        Ok(self.store.settings()?.plan())
    }

    /// How many days calls are remembered, as far as the plan in force lets them be.
    pub fn retention_days(&self) -> Result<u32, AdminError> {
        Ok(self.store.settings()?.retention_days())
    }

    /// The plans that have a name from the start, and the one in force if it is another.
    pub fn list_plans(&self) -> Result<Vec<PlanListed>, AdminError> {
        let present = self.plan()?;
        let mut plans: Vec<PlanListed> = Plan::built_in()
            .into_iter()
            .map(|plan| PlanListed {
                active: plan == present,
                plan,
            })
            .collect();
        if !plans.iter().any(|listed| listed.active) {
            plans.push(PlanListed {
                plan: present,
                active: true,
            });
        }
        Ok(plans)
    }

    /// What a change would make of the plan in force; changes nothing.
    pub fn planned(&self, change: &PlanChange) -> Result<Plan, AdminError> {
        let mut plan = match &change.name {
            None => self.plan()?,
            Some(name) => named(name)?,
        };
        if change.limits != PlanLimits::default() {
            change.limits.apply(&mut plan)?;
            "custom".clone_into(&mut plan.name);
        }
        Ok(plan)
    }

    /// Puts a plan in force. What there is above a limit that was lowered stays; nothing new is added.
    pub fn set_plan(&self, change: &PlanChange) -> Result<PlanSet, AdminError> {
        let plan = self.planned(change)?;
        let json = serde_json::to_string(&plan).map_err(|_| AdminError::UnknownPlan {
            name: plan.name.clone(),
            known: Vec::new(),
        })?;
        self.store.set_setting(&self.actor, PLAN, &json)?;
        let gateway = self.knock();
        let mut over = self.plan_usage()?.limits;
        over.retain(LimitUsed::is_over);
        Ok(PlanSet {
            plan,
            over,
            gateway,
        })
    }

    /// How much there is of everything that the plan in force limits.
    pub fn plan_usage(&self) -> Result<PlanUsage, AdminError> {
        let plan = self.plan()?;
        let now = now_ms();
        let month = Month::of(now);
        let usage = self.store.usage()?;
        let calls = CallsReader::open(&self.dir)?.count_sent(month.starts_ms(), now)?;
        let of_all = |limit, used, max| LimitUsed {
            limit,
            workspace: None,
            used,
            max,
        };
        let mut limits = vec![
            of_all("workspaces", usage.workspaces, plan.workspaces),
            of_all("members", usage.members, plan.members),
            of_all(
                "calls_per_month",
                calls.values().sum(),
                plan.calls_per_month,
            ),
        ];
        for slug in self.slugs()? {
            let scope = self.scope(&slug)?;
            let of_one = |limit, used: usize, max| LimitUsed {
                limit,
                workspace: Some(slug.clone()),
                used: used as u64,
                max,
            };
            let servers = self.store.servers(&scope)?.len();
            let secrets = self.store.list_secrets(&scope)?.len();
            limits.push(of_one(
                "servers_per_workspace",
                servers,
                plan.servers_per_workspace,
            ));
            limits.push(of_one(
                "secrets_per_workspace",
                secrets,
                plan.secrets_per_workspace,
            ));
        }
        Ok(PlanUsage {
            plan: plan.name,
            month: month.name(),
            limits,
        })
    }
}

impl PlanLimits {
    fn apply(&self, plan: &mut Plan) -> Result<(), AdminError> {
        let set = |place: &mut Option<u64>, bound: Option<Bound>| {
            if let Some(bound) = bound {
                *place = bound.most();
            }
        };
        set(&mut plan.workspaces, self.workspaces);
        set(&mut plan.servers_per_workspace, self.servers);
        set(&mut plan.secrets_per_workspace, self.secrets);
        set(&mut plan.members, self.members);
        set(&mut plan.calls_per_month, self.calls);
        if let Some(bound) = self.retention_days {
            plan.retention_days = bound.within("retention", 3_650)?;
        }
        if let Some(bound) = self.requests_per_minute {
            plan.requests_per_minute = bound.within("rate", 1_000_000)?;
        }
        Ok(())
    }
}

impl Bound {
    fn most(self) -> Option<u64> {
        match self {
            Self::Unlimited => None,
            Self::AtMost(most) => Some(most),
        }
    }

    /// The same for a number that has a range of its own.
    fn within(self, what: &'static str, greatest: u32) -> Result<Option<u32>, AdminError> {
        let Some(most) = self.most() else {
            return Ok(None);
        };
        u32::try_from(most)
            .ok()
            .filter(|most| (1..=greatest).contains(most))
            .map(Some)
            .ok_or(AdminError::PlanLimit { what, greatest })
    }
}

fn named(name: &str) -> Result<Plan, AdminError> {
    let plans = Plan::built_in();
    let known = plans.iter().map(|plan| plan.name.clone()).collect();
    let found = plans.into_iter().find(|plan| plan.name == name);
    found.ok_or_else(|| AdminError::UnknownPlan {
        name: name.to_owned(),
        known,
    })
}
