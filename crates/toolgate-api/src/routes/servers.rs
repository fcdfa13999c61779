//! Servers of a workspace, reached by URL. A command is set on the host alone (design.md section 4).

use std::collections::BTreeMap;

use hyper::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolgate_admin::{
    AdminError, Baseline, Changes, EraSetting, HttpKind, Isolation, NewServer, NewTransport,
    Prefix, ServerAdded, ServerChange, ServerChanged, ServerListed, ServerLogged, ServerRemoved,
    ServerTested, Trust,
};

use crate::fields::{Limit, TimeoutMs};
use crate::input::Nothing;
use crate::operation::{Act, AuthPolicy, Operation};
use crate::page::{PageQuery, page};
use crate::problem::Problem;

const ALL: &str = "/api/community/mcp/workspaces/{ws}/servers";
const ONE: &str = "/api/community/mcp/workspaces/{ws}/servers/{server}";
const TEST: &str = "/api/community/mcp/workspaces/{ws}/servers/{server}/test";
const LOGS: &str = "/api/community/mcp/workspaces/{ws}/servers/{server}/logs";

#[derive(Debug, Serialize, JsonSchema)]
struct Servers {
    /// By name.
    servers: Vec<ServerListed>,
    /// What to send as `cursor` for more; null = this is the end.
    next_cursor: Option<String>,
}

/// A server to add, by its URL.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ServerWanted {
    /// Its name, prefix of its tools.
    #[schemars(regex(pattern = r"^[a-z]([a-z0-9-]{0,22}[a-z0-9])?$"))]
    server: String,
    /// Its endpoint, over https at a public address; `{NAME}` stands for a secret.
    url: String,
    /// Which HTTP shape to speak; left out = found out.
    #[serde(default)]
    http: HttpKind,
    /// Secret to send as `Authorization: Bearer`.
    bearer: Option<String>,
    /// Headers as `Name: template`, in which `{NAME}` stands for a secret.
    #[serde(default)]
    headers: Vec<String>,
    /// Whether its names are prefixed.
    #[serde(default)]
    prefix: Prefix,
    /// Which era to speak; left out = found out.
    #[serde(default)]
    era: EraSetting,
    /// Who shares a session with it.
    #[serde(default)]
    isolation: Isolation,
    /// Longest time a call may take, milliseconds; left out = 600000.
    timeout_ms: Option<TimeoutMs>,
    /// What happens when its tools change.
    #[serde(default)]
    changes: Changes,
    /// What becomes of its first tools: `first` approves what is shown, `review` holds each for an admin.
    #[serde(default)]
    baseline: Baseline,
}

/// What to change of a server; what is left out stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ServerPatch {
    /// Whether it is listed and called.
    enabled: Option<bool>,
    /// Headers as `Name: template` that carry secrets, such as `Authorization: Bearer {GITHUB_TOKEN}`, instead of all
    /// that do so now.
    headers: Option<Vec<String>>,
    /// Longest time a call may take, milliseconds.
    timeout_ms: Option<TimeoutMs>,
    /// Tools to switch on or off, by the server's own names.
    #[serde(default)]
    tools: BTreeMap<String, bool>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LogsQuery {
    /// At most so many, the newest.
    limit: Option<Limit>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Logs {
    /// What its child processes wrote to standard error, oldest first.
    lines: Vec<ServerLogged>,
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            (Method::GET, ALL),
            AuthPolicy::Admin,
            ("listServers", "List servers with their state"),
            list,
        ),
        Operation::new(
            (Method::POST, ALL),
            AuthPolicy::Admin,
            ("addServer", "Add a server by URL; the gateway contacts it"),
            add,
        )
        .creates(),
        Operation::new(
            (Method::GET, ONE),
            AuthPolicy::Admin,
            ("getServer", "One server with its state"),
            get,
        ),
        Operation::new(
            (Method::PATCH, ONE),
            AuthPolicy::Admin,
            (
                "updateServer",
                "Switch or change a server, and switch its tools",
            ),
            update,
        ),
        Operation::new(
            (Method::DELETE, ONE),
            AuthPolicy::Admin,
            (
                "removeServer",
                "Remove a server with its tools and its own secrets",
            ),
            remove,
        ),
        Operation::new(
            (Method::POST, TEST),
            AuthPolicy::Admin,
            ("testServer", "Ask a server for its tools, now"),
            test,
        ),
        Operation::new(
            (Method::GET, LOGS),
            AuthPolicy::Admin,
            ("getServerLogs", "What a server's processes wrote last"),
            logs,
        ),
    ]
}

fn list(act: &Act<'_>, query: PageQuery, _: Nothing) -> Result<Servers, Problem> {
    let all = act.admin.list_servers(act.scope()?)?;
    let by_name = |server: &ServerListed| vec![server.server.clone()];
    let (servers, next_cursor) = page(all, query.limit, query.cursor.as_deref(), by_name)?;
    Ok(Servers {
        servers,
        next_cursor,
    })
}

fn add(act: &Act<'_>, _: Nothing, wanted: ServerWanted) -> Result<ServerAdded, Problem> {
    let new = NewServer {
        slug: wanted.server,
        transport: NewTransport::Http {
            url: wanted.url,
            http: wanted.http,
            bearer: wanted.bearer,
            headers: wanted.headers,
            allow_metadata: false,
        },
        prefix: wanted.prefix,
        era: wanted.era,
        isolation: wanted.isolation,
        timeout: wanted.timeout_ms.map(TimeoutMs::duration),
        trust: Trust {
            changes: wanted.changes,
            baseline: wanted.baseline,
        },
    };
    Ok(act.admin.add_server(act.scope()?, &new)?)
}

fn get(act: &Act<'_>, _: Nothing, _: Nothing) -> Result<ServerListed, Problem> {
    let (scope, name) = (act.scope()?, act.param("server"));
    let mut servers = act.admin.list_servers(scope)?;
    let known = servers.iter().map(|server| server.server.clone()).collect();
    match servers.iter().position(|server| server.server == name) {
        Some(place) => Ok(servers.swap_remove(place)),
        None => Err(AdminError::UnknownServer {
            slug: name.to_owned(),
            workspace: scope.slug().to_string(),
            known,
        }
        .into()),
    }
}

fn update(act: &Act<'_>, _: Nothing, patch: ServerPatch) -> Result<ServerChanged, Problem> {
    let change = ServerChange {
        enabled: patch.enabled,
        headers: patch.headers,
        timeout: patch.timeout_ms.map(TimeoutMs::duration),
        tools: patch.tools,
    };
    Ok(act
        .admin
        .change_server(act.scope()?, act.param("server"), &change)?)
}

fn remove(act: &Act<'_>, _: Nothing, _: Nothing) -> Result<ServerRemoved, Problem> {
    Ok(act.admin.remove_server(act.scope()?, act.param("server"))?)
}

fn test(act: &Act<'_>, _: Nothing, _: Nothing) -> Result<ServerTested, Problem> {
    Ok(act.admin.test_server(act.scope()?, act.param("server"))?)
}

fn logs(act: &Act<'_>, query: LogsQuery, _: Nothing) -> Result<Logs, Problem> {
    let limit = Limit::or_default(query.limit);
    let lines = act
        .admin
        .server_logs(act.scope()?, act.param("server"), limit)?;
    Ok(Logs { lines })
}
