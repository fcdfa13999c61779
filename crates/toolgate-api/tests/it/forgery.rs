//! Other sites' pages in a browser that is signed in (S-78).

use hyper::Method;
use serde_json::json;
use toolgate_api::{AuthPolicy, routes};
use toolgate_testkit::Client;

use crate::browser::Browser;
use crate::support::{Setup, code};

/// What another site's page would send.
type Spoil = fn(Client) -> Client;

/// `csrf_matrix` over the whole table: no change without the session's token and our own origin.
#[tokio::test]
async fn s78_csrf_matrix_over_every_route() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    let browser = Browser::sign_in(&setup, &json!({ "key": setup.key })).await;
    let before = setup.get("/api/audit?limit=500").await;
    let spoiled: [(&str, Spoil); 4] = [
        ("no token", |client| client.header("x-csrf-token", "")),
        ("another token", |client| {
            client.header("x-csrf-token", &"0".repeat(64))
        }),
        ("another site", |client| {
            client.header("origin", "https://evil.example")
        }),
        ("from a neighbour", |client| {
            client.header("sec-fetch-site", "same-site")
        }),
    ];
    let mut tried = 0;
    for (method, path, access) in routes() {
        if *method == Method::GET || access == AuthPolicy::Public {
            continue;
        }
        let filled = path.replace("{ws}", &team.slug).replace(['{', '}'], "");
        for (what, spoil) in spoiled {
            let client = spoil(browser.client()).at(&filled);
            let reply = client.send_json(method.as_str(), &json!({})).await;
            // The listener knows other sites, the door everything else.
            let is_refused =
                reply.status == 403 && ["forged", "forbidden"].contains(&code(&reply).as_str());
            assert!(is_refused, "{what}: {method} {path}: {}", reply.json());
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
    let after = setup.get("/api/audit?limit=500").await;
    assert_eq!(after, before, "nothing was changed");
    // The same browser from our own page may.
    let asked = browser.client().at("/api/keys");
    assert_eq!(asked.post(&json!({ "name": "ours" })).await.status, 201);
}
