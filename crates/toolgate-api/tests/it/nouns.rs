//! Each noun once from making to unmaking, and whose name stands in the audit trail.

use serde_json::{Value, json};

use crate::support::{BASE, Setup, nothing, of};

#[tokio::test]
async fn a_workspace_from_making_to_deleting() {
    let setup = Setup::new().await;
    let made = setup
        .send(
            "POST",
            BASE,
            &json!({ "name": "Client A", "description": "theirs" }),
        )
        .await;
    assert_eq!(made.status, 201);
    let made = made.json();
    assert_eq!(made["slug"], "client-a");
    assert!(made["token"].as_str().unwrap().starts_with("mwt_"));
    assert!(made["mcp_json"]["mcpServers"]["client-a"].is_object());
    let id = made["id"].as_str().unwrap();
    let change = json!({ "name": "Client B", "read_only": "all", "strict_records": true });
    let changed = setup.send("PATCH", &of(id, ""), &change).await.json();
    assert_eq!(changed["name"], "Client B");
    assert_eq!(changed["slug"], "client-a", "a slug never changes");
    let shown = setup.get(&of("client-a", "")).await;
    assert_eq!(shown["workspace"]["description"], "theirs");
    assert_eq!(shown["workspace"]["read_only"], "all");
    assert_eq!(shown["servers"], json!([]));
    let gone = setup
        .operator()
        .at(&of(id, ""))
        .request("DELETE")
        .await
        .json();
    assert_eq!(gone["deleted"], true);
    assert_eq!(gone["tokens_revoked"], 1);
    assert_eq!(setup.get(BASE).await["workspaces"], json!([]));
}

#[tokio::test]
async fn a_server_from_adding_to_removing() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    let servers = of(&team.slug, "/servers");
    let add = json!({ "server": "github", "url": "https://mcp.example.com/mcp", "bearer": "GITHUB_TOKEN", "timeout_ms": 30000 });
    let added = setup.send("POST", &servers, &add).await;
    assert_eq!(added.status, 201, "{}", added.json());
    assert_eq!(added.json()["missing_secrets"], json!(["GITHUB_TOKEN"]));
    assert_eq!(setup.send("POST", &servers, &add).await.status, 409);
    let one = format!("{servers}/github");
    let change = json!({ "enabled": false, "timeout_ms": 1000, "headers": ["X-Key: {OTHER}"] });
    let changed = setup.send("PATCH", &one, &change).await;
    assert_eq!(changed.status, 200, "{}", changed.json());
    let shown = setup.get(&one).await;
    assert_eq!(shown["enabled"], false);
    assert_eq!(shown["timeout_ms"], 1000);
    assert_eq!(shown["secrets"], json!(["OTHER"]));
    assert_eq!(setup.get(&servers).await["servers"], json!([shown]));
    let unknown = setup
        .send("PATCH", &one, &json!({ "tools": { "x": false } }))
        .await;
    assert_eq!(unknown.status, 404);
    let logs = setup
        .operator()
        .at(&format!("{one}/logs"))
        .request("GET")
        .await;
    assert_eq!(logs.status, 422, "it is no child process");
    let removed = setup.operator().at(&one).request("DELETE").await.json();
    assert_eq!(removed["removed"], true);
    assert_eq!(setup.operator().at(&one).request("GET").await.status, 404);
}

/// S-16: a value goes in and comes out nowhere.
#[tokio::test]
async fn s16_a_secret_is_never_shown() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    let secrets = of(&team.slug, "/secrets");
    let canary = "canary-91d2-value";
    let set = setup
        .send(
            "POST",
            &secrets,
            &json!({ "key": "API_KEY", "value": canary }),
        )
        .await;
    assert_eq!(set.status, 200);
    let mut heard = String::from_utf8_lossy(&set.body).into_owned();
    for path in [secrets.clone(), "/api/audit".to_owned(), of(&team.slug, "")] {
        heard += &setup.get(&path).await.to_string();
    }
    assert!(heard.contains("API_KEY") && !heard.contains(canary));
    let one = format!("{secrets}/API_KEY");
    for method in ["GET", "POST", "PUT"] {
        assert_eq!(setup.operator().at(&one).request(method).await.status, 405);
    }
    let gone = setup.operator().at(&one).request("DELETE").await.json();
    assert_eq!(gone["deleted"], true);
    assert_eq!(
        setup.operator().at(&one).request("DELETE").await.status,
        404
    );
}

#[tokio::test]
async fn a_token_from_making_to_revoking() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    let tokens = of(&team.slug, "/tokens");
    let wanted = json!({ "name": "alice", "role": "read-only", "expires_in": 3600, "tools": ["github__*"], "rate_limit": "off" });
    let made = setup.send("POST", &tokens, &wanted).await;
    assert_eq!(made.status, 201, "{}", made.json());
    let made = made.json();
    assert_eq!(made["rate_limit"], Value::Null);
    assert!(made["expires_at"].is_string());
    let one = format!("{tokens}/{}", made["id"].as_str().unwrap());
    let shown = setup.get(&one).await;
    assert_eq!(shown["status"], "active");
    assert_eq!(shown.get("token"), None);
    let explained = setup
        .get(&format!("{one}/explain?tool=github__search"))
        .await;
    assert_eq!(explained["allowed"], false);
    let tried = setup
        .send(
            "POST",
            &format!("{one}/try"),
            &json!({ "role": "developer" }),
        )
        .await;
    assert_eq!(tried.json()["calls"], 0, "{}", tried.json());
    let changed = setup
        .send("PATCH", &one, &json!({ "role": "developer", "tools": [] }))
        .await;
    assert_eq!(changed.json()["tools"], json!(["*"]));
    let revoked = setup.operator().at(&one).request("DELETE").await;
    assert_eq!(revoked.json()["revoked"], true);
    assert_eq!(setup.get(&one).await["status"], "revoked");
}

/// S-83: each act stands in the audit trail under who asked for it.
#[tokio::test]
async fn s83_the_audit_trail_names_who_asked() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    let path = of(&team.slug, "");
    setup
        .by(&team.admin)
        .at(&path)
        .send_json("PATCH", &json!({ "name": "By token" }))
        .await;
    setup
        .send("PATCH", &path, &json!({ "name": "By key" }))
        .await;
    let rows = setup
        .get("/api/audit?action=workspace.change&limit=2")
        .await;
    let actors: Vec<&str> = rows["audit"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["actor"].as_str().unwrap())
        .collect();
    assert!(actors[0].starts_with("key opk_"), "{actors:?}");
    assert!(actors[1].starts_with("token tok_"), "{actors:?}");
}

#[tokio::test]
async fn the_installation_can_be_checked() {
    let setup = Setup::new().await;
    let checked = setup.get("/api/doctor").await;
    let findings = checked["findings"].as_array().unwrap();
    assert!(
        findings.iter().any(|finding| finding["check"] == "audit"),
        "{checked}"
    );
    let reviews = setup.team("Team");
    let waiting = setup.get(&of(&reviews.slug, "/reviews")).await;
    assert_eq!(waiting["reviews"], json!([]));
    let tested = setup
        .send("POST", &of(&reviews.slug, "/test"), &nothing())
        .await;
    assert_eq!(tested.json()["ok"], true);
}
