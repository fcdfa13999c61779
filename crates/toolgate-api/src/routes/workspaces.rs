//! Workspaces.

use hyper::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolgate_admin::{
    ReadOnlyMay, ServerListed, WorkspaceCreated, WorkspaceDeleted, WorkspaceListed,
    WorkspaceSettings, WorkspaceTested, WorkspaceUpdated,
};

use crate::fields::Description;
use crate::input::Nothing;
use crate::operation::{Act, AuthPolicy, Operation};
use crate::page::{PageQuery, page};
use crate::problem::Problem;

const ALL: &str = "/api/community/mcp/workspaces";
const ONE: &str = "/api/community/mcp/workspaces/{ws}";
const TEST: &str = "/api/community/mcp/workspaces/{ws}/test";

#[derive(Debug, Serialize, JsonSchema)]
struct Workspaces {
    /// By slug.
    workspaces: Vec<WorkspaceListed>,
    /// What to send as `cursor` for more; null = this is the end.
    next_cursor: Option<String>,
}

/// A workspace to make.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewWorkspace {
    /// What people call it; its slug is made from it.
    #[schemars(length(min = 2, max = 80))]
    name: String,
    /// What it is for.
    #[serde(default)]
    description: Description,
}

/// What to change of a workspace; what is left out stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WorkspaceChange {
    /// What people call it; its slug stays.
    #[schemars(length(min = 2, max = 80))]
    name: Option<String>,
    /// What it is for.
    description: Option<Description>,
    /// What read-only tokens may call.
    read_only: Option<ReadOnlyMay>,
    /// Whether writing calls are sent only once their intent is on the disk.
    strict_records: Option<bool>,
}

/// A workspace with its servers.
#[derive(Debug, Serialize, JsonSchema)]
struct WorkspaceShown {
    /// The workspace.
    workspace: WorkspaceListed,
    /// Its servers, in display order.
    servers: Vec<ServerListed>,
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            (Method::GET, ALL),
            AuthPolicy::Admin,
            ("listWorkspaces", "List the workspaces one administers"),
            list,
        ),
        Operation::new(
            (Method::POST, ALL),
            AuthPolicy::Operator,
            (
                "createWorkspace",
                "Make a workspace and its first Admin token",
            ),
            create,
        )
        .creates()
        .shows_once(&["token", "mcp_json"]),
        Operation::new(
            (Method::GET, ONE),
            AuthPolicy::Admin,
            ("getWorkspace", "A workspace with its servers"),
            get,
        ),
        Operation::new(
            (Method::PATCH, ONE),
            AuthPolicy::Admin,
            (
                "updateWorkspace",
                "Change name, description or settings of a workspace",
            ),
            update,
        ),
        Operation::new(
            (Method::DELETE, ONE),
            AuthPolicy::Operator,
            (
                "deleteWorkspace",
                "Delete a workspace with its tokens, servers and secrets",
            ),
            delete,
        ),
        Operation::new(
            (Method::POST, TEST),
            AuthPolicy::Admin,
            (
                "testWorkspace",
                "Ask every enabled server for its tools, now",
            ),
            test,
        ),
    ]
}

fn list(act: &Act<'_>, query: PageQuery, _: Nothing) -> Result<Workspaces, Problem> {
    let mut all = act.admin.list_workspaces()?;
    if let Some(home) = act.caller.home() {
        all.retain(|workspace| workspace.id == home.workspace().as_str());
    }
    let by_slug = |workspace: &WorkspaceListed| vec![workspace.slug.clone()];
    let (workspaces, next_cursor) = page(all, query.limit, query.cursor.as_deref(), by_slug)?;
    Ok(Workspaces {
        workspaces,
        next_cursor,
    })
}

fn create(act: &Act<'_>, _: Nothing, new: NewWorkspace) -> Result<WorkspaceCreated, Problem> {
    Ok(act.admin.create_workspace(&new.name, &new.description.0)?)
}

fn get(act: &Act<'_>, _: Nothing, _: Nothing) -> Result<WorkspaceShown, Problem> {
    let scope = act.scope()?;
    Ok(WorkspaceShown {
        workspace: act.admin.workspace(scope)?,
        servers: act.admin.list_servers(scope)?,
    })
}

fn update(act: &Act<'_>, _: Nothing, change: WorkspaceChange) -> Result<WorkspaceUpdated, Problem> {
    let settings = WorkspaceSettings {
        name: change.name,
        description: change.description.map(|text| text.0),
        read_only: change.read_only,
        strict_records: change.strict_records,
    };
    Ok(act.admin.update_workspace(act.scope()?, settings)?)
}

fn delete(act: &Act<'_>, _: Nothing, _: Nothing) -> Result<WorkspaceDeleted, Problem> {
    Ok(act.admin.delete_workspace(act.scope()?)?)
}

fn test(act: &Act<'_>, _: Nothing, _: Nothing) -> Result<WorkspaceTested, Problem> {
    Ok(act.admin.test_workspace(act.scope()?)?)
}
