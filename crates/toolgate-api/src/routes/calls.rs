//! What was called. Admins see everybody's calls, other tokens their own.

use hyper::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolgate_admin::{AdminError, CallListed, CallQuery, CallShown};

use crate::fields::{Limit, Seconds};
use crate::input::Nothing;
use crate::live::Events;
use crate::operation::{Act, AuthPolicy, Operation};
use crate::page;
use crate::problem::Problem;

const ALL: &str = "/api/community/mcp/workspaces/{ws}/calls";
const LIVE: &str = "/api/community/mcp/workspaces/{ws}/calls/live";
const ONE: &str = "/api/community/mcp/workspaces/{ws}/calls/{call}";
/// How far back calls are looked through, at most.
const REACH: usize = 10_000;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CallsQuery {
    /// Only to this server.
    server: Option<String>,
    /// Only with this token, by id or name.
    token: Option<String>,
    /// Only calls not older than so many seconds.
    since: Option<Seconds>,
    /// At most so many, the newest.
    limit: Option<Limit>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LiveQuery {
    /// Only to this server.
    server: Option<String>,
    /// Only with this token, by id or name.
    token: Option<String>,
    /// So many of the newest calls to begin with.
    limit: Option<Limit>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Calls {
    /// Newest first.
    calls: Vec<CallListed>,
    /// What to send as `cursor` for more; null = this is the end.
    next_cursor: Option<String>,
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            (Method::GET, ALL),
            AuthPolicy::Known,
            ("listCalls", "List calls, the newest first"),
            list,
        ),
        Operation::feed::<LiveQuery, CallListed>(
            LIVE,
            AuthPolicy::Known,
            ("followCalls", "Calls as they happen, one event `call` each"),
            live,
        ),
        Operation::new(
            (Method::GET, ONE),
            AuthPolicy::Known,
            (
                "getCall",
                "One call, what its status means and what is usual",
            ),
            get,
        ),
    ]
}

fn list(act: &Act<'_>, query: CallsQuery, _: Nothing) -> Result<Calls, Problem> {
    let limit = Limit::or_default(query.limit);
    let asked = CallQuery {
        workspace: Some(act.scope()?.clone()),
        since: query.since.map(Seconds::duration),
        server: query.server,
        token: own(act, query.token),
        // One more than is shown says whether there is more.
        limit: query.cursor.as_ref().map_or(limit + 1, |_| REACH),
    };
    let mut calls = act.admin.calls(&asked)?.newer()?;
    calls.reverse();
    if let Some(cursor) = &query.cursor {
        let last: String = page::read(cursor)?;
        let place = calls.iter().position(|call| call.id == last);
        let place = place.ok_or_else(|| {
            Problem::invalid("`cursor` leads further back than calls are listed")
                .hint("ask for fewer with `since`, `server` or `token`")
        })?;
        calls.drain(..=place);
    }
    let is_more = calls.len() > limit;
    calls.truncate(limit);
    let last = calls.last().filter(|_| is_more);
    Ok(Calls {
        next_cursor: last.map(|call| page::write(&call.id)),
        calls,
    })
}

fn get(act: &Act<'_>, _: Nothing, _: Nothing) -> Result<CallShown, Problem> {
    let id = act.param("call");
    let shown = act.admin.call(Some(act.scope()?), id)?;
    match act.caller.own_token() {
        None => Ok(shown),
        // What is usual is counted over everybody's calls.
        Some(own) if shown.call.token_id == own => Ok(CallShown {
            usual: None,
            ..shown
        }),
        Some(_) => Err(AdminError::UnknownCall { id: id.to_owned() }.into()),
    }
}

fn live(act: &Act<'_>, query: LiveQuery, events: &mut Events<'_>) -> Result<(), Problem> {
    let mut feed = act.admin.calls(&CallQuery {
        workspace: Some(act.scope()?.clone()),
        since: None,
        server: query.server,
        token: own(act, query.token),
        limit: Limit::or_default(query.limit),
    })?;
    while events.send("call", &feed.newer()?) {}
    Ok(())
}

/// Whoever is no Admin sees the calls of the own token, whatever is asked for.
fn own(act: &Act<'_>, asked: Option<String>) -> Option<String> {
    act.caller.own_token().map(ToOwned::to_owned).or(asked)
}
