//! Keys of programs that administer the installation.

use hyper::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolgate_admin::{OperatorKeyCreated, OperatorKeyListed, OperatorKeyRevoked};

use crate::fields::Seconds;
use crate::input::Nothing;
use crate::operation::{Act, AuthPolicy, Operation};
use crate::page::{PageQuery, page};
use crate::problem::Problem;

#[derive(Debug, Serialize, JsonSchema)]
struct Keys {
    /// Oldest first, revoked and expired ones too; never their text.
    keys: Vec<OperatorKeyListed>,
    /// What to send as `cursor` for more; null = this is the end.
    next_cursor: Option<String>,
}

/// A key to make.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct KeyWanted {
    /// Who or what will hold it.
    #[schemars(length(min = 1, max = 80))]
    name: String,
    /// After how many seconds it ends by itself; left out = never.
    expires_in: Option<Seconds>,
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            (Method::GET, "/api/keys"),
            AuthPolicy::Operator,
            ("listKeys", "List operators' keys, never their text"),
            list,
        ),
        Operation::new(
            (Method::POST, "/api/keys"),
            AuthPolicy::Operator,
            ("createKey", "Make an operator's key, shown once"),
            create,
        )
        .creates()
        .shows_once(&["key"]),
        Operation::new(
            (Method::DELETE, "/api/keys/{key}"),
            AuthPolicy::Operator,
            ("revokeKey", "Revoke a key: its next request fails"),
            revoke,
        ),
    ]
}

fn list(act: &Act<'_>, query: PageQuery, _: Nothing) -> Result<Keys, Problem> {
    let all = act.admin.list_operator_keys()?;
    let by_age = |key: &OperatorKeyListed| vec![key.created_at.clone(), key.id.clone()];
    let (keys, next_cursor) = page(all, query.limit, query.cursor.as_deref(), by_age)?;
    Ok(Keys { keys, next_cursor })
}

fn create(act: &Act<'_>, _: Nothing, wanted: KeyWanted) -> Result<OperatorKeyCreated, Problem> {
    let expires_in = wanted.expires_in.map(Seconds::duration);
    Ok(act.admin.create_operator_key(&wanted.name, expires_in)?)
}

fn revoke(act: &Act<'_>, _: Nothing, _: Nothing) -> Result<OperatorKeyRevoked, Problem> {
    Ok(act.admin.revoke_operator_key(act.param("key"))?)
}
