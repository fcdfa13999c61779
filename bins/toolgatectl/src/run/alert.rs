//! `toolgatectl alert …`

use std::fmt::Write as _;
use std::time::Duration;

use toolgate_admin::{
    AdminError, AlertDelivered, AlertListed, AlertRule, NewAlert, ServerSlug, WorkspaceScope,
};

use super::Context;
use crate::args::{AlertCommand, AlertCreate, WhichAlert};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::table::{Tone, maybe, plain, table, time};

pub(super) fn run(context: &Context<'_>, command: AlertCommand) -> Result<Exit, Failure> {
    match command {
        AlertCommand::Create(asked) => create(context, asked),
        AlertCommand::List { workspace, all } => list(context, workspace.as_deref(), all),
        AlertCommand::Enable { which } => switch(context, &which, true),
        AlertCommand::Disable { which } => switch(context, &which, false),
        AlertCommand::Delete { which } => delete(context, &which),
        AlertCommand::Test { which } => test(context, &which),
    }
}

fn create(context: &Context<'_>, asked: AlertCreate) -> Result<Exit, Failure> {
    let scope = scope(context, asked.workspace.as_deref(), asked.all)?;
    let new = NewAlert {
        rule: rule(&asked)?,
        name: asked.name,
        url: asked.url,
        secret: asked.secret,
        // Whoever types this has the host (S-65).
        allow_private: true,
    };
    let created = context.admin.create_alert(scope.as_ref(), &new)?;
    context.output.gateway(created.gateway);
    if let Some(allowance) = &created.allowance {
        context.output.note(&format!(
            "{} is private or plain http; this alert may reach exactly that host and port",
            allowance.origin
        ));
    }
    context.output.one(&created, |created| {
        let alert = &created.alert;
        format!(
            "Alert {} ({}): {}\nTry it: `toolgatectl alert test {}`\n",
            alert.name,
            alert.id,
            in_words(&alert.rule),
            alert.id
        )
    })?;
    Ok(Exit::Done)
}

fn rule(asked: &AlertCreate) -> Result<AlertRule, Failure> {
    let server = asked.server.as_deref().map(ServerSlug::try_from);
    let server = server.transpose().map_err(AdminError::from)?;
    let (window_s, least_calls) = (seconds(asked.window), asked.least_calls);
    let watched = &asked.watched;
    Ok(if let Some(over_percent) = watched.error_rate {
        AlertRule::ErrorRate {
            over_percent,
            window_s,
            least_calls,
            server,
        }
    } else if let Some(p95_over_ms) = watched.latency {
        AlertRule::Latency {
            p95_over_ms,
            window_s,
            least_calls,
            server,
        }
    } else if let Some(at_percent) = watched.quota {
        AlertRule::Quota { at_percent }
    } else if let Some(down) = watched.server_down {
        AlertRule::ServerDown {
            for_s: seconds(down),
            server,
        }
    } else {
        AlertRule::Pins
    })
}

fn list(context: &Context<'_>, workspace: Option<&str>, all: bool) -> Result<Exit, Failure> {
    let scope = scope(context, workspace, all)?;
    let alerts = context.admin.list_alerts(scope.as_ref())?;
    context.output.many(&alerts, alerts_table)?;
    Ok(Exit::Done)
}

fn alerts_table(alerts: &[AlertListed]) -> String {
    let rows = alerts.iter().map(|alert| {
        let stands = match &alert.firing_since {
            _ if !alert.enabled => ("off".to_owned(), Tone::Doubtful),
            Some(since) => (format!("since {}", time(since)), Tone::Bad),
            None => plain("quiet"),
        };
        vec![
            plain(&alert.id),
            plain(&alert.name),
            maybe(alert.workspace.as_deref()),
            plain(in_words(&alert.rule)),
            stands,
            maybe(alert.last_delivery.as_ref().map(outcome).as_deref()),
        ]
    });
    table(
        &[
            "ID",
            "NAME",
            "WORKSPACE",
            "WATCHES",
            "STANDS",
            "LAST WEBHOOK",
        ],
        rows,
        "No alerts yet. Make one: `toolgatectl alert create NAME --error-rate 5 --url URL`",
    )
}

fn switch(context: &Context<'_>, which: &WhichAlert, enabled: bool) -> Result<Exit, Failure> {
    let scope = scope(context, which.workspace.as_deref(), which.all)?;
    let switched = context
        .admin
        .switch_alert(scope.as_ref(), &which.alert, enabled)?;
    context.output.gateway(switched.gateway);
    context.output.one(&switched, |switched| {
        let on = if switched.enabled { "on" } else { "off" };
        format!("Alert {} is {on}\n", switched.name)
    })?;
    Ok(Exit::Done)
}

fn delete(context: &Context<'_>, which: &WhichAlert) -> Result<Exit, Failure> {
    let scope = scope(context, which.workspace.as_deref(), which.all)?;
    let deleted = context.admin.delete_alert(scope.as_ref(), &which.alert)?;
    context.output.gateway(deleted.gateway);
    context.output.one(&deleted, |deleted| {
        format!("Deleted alert {}\n", deleted.name)
    })?;
    Ok(Exit::Done)
}

fn test(context: &Context<'_>, which: &WhichAlert) -> Result<Exit, Failure> {
    let scope = scope(context, which.workspace.as_deref(), which.all)?;
    let tested = context.admin.test_alert(scope.as_ref(), &which.alert)?;
    context.output.one(&tested, |tested| {
        let mut text = format!(
            "Sample of alert {}: {}\n",
            tested.name,
            outcome(&tested.delivery)
        );
        if !tested.delivery.delivered {
            let _ = writeln!(
                text,
                "hint: the receiver has to answer with a status from 200 to 299"
            );
        }
        text
    })?;
    Ok(if tested.delivery.delivered {
        Exit::Done
    } else {
        Exit::Failed
    })
}

/// Where the alert belongs: nowhere in particular when it is about all.
fn scope(
    context: &Context<'_>,
    workspace: Option<&str>,
    all: bool,
) -> Result<Option<WorkspaceScope>, Failure> {
    if all {
        return Ok(None);
    }
    context.target(workspace).map(Some)
}

fn outcome(delivery: &AlertDelivered) -> String {
    if delivery.delivered {
        return format!("delivered {}", time(&delivery.at));
    }
    let why = delivery.error.as_deref().unwrap_or("it was not taken");
    format!("not delivered {}: {why}", time(&delivery.at))
}

fn in_words(rule: &AlertRule) -> String {
    let of = rule
        .server()
        .map_or_else(String::new, |server| format!(" of {server}"));
    match rule {
        AlertRule::ErrorRate {
            over_percent,
            window_s,
            ..
        } => format!("more than {over_percent} % of calls{of} fail within {window_s} s"),
        AlertRule::Latency {
            p95_over_ms,
            window_s,
            ..
        } => format!("p95 of calls{of} over {p95_over_ms} ms within {window_s} s"),
        AlertRule::Quota { at_percent } => format!("{at_percent} % of the calls a month"),
        AlertRule::Pins => "a tool is held".to_owned(),
        AlertRule::ServerDown { for_s, server } => {
            let server = server.as_ref().map_or("a server", ServerSlug::as_str);
            format!("{server} gets no calls for {for_s} s")
        }
    }
}

fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}
