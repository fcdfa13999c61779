//! `toolgatectl plan …`

use std::fmt::Write;

use toolgate_admin::{LimitUsed, Plan, PlanChange, PlanLimits, PlanListed, PlanSet, PlanUsage};

use super::{Context, count};
use crate::args::{PlanCommand, PlanSetArgs};
use crate::ask;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::table::{Tone, maybe, plain, table};

pub(super) fn run(context: &Context<'_>, command: PlanCommand) -> Result<Exit, Failure> {
    match command {
        PlanCommand::Show => context.output.one(&context.admin.plan()?, show)?,
        PlanCommand::List => context.output.many(&context.admin.list_plans()?, list)?,
        PlanCommand::Set(asked) => set(context, &asked)?,
        PlanCommand::Usage => context.output.one(&context.admin.plan_usage()?, usage)?,
    }
    Ok(Exit::Done)
}

fn set(context: &Context<'_>, asked: &PlanSetArgs) -> Result<(), Failure> {
    let change = PlanChange {
        name: asked.name.clone(),
        limits: PlanLimits {
            workspaces: asked.workspaces,
            servers: asked.servers,
            secrets: asked.secrets,
            members: asked.members,
            calls: asked.calls,
            retention_days: asked.retention,
            requests_per_minute: asked.rate,
        },
    };
    if !asked.yes {
        confirm_forgetting(context, &change)?;
    }
    let set = context.admin.set_plan(&change)?;
    context.output.gateway(set.gateway);
    context.output.one(&set, was_set)
}

/// Records of calls are the one thing that a plan takes away.
fn confirm_forgetting(context: &Context<'_>, change: &PlanChange) -> Result<(), Failure> {
    let days = context.admin.retention_days()?;
    match context.admin.planned(change)?.retention_days {
        Some(most) if most < days => ask::confirm(
            "remembering calls for a shorter time",
            &format!(
                "Calls are remembered for {} now; those older than {} will be deleted.\nGo on?",
                count(days, "day"),
                count(most, "day")
            ),
        ),
        _ => Ok(()),
    }
}

fn show(plan: &Plan) -> String {
    let rows = limits(plan).map(|(what, max)| vec![plain(what), plain(max)]);
    let mut text = format!("Plan {}\n\n", plan.name);
    text.push_str(&table(&["LIMIT", "AT MOST"], rows, ""));
    text.push_str(
        "\nChange it: `toolgatectl plan set NAME` or `toolgatectl plan set --servers 100`\n",
    );
    text
}

fn list(plans: &[PlanListed]) -> String {
    let rows = plans.iter().map(|listed| {
        let mut row = vec![
            plain(if listed.active { "*" } else { "" }),
            plain(&listed.plan.name),
        ];
        row.extend(limits(&listed.plan).map(|(_, max)| plain(max)));
        row
    });
    table(
        &[
            "",
            "PLAN",
            "WORKSPACES",
            "SERVERS",
            "SECRETS",
            "MEMBERS",
            "CALLS",
            "DAYS",
            "RATE",
        ],
        rows,
        "",
    )
}

fn limits(plan: &Plan) -> impl Iterator<Item = (&'static str, String)> {
    let days = plan.retention_days.map(u64::from);
    let rate = plan.requests_per_minute.map(u64::from);
    [
        ("workspaces", plan.workspaces),
        ("servers in a workspace", plan.servers_per_workspace),
        ("secrets in a workspace", plan.secrets_per_workspace),
        ("members", plan.members),
        ("calls a month", plan.calls_per_month),
        ("days that calls are remembered", days),
        ("requests a minute of a new token", rate),
    ]
    .into_iter()
    .map(|(what, max)| (what, most(max)))
}

fn most(max: Option<u64>) -> String {
    max.map_or_else(|| "unlimited".to_owned(), |max| max.to_string())
}

fn was_set(set: &PlanSet) -> String {
    let mut text = show(&set.plan);
    if !set.over.is_empty() {
        text.push_str("\nThere is more than that already; it stays, and nothing is added:\n\n");
        text.push_str(&used(&set.over));
    }
    text
}

fn usage(usage: &PlanUsage) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "Plan {}, calls of {}\n", usage.plan, usage.month);
    text.push_str(&used(&usage.limits));
    text
}

fn used(limits: &[LimitUsed]) -> String {
    let rows = limits.iter().map(|limit| {
        let tone = match limit.max {
            None => Tone::Plain,
            Some(max) if limit.used < max => Tone::Good,
            Some(max) if limit.used == max => Tone::Doubtful,
            Some(_) => Tone::Bad,
        };
        vec![
            plain(limit.limit.replace('_', " ")),
            maybe(limit.workspace.as_deref()),
            (limit.used.to_string(), tone),
            plain(most(limit.max)),
        ]
    });
    table(&["LIMIT", "WORKSPACE", "USED", "AT MOST"], rows, "")
}
