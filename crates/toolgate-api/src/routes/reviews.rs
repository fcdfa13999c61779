//! What waits for an admin's word: new and changed tools, servers that are not who they were (S-50, S-52).

use hyper::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolgate_admin::{Approved, ServerReview, ToolReview};

use crate::fields::Limit;
use crate::input::Nothing;
use crate::operation::{Act, AuthPolicy, Operation};
use crate::page::page;
use crate::problem::Problem;

const ALL: &str = "/api/community/mcp/workspaces/{ws}/reviews";
const APPROVE: &str = "/api/community/mcp/workspaces/{ws}/reviews/approve";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReviewsQuery {
    /// Only of this server.
    server: Option<String>,
    /// At most so many tools.
    limit: Option<Limit>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

#[expect(
    clippy::struct_field_names,
    reason = "the names are those of the reply"
)]
#[derive(Debug, Serialize, JsonSchema)]
struct Reviews {
    /// Tools that wait, each beside what was approved.
    reviews: Vec<ToolReview>,
    /// Servers that are not who they were.
    servers: Vec<ServerReview>,
    /// What to send as `cursor` for more tools; null = this is the end.
    next_cursor: Option<String>,
}

/// An approval of exactly what was shown.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Approval {
    /// The server.
    server: String,
    /// The tool, by the server's own name for it; left out = the server itself.
    tool: Option<String>,
    /// The digest that was shown with it.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    hash: String,
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            (Method::GET, ALL),
            AuthPolicy::Admin,
            (
                "listReviews",
                "What waits for an approval, with what changed",
            ),
            list,
        ),
        Operation::new(
            (Method::POST, APPROVE),
            AuthPolicy::Admin,
            ("approve", "Approve what was shown, by its digest"),
            approve,
        ),
    ]
}

fn list(act: &Act<'_>, query: ReviewsQuery, _: Nothing) -> Result<Reviews, Problem> {
    let (scope, server) = (act.scope()?, query.server.as_deref());
    let all = act.admin.review_tools(scope, server, None)?;
    let by_name = |review: &ToolReview| vec![review.server.clone(), review.tool.clone()];
    let (reviews, next_cursor) = page(all, query.limit, query.cursor.as_deref(), by_name)?;
    Ok(Reviews {
        reviews,
        servers: act.admin.review_servers(scope, server)?,
        next_cursor,
    })
}

fn approve(act: &Act<'_>, _: Nothing, approval: Approval) -> Result<Approved, Problem> {
    let (scope, server, hash) = (act.scope()?, &approval.server, &approval.hash);
    Ok(match &approval.tool {
        Some(tool) => act.admin.approve_tool(scope, server, tool, hash)?,
        None => act.admin.approve_server(scope, server, hash)?,
    })
}
