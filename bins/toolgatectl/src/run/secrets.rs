//! `toolgatectl secrets …` and `toolgatectl workspace secret …`

use std::fmt::Write;

use toolgate_admin::{Secret, SecretDeleted, SecretListed, SecretOwner, SecretSet, WorkspaceScope};

use super::{Context, mcp};
use crate::args::{SecretArgument, SecretsCommand, WorkspaceSecretCommand};
use crate::ask;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::table::{maybe, plain, table, time};

pub(super) fn run(context: &Context<'_>, command: SecretsCommand) -> Result<Exit, Failure> {
    match command {
        SecretsCommand::Set(asked) => {
            let scope = context.target(asked.workspace.as_deref())?;
            let owner = SecretOwner::Server(&asked.server);
            set(context, &scope, owner, &asked.name, asked.value)
        }
        SecretsCommand::Rotate {
            server,
            name,
            value,
            workspace,
        } => {
            let scope = context.target(workspace.as_deref())?;
            rotate(context, &scope, SecretOwner::Server(&server), &name, value)
        }
        SecretsCommand::List { server, workspace } => {
            let scope = context.target(workspace.as_deref())?;
            list(context, &scope, server.as_deref())
        }
        SecretsCommand::Delete {
            server,
            name,
            workspace,
        } => {
            let scope = context.target(workspace.as_deref())?;
            delete(context, &scope, SecretOwner::Server(&server), &name)
        }
    }
}

pub(super) fn workspace(
    context: &Context<'_>,
    command: WorkspaceSecretCommand,
) -> Result<Exit, Failure> {
    match command {
        WorkspaceSecretCommand::Set { slug, name, value } => {
            let scope = context.admin.scope(&slug)?;
            set(context, &scope, SecretOwner::Workspace, &name, value)
        }
        WorkspaceSecretCommand::Rotate { slug, name, value } => {
            let scope = context.admin.scope(&slug)?;
            rotate(context, &scope, SecretOwner::Workspace, &name, value)
        }
        WorkspaceSecretCommand::List { slug } => {
            let scope = context.target(slug.as_deref())?;
            list(context, &scope, None)
        }
        WorkspaceSecretCommand::Delete { slug, name } => {
            let scope = context.admin.scope(&slug)?;
            delete(context, &scope, SecretOwner::Workspace, &name)
        }
    }
}

fn set(
    context: &Context<'_>,
    scope: &WorkspaceScope,
    owner: SecretOwner<'_>,
    name: &str,
    value: Option<SecretArgument>,
) -> Result<Exit, Failure> {
    let value = given_or_asked(name, value)?;
    let saved = context.admin.set_secret(scope, owner, name, &value)?;
    context.output.gateway(saved.gateway);
    context.output.one(&saved, saved_text)?;
    Ok(Exit::Done)
}

fn rotate(
    context: &Context<'_>,
    scope: &WorkspaceScope,
    owner: SecretOwner<'_>,
    name: &str,
    value: Option<SecretArgument>,
) -> Result<Exit, Failure> {
    let value = given_or_asked(&format!("new {name}"), value)?;
    let saved = context.admin.rotate_secret(scope, owner, name, &value)?;
    context.output.gateway(saved.gateway);
    context.output.one(&saved, rotated_text)?;
    Ok(Exit::Done)
}

fn given_or_asked(what: &str, value: Option<SecretArgument>) -> Result<Secret<String>, Failure> {
    match value {
        Some(SecretArgument(value)) => Ok(Secret::new(value)),
        None => ask::secret(&format!("Value of {what}")),
    }
}

fn rotated_text(saved: &SecretSet) -> String {
    let used = match saved.used_by.as_slice() {
        [] => "no server is given it".to_owned(),
        servers => format!("used by {} from the next call on", servers.join(", ")),
    };
    format!(
        "Rotated {} for {}, version {}; {used}\n",
        saved.name,
        owner_text(saved.server.as_deref(), &saved.workspace),
        saved.version
    )
}

fn saved_text(saved: &SecretSet) -> String {
    let mut text = format!(
        "Set {} for {}, version {}\n",
        saved.name,
        owner_text(saved.server.as_deref(), &saved.workspace),
        saved.version
    );
    if !saved.used {
        let _ = writeln!(
            text,
            "hint: no server is configured to be given it; name it in `toolgatectl mcp add` (--bearer, --header, --env)"
        );
    }
    if let (Some(probe), Some(server)) = (&saved.probe, &saved.server) {
        text.push_str(&mcp::probed(probe, server));
    }
    text
}

fn list(
    context: &Context<'_>,
    scope: &WorkspaceScope,
    server: Option<&str>,
) -> Result<Exit, Failure> {
    let secrets = context.admin.list_secrets(scope, server)?;
    context.output.many(&secrets, secrets_table)?;
    Ok(Exit::Done)
}

fn secrets_table(secrets: &[SecretListed]) -> String {
    let rows = secrets.iter().map(|secret| {
        vec![
            plain(&secret.name),
            plain(secret.server.as_deref().unwrap_or("any")),
            plain(secret.version.to_string()),
            plain(time(&secret.created_at)),
            plain(
                secret
                    .last_used_at
                    .as_deref()
                    .map_or_else(|| "never".to_owned(), time),
            ),
            maybe(
                Some(secret.used_by.join(", "))
                    .filter(|names| !names.is_empty())
                    .as_deref(),
            ),
        ]
    });
    table(
        &[
            "NAME",
            "SERVER",
            "VERSION",
            "CREATED",
            "LAST USED",
            "GIVEN TO",
        ],
        rows,
        "No secrets yet. Set one: `toolgatectl secrets set SERVER NAME`",
    )
}

fn delete(
    context: &Context<'_>,
    scope: &WorkspaceScope,
    owner: SecretOwner<'_>,
    name: &str,
) -> Result<Exit, Failure> {
    let deleted = context.admin.delete_secret(scope, owner, name)?;
    context.output.gateway(deleted.gateway);
    context.output.one(&deleted, deleted_text)?;
    Ok(Exit::Done)
}

fn deleted_text(deleted: &SecretDeleted) -> String {
    format!(
        "Deleted {} of {}\n",
        deleted.name,
        owner_text(deleted.server.as_deref(), &deleted.workspace)
    )
}

fn owner_text(server: Option<&str>, workspace: &str) -> String {
    match server {
        Some(server) => format!("server {server} of workspace {workspace}"),
        None => format!("workspace {workspace}"),
    }
}
