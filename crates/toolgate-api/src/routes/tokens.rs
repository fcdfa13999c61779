//! Tokens of a workspace: shown once, revoked at once.

use std::time::Duration;

use hyper::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolgate_admin::{
    AdminError, NewToken, Role, TokenChanged, TokenCreated, TokenExplained, TokenListed,
    TokenRevoked, TokenTrial, TokenTried,
};

use crate::fields::{Rate, Seconds};
use crate::input::Nothing;
use crate::operation::{Act, AuthPolicy, Operation};
use crate::page::{PageQuery, page};
use crate::problem::Problem;

const ALL: &str = "/api/community/mcp/workspaces/{ws}/tokens";
const ONE: &str = "/api/community/mcp/workspaces/{ws}/tokens/{token}";
const EXPLAIN: &str = "/api/community/mcp/workspaces/{ws}/tokens/{token}/explain";
const TRY: &str = "/api/community/mcp/workspaces/{ws}/tokens/{token}/try";
/// How far back calls are decided again.
const TRY_SINCE: Duration = Duration::from_hours(7 * 24);

#[derive(Debug, Serialize, JsonSchema)]
struct Tokens {
    /// Oldest first, revoked and expired ones too; never their text.
    tokens: Vec<TokenListed>,
    /// What to send as `cursor` for more; null = this is the end.
    next_cursor: Option<String>,
}

/// A token to make.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TokenWanted {
    /// Who or what will hold it.
    #[schemars(length(min = 1, max = 80))]
    name: String,
    /// What it may do; left out = developer.
    role: Option<Role>,
    /// After how many seconds it ends by itself; left out = never.
    expires_in: Option<Seconds>,
    /// Which tools it may use, as patterns of the names clients see, `!` excludes; empty = all that whoever asks may.
    #[serde(default)]
    tools: Vec<String>,
    /// Requests in any 60 seconds, or `off`; left out = 120.
    rate_limit: Option<RateWanted>,
}

/// A number of requests, or `off`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum RateWanted {
    PerMinute(#[serde(deserialize_with = "Rate::among_others")] Rate),
    Off(Off),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Off {
    Off,
}

/// What to change of a token; what is left out stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TokenChange {
    /// What it may do.
    role: Option<Role>,
    /// Which tools it may use; empty = all.
    tools: Option<Vec<String>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ExplainQuery {
    /// The name clients see.
    tool: String,
}

/// Rights a token might have; what is left out is as it is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TrialWanted {
    /// Another role.
    role: Option<Role>,
    /// Other patterns of tool names.
    tools: Option<Vec<String>>,
    /// How many seconds back calls are looked at; left out = a week.
    since: Option<Seconds>,
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            (Method::GET, ALL),
            AuthPolicy::Admin,
            ("listTokens", "List tokens, never their text"),
            list,
        ),
        Operation::new(
            (Method::POST, ALL),
            AuthPolicy::Admin,
            ("createToken", "Make a token, shown once"),
            create,
        )
        .creates()
        .shows_once(&["token", "mcp_json"]),
        Operation::new(
            (Method::GET, ONE),
            AuthPolicy::Admin,
            ("getToken", "One token"),
            get,
        ),
        Operation::new(
            (Method::PATCH, ONE),
            AuthPolicy::Admin,
            ("updateToken", "Give a token another role or other tools"),
            update,
        ),
        Operation::new(
            (Method::DELETE, ONE),
            AuthPolicy::Admin,
            ("revokeToken", "Revoke a token: its next request fails"),
            revoke,
        ),
        Operation::new(
            (Method::GET, EXPLAIN),
            AuthPolicy::Admin,
            (
                "explainToken",
                "Whether a token may call a tool, and what decides it",
            ),
            explain,
        ),
        Operation::new(
            (Method::POST, TRY),
            AuthPolicy::Admin,
            (
                "tryToken",
                "What other rights would have meant for the calls of the last days",
            ),
            try_rights,
        )
        .reads(),
    ]
}

fn list(act: &Act<'_>, query: PageQuery, _: Nothing) -> Result<Tokens, Problem> {
    let all = act.admin.list_tokens(act.scope()?)?;
    let by_age = |token: &TokenListed| vec![token.created_at.clone(), token.id.clone()];
    let (tokens, next_cursor) = page(all, query.limit, query.cursor.as_deref(), by_age)?;
    Ok(Tokens {
        tokens,
        next_cursor,
    })
}

fn create(act: &Act<'_>, _: Nothing, wanted: TokenWanted) -> Result<TokenCreated, Problem> {
    let new = NewToken {
        role: wanted.role.unwrap_or(Role::Developer),
        expires_in: wanted.expires_in.map(Seconds::duration),
        tools: wanted.tools,
        rate_limit: wanted.rate_limit.map(|rate| match rate {
            RateWanted::PerMinute(rate) => rate.per_minute().to_string(),
            RateWanted::Off(Off::Off) => "off".to_owned(),
        }),
        ..NewToken::named(wanted.name)
    };
    Ok(act.admin.create_token(act.scope()?, &new)?)
}

fn get(act: &Act<'_>, _: Nothing, _: Nothing) -> Result<TokenListed, Problem> {
    let (scope, id) = (act.scope()?, act.param("token"));
    let mut tokens = act.admin.list_tokens(scope)?.into_iter();
    let found = tokens.find(|token| token.id == id);
    Ok(found.ok_or_else(|| AdminError::UnknownToken {
        id: id.to_owned(),
        workspace: scope.slug().to_string(),
    })?)
}

fn update(act: &Act<'_>, _: Nothing, change: TokenChange) -> Result<TokenChanged, Problem> {
    let id = act.param("token");
    let tools = change.tools.as_deref();
    Ok(act
        .admin
        .change_token(act.scope()?, id, change.role, tools)?)
}

fn revoke(act: &Act<'_>, _: Nothing, _: Nothing) -> Result<TokenRevoked, Problem> {
    Ok(act.admin.revoke_token(act.scope()?, act.param("token"))?)
}

fn explain(act: &Act<'_>, query: ExplainQuery, _: Nothing) -> Result<TokenExplained, Problem> {
    let id = act.param("token");
    Ok(act.admin.explain_token(act.scope()?, id, &query.tool)?)
}

fn try_rights(act: &Act<'_>, _: Nothing, wanted: TrialWanted) -> Result<TokenTried, Problem> {
    let trial = TokenTrial {
        tools: wanted.tools,
        role: wanted.role,
    };
    let since = wanted.since.map_or(TRY_SINCE, Seconds::duration);
    let id = act.param("token");
    Ok(act.admin.try_token(act.scope()?, id, &trial, since)?)
}
