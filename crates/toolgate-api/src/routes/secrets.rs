//! Secrets: names and dates; a value goes in and never comes out (S-16).

use hyper::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolgate_admin::{Secret, SecretDeleted, SecretListed, SecretOwner, SecretSet};

use crate::fields::Limit;
use crate::input::Nothing;
use crate::operation::{Act, AuthPolicy, Operation};
use crate::page::page;
use crate::problem::Problem;

const ALL: &str = "/api/community/mcp/workspaces/{ws}/secrets";
const ONE: &str = "/api/community/mcp/workspaces/{ws}/secrets/{name}";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SecretsQuery {
    /// Only those that this server is given.
    server: Option<String>,
    /// At most so many.
    limit: Option<Limit>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Secrets {
    /// By name; never a value.
    secrets: Vec<SecretListed>,
    /// What to send as `cursor` for more; null = this is the end.
    next_cursor: Option<String>,
}

/// A secret to set.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SecretValue {
    /// Its name, such as `GITHUB_TOKEN`.
    key: String,
    /// Its value, 8 bytes to 16 KiB, which no reply, log or error ever shows.
    value: String,
    /// The only server that gets it; left out = any server that names it.
    server: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OwnerQuery {
    /// The only server that gets it; left out = any server that names it.
    server: Option<String>,
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            (Method::GET, ALL),
            AuthPolicy::Admin,
            (
                "listSecrets",
                "List secrets: names and dates, never a value",
            ),
            list,
        ),
        Operation::new(
            (Method::POST, ALL),
            AuthPolicy::Admin,
            ("setSecret", "Set a secret, or replace its value"),
            set,
        ),
        Operation::new(
            (Method::DELETE, ONE),
            AuthPolicy::Admin,
            ("deleteSecret", "Delete a secret"),
            delete,
        ),
    ]
}

fn list(act: &Act<'_>, query: SecretsQuery, _: Nothing) -> Result<Secrets, Problem> {
    let all = act
        .admin
        .list_secrets(act.scope()?, query.server.as_deref())?;
    let by_name = |secret: &SecretListed| {
        vec![
            secret.name.clone(),
            secret.server.clone().unwrap_or_default(),
        ]
    };
    let (secrets, next_cursor) = page(all, query.limit, query.cursor.as_deref(), by_name)?;
    Ok(Secrets {
        secrets,
        next_cursor,
    })
}

fn set(act: &Act<'_>, _: Nothing, new: SecretValue) -> Result<SecretSet, Problem> {
    let owner = owner(new.server.as_deref());
    let value = Secret::new(new.value);
    Ok(act
        .admin
        .set_secret(act.scope()?, owner, &new.key, &value)?)
}

fn delete(act: &Act<'_>, query: OwnerQuery, _: Nothing) -> Result<SecretDeleted, Problem> {
    let owner = owner(query.server.as_deref());
    Ok(act
        .admin
        .delete_secret(act.scope()?, owner, act.param("name"))?)
}

fn owner(server: Option<&str>) -> SecretOwner<'_> {
    server.map_or(SecretOwner::Workspace, SecretOwner::Server)
}
