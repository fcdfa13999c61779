//! `toolgatectl export`, `apply` and `import`

use std::fmt::Write;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde_json::json;
use toolgate_admin::{
    AdminError, FieldChange, FileApplied, FileChange, FilePlan, GatewayState, PlannedFile,
    ProxyFile, ServerSaved, TokenCreated, WorkspaceFile,
};

use super::{Context, count};
use crate::args::{Apply, Export, How, Import};
use crate::ask;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::table::{Tone, clean, paint};

/// A workspace of fifty servers with everything settled has some hundred KiB.
const READ_MAX: u64 = 4 * 1024 * 1024;

pub(super) fn export(context: &Context<'_>, asked: &Export) -> Result<Exit, Failure> {
    let scope = context.target(asked.slug.as_deref())?;
    let file = context.admin.export_workspace(&scope)?;
    let text = file.text().map_err(AdminError::from)?;
    let workspace = scope.slug().to_string();
    let Some(path) = &asked.output else {
        let report = json!({ "workspace": workspace, "file": null, "text": text });
        context.output.one(&report, |_| text.clone())?;
        return Ok(Exit::Done);
    };
    std::fs::write(path, &text).map_err(|source| Failure::File {
        path: path.clone(),
        source,
    })?;
    let report = json!({ "workspace": workspace, "file": path, "text": null });
    context.output.one(&report, |_| {
        format!("Wrote workspace {workspace} to {}\n", path.display())
    })?;
    Ok(Exit::Done)
}

pub(super) fn apply(context: &Context<'_>, asked: &Apply) -> Result<Exit, Failure> {
    let text = read(&asked.file)?;
    put(context, &text, &asked.how, asked.prune)
}

pub(super) fn import(context: &Context<'_>, asked: &Import) -> Result<Exit, Failure> {
    let text = read(&asked.file)?;
    if text.trim_start().starts_with('{') {
        return proxy(context, &text, asked);
    }
    if asked.name.is_some() {
        return Err(Failure::told(
            "--name is for a proxy file, and this is a workspace's",
            "leave it out",
        ));
    }
    put(context, &text, &asked.how, false)
}

fn put(context: &Context<'_>, text: &str, how: &How, prune: bool) -> Result<Exit, Failure> {
    let file = WorkspaceFile::parse(text).map_err(AdminError::from)?;
    let plan = context
        .admin
        .plan_file(&file, how.workspace.as_deref(), prune)?;
    if how.dry_run {
        let shown = FileApplied {
            plan: plan.shown,
            applied: false,
            tokens: Vec::new(),
            gateway: GatewayState::NotRunning,
        };
        let color = context.output.colors();
        context
            .output
            .one(&shown, |shown| difference(&shown.plan, color))?;
        return Ok(Exit::Done);
    }
    if !plan.shown.changes.is_empty() && !how.yes {
        confirm(context, &plan)?;
    }
    let applied = context.admin.apply_file(plan)?;
    context.output.gateway(applied.gateway);
    let color = context.output.colors();
    let is_shown = !how.yes;
    context.output.one(&applied, |applied| {
        let before = if is_shown && applied.applied {
            String::new()
        } else {
            difference(&applied.plan, color)
        };
        before + &done(applied)
    })?;
    Ok(Exit::Done)
}

fn confirm(context: &Context<'_>, plan: &PlannedFile) -> Result<(), Failure> {
    let slug = &plan.shown.workspace;
    let question = format!(
        "{}\nPut this into force in workspace `{slug}`?",
        difference(&plan.shown, context.output.colors())
    );
    let what = format!(
        "{} of workspace `{slug}`",
        count(plan.shown.changes.len() as u64, "change")
    );
    ask::confirm_or(
        &what,
        &question,
        "look at them with --dry-run, then add --yes",
    )
}

/// What is different, one line for each thing and each setting of it.
fn difference(plan: &FilePlan, color: bool) -> String {
    let mut text = String::new();
    if plan.changes.is_empty() {
        let _ = writeln!(text, "Workspace {} is as the file says", plan.workspace);
    }
    for change in &plan.changes {
        text.push_str(&line(change, color));
        for field in &change.fields {
            let _ = writeln!(text, "      {}", setting(change, field));
        }
    }
    for kept in &plan.kept {
        let _ = writeln!(
            text,
            "  = {}: not in the file, stays (--prune removes it)",
            clean(kept)
        );
    }
    for name in &plan.expired {
        let _ = writeln!(
            text,
            "  = token {}: its time is over, so it is not made",
            clean(name)
        );
    }
    text
}

fn line(change: &FileChange, color: bool) -> String {
    let (mark, tone) = match change.change {
        "added" => ("+", Tone::Good),
        "removed" => ("-", Tone::Bad),
        _ => ("~", Tone::Doubtful),
    };
    let text = format!("  {mark} {} {}", change.what, clean(&change.name));
    format!("{}\n", paint(&text, tone, color))
}

fn setting(change: &FileChange, field: &FieldChange) -> String {
    let value = |value: &Option<String>| value.as_deref().map_or("default".to_owned(), clean);
    if change.change == "added" {
        return format!("{} = {}", field.field, value(&field.new));
    }
    format!(
        "{}: {} -> {}",
        field.field,
        value(&field.old),
        value(&field.new)
    )
}

fn done(applied: &FileApplied) -> String {
    let mut text = String::new();
    if applied.applied {
        let changes = applied.plan.changes.len() as u64;
        let _ = writeln!(
            text,
            "Workspace {} is as the file says now: {}",
            applied.plan.workspace,
            count(changes, "change")
        );
    }
    for TokenCreated { name, token, .. } in &applied.tokens {
        let _ = writeln!(
            text,
            "  Token {}  {token}  (shown only this once)",
            clean(name)
        );
    }
    if !applied.plan.next.is_empty() {
        text.push_str("\nWhat a file cannot do is next:\n");
        for command in &applied.plan.next {
            let _ = writeln!(text, "  {}", clean(command));
        }
    }
    text
}

fn proxy(context: &Context<'_>, text: &str, asked: &Import) -> Result<Exit, Failure> {
    let file = ProxyFile::parse(text, asked.name.as_deref());
    let file = file.map_err(AdminError::from)?;
    let scope = context.target(asked.how.workspace.as_deref())?;
    let (slug, title) = (file.server.slug.clone(), clean(&file.title));
    let place = crate::editors::reached_by(&file.server);
    if asked.how.dry_run {
        let report = json!({
            "workspace": scope.slug().to_string(), "server": slug, "url": place, "applied": false
        });
        context.output.one(&report, |_| {
            format!(
                "  + server {slug} ({title})\n      url = {}\n",
                clean(&place)
            )
        })?;
        return Ok(Exit::Done);
    }
    if !asked.how.yes {
        let question = format!(
            "  + server {slug} ({title})\n      url = {}\nAdd it to workspace `{}`?",
            clean(&place),
            scope.slug()
        );
        ask::confirm(&format!("adding server `{slug}`"), &question)?;
    }
    let saved = context.admin.save_server(&scope, &file.server)?;
    context.output.gateway(saved.gateway);
    context
        .output
        .one(&saved, |saved| saved_text(saved, &file))?;
    Ok(Exit::Done)
}

fn saved_text(saved: &ServerSaved, file: &ProxyFile) -> String {
    let (slug, workspace) = (&saved.server.server, &saved.workspace);
    let mut text = format!("Added server {slug} to workspace {workspace}; it was not contacted\n");
    for name in &saved.server.missing_secrets {
        let _ = writeln!(
            text,
            "It needs the secret {name}: `toolgatectl secrets set {slug} {name} --workspace {workspace}`"
        );
        for (_, how) in file.how_to_set.iter().filter(|(key, _)| key == name) {
            let _ = writeln!(text, "  {}", clean(how));
        }
    }
    text
}

fn read(path: &Path) -> Result<String, Failure> {
    let failed = |source| Failure::File {
        path: path.to_owned(),
        source,
    };
    let mut text = String::new();
    let taken = if path == Path::new("-") {
        io::stdin().lock().take(READ_MAX).read_to_string(&mut text)
    } else {
        let file = File::open(path).map_err(failed)?;
        file.take(READ_MAX).read_to_string(&mut text)
    };
    if taken.map_err(failed)? as u64 == READ_MAX {
        return Err(failed(io::Error::other("it is larger than 4 MiB")));
    }
    Ok(text)
}
