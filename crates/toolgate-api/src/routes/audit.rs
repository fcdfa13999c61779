//! What administrators did, in a workspace and in the whole installation.

use hyper::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolgate_admin::{AuditListed, AuditQuery, WorkspaceScope};

use crate::fields::{Limit, Seconds};
use crate::input::Nothing;
use crate::operation::{Act, AuthPolicy, Operation};
use crate::page;
use crate::problem::Problem;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AuditAsked {
    /// Only this action (`token.create`) or noun (`token`).
    action: Option<String>,
    /// Only of whoever has this in the name.
    actor: Option<String>,
    /// Only acts not older than so many seconds.
    since: Option<Seconds>,
    /// At most so many, the newest.
    limit: Option<Limit>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Audit {
    /// Newest first.
    audit: Vec<AuditListed>,
    /// What to send as `cursor` for more; null = this is the end.
    next_cursor: Option<String>,
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            (Method::GET, "/api/community/mcp/workspaces/{ws}/audit"),
            AuthPolicy::Admin,
            (
                "listWorkspaceAudit",
                "What administrators did in a workspace",
            ),
            of_workspace,
        ),
        Operation::new(
            (Method::GET, "/api/audit"),
            AuthPolicy::Operator,
            ("listAudit", "What administrators did"),
            of_all,
        ),
    ]
}

fn of_workspace(act: &Act<'_>, asked: AuditAsked, _: Nothing) -> Result<Audit, Problem> {
    let scope = act.scope()?.clone();
    list(act, asked, Some(scope))
}

fn of_all(act: &Act<'_>, asked: AuditAsked, _: Nothing) -> Result<Audit, Problem> {
    list(act, asked, None)
}

fn list(
    act: &Act<'_>,
    asked: AuditAsked,
    workspace: Option<WorkspaceScope>,
) -> Result<Audit, Problem> {
    let limit = Limit::or_default(asked.limit);
    let mut audit = act.admin.list_audit(&AuditQuery {
        workspace,
        since: asked.since.map(Seconds::duration),
        action: asked.action,
        actor: asked.actor,
        before: asked.cursor.as_deref().map(page::read).transpose()?,
        // One more than is shown says whether there is more.
        limit: limit + 1,
    })?;
    audit.reverse();
    let is_more = audit.len() > limit;
    audit.truncate(limit);
    let last = audit.last().filter(|_| is_more);
    Ok(Audit {
        next_cursor: last.map(|row| page::write(&row.sequence)),
        audit,
    })
}
