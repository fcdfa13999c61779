//! `toolgatectl connect`

use std::fmt::Write;
use std::path::Path;

use jsonc_parser::cst::{CstInputValue, CstRootNode};
use serde::Serialize;
use serde_json::Value as Json;
use toolgate_admin::{AdminError, NewToken, Role, Secret, ServerListed, WorkspaceScope};

use super::Context;
use crate::args::Connect;
use crate::ask;
use crate::editors::{Editor, EditorFile, Home, reached_by, read_entry};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::table::clean;

/// What was written where. The token is in the file, or in the block that was asked for.
#[derive(Serialize)]
struct Connected {
    workspace: String,
    editor: String,
    url: String,
    entry: String,
    file: Option<String>,
    backup: Option<String>,
    replaced: bool,
    removed: Vec<String>,
    imported: Vec<String>,
    token_id: Option<String>,
    previous_token: Option<String>,
    block: Option<Json>,
}

pub(super) fn run(context: &Context<'_>, asked: &Connect) -> Result<Exit, Failure> {
    let scope = context.target(asked.workspace.as_deref())?;
    let url = context.admin.workspace_url(&scope)?;
    if asked.print {
        return print(context, &scope, asked, url);
    }
    let path = match (&asked.path, Home::of_user()) {
        (Some(path), _) => path.clone(),
        (None, Some(home)) => asked.editor.user_file(&home),
        (None, None) => {
            return Err(Failure::told(
                "the environment names no home directory with the editor's file",
                "name the file with --path, or use --print",
            ));
        }
    };
    let name = scope.slug().to_string();
    let file = EditorFile::open(&path)?;
    let before = Before::of(context, &scope, &file, asked)?;
    // Everything that can refuse has done so, but for the disk: now the token.
    let (token, token_id) = token(context, &scope, asked)?;
    let entry = asked.editor.entry(&url, token.expose());
    let gone = if asked.remove_imported {
        &before.imported[..]
    } else {
        &[]
    };
    let written = file
        .with_entry(asked.editor, &name, entry, gone)
        .and_then(|text| file.replace(&text));
    let written = match written {
        Ok(written) => written,
        Err(failure) => {
            // Nobody has it, so it should not work either.
            if let Some(id) = &token_id {
                context.admin.revoke_token(&scope, id)?;
            }
            return Err(failure);
        }
    };
    let connected = Connected {
        workspace: name.clone(),
        editor: asked.editor.name(),
        url,
        entry: name,
        file: Some(written.path.display().to_string()),
        backup: written.backup.map(|path| path.display().to_string()),
        replaced: before.replaced,
        removed: gone.to_vec(),
        imported: before
            .imported
            .iter()
            .filter(|name| !gone.contains(name))
            .cloned()
            .collect(),
        token_id,
        previous_token: before.token,
        block: None,
    };
    context
        .output
        .one(&connected, |connected| text(connected, asked.editor))?;
    Ok(Exit::Done)
}

/// What stands in the file already.
struct Before {
    replaced: bool,
    /// Id of the token in the entry that is replaced, if it is one of this workspace and still works.
    token: Option<String>,
    /// Entries of servers that the workspace has too.
    imported: Vec<String>,
}

impl Before {
    fn of(
        context: &Context<'_>,
        scope: &WorkspaceScope,
        file: &EditorFile,
        asked: &Connect,
    ) -> Result<Self, Failure> {
        let mut before = Self {
            replaced: false,
            token: None,
            imported: Vec::new(),
        };
        let servers = context.admin.list_servers(scope)?;
        for (name, entry) in file.own_entries(asked.editor)? {
            if name != scope.slug().as_str() {
                if is_of_workspace(&name, &entry, &servers) {
                    before.imported.push(name);
                }
                continue;
            }
            before.replaced = true;
            let text = entry.to_string();
            if !text.contains("/ws/") && !asked.yes {
                return Err(Failure::told(
                    &format!("the file has another server called `{name}`"),
                    "add --yes to replace it (the file as it was is kept), or --path for another file",
                ));
            }
            before.token = old_token(context, scope, &text);
        }
        Ok(before)
    }
}

/// Whether an entry is a server of the workspace, by its name and where it leads.
fn is_of_workspace(name: &str, entry: &Json, servers: &[ServerListed]) -> bool {
    let Some(found) = read_entry(name, entry) else {
        return false;
    };
    let place = reached_by(&found);
    servers.iter().any(|server| {
        let command = server.command.as_deref().map(|argv| {
            let program = argv.first().map(Path::new).and_then(Path::file_name);
            let program = program.map(|name| name.to_string_lossy().into_owned());
            let rest = argv.iter().skip(1).cloned();
            program
                .into_iter()
                .chain(rest)
                .collect::<Vec<_>>()
                .join(" ")
        });
        let full = server.command.as_ref().map(|argv| argv.join(" "));
        server.server == found.slug
            && (server.url.as_deref() == Some(&*place)
                || command.as_deref() == Some(&*place)
                || full.as_deref() == Some(&*place))
    })
}

/// The token in an entry: it works until somebody revokes it.
fn old_token(context: &Context<'_>, scope: &WorkspaceScope, entry: &str) -> Option<String> {
    let start = entry.find("mwt_")?;
    let rest = &entry[start..];
    let end = rest
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    let text = Secret::new(rest[..end].to_owned());
    let inspected = context.admin.inspect_token_text(scope, &text).ok()?;
    inspected
        .token
        .filter(|_| inspected.accepted)
        .map(|token| token.id)
}

/// A token that was given, or a new one with its id.
fn token(
    context: &Context<'_>,
    scope: &WorkspaceScope,
    asked: &Connect,
) -> Result<(Secret<String>, Option<String>), Failure> {
    if asked.token_stdin {
        let text = ask::secret("Token")?;
        let inspected = context.admin.inspect_token_text(scope, &text)?;
        if !inspected.accepted {
            return Err(Failure::told(
                &format!(
                    "the token does not open workspace `{}`: {}",
                    scope.slug(),
                    inspected.reason
                ),
                "leave --token-stdin out and one is made",
            ));
        }
        return Ok((text, None));
    }
    let role = asked.role.as_deref().unwrap_or(Role::Developer.as_str());
    let name = asked
        .token_name
        .clone()
        .unwrap_or_else(|| asked.editor.name());
    let new = NewToken {
        role: role.parse().map_err(AdminError::from)?,
        expires_in: asked.expires_in,
        ..NewToken::named(name)
    };
    let made = context.admin.create_token(scope, &new)?;
    context.output.gateway(made.gateway);
    Ok((Secret::new(made.token), Some(made.id)))
}

fn print(
    context: &Context<'_>,
    scope: &WorkspaceScope,
    asked: &Connect,
    url: String,
) -> Result<Exit, Failure> {
    let (token, token_id) = token(context, scope, asked)?;
    let name = scope.slug().to_string();
    let entry = asked.editor.entry(&url, token.expose());
    let block = block(asked.editor, &name, entry);
    let connected = Connected {
        workspace: name.clone(),
        editor: asked.editor.name(),
        url,
        entry: name,
        file: None,
        backup: None,
        replaced: false,
        removed: Vec::new(),
        imported: Vec::new(),
        token_id,
        previous_token: None,
        block: serde_json::from_str(&block).ok(),
    };
    context.output.one(&connected, |_| format!("{block}\n"))?;
    Ok(Exit::Done)
}

/// As a person pastes it.
fn block(editor: Editor, name: &str, entry: CstInputValue) -> String {
    let servers = CstInputValue::Object(vec![(name.to_owned(), entry)]);
    let root = CstRootNode::parse("{\n}", &jsonc_parser::ParseOptions::default());
    root.map_or_else(
        |_| String::new(),
        |root| {
            root.object_value_or_set().append(editor.servers(), servers);
            root.to_string()
        },
    )
}

fn text(connected: &Connected, editor: Editor) -> String {
    let mut text = String::new();
    let file = connected.file.as_deref().unwrap_or_default();
    let done = if connected.replaced {
        "Replaced"
    } else {
        "Wrote"
    };
    let _ = writeln!(
        text,
        "{done} `{}` in {}'s file {}",
        connected.entry,
        editor.title(),
        clean(file)
    );
    if let Some(backup) = &connected.backup {
        let _ = writeln!(text, "As it was: {}", clean(backup));
    }
    if let Some(id) = &connected.token_id {
        let _ = writeln!(
            text,
            "Its token is {id}: `toolgatectl token revoke {} {id}` ends it",
            connected.workspace
        );
    }
    if let Some(id) = &connected.previous_token {
        let _ = writeln!(
            text,
            "The token that stood there before still works: `toolgatectl token revoke {} {id}`",
            connected.workspace
        );
    }
    for name in &connected.removed {
        let _ = writeln!(text, "Took out `{}`: the workspace has it", clean(name));
    }
    if !connected.imported.is_empty() {
        let _ = writeln!(
            text,
            "The workspace also has {}: `toolgatectl connect {} --remove-imported` takes these entries out of the file",
            clean(&connected.imported.join(", ")),
            connected.editor
        );
    }
    let _ = writeln!(text, "Start {} again to use it", editor.title());
    text
}
