//! `toolgatectl mcp import`

use std::fmt::Write;

use serde::Serialize;
use toolgate_admin::{AdminError, NewTransport, SecretOwner, WorkspaceScope};

use super::{Context, count};
use crate::args::McpImport;
use crate::ask;
use crate::editors::{Found, Home, search};
use crate::failure::Failure;
use crate::table::{Tone, clean, paint};

/// One server that was found, and what became of it.
#[derive(Debug, Serialize)]
struct Imported {
    workspace: String,
    called: String,
    server: Option<String>,
    file: String,
    transport: Option<&'static str>,
    place: Option<String>,
    secrets: Vec<SecretShown>,
    notes: Vec<String>,
    /// `found`, `added` or `skipped`.
    state: &'static str,
    reason: Option<String>,
}

#[derive(Debug, Serialize)]
struct SecretShown {
    name: String,
    place: String,
    /// `found`, `moved` or `missing`.
    value: &'static str,
}

pub(super) fn run(context: &Context<'_>, asked: &McpImport) -> Result<(), Failure> {
    let scope = context.target(asked.workspace.as_deref())?;
    let mut found = search(asked.from.as_deref(), Home::of_user().as_ref())?;
    let wanted = |found: &Found| {
        let slug = found.server.as_ref().ok().map(|server| &server.slug);
        asked.only.is_empty()
            || asked.only.contains(&found.called)
            || slug.is_some_and(|slug| asked.only.contains(slug))
    };
    found.retain(wanted);
    refuse_known(context, &scope, &mut found)?;
    let rows: Vec<Imported> = found.iter().map(|found| shown(found, &scope)).collect();
    let color = context.output.colors();
    let new = found.iter().filter(|found| found.server.is_ok()).count() as u64;
    if asked.dry_run || new == 0 {
        return context.output.many(&rows, |rows| list(rows, color));
    }
    if !asked.yes {
        let question = format!(
            "{}\nAdd {} to workspace `{}`, and put the secrets into its vault?",
            list(&rows, color),
            count(new, "server"),
            scope.slug()
        );
        let what = format!("adding {}", count(new, "server"));
        ask::confirm_or(
            &what,
            &question,
            "look at them with --dry-run, then add --yes",
        )?;
    }
    let rows = rows.into_iter().zip(&found);
    let rows: Vec<Imported> = rows
        .map(|(row, found)| add(context, &scope, row, found))
        .collect::<Result<_, _>>()?;
    context
        .output
        .many(&rows, |rows| list(rows, color) + &after(rows))
}

/// What is there already is not added again, nor is this gateway itself.
fn refuse_known(
    context: &Context<'_>,
    scope: &WorkspaceScope,
    found: &mut [Found],
) -> Result<(), Failure> {
    let there = context.admin.list_servers(scope)?;
    let workspaces = context.admin.list_workspaces()?;
    for found in found {
        let place = found.place();
        let Ok(server) = &found.server else { continue };
        let own = workspaces.iter().find(|workspace| workspace.url == place);
        let reason = if let Some(own) = own {
            format!("it is this gateway's own workspace `{}`", own.slug)
        } else if there.iter().any(|known| known.server == server.slug) {
            format!("the workspace has a server `{}` already", server.slug)
        } else {
            continue;
        };
        found.server = Err(reason);
    }
    Ok(())
}

fn shown(found: &Found, scope: &WorkspaceScope) -> Imported {
    let server = found.server.as_ref().ok();
    Imported {
        workspace: scope.slug().to_string(),
        called: found.called.clone(),
        server: server.map(|server| server.slug.clone()),
        file: found.file.display().to_string(),
        transport: server.map(|server| match server.transport {
            NewTransport::Http { .. } => "http",
            NewTransport::Stdio { .. } => "stdio",
        }),
        place: server.map(|_| found.place()),
        secrets: found
            .values
            .iter()
            .map(|value| SecretShown {
                name: value.name.clone(),
                place: value.place.clone(),
                value: if value.text.is_some() {
                    "found"
                } else {
                    "missing"
                },
            })
            .collect(),
        notes: found.notes.clone(),
        state: if server.is_some() { "found" } else { "skipped" },
        reason: found.server.as_ref().err().cloned(),
    }
}

/// Adds one server with its secrets. What is refused for what it is gets a reason; what breaks ends the command.
fn add(
    context: &Context<'_>,
    scope: &WorkspaceScope,
    mut row: Imported,
    found: &Found,
) -> Result<Imported, Failure> {
    let Ok(server) = &found.server else {
        return Ok(row);
    };
    let skip = |row: Imported, error: &AdminError| {
        let hint = error
            .hint()
            .map_or(String::new(), |hint| format!("; {hint}"));
        Imported {
            state: "skipped",
            reason: Some(format!("{error}{hint}")),
            ..row
        }
    };
    match context.admin.save_server(scope, server) {
        Err(
            error @ (AdminError::Server(_) | AdminError::Slug(_) | AdminError::NotAlone { .. }),
        ) => {
            return Ok(skip(row, &error));
        }
        other => drop(other?),
    }
    row.state = "added";
    let owner = SecretOwner::Server(&server.slug);
    for (secret, shown) in found.values.iter().zip(&mut row.secrets) {
        let Some(value) = &secret.text else { continue };
        match context.admin.keep_secret(scope, owner, &secret.name, value) {
            Ok(_) => shown.value = "moved",
            Err(AdminError::SecretValue(why)) => {
                shown.value = "missing";
                row.notes
                    .push(format!("the {} is not taken: {why}", secret.place));
            }
            Err(other) => return Err(other.into()),
        }
    }
    Ok(row)
}

fn list(rows: &[Imported], color: bool) -> String {
    if rows.is_empty() {
        return "No servers were found; name a file with --from FILE\n".to_owned();
    }
    let mut text = String::new();
    let mut file = "";
    for row in rows {
        if row.file != file {
            file = &row.file;
            let _ = writeln!(text, "{}", clean(file));
        }
        let (mark, tone) = match row.state {
            "skipped" => ("-", Tone::Doubtful),
            _ => ("+", Tone::Good),
        };
        let called = row.server.as_ref().unwrap_or(&row.called);
        let place = row.place.as_deref().or(row.reason.as_deref());
        let place = place.unwrap_or_default();
        let _ = writeln!(
            text,
            "  {}  {}",
            paint(&format!("{mark} {}", clean(called)), tone, color),
            clean(place)
        );
        if let (Some(_), Some(reason)) = (&row.place, &row.reason) {
            let _ = writeln!(text, "      skipped: {}", clean(reason));
        }
        for secret in &row.secrets {
            let value = match secret.value {
                "moved" => "is in the vault now",
                "found" => "a secret, for the vault",
                _ => "a secret whose value is not in the file",
            };
            let _ = writeln!(
                text,
                "      {} ({}): {value}",
                secret.name,
                clean(&secret.place)
            );
        }
        for note in &row.notes {
            let _ = writeln!(text, "      note: {}", clean(note));
        }
    }
    text
}

fn after(rows: &[Imported]) -> String {
    let added = rows.iter().filter(|row| row.state == "added");
    let mut text = format!(
        "\nAdded {}; none was contacted: `toolgatectl workspace test` does that\n",
        count(added.clone().count() as u64, "server")
    );
    for row in added {
        let slug = row.server.as_deref().unwrap_or_default();
        for secret in row
            .secrets
            .iter()
            .filter(|secret| secret.value == "missing")
        {
            let _ = writeln!(
                text,
                "It needs the secret {0}: `toolgatectl secrets set {slug} {0} --workspace {1}`",
                secret.name, row.workspace
            );
        }
    }
    text.push_str(
        "The entries still stand in the editors' files: `toolgatectl connect EDITOR --remove-imported` takes those entries out\n",
    );
    text
}
