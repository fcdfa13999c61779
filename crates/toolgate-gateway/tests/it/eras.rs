//! Clients of every revision in front of servers of both eras.

use serde_json::json;
use toolgate_testkit::{Client, Reply, Running, Script, Server};

use crate::setup::{Setup, names};

const LEGACY: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

async fn legacy_server() -> Running {
    Server::new()
        .tool("echo", Script::new().echo())
        .tool("hello", "hi")
        .start()
        .await
}

async fn modern_server() -> Running {
    Server::new()
        .modern()
        .tool("echo", Script::new().echo())
        .tool("hello", "hi")
        .start()
        .await
}

#[tokio::test]
async fn every_legacy_revision_lists_and_calls_both_eras() {
    let setup = Setup::new().await;
    let (old, new) = (legacy_server().await, modern_server().await);
    setup.link("old", &old).await;
    setup.link("new", &new).await;
    for revision in LEGACY {
        let mut client = setup.client();
        let hello = client.initialize_as(revision, &json!({})).await;
        assert_eq!(hello.status, 200, "{revision}: {:?}", hello.body);
        assert_eq!(hello.message()["result"]["protocolVersion"], revision);
        assert!(client.session().is_some(), "P6.3: {revision}");
        assert_eq!(
            client.rpc("ping", &json!({})).await.message()["result"],
            json!({}),
            "P6.14"
        );
        let list = client.rpc("tools/list", &json!({})).await;
        assert_eq!(
            names(&list),
            ["old__echo", "old__hello", "new__echo", "new__hello"]
        );
        for tool in ["old__hello", "new__hello"] {
            let reply = client.call(tool, json!({})).await;
            assert_eq!(reply.text(), "hi", "{revision} {tool}: {:?}", reply.body);
            let result = &reply.message()["result"];
            for reserved in ["resultType", "ttlMs", "cacheScope"] {
                assert!(
                    result.get(reserved).is_none(),
                    "P6.15: {reserved} in {result}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_modern_client_discovers_lists_and_calls_both_eras() {
    let setup = Setup::new().await;
    let (old, new) = (legacy_server().await, modern_server().await);
    setup.link("old", &old).await;
    setup.link("new", &new).await;
    let mut client = setup.client();
    let discovered = client.modern("server/discover", json!({})).await;
    assert_eq!(discovered.status, 200);
    assert_eq!(
        discovered.message()["result"]["supportedVersions"],
        json!(["2026-07-28"]),
        "P5.6"
    );
    let list = client.modern("tools/list", json!({})).await;
    assert_eq!(
        names(&list),
        ["old__echo", "old__hello", "new__echo", "new__hello"]
    );
    let result = &list.message()["result"];
    assert_eq!(
        (&result["resultType"], &result["cacheScope"]),
        (&json!("complete"), &json!("private"))
    );
    assert!(result["ttlMs"].is_u64(), "P9.60");
    for tool in ["old__hello", "new__hello"] {
        let reply = client
            .modern("tools/call", json!({"name": tool, "arguments": {}}))
            .await;
        assert_eq!(reply.text(), "hi", "{tool}: {:?}", reply.body);
        assert_eq!(reply.message()["result"]["resultType"], "complete", "P5.18");
        assert!(!reply.headers.contains_key("mcp-session-id"), "P5.7");
    }
}

#[tokio::test]
async fn p8_15_a_modern_server_gets_the_bare_name_in_body_and_header() {
    let setup = Setup::new().await;
    let server = modern_server().await;
    setup.link("new", &server).await;
    let mut client = setup.client();
    client.initialize().await;
    assert_eq!(client.call("new__echo", json!({"x": 1})).await.status, 200);
    let call = server.requests_for("tools/call").pop().unwrap();
    assert_eq!(call.body["params"]["name"], "echo");
    assert_eq!(call.header("mcp-name"), Some("echo"));
    assert_eq!(call.header("mcp-method"), Some("tools/call"));
    assert_eq!(call.header("mcp-protocol-version"), Some("2026-07-28"));
    assert_eq!(
        call.body["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"],
        "2026-07-28"
    );
}

#[tokio::test]
async fn p6_1_an_unknown_version_is_answered_with_our_newest_legacy_one() {
    let setup = Setup::new().await;
    for asked in ["2099-01-01", "1.0", "2026-07-28"] {
        let mut client = setup.client();
        let reply = client.initialize_as(asked, &json!({})).await;
        assert_eq!(
            reply.message()["result"]["protocolVersion"],
            "2025-11-25",
            "{asked}"
        );
    }
}

#[tokio::test]
async fn p6_21_bare_requests_are_served() {
    let setup = Setup::new().await;
    let server = legacy_server().await;
    setup.link("old", &server).await;
    let mut client = setup.client();
    assert_eq!(
        client.rpc("ping", &json!({})).await.message()["result"],
        json!({})
    );
    assert_eq!(
        names(&client.rpc("tools/list", &json!({})).await),
        ["old__echo", "old__hello"]
    );
    assert_eq!(client.call("old__hello", json!({})).await.text(), "hi");
}

#[tokio::test]
async fn p6_7_a_deleted_session_is_gone() {
    let setup = Setup::new().await;
    let mut client = setup.client();
    client.initialize().await;
    assert_eq!(client.request("DELETE").await.status, 204);
    assert_eq!(client.rpc("ping", &json!({})).await.status, 404);
    assert_eq!(client.request("DELETE").await.status, 404);
}

#[tokio::test]
async fn p3_8_batches_are_for_2025_03_26_alone() {
    let setup = Setup::new().await;
    let server = legacy_server().await;
    setup.link("old", &server).await;
    let batch = json!([
        {"jsonrpc": "2.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 99}},
        {"jsonrpc": "2.0", "id": "two", "method": "tools/call", "params": {"name": "old__hello", "arguments": {}}},
    ]);
    let mut client = setup.client();
    client.initialize_as("2025-03-26", &json!({})).await;
    let reply = client.post(&batch).await;
    assert_eq!(reply.status, 200);
    let answers = reply.json();
    let mut ids: Vec<String> = answers
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["id"].to_string())
        .collect();
    ids.sort();
    assert_eq!(ids, ["\"two\"", "1"]);
    for refused in [
        json!([]),
        json!([{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}]),
    ] {
        let reply = client.post(&refused).await;
        assert_eq!(
            (reply.status, &reply.message()["error"]["code"]),
            (400, &json!(-32600)),
            "{refused}"
        );
    }
    let mut newer = setup.client();
    newer.initialize_as("2025-06-18", &json!({})).await;
    let reply = newer.post(&batch).await;
    assert_eq!(
        (reply.status, &reply.message()["error"]["code"]),
        (400, &json!(-32600))
    );
}

#[tokio::test]
async fn aliases_lead_to_the_same_workspace() {
    let setup = Setup::new().await;
    let server = legacy_server().await;
    setup.link("old", &server).await;
    for path in ["/ws/default", "/ws/default/sse", "/api/gateway/ws/default"] {
        let mut client = Client::new(&format!("{}{path}", setup.origin)).bearer(&setup.admin_token);
        client.initialize().await;
        assert_eq!(
            names(&client.rpc("tools/list", &json!({})).await).len(),
            2,
            "{path}"
        );
    }
}

#[tokio::test]
async fn p9_6_a_server_without_prefix_is_transparent() {
    let setup = Setup::new().await;
    let server = legacy_server().await;
    let scope = setup.scope("default");
    let mut spec = setup.spec(&scope, "only", server.url());
    spec.prefix = toolgate_namespace::Prefix::None;
    setup.add(&scope, &spec).await;
    let mut client = setup.client();
    client.initialize().await;
    assert_eq!(
        names(&client.rpc("tools/list", &json!({})).await),
        ["echo", "hello"]
    );
    assert_eq!(client.call("hello", json!({})).await.text(), "hi");
}

#[tokio::test]
async fn p6_10_the_general_stream_tells_of_changed_lists() {
    let setup = Setup::new().await;
    let mut client = setup.client();
    client.initialize().await;
    let mut stream = client.get_stream(&[("accept", "text/event-stream")]).await;
    assert_eq!(stream.status, 200);
    assert!(
        stream.next_event().await.is_some(),
        "the stream opens with a comment"
    );
    let server = legacy_server().await;
    setup.link("late", &server).await;
    // The link is new and cold; listing loads it, which changes what this client sees.
    assert_eq!(names(&client.rpc("tools/list", &json!({})).await).len(), 2);
    let notice = stream.next().await.unwrap();
    assert_eq!(notice["method"], "notifications/tools/list_changed");
}

#[tokio::test]
async fn a_second_gateway_on_the_same_store_honours_a_session() {
    let setup = Setup::new().await;
    let mut client = setup.client();
    client.initialize().await;
    let session = client.session().unwrap().to_owned();
    assert!(session.len() <= 1024 && session.is_ascii(), "P6.9");
    let other = setup.second_gateway().await;
    let mut elsewhere = Client::new(&format!("{other}/ws/default"))
        .bearer(&setup.admin_token)
        .header("mcp-session-id", &session)
        .header("mcp-protocol-version", "2025-11-25");
    let reply: Reply = elsewhere.rpc("ping", &json!({})).await;
    assert_eq!(reply.message()["result"], json!({}), "{:?}", reply.body);
}
