//! `route_inventory`: every path has a policy, and what answers strangers is on a list that people read (S-02).

use std::collections::BTreeSet;

use toolgate_api::{AuthPolicy, routes};
use toolgate_testkit::Client;

use crate::support::Setup;

/// Reviewed: what anybody may use without credentials. A new line needs a reason beside it.
const PUBLIC: &[&str] = &[
    // What there is, the same for every installation of a version.
    "GET /openapi.json",
    // Pages and scripts, the same for every installation of a version.
    "GET /",
    // What an invitation is to, for whoever holds its code: failures count as guesses (S-37).
    "GET /api/invite/{code}",
    "POST /api/invite/{code}",
    "GET /assets/{file}",
    "GET /assets/{folder}/{file}",
    "GET /assets/{folder}/{inner}/{file}",
    // The same page: the link of an invitation, whose code the page takes from its address.
    "GET /invite/{code}",
    // Signing in: who nobody knows yet. Changes are refused unless they come from a page that was given a token.
    "GET /api/session",
    "POST /api/session",
    "DELETE /api/session",
    "POST /api/session/setup",
    "POST /api/session/join",
    "POST /api/session/step-up",
];

const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY",
];

#[test]
fn s02_the_public_routes_are_the_reviewed_ones() {
    let public: Vec<String> = routes()
        .filter(|(.., access)| *access == AuthPolicy::Public)
        .map(|(method, path, _)| format!("{method} {path}"))
        .collect();
    assert_eq!(public, PUBLIC);
}

/// Every path by every method without a credential: what answers is on the list.
#[tokio::test]
async fn s02_s76_no_route_answers_without_credentials() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    let mut paths: BTreeSet<&str> = routes().map(|(_, path, _)| path).collect();
    paths.extend(["/api", "/admin", "/metrics", "/debug", "/health"]);
    let mut answered = BTreeSet::new();
    for path in paths {
        let filled = path.replace("{ws}", &team.slug).replace(['{', '}'], "");
        for method in METHODS {
            let client = Client::new(&setup.origin).at(&filled);
            let reply = client.request(method).await;
            // 429 after the first twenty: guessing is bounded (S-37).
            if ![401, 404, 405, 429].contains(&reply.status) {
                answered.insert(format!("{method} {path}"));
            }
        }
    }
    // There is no file of the name, and nobody was invited with the code, that was asked for.
    let hidden = |route: &str| route.contains("/assets/") || route.contains("/api/invite/");
    let public = PUBLIC.iter().filter(|route| !hidden(route));
    let public: BTreeSet<String> = public.map(|route| (*route).to_owned()).collect();
    assert_eq!(answered, public);
}
