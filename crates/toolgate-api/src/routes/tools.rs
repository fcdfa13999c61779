//! Tools of a workspace, with their pins and what they do.

use hyper::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolgate_admin::{Classification, GatewayState, ToolListed};

use crate::fields::Limit;
use crate::input::Nothing;
use crate::operation::{Act, AuthPolicy, Operation};
use crate::page::page;
use crate::problem::Problem;

const ALL: &str = "/api/community/mcp/workspaces/{ws}/tools";
const ONE: &str = "/api/community/mcp/workspaces/{ws}/servers/{server}/tools/{tool}";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ToolsQuery {
    /// Only of this server.
    server: Option<String>,
    /// At most so many.
    limit: Option<Limit>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Tools {
    /// By server and name. For a token that is no Admin's: those it may call.
    tools: Vec<ToolListed>,
    /// What to send as `cursor` for more; null = this is the end.
    next_cursor: Option<String>,
}

/// What to change of a tool; what is left out stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ToolPatch {
    /// Whether it is listed and called.
    enabled: Option<bool>,
    /// What it does, whatever its server says.
    classification: Option<Classification>,
}

/// A tool that was changed.
#[derive(Debug, Serialize, JsonSchema)]
struct ToolChanged {
    /// Its workspace.
    workspace: String,
    /// Its server.
    server: String,
    /// The server's own name for it.
    tool: String,
    /// Whether it is listed and called, if that was changed.
    enabled: Option<bool>,
    /// What it does, if that was changed.
    classification: Option<Classification>,
    /// What became of the change at the gateway; null = nothing was to be changed.
    gateway: Option<GatewayState>,
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            (Method::GET, ALL),
            AuthPolicy::Known,
            ("listTools", "List tools with their pins and what they do"),
            list,
        ),
        Operation::new(
            (Method::PATCH, ONE),
            AuthPolicy::Admin,
            ("updateTool", "Switch a tool on or off, or say what it does"),
            update,
        ),
    ]
}

fn list(act: &Act<'_>, query: ToolsQuery, _: Nothing) -> Result<Tools, Problem> {
    let scope = act.scope()?;
    let server = query.server.as_deref();
    let all = match act.caller.own_token() {
        Some(token) => act.admin.list_tools_for(scope, token, server)?,
        None => act.admin.list_tools(scope, server)?,
    };
    let by_name = |tool: &ToolListed| vec![tool.server.clone(), tool.tool.clone()];
    let (tools, next_cursor) = page(all, query.limit, query.cursor.as_deref(), by_name)?;
    Ok(Tools { tools, next_cursor })
}

fn update(act: &Act<'_>, _: Nothing, patch: ToolPatch) -> Result<ToolChanged, Problem> {
    let (scope, server, tool) = (act.scope()?, act.param("server"), act.param("tool"));
    let mut changed = ToolChanged {
        workspace: scope.slug().to_string(),
        server: server.to_owned(),
        tool: tool.to_owned(),
        enabled: patch.enabled,
        classification: patch.classification,
        gateway: None,
    };
    if let Some(enabled) = patch.enabled {
        let done = act.admin.switch_tool(scope, server, tool, enabled)?;
        changed.gateway = Some(done.gateway);
    }
    if let Some(classification) = patch.classification {
        let done = act
            .admin
            .classify_tool(scope, server, tool, classification)?;
        changed.gateway = Some(done.gateway);
    }
    Ok(changed)
}
