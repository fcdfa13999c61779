//! `route_inventory`: every path that answers strangers is on a list that people read (S-02).

use std::collections::BTreeSet;

use toolgate_gateway::{AuthPolicy, routes};
use toolgate_testkit::Client;

use crate::setup::Setup;

/// Reviewed: what anybody may use without credentials. A new line needs a reason beside it.
const PUBLIC: &[&str] = &[
    // Says that the process answers, and its version.
    "GET /health",
    "HEAD /health",
    "GET /health/live",
    "HEAD /health/live",
    // One word for load balancers: whether requests should be sent here.
    "GET /health/ready",
    "HEAD /health/ready",
];

const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY",
];

#[test]
fn s02_the_public_routes_are_the_reviewed_ones() {
    let public: Vec<String> = routes()
        .filter(|(.., access)| *access == AuthPolicy::Public)
        .map(|(method, pattern, _)| format!("{method} {pattern}"))
        .collect();
    assert_eq!(public, PUBLIC);
}

/// CVE-2026-33032: one of two sibling routes lacked the check. Here every route is asked by every method, with the
/// headers that would lead furthest in, and whatever answers must be on the list.
#[tokio::test]
async fn s02_cve_2026_33032_no_route_answers_without_credentials() {
    let setup = Setup::new().await;
    let mut patterns: BTreeSet<&str> = routes().map(|(_, pattern, _)| pattern).collect();
    patterns.extend([
        "/",
        "/ws",
        "/metrics",
        "/api",
        "/api/gateway",
        "/debug",
        "/admin",
        "/.well-known/mcp.json",
    ]);
    let mut answered = Vec::new();
    for pattern in patterns {
        for slug in ["default", "no-such"] {
            let path = pattern.replace("{slug}", slug);
            for query in ["", "?session=0123456789abcdef0123456789abcdef"] {
                for method in METHODS {
                    let client = Client::new(&setup.origin)
                        .at(&format!("{path}{query}"))
                        .header("mcp-session-id", "0123456789abcdef0123456789abcdef")
                        .header("accept", "application/json, text/event-stream")
                        .header("content-type", "application/json");
                    let reply = client.request(method).await;
                    // 429 after the first twenty: guessing is bounded (S-37).
                    if ![401, 404, 405, 429].contains(&reply.status) {
                        answered.push(format!("{method} {pattern}"));
                    }
                }
            }
        }
    }
    answered.dedup();
    let (answered, public): (BTreeSet<_>, BTreeSet<_>) = (
        answered.iter().map(String::as_str).collect(),
        PUBLIC.iter().copied().collect(),
    );
    assert_eq!(answered, public);
}

/// S-01: what is not configured is closed. `ContextForge` 3891: an unknown virtual server gave out every tool;
/// CVE-2026-33032: an empty list meant everybody.
#[tokio::test]
async fn s01_contextforge_3891_an_unknown_slug_and_an_empty_list_mean_nobody() {
    let setup = Setup::with(|config| assert!(config.anonymous.is_empty(), "by default")).await;
    let server = toolgate_testkit::Server::new().tool("look", "seen");
    setup.link("s", &server.start().await).await;
    for slug in ["no-such", "", "default%00", "DEFAULT"] {
        let mut client = Client::new(&setup.url(slug)).bearer(&setup.admin_token);
        let reply = client.rpc("tools/list", &serde_json::json!({})).await;
        assert!(
            [401, 404].contains(&reply.status),
            "{slug}: {}",
            reply.status
        );
    }
    let mut nobody = Client::new(&setup.url("default"));
    let reply = nobody.rpc("tools/list", &serde_json::json!({})).await;
    assert_eq!(reply.status, 401, "an empty list of guests' workspaces");
}
