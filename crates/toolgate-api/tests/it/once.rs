//! A POST with an Idempotency-Key is done once.

use serde_json::json;

use crate::support::{BASE, Setup, code, of};

#[tokio::test]
async fn a_repeated_create_answers_the_same_without_the_token() {
    let setup = Setup::new().await;
    let create = || {
        let client = setup.operator().header("idempotency-key", "one").at(BASE);
        async move { client.post(&json!({ "name": "Team" })).await }
    };
    let first = create().await;
    assert_eq!(first.status, 201);
    let token = first.json()["token"].as_str().unwrap().to_owned();
    let second = create().await;
    assert_eq!(second.status, 200);
    assert_eq!(second.headers["idempotency-replayed"], "true");
    let body = second.json();
    assert_eq!(body["id"], first.json()["id"]);
    assert_eq!(body.get("token"), None);
    assert_eq!(body.get("mcp_json"), None);
    assert!(body["note"].as_str().unwrap().contains("not shown again"));
    assert_eq!(setup.admin.list_workspaces().unwrap().len(), 1);
    // What is shown once is in no file either (S-35).
    for file in std::fs::read_dir(setup.folder.path()).unwrap() {
        let path = file.unwrap().path();
        let Ok(bytes) = std::fs::read(&path) else {
            continue;
        };
        let found = bytes
            .windows(token.len())
            .any(|part| part == token.as_bytes());
        assert!(!found, "{}", path.display());
    }
}

#[tokio::test]
async fn a_key_is_for_one_request_of_one_caller() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    let path = of(&team.slug, "/tokens");
    let ask = |credential: &str, name: &str| {
        let client = setup
            .by(credential)
            .header("idempotency-key", "k")
            .at(&path);
        let body = json!({ "name": name });
        async move { client.post(&body).await }
    };
    assert_eq!(ask(&setup.key, "a").await.status, 201);
    let other = ask(&setup.key, "b").await;
    assert_eq!((other.status, code(&other).as_str()), (409, "key_reused"));
    assert_eq!(
        ask(&team.admin, "b").await.status,
        201,
        "another caller's keys are its own"
    );
    assert_eq!(ask(&setup.key, "a").await.status, 200);
}

/// What failed was not done, so the same key may try again.
#[tokio::test]
async fn a_refused_write_leaves_its_key_free() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    let client = setup
        .operator()
        .header("idempotency-key", "k")
        .at(&of(&team.slug, "/servers"));
    let private = json!({ "server": "x", "url": "http://127.0.0.1:9/mcp" });
    assert_eq!(client.post(&private).await.status, 403);
    assert_eq!(client.post(&private).await.status, 403);
    let public = json!({ "server": "x", "url": "https://mcp.example.com/mcp" });
    assert_eq!(client.post(&public).await.status, 201);
    let again = client.post(&public).await;
    assert_eq!(again.status, 201, "nothing of it is shown once");
    assert_eq!(again.headers["idempotency-replayed"], "true");
}

#[tokio::test]
async fn twenty_at_once_make_one() {
    let setup = Setup::new().await;
    let asked = (0..20).map(|_| {
        let client = setup.operator().header("idempotency-key", "burst").at(BASE);
        async move { client.post(&json!({ "name": "Team" })).await.status }
    });
    let mut running = Vec::new();
    for one in asked {
        running.push(tokio::spawn(one));
    }
    let mut made = 0;
    for one in running {
        let status = one.await.unwrap();
        assert!([200, 201, 409].contains(&status), "{status}");
        made += usize::from(status == 201);
    }
    assert_eq!(made, 1);
    assert_eq!(setup.admin.list_workspaces().unwrap().len(), 1);
}

#[tokio::test]
async fn keys_have_a_form() {
    let setup = Setup::new().await;
    let long = "x".repeat(201);
    let client = setup.operator().header("idempotency-key", &long).at(BASE);
    let reply = client.post(&json!({ "name": "Team" })).await;
    assert_eq!((reply.status, code(&reply).as_str()), (400, "malformed"));
}
