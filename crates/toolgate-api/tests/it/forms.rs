//! What is refused for its form, and how that is said.

use serde_json::json;
use toolgate_testkit::Client;

use crate::support::{BASE, Setup, code, nothing, of};

#[tokio::test]
async fn unknown_members_are_named() {
    let setup = Setup::new().await;
    let reply = setup
        .send("POST", BASE, &json!({ "name": "Team", "colour": 1 }))
        .await;
    assert_eq!((reply.status, code(&reply).as_str()), (400, "malformed"));
    let message = reply.json()["error"]["message"].to_string();
    assert!(message.contains("unknown field `colour`"), "{message}");
    let reply = setup.operator().at("/api/whoami?x=1").request("GET").await;
    assert_eq!(reply.status, 400);
    assert!(reply.json()["error"]["message"].to_string().contains("`x`"));
}

/// S-21: a value that does not fit may be a secret in the wrong place, so it is not repeated.
#[tokio::test]
async fn s21_refusals_repeat_no_value() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    let path = of(&team.slug, "/secrets");
    let canary = "canary-5f1c";
    for body in [
        json!({ "key": "A", "value": [canary] }),
        json!({ "key": { canary: 1 }, "value": "x" }),
        json!({ "key": "A", "value": "x", "server": 7 }),
        json!([canary]),
        json!(canary),
    ] {
        let reply = setup.send("POST", &path, &body).await;
        assert_eq!(reply.status, 400, "{body}: {}", reply.json());
        assert!(
            !String::from_utf8_lossy(&reply.body).contains(canary),
            "{body}"
        );
    }
    let role = json!({ "name": "x", "role": canary });
    let reply = setup.send("POST", &of(&team.slug, "/tokens"), &role).await;
    assert_eq!(reply.status, 400);
    let message = reply.json()["error"]["message"].to_string();
    assert!(
        message.contains("`role`") && !message.contains(canary),
        "{message}"
    );
    assert!(
        message.contains("read-only"),
        "says what there is: {message}"
    );
}

#[tokio::test]
async fn s76_what_changes_something_is_json() {
    let setup = Setup::new().await;
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "",
    ] {
        let client = setup.operator().header("content-type", kind).at(BASE);
        let reply = client.post(&json!({ "name": "Team" })).await;
        assert_eq!(
            (reply.status, code(&reply).as_str()),
            (415, "unsupported_media_type"),
            "{kind}"
        );
    }
    assert_eq!(setup.admin.list_workspaces().unwrap().len(), 0);
    let client = setup
        .operator()
        .header("content-type", "Application/JSON; charset=utf-8");
    let reply = client.at(BASE).post(&json!({ "name": "Team" })).await;
    assert_eq!(reply.status, 201);
}

#[tokio::test]
async fn bodies_are_bounded() {
    let setup = Setup::new().await;
    let large = json!({ "name": "x".repeat(1024 * 1024) });
    let reply = setup.send("POST", BASE, &large).await;
    assert_eq!((reply.status, code(&reply).as_str()), (413, "too_large"));
    let deep = "[".repeat(100_000);
    let reply = setup.operator().at(BASE).post_raw(deep).await;
    assert_eq!((reply.status, code(&reply).as_str()), (400, "malformed"));
}

#[tokio::test]
async fn what_is_no_json_is_refused() {
    let setup = Setup::new().await;
    for body in [
        "{",
        "nope",
        "{} {}",
        "{\"name\":\"Team\",\"name\":\"Other\"}",
        "\u{feff}{}",
        "null",
    ] {
        let reply = setup.operator().at(BASE).post_raw(body.to_owned()).await;
        assert_eq!(
            (reply.status, code(&reply).as_str()),
            (400, "malformed"),
            "{body}"
        );
    }
    assert_eq!(setup.admin.list_workspaces().unwrap().len(), 0);
}

#[tokio::test]
async fn queries_are_read_strictly() {
    let setup = Setup::new().await;
    for query in [
        "limit=0",
        "limit=501",
        "limit=x",
        "limit=1&limit=2",
        "limit=%zz",
        "cursor=%ff",
        "=1",
        "limit",
    ] {
        let reply = setup
            .operator()
            .at(&format!("/api/keys?{query}"))
            .request("GET")
            .await;
        assert_eq!(
            (reply.status, code(&reply).as_str()),
            (400, "malformed"),
            "{query}: {}",
            reply.json()
        );
    }
    let reply = setup
        .operator()
        .at("/api/keys?cursor=x")
        .request("GET")
        .await;
    assert_eq!((reply.status, code(&reply).as_str()), (422, "invalid"));
    assert_eq!(
        setup
            .operator()
            .at("/api/keys?limit=1")
            .request("GET")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn methods_and_paths_that_are_not_there() {
    let setup = Setup::new().await;
    let reply = setup.operator().at(BASE).request("PUT").await;
    assert_eq!(
        (reply.status, code(&reply).as_str()),
        (405, "method_not_allowed")
    );
    assert_eq!(reply.headers["allow"], "GET, POST");
    let reply = setup.operator().at("/api/nowhere").request("GET").await;
    assert_eq!((reply.status, code(&reply).as_str()), (404, "not_found"));
    for path in [
        "/api/community/mcp/workspaces/..",
        "/api//keys",
        "/api/keys/a%2fb",
    ] {
        let reply = setup.operator().at(path).request("GET").await;
        assert_eq!(
            (reply.status, code(&reply).as_str()),
            (400, "malformed"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn get_and_delete_take_no_body() {
    let setup = Setup::new().await;
    let client = setup.operator().at("/api/keys");
    assert_eq!(client.send_json("GET", &nothing()).await.status, 400);
}

/// What has the right form and cannot be meant is 422; what is in the way of something is 409; what is gone, 404.
#[tokio::test]
async fn kinds_of_failures_have_their_status() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    let tokens = of(&team.slug, "/tokens");
    let reply = setup
        .send("POST", &tokens, &json!({ "name": "x", "tools": ["!a"] }))
        .await;
    assert_eq!((reply.status, code(&reply).as_str()), (422, "invalid"));
    let approval = json!({ "server": "none", "hash": "0".repeat(64) });
    let reply = setup
        .send("POST", &of(&team.slug, "/reviews/approve"), &approval)
        .await;
    assert_eq!((reply.status, code(&reply).as_str()), (404, "not_found"));
    let reply = setup.operator().at("/api/status").request("GET").await;
    assert_eq!(
        (reply.status, code(&reply).as_str()),
        (503, "gateway_needed")
    );
    assert_eq!(reply.headers["retry-after"], "1");
    let secret = |key: &str| json!({ "key": key, "value": "not-a-real-value" });
    let secrets = of(&team.slug, "/secrets");
    assert_eq!(
        setup
            .send("POST", &secrets, &secret("GITHUB_TOKEN"))
            .await
            .status,
        200
    );
    let reply = setup.send("POST", &secrets, &secret("github-token")).await;
    assert_eq!((reply.status, code(&reply).as_str()), (409, "refused"));
}

/// Whoever does not run the installation hears nothing of its host.
#[tokio::test]
async fn s21_tokens_hear_nothing_of_the_host() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    let folder = setup.folder.path().to_str().unwrap().to_owned();
    let path = of(&team.slug, "/test");
    let reply = setup.by(&team.admin).at(&path).post(&nothing()).await;
    // An empty workspace has nothing to ask.
    assert_eq!(reply.status, 200, "{}", reply.json());
    let add = json!({ "server": "far", "url": "https://mcp.example.com/mcp" });
    let added = setup
        .by(&team.admin)
        .at(&of(&team.slug, "/servers"))
        .post(&add)
        .await;
    assert_eq!(added.status, 201, "{}", added.json());
    let reply = setup.by(&team.admin).at(&path).post(&nothing()).await;
    assert_eq!(
        (reply.status, code(&reply).as_str()),
        (503, "gateway_needed")
    );
    assert!(!String::from_utf8_lossy(&reply.body).contains(&folder));
    let reply = Client::new(&setup.origin)
        .bearer(&setup.key)
        .at(&path)
        .post(&nothing())
        .await;
    assert!(
        String::from_utf8_lossy(&reply.body).contains(&folder),
        "the operator does"
    );
}
