//! `toolgatectl mcp …`

use std::fmt::Write;

use toolgate_admin::{
    Baseline, Changes, ChildSettings, EraSetting, HttpKind, Isolation, NewServer, NewTransport,
    Prefix, Probe, ServerAdded, ServerListed, Trust, server_name,
};

use super::tools::{doing, finding_text, waiting};
use super::{Context, count, import};
use crate::args::{
    Ceiling, ChangesArgument, EraArgument, IsolationArgument, McpAdd, McpChild, McpCommand,
    McpLogs, McpServer, PrefixArgument, TransportArgument,
};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::table::{Tone, brief, clean, maybe, plain, table};

pub(super) fn run(context: &Context<'_>, command: McpCommand) -> Result<Exit, Failure> {
    match command {
        McpCommand::Add(asked) => add(context, *asked)?,
        McpCommand::List(asked) => {
            let scope = context.target(asked.workspace.as_deref())?;
            let servers = context.admin.list_servers(&scope)?;
            context.output.many(&servers, list)?;
        }
        McpCommand::Remove(asked) => {
            let scope = context.target(asked.workspace.as_deref())?;
            let removed = context.admin.remove_server(&scope, &asked.server)?;
            context.output.gateway(removed.gateway);
            context.output.one(&removed, |removed| {
                format!(
                    "Removed server {} from workspace {}\n",
                    removed.server, removed.workspace
                )
            })?;
        }
        McpCommand::Enable(asked) => switch(context, &asked, true)?,
        McpCommand::Disable(asked) => switch(context, &asked, false)?,
        McpCommand::Import(asked) => import::run(context, &asked)?,
        McpCommand::Logs(asked) => logs(context, &asked)?,
        McpCommand::Install { name, workspace } => {
            return Err(no_catalog(&name, workspace.as_deref()));
        }
    }
    Ok(Exit::Done)
}

fn no_catalog(name: &str, workspace: Option<&str>) -> Failure {
    let last = server_name(name).unwrap_or_else(|| "NAME".to_owned());
    let into = workspace.map_or(String::new(), |slug| format!(" --workspace {slug}"));
    Failure::told(
        &format!("there is no catalog to install `{name}` from in this version"),
        &format!(
            "add it by its address, `toolgatectl mcp add {last} --url URL{into}`, as a program, `toolgatectl mcp add {last}{into} -- COMMAND ARGS`, or from a proxy file, `toolgatectl import FILE{into}`"
        ),
    )
}

fn add(context: &Context<'_>, asked: McpAdd) -> Result<(), Failure> {
    let scope = context.target(asked.workspace.as_deref())?;
    let transport = match asked.url {
        Some(url) => NewTransport::Http {
            url,
            http: match asked.transport {
                TransportArgument::Auto => HttpKind::Auto,
                TransportArgument::Http => HttpKind::Streamable,
                TransportArgument::Sse => HttpKind::Sse,
            },
            bearer: asked.bearer,
            headers: asked.headers,
            allow_metadata: asked.allow_metadata_address,
        },
        None => NewTransport::Stdio {
            argv: asked.command,
            env: asked.env,
            child: child(asked.child, asked.allow_env),
        },
    };
    let new = NewServer {
        slug: asked.slug,
        transport,
        prefix: match asked.prefix {
            PrefixArgument::Slug => Prefix::Slug,
            PrefixArgument::None => Prefix::None,
        },
        era: match asked.era {
            EraArgument::Auto => EraSetting::Auto,
            EraArgument::Legacy => EraSetting::Legacy,
            EraArgument::Modern => EraSetting::Modern,
        },
        isolation: match asked.isolation {
            IsolationArgument::Auto => Isolation::Auto,
            IsolationArgument::Shared => Isolation::Shared,
            IsolationArgument::Principal => Isolation::Principal,
            IsolationArgument::Session => Isolation::Session,
        },
        timeout: asked.timeout,
        trust: Trust {
            changes: match asked.changes {
                ChangesArgument::Hold => Changes::Hold,
                ChangesArgument::Accept => Changes::Accept,
            },
            baseline: if asked.review {
                Baseline::Review
            } else {
                Baseline::First
            },
        },
    };
    let review = asked.review;
    let working = context.output.working("Contacting the server");
    let added = context.admin.add_server(&scope, &new)?;
    drop(working);
    context.output.gateway(added.gateway);
    context
        .output
        .one(&added, |added| added_text(added, review))
}

/// What was asked, with the defaults where nothing was.
fn child(asked: McpChild, steering_env: Vec<String>) -> ChildSettings {
    let defaults = ChildSettings::default();
    let limit = |asked: Option<Ceiling>, default| asked.map_or(default, |Ceiling(limit)| limit);
    let wrapper = asked.wrapper.unwrap_or_default();
    ChildSettings {
        wrapper: wrapper.split_whitespace().map(str::to_owned).collect(),
        cwd: asked.cwd,
        steering_env,
        max_files: limit(asked.max_files, defaults.max_files),
        max_processes: limit(asked.max_processes, defaults.max_processes),
        max_file_bytes: limit(asked.max_file_size, defaults.max_file_bytes),
        max_memory_bytes: limit(asked.max_memory, defaults.max_memory_bytes),
    }
}

fn added_text(added: &ServerAdded, review: bool) -> String {
    let server = &added.server;
    let (slug, workspace) = (&server.server, &added.workspace);
    let mut text = format!("Added server {slug} to workspace {workspace}\n");
    if let Some(command) = &server.command {
        let _ = writeln!(text, "Starts {}", clean(&command.join(" ")));
    }
    if let Some(allowance) = &added.allowance {
        let plain = allowance.plain_http.then_some("plain http");
        let reasons: Vec<&str> = plain
            .into_iter()
            .chain(allowance.address.as_deref())
            .collect();
        let _ = writeln!(
            text,
            "Allowed for this server alone: {} ({})",
            allowance.origin,
            reasons.join(", "),
        );
    }
    if let Some(package) = &added.floating {
        let _ = writeln!(
            text,
            "warning: {} names no exact version, so what runs tomorrow may be another program; name one, such as name@1.2.3",
            clean(package)
        );
    }
    text.push_str(&probed(&added.probe, slug));
    text.push_str(&trusted(added, review));
    for name in &server.missing_secrets {
        let _ = writeln!(
            text,
            "It needs the secret {name}: `toolgatectl secrets set {slug} {name} --workspace {workspace}`"
        );
    }
    text
}

/// What was approved by adding the server, and what was found in it.
fn trusted(added: &ServerAdded, review: bool) -> String {
    let server = &added.server;
    let mut text: String = added.findings.iter().map(finding_text).collect();
    let held = match &added.probe {
        Probe::Ok { tools, .. } => tools.iter().filter(|tool| tool.held).count(),
        _ => 0,
    };
    let then = match (server.changes, &added.probe) {
        (Changes::Accept, _) => {
            "Every change of its tools is accepted (--changes accept)".to_owned()
        }
        (Changes::Hold, Probe::Ok { .. }) if held > 0 => format!(
            "{}: `toolgatectl tools review {}`",
            waiting(held),
            server.server
        ),
        (Changes::Hold, Probe::Ok { .. }) => format!(
            "Its tools are approved as shown; new and changed ones will wait for `toolgatectl tools review {}`",
            server.server
        ),
        (Changes::Hold, _) if review => {
            "When it answers, each of its tools will wait for an approval (--review)".to_owned()
        }
        (Changes::Hold, _) => "The first list it gives will count as approved, and the audit will say so; to look at it before, remove it and add it with --review".to_owned(),
    };
    let _ = writeln!(text, "{then}");
    text
}

/// What a server offers, or why that is not known.
pub(super) fn probed(probe: &Probe, server: &str) -> String {
    match probe {
        Probe::Ok {
            revision, tools, ..
        } => {
            let rows = tools.iter().map(|tool| {
                let description = tool.description.as_deref().map(|text| brief(text, 80));
                vec![
                    plain(&tool.exposed),
                    doing(tool.classification),
                    if tool.held {
                        ("held".to_owned(), Tone::Bad)
                    } else {
                        ("approved".to_owned(), Tone::Good)
                    },
                    maybe(description.as_deref()),
                ]
            });
            let mut text = format!(
                "{server} answered ({}) with {}\n\n",
                clean(revision),
                count(tools.len() as u64, "tool")
            );
            text.push_str(&table(
                &["TOOL", "DOES", "STATE", "DESCRIPTION"],
                rows,
                "No tools.",
            ));
            text
        }
        Probe::Failed { error, hint } => {
            let mut text = format!("{server} could not be contacted: {}\n", clean(error));
            if let Some(hint) = hint {
                let _ = writeln!(text, "hint: {}", clean(hint));
            }
            text
        }
        Probe::GatewayNotRunning => {
            "No gateway is running, so its tools are found when one is started\n".to_owned()
        }
        Probe::SecretsMissing => String::new(),
    }
}

fn list(servers: &[ServerListed]) -> String {
    let rows = servers.iter().map(|server| {
        let place = match (&server.url, &server.command) {
            (Some(url), _) => url.clone(),
            (None, Some(command)) => command.join(" "),
            (None, None) => String::new(),
        };
        let state = if !server.enabled {
            ("disabled".to_owned(), Tone::Doubtful)
        } else if let Some(held) = &server.held {
            let seconds = held.retry_after_ms.div_ceil(1000);
            let down = if held.often { "held" } else { "down" };
            (
                format!("{down}: {}; next start in {seconds} s", held.reason),
                Tone::Bad,
            )
        } else if server
            .circuit
            .as_deref()
            .is_some_and(|circuit| circuit != "closed")
        {
            ("failing, left alone".to_owned(), Tone::Bad)
        } else if let Some(what) = &server.quarantined {
            (format!("quarantined: {what}"), Tone::Bad)
        } else if server.waiting > 0 && server.missing_secrets.is_empty() {
            (
                format!("enabled, {}", waiting(server.waiting)),
                Tone::Doubtful,
            )
        } else if server.missing_secrets.is_empty() {
            ("enabled".to_owned(), Tone::Good)
        } else {
            (
                format!("needs {}", server.missing_secrets.join(", ")),
                Tone::Bad,
            )
        };
        vec![
            plain(&server.server),
            plain(server.transport),
            plain(place),
            plain(server.tools.to_string()),
            maybe(server.revision.as_deref()),
            state,
        ]
    });
    table(
        &["SERVER", "TYPE", "WHERE", "TOOLS", "REVISION", "STATE"],
        rows,
        "No servers yet. Add one: `toolgatectl mcp add NAME --url URL`",
    )
}

fn logs(context: &Context<'_>, asked: &McpLogs) -> Result<(), Failure> {
    let scope = context.target(asked.workspace.as_deref())?;
    let lines = context
        .admin
        .server_logs(&scope, &asked.server, asked.limit)?;
    context.output.many(&lines, |lines| {
        if lines.is_empty() {
            return "It wrote nothing.\n".to_owned();
        }
        let shown = lines.iter().map(|line| format!("{}\n", clean(&line.text)));
        shown.collect()
    })
}

fn switch(context: &Context<'_>, asked: &McpServer, enabled: bool) -> Result<(), Failure> {
    let scope = context.target(asked.workspace.as_deref())?;
    let word = if enabled { "Enabled" } else { "Disabled" };
    let switched = context
        .admin
        .switch_server(&scope, &asked.server, enabled)?;
    context.output.gateway(switched.gateway);
    context.output.one(&switched, |switched| {
        format!("{word} server {}\n", switched.server)
    })
}
