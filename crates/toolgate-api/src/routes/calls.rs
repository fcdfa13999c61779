//! What was called. Admins see everybody's calls, other tokens their own.

use hyper::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolgate_admin::{AdminError, CallListed, CallQuery, CallShown, Source, ago_ms};

use crate::download::{Download, FileFormat};
use crate::fields::{Ended, Limit, Moment, Seconds};
use crate::input::Nothing;
use crate::live::Events;
use crate::operation::{Act, AuthPolicy, Operation};
use crate::page;
use crate::problem::Problem;

const ALL: &str = "/api/community/mcp/workspaces/{ws}/calls";
const LIVE: &str = "/api/community/mcp/workspaces/{ws}/calls/live";
const EXPORT: &str = "/api/community/mcp/workspaces/{ws}/calls/export";
const ONE: &str = "/api/community/mcp/workspaces/{ws}/calls/{call}";

/// Which calls are meant. Every list of calls takes this, whatever else it takes.
macro_rules! calls_query {
    ($name:ident { $($(#[$doc:meta])* $more:ident: $kind:ty,)+ }) => {
        #[derive(Debug, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        struct $name {
            /// Only to this server.
            server: Option<String>,
            /// Only of this tool, by the name its server gives it.
            tool: Option<String>,
            /// Only with this token, by id or name.
            token: Option<String>,
            /// Only of this member, by id or address.
            member: Option<String>,
            /// Only calls that ended like this; `failed` = in any way that is somebody's failure.
            status: Option<Ended>,
            /// Only calls that came through this door.
            source: Option<Source>,
            $($(#[$doc])* $more: $kind,)+
        }

        impl $name {
            /// Whoever is no Admin sees the calls of the own token, whatever is asked for.
            fn meant(&self, act: &Act<'_>) -> Result<CallQuery, Problem> {
                let own = act.caller.own_token().map(ToOwned::to_owned);
                Ok(CallQuery {
                    workspace: Some(act.scope()?.clone()),
                    server: self.server.clone(),
                    tool: self.tool.clone(),
                    // Neither whose names there are, nor how many have one, is told to who sees only their own.
                    member: self.member.clone().filter(|_| own.is_none()),
                    token: own.or_else(|| self.token.clone()),
                    statuses: self.status.clone().map(|ended| ended.0),
                    source: self.source,
                    ..CallQuery::default()
                })
            }
        }
    };
}
calls_query! { ListQuery {
    /// Only calls not older than so many seconds.
    since: Option<Seconds>,
    /// Only calls since then.
    from: Option<Moment>,
    /// Only calls before then.
    to: Option<Moment>,
    /// At most so many, the newest.
    limit: Option<Limit>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}}

calls_query! { LiveQuery {
    /// So many of the newest calls to begin with.
    limit: Option<Limit>,
}}

calls_query! { ExportQuery {
    /// Only calls not older than so many seconds.
    since: Option<Seconds>,
    /// Only calls since then.
    from: Option<Moment>,
    /// Only calls before then.
    to: Option<Moment>,
    /// How they are written; left out = `csv`.
    format: Option<FileFormat>,
}}

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
        Operation::download(
            EXPORT,
            AuthPolicy::Known,
            (
                "exportCalls",
                "Calls as a file, in the order in which they were recorded",
            ),
            export,
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

fn list(act: &Act<'_>, query: ListQuery, _: Nothing) -> Result<Calls, Problem> {
    let meant = CallQuery {
        from_ms: since(query.since, query.from),
        to_ms: query.to.map(Moment::millis),
        limit: Limit::or_default(query.limit),
        ..query.meant(act)?
    };
    let before = query.cursor.as_deref().map(page::read).transpose()?;
    let found = act.admin.calls_page(&meant, before)?;
    Ok(Calls {
        next_cursor: found.next.map(|place| page::write(&place)),
        calls: found.calls,
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
        limit: Limit::or_default(query.limit),
        ..query.meant(act)?
    })?;
    while events.send("call", &feed.newer()?) {}
    Ok(())
}

fn export(act: &Act<'_>, query: ExportQuery) -> Result<Download, Problem> {
    let meant = CallQuery {
        from_ms: since(query.since, query.from),
        to_ms: query.to.map(Moment::millis),
        ..query.meant(act)?
    };
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d");
    Ok(Download {
        name: format!("calls-{}-{today}", act.scope()?.slug()),
        format: query.format.unwrap_or_default(),
        calls: act.admin.export_calls(&meant)?,
    })
}

/// The later of the two ways to say since when.
fn since(ago: Option<Seconds>, from: Option<Moment>) -> Option<u64> {
    let ago = ago.map(|seconds| ago_ms(seconds.duration()));
    ago.max(from.map(Moment::millis))
}
