//! Why a token is refused, for whoever administers the workspace: the gateway tells strangers nothing (S-36).

use hyper::Method;
use schemars::JsonSchema;
use serde::Deserialize;
use toolgate_admin::{Secret, TokenInspected};

use crate::input::Nothing;
use crate::operation::{Act, AuthPolicy, Operation};
use crate::problem::Problem;

const INSPECT: &str = "/api/community/mcp/workspaces/{ws}/inspect-token";

/// A token to look up.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TokenPresented {
    /// The token itself; it is looked up by its digest and not kept.
    token: String,
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            (Method::POST, INSPECT),
            AuthPolicy::Admin,
            (
                "inspectToken",
                "Whether the gateway takes a token, and why not",
            ),
            inspect,
        )
        .reads(),
    ]
}

fn inspect(
    act: &Act<'_>,
    _: Nothing,
    presented: TokenPresented,
) -> Result<TokenInspected, Problem> {
    let token = Secret::new(presented.token);
    Ok(act.admin.inspect_token_text(act.scope()?, &token)?)
}
