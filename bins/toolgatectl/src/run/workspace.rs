//! `toolgatectl workspace …`

use std::fmt::Write;

use toolgate_admin::{
    ReadOnlyMay, WorkspaceCreated, WorkspaceListed, WorkspaceSettings, WorkspaceTested,
};

use super::{Context, count, secrets, token};
use crate::args::{OnOff, ReadOnly, WorkspaceCommand};
use crate::ask;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::table::{Tone, brief, clean, maybe, plain, table};

pub(super) fn run(context: &Context<'_>, command: WorkspaceCommand) -> Result<Exit, Failure> {
    match command {
        WorkspaceCommand::Create {
            name,
            description,
            activate,
        } => create(context, &name, &description, activate),
        WorkspaceCommand::List => {
            let workspaces = context.admin.list_workspaces()?;
            context.output.many(&workspaces, list)?;
            Ok(Exit::Done)
        }
        WorkspaceCommand::Use { slug } => activate(context, &slug),
        WorkspaceCommand::Set {
            slug,
            read_only,
            strict_records,
        } => {
            let settings = WorkspaceSettings {
                read_only: read_only.map(|may| match may {
                    ReadOnly::Annotated => ReadOnlyMay::Annotated,
                    ReadOnly::All => ReadOnlyMay::All,
                }),
                strict_records: strict_records.map(|on| on == OnOff::On),
                ..WorkspaceSettings::default()
            };
            set(context, &slug, settings)
        }
        WorkspaceCommand::Delete { slug, yes } => delete(context, &slug, yes),
        WorkspaceCommand::Test { slug } => test(context, slug.as_deref()),
        WorkspaceCommand::Token(command) => token::run(context, command),
        WorkspaceCommand::Secret(command) => secrets::workspace(context, command),
    }
}

fn create(
    context: &Context<'_>,
    name: &str,
    description: &str,
    activate: bool,
) -> Result<Exit, Failure> {
    let mut made = context.admin.create_workspace(name, description)?;
    if activate {
        context.admin.activate(&context.admin.scope(&made.slug)?)?;
        made.active = true;
    }
    context.output.gateway(made.gateway);
    context.output.one(&made, created)?;
    Ok(Exit::Done)
}

fn created(made: &WorkspaceCreated) -> String {
    let mut text = format!("Created workspace \"{}\"\n\n", clean(&made.name));
    let active = if made.active { " (active)" } else { "" };
    let _ = writeln!(text, "  ID     {}", made.id);
    let _ = writeln!(text, "  Slug   {}{active}", made.slug);
    let _ = writeln!(text, "  URL    {}", made.url);
    let _ = writeln!(
        text,
        "  Token  {}  (Admin; shown only this once)",
        made.token
    );
    text.push_str(&token::paste(&made.mcp_json));
    let _ = writeln!(
        text,
        "\nNext: `toolgatectl mcp add NAME --url URL --workspace {}`",
        made.slug
    );
    text
}

fn list(workspaces: &[WorkspaceListed]) -> String {
    let rows = workspaces.iter().map(|workspace| {
        vec![
            plain(if workspace.active { "*" } else { "" }),
            plain(&workspace.slug),
            plain(&workspace.name),
            plain(workspace.servers.to_string()),
            plain(workspace.tokens.to_string()),
            plain(&workspace.url),
        ]
    });
    table(
        &["", "SLUG", "NAME", "MCP SERVERS", "TOKENS", "URL"],
        rows,
        "No workspaces yet. Make one: `toolgatectl workspace create NAME`",
    )
}

fn activate(context: &Context<'_>, slug: &str) -> Result<Exit, Failure> {
    let scope = context.admin.scope(slug)?;
    context.admin.activate(&scope)?;
    let report = serde_json::json!({ "slug": slug, "active": true });
    context
        .output
        .one(&report, |_| format!("Active workspace: {slug}\n"))?;
    Ok(Exit::Done)
}

fn set(context: &Context<'_>, slug: &str, settings: WorkspaceSettings) -> Result<Exit, Failure> {
    let scope = context.admin.scope(slug)?;
    let updated = context.admin.update_workspace(&scope, settings)?;
    context.output.gateway(updated.gateway);
    context.output.one(&updated, |updated| {
        let read_only = match updated.read_only {
            ReadOnlyMay::Annotated => "the tools that are read-only",
            ReadOnlyMay::All => "every enabled tool",
        };
        let strict = if updated.strict_records {
            "A writing call is sent once its intent is on the disk, and refused when that fails"
        } else {
            "Calls are recorded within 100 ms of their end"
        };
        format!("Read-only tokens of {slug} may call {read_only}\n{strict}\n")
    })?;
    Ok(Exit::Done)
}

fn delete(context: &Context<'_>, slug: &str, yes: bool) -> Result<Exit, Failure> {
    let scope = context.admin.scope(slug)?;
    if !yes {
        let contents = context.admin.workspace_contents(&scope)?;
        let question = format!(
            "Deleting workspace `{slug}` revokes {}, removes {} and deletes {}. There is no way back.\nDelete it?",
            count(contents.tokens, "token"),
            count(contents.servers, "server"),
            count(contents.secrets as u64, "secret"),
        );
        ask::confirm(&format!("deleting workspace `{slug}`"), &question)?;
    }
    let deleted = context.admin.delete_workspace(&scope)?;
    context.output.gateway(deleted.gateway);
    context.output.one(&deleted, |deleted| {
        format!(
            "Deleted workspace {slug}: {} revoked, {} removed, {} deleted\n",
            count(deleted.tokens_revoked, "token"),
            count(deleted.servers_removed, "server"),
            count(deleted.secrets_deleted, "secret"),
        )
    })?;
    Ok(Exit::Done)
}

fn test(context: &Context<'_>, slug: Option<&str>) -> Result<Exit, Failure> {
    let scope = context.target(slug)?;
    let tested = context.admin.test_workspace(&scope)?;
    context.output.one(&tested, tested_text)?;
    Ok(if tested.ok { Exit::Done } else { Exit::Failed })
}

fn tested_text(tested: &WorkspaceTested) -> String {
    let rows = tested.tools.iter().map(|tool| {
        let description = tool.description.as_deref().map(|text| brief(text, 100));
        vec![
            plain(&tool.tool),
            plain(&tool.server),
            maybe(description.as_deref()),
        ]
    });
    let mut text = table(&["TOOL", "SERVER", "DESCRIPTION"], rows, "No tools.");
    let _ = writeln!(
        text,
        "\n{} from {}",
        count(tested.total as u64, "tool"),
        count(tested.servers.len() as u64, "server"),
    );
    if tested.servers.is_empty() {
        let _ = writeln!(
            text,
            "hint: add a server: `toolgatectl mcp add NAME --url URL --workspace {}`",
            tested.workspace
        );
    }
    let failed = tested.servers.iter().filter(|server| !server.ok);
    let failed = failed.map(|server| {
        vec![
            (server.server.clone(), Tone::Bad),
            maybe(server.error.as_deref()),
            maybe(server.hint.as_deref()),
        ]
    });
    if !tested.ok {
        text.push('\n');
        text.push_str(&table(&["NO ANSWER", "WHY", "WHAT TO DO"], failed, ""));
    }
    text
}
