//! Who is asking, as the API knows it.

use hyper::Method;
use schemars::JsonSchema;
use serde::Serialize;
use toolgate_admin::Role;

use crate::Caller;
use crate::input::Nothing;
use crate::operation::{Act, AuthPolicy, Operation};
use crate::problem::Problem;

/// Who is asking.
#[derive(Debug, Serialize, JsonSchema)]
struct WhoAmI {
    /// `key`, `operator` or `token`.
    kind: &'static str,
    /// Public id of what was presented.
    id: String,
    /// What people call it.
    name: String,
    /// What it may do; an operator's key is an admin everywhere.
    role: Role,
    /// Whether it administers the whole installation.
    operator: bool,
    /// Slug of the only workspace it has to do with; null = all.
    workspace: Option<String>,
    /// Id of that workspace.
    workspace_id: Option<String>,
}

/// A key or token that works.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Validated {
    /// Always true; what does not work answers 401.
    valid: bool,
    /// `account` for an operator's key, `project` for a token of a workspace.
    key_type: &'static str,
    /// Public id of what was presented.
    key_id: String,
    /// What people call it.
    name: String,
    /// Id of the only workspace it has to do with.
    project_id: Option<String>,
    /// Slug of that workspace.
    project_slug: Option<String>,
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            (Method::GET, "/api/whoami"),
            AuthPolicy::Known,
            ("whoAmI", "Who is asking"),
            whoami,
        ),
        Operation::new(
            (Method::POST, "/api/v1/cli/validate"),
            AuthPolicy::Known,
            (
                "validateKey",
                "Whether the key or token works, and what it is",
            ),
            validate,
        )
        .reads(),
    ]
}

fn whoami(act: &Act<'_>, _: Nothing, _: Nothing) -> Result<WhoAmI, Problem> {
    let caller = act.caller;
    let (kind, id, name) = known_as(caller);
    Ok(WhoAmI {
        kind,
        id: id.to_owned(),
        name: name.to_owned(),
        role: caller.role(),
        operator: caller.is_operator(),
        workspace: caller.home().map(|home| home.slug().to_string()),
        workspace_id: caller.home().map(|home| home.workspace().to_string()),
    })
}

fn validate(act: &Act<'_>, _: Nothing, _: Nothing) -> Result<Validated, Problem> {
    let caller = act.caller;
    let (_, id, name) = known_as(caller);
    Ok(Validated {
        valid: true,
        key_type: if caller.is_operator() {
            "account"
        } else {
            "project"
        },
        key_id: id.to_owned(),
        name: name.to_owned(),
        project_id: caller.home().map(|home| home.workspace().to_string()),
        project_slug: caller.home().map(|home| home.slug().to_string()),
    })
}

fn known_as(caller: &Caller) -> (&'static str, &str, &str) {
    match caller {
        Caller::Key(key) => ("key", &key.id, &key.name),
        Caller::Operator(who) => ("operator", &who.id, &who.email),
        Caller::Token(token) => ("token", &token.id, &token.name),
    }
}
