//! Who may what: one table of every route (S-40, design.md section 4).

use std::collections::BTreeMap;

use toolgate_api::{AuthPolicy, routes};

use crate::support::{Setup, nothing};

/// Each role with the policies it passes.
const MATRIX: &[(&str, &[AuthPolicy])] = &[
    (
        "operator",
        &[AuthPolicy::Known, AuthPolicy::Admin, AuthPolicy::Operator],
    ),
    ("admin", &[AuthPolicy::Known, AuthPolicy::Admin]),
    ("developer", &[AuthPolicy::Known]),
    ("read-only", &[AuthPolicy::Known]),
];

/// Reviewed: who may use each route. A new route needs a line here.
const WANTED: &[(&str, AuthPolicy)] = &[
    ("DELETE /api/alerts/{alert}", AuthPolicy::Operator),
    (
        "DELETE /api/community/mcp/workspaces/{ws}",
        AuthPolicy::Operator,
    ),
    (
        "DELETE /api/community/mcp/workspaces/{ws}/alerts/{alert}",
        AuthPolicy::Admin,
    ),
    (
        "DELETE /api/community/mcp/workspaces/{ws}/invitations/{invitation}",
        AuthPolicy::Admin,
    ),
    (
        "DELETE /api/community/mcp/workspaces/{ws}/members/{member}",
        AuthPolicy::Admin,
    ),
    (
        "DELETE /api/community/mcp/workspaces/{ws}/secrets/{name}",
        AuthPolicy::Admin,
    ),
    (
        "DELETE /api/community/mcp/workspaces/{ws}/servers/{server}",
        AuthPolicy::Admin,
    ),
    (
        "DELETE /api/community/mcp/workspaces/{ws}/tokens/{token}",
        AuthPolicy::Admin,
    ),
    ("DELETE /api/keys/{key}", AuthPolicy::Operator),
    ("DELETE /api/team/{member}", AuthPolicy::Operator),
    ("GET /", AuthPolicy::Public),
    ("GET /api/alerts", AuthPolicy::Operator),
    ("GET /api/analytics", AuthPolicy::Operator),
    ("GET /api/analytics/limits", AuthPolicy::Operator),
    ("GET /api/analytics/overview", AuthPolicy::Operator),
    ("GET /api/audit", AuthPolicy::Operator),
    ("GET /api/billing/usage", AuthPolicy::Operator),
    ("GET /api/community/mcp/workspaces", AuthPolicy::Admin),
    ("GET /api/community/mcp/workspaces/{ws}", AuthPolicy::Admin),
    (
        "GET /api/community/mcp/workspaces/{ws}/alerts",
        AuthPolicy::Admin,
    ),
    (
        "GET /api/community/mcp/workspaces/{ws}/analytics",
        AuthPolicy::Admin,
    ),
    (
        "GET /api/community/mcp/workspaces/{ws}/analytics/limits",
        AuthPolicy::Admin,
    ),
    (
        "GET /api/community/mcp/workspaces/{ws}/analytics/overview",
        AuthPolicy::Admin,
    ),
    (
        "GET /api/community/mcp/workspaces/{ws}/audit",
        AuthPolicy::Admin,
    ),
    (
        "GET /api/community/mcp/workspaces/{ws}/calls",
        AuthPolicy::Known,
    ),
    (
        "GET /api/community/mcp/workspaces/{ws}/calls/live",
        AuthPolicy::Known,
    ),
    (
        "GET /api/community/mcp/workspaces/{ws}/calls/export",
        AuthPolicy::Known,
    ),
    (
        "GET /api/community/mcp/workspaces/{ws}/calls/{call}",
        AuthPolicy::Known,
    ),
    (
        "GET /api/community/mcp/workspaces/{ws}/invitations",
        AuthPolicy::Admin,
    ),
    (
        "GET /api/community/mcp/workspaces/{ws}/members",
        AuthPolicy::Admin,
    ),
    (
        "GET /api/community/mcp/workspaces/{ws}/members/{member}/timeline",
        AuthPolicy::Admin,
    ),
    (
        "GET /api/community/mcp/workspaces/{ws}/reviews",
        AuthPolicy::Admin,
    ),
    (
        "GET /api/community/mcp/workspaces/{ws}/secrets",
        AuthPolicy::Admin,
    ),
    (
        "GET /api/community/mcp/workspaces/{ws}/servers",
        AuthPolicy::Admin,
    ),
    (
        "GET /api/community/mcp/workspaces/{ws}/servers/{server}",
        AuthPolicy::Admin,
    ),
    (
        "GET /api/community/mcp/workspaces/{ws}/servers/{server}/logs",
        AuthPolicy::Admin,
    ),
    (
        "GET /api/community/mcp/workspaces/{ws}/servers/{server}/slow",
        AuthPolicy::Admin,
    ),
    (
        "GET /api/community/mcp/workspaces/{ws}/tokens",
        AuthPolicy::Admin,
    ),
    (
        "GET /api/community/mcp/workspaces/{ws}/tokens/{token}",
        AuthPolicy::Admin,
    ),
    (
        "GET /api/community/mcp/workspaces/{ws}/tokens/{token}/explain",
        AuthPolicy::Admin,
    ),
    (
        "GET /api/community/mcp/workspaces/{ws}/tools",
        AuthPolicy::Known,
    ),
    ("GET /api/doctor", AuthPolicy::Operator),
    ("GET /api/invite/{code}", AuthPolicy::Public),
    ("GET /api/keys", AuthPolicy::Operator),
    ("GET /api/plan", AuthPolicy::Operator),
    ("GET /api/settings", AuthPolicy::Operator),
    ("GET /api/status", AuthPolicy::Operator),
    ("GET /api/team", AuthPolicy::Operator),
    ("GET /api/whoami", AuthPolicy::Known),
    ("GET /openapi.json", AuthPolicy::Public),
    ("PATCH /api/alerts/{alert}", AuthPolicy::Operator),
    (
        "PATCH /api/community/mcp/workspaces/{ws}",
        AuthPolicy::Admin,
    ),
    (
        "PATCH /api/community/mcp/workspaces/{ws}/alerts/{alert}",
        AuthPolicy::Admin,
    ),
    (
        "PATCH /api/community/mcp/workspaces/{ws}/servers/{server}",
        AuthPolicy::Admin,
    ),
    (
        "PATCH /api/community/mcp/workspaces/{ws}/servers/{server}/tools/{tool}",
        AuthPolicy::Admin,
    ),
    (
        "PATCH /api/community/mcp/workspaces/{ws}/tokens/{token}",
        AuthPolicy::Admin,
    ),
    ("PATCH /api/plan", AuthPolicy::Operator),
    ("PATCH /api/settings/{setting}", AuthPolicy::Operator),
    ("POST /api/alerts", AuthPolicy::Operator),
    ("POST /api/alerts/{alert}/test", AuthPolicy::Operator),
    ("POST /api/community/mcp/workspaces", AuthPolicy::Operator),
    (
        "POST /api/community/mcp/workspaces/{ws}/alerts",
        AuthPolicy::Admin,
    ),
    (
        "POST /api/community/mcp/workspaces/{ws}/alerts/{alert}/test",
        AuthPolicy::Admin,
    ),
    (
        "POST /api/community/mcp/workspaces/{ws}/invitations",
        AuthPolicy::Admin,
    ),
    (
        "POST /api/community/mcp/workspaces/{ws}/reviews/approve",
        AuthPolicy::Admin,
    ),
    (
        "POST /api/community/mcp/workspaces/{ws}/secrets",
        AuthPolicy::Admin,
    ),
    (
        "POST /api/community/mcp/workspaces/{ws}/servers",
        AuthPolicy::Admin,
    ),
    (
        "POST /api/community/mcp/workspaces/{ws}/servers/{server}/test",
        AuthPolicy::Admin,
    ),
    (
        "POST /api/community/mcp/workspaces/{ws}/test",
        AuthPolicy::Admin,
    ),
    (
        "POST /api/community/mcp/workspaces/{ws}/tokens",
        AuthPolicy::Admin,
    ),
    (
        "POST /api/community/mcp/workspaces/{ws}/inspect-token",
        AuthPolicy::Admin,
    ),
    (
        "POST /api/community/mcp/workspaces/{ws}/tokens/{token}/try",
        AuthPolicy::Admin,
    ),
    ("POST /api/invite/{code}", AuthPolicy::Public),
    ("POST /api/keys", AuthPolicy::Operator),
    ("POST /api/team", AuthPolicy::Operator),
    ("POST /api/v1/cli/validate", AuthPolicy::Known),
    // For browsers alone: pages, and signing in.
    ("GET /assets/{file}", AuthPolicy::Public),
    ("GET /assets/{folder}/{file}", AuthPolicy::Public),
    ("GET /assets/{folder}/{inner}/{file}", AuthPolicy::Public),
    ("GET /invite/{code}", AuthPolicy::Public),
    ("GET /api/session", AuthPolicy::Public),
    ("POST /api/session", AuthPolicy::Public),
    ("DELETE /api/session", AuthPolicy::Public),
    ("POST /api/session/setup", AuthPolicy::Public),
    ("POST /api/session/join", AuthPolicy::Public),
    ("POST /api/session/step-up", AuthPolicy::Public),
];

#[test]
fn s02_every_route_has_the_reviewed_policy() {
    let found: BTreeMap<String, AuthPolicy> = routes()
        .map(|(method, path, access)| (format!("{method} {path}"), access))
        .collect();
    let wanted = WANTED
        .iter()
        .map(|(route, access)| ((*route).to_owned(), *access));
    assert_eq!(found, wanted.collect());
}

/// Every route by every role: 403 is answered exactly where the table says so. What passes fails or succeeds by what it
/// names, which does not exist here.
#[tokio::test]
async fn s40_every_role_passes_exactly_its_policies() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    for (role, passes) in MATRIX {
        let credential = match *role {
            "operator" => &setup.key,
            "admin" => &team.admin,
            "developer" => &team.developer,
            _ => &team.read_only,
        };
        for (method, path, access) in routes() {
            // Deleting comes last, and streams have their own tests.
            if access == AuthPolicy::Public || path.ends_with("/live") {
                continue;
            }
            let gone = setup.team("Gone");
            let slug = if *role == "operator" {
                &gone.slug
            } else {
                &team.slug
            };
            let filled = path.replace("{ws}", slug).replace(['{', '}'], "");
            let client = setup.by(credential).at(&filled);
            let reply = match method.as_str() {
                "GET" | "DELETE" => client.request(method.as_str()).await,
                method => client.send_json(method, &nothing()).await,
            };
            let may = passes.contains(&access);
            assert_eq!(
                reply.status != 403,
                may,
                "{role}: {method} {path}: {} {}",
                reply.status,
                reply.json()
            );
            assert_ne!(reply.status, 401, "{role}: {method} {path}");
        }
    }
}
