//! Requests without a session, and several in one body (P6.21, P3.8).

use serde_json::{Value, json};
use toolgate_testkit::{Reply, Running, Script, Server};

use crate::setup::Setup;
use crate::wire::started;

/// A server with one of everything.
async fn server(setup: &Setup) -> Running {
    let tool = json!({
        "name": "t", "title": "T", "inputSchema": {"type": "object"},
        "annotations": {"readOnlyHint": true},
    });
    let server = Server::new()
        .capabilities(json!({"tools": {}, "prompts": {}, "resources": {"subscribe": true}, "completions": {}, "logging": {}}))
        .tool_definition(tool, "called")
        .tool("ask", Script::new().ask("roots/list", json!({})).answers())
        .method("prompts/list", json!({"prompts": [{"name": "p"}]}))
        .method("prompts/get", json!({"messages": []}))
        .method("resources/list", json!({"resources": [{"uri": "test://a", "name": "a"}]}))
        .method("resources/templates/list", json!({"resourceTemplates": []}))
        .method("resources/read", json!({"contents": []}))
        .method("completion/complete", json!({"completion": {"values": []}}))
        .start()
        .await;
    setup.link("old", &server).await;
    server
}

/// Every request that needs no session, with a member of its result.
fn requests() -> Vec<(&'static str, Value, &'static str)> {
    let reference = json!({"type": "ref/prompt", "name": "old__p"});
    let complete = json!({"ref": reference, "argument": {"name": "a", "value": ""}});
    vec![
        ("tools/list", json!({}), "tools"),
        ("prompts/list", json!({}), "prompts"),
        ("resources/list", json!({}), "resources"),
        ("resources/templates/list", json!({}), "resourceTemplates"),
        (
            "tools/call",
            json!({"name": "old__t", "arguments": {}}),
            "content",
        ),
        ("prompts/get", json!({"name": "old__p"}), "messages"),
        ("resources/read", json!({"uri": "test://a"}), "contents"),
        ("completion/complete", complete, "completion"),
    ]
}

#[tokio::test]
async fn p6_21_bare_requests_are_served_as_2025_03_26() {
    let setup = Setup::new().await;
    let _server = server(&setup).await;
    let mut client = setup.client();
    for (method, params, member) in requests() {
        let reply = client.rpc(method, &params).await;
        let message = reply.message();
        assert_eq!(reply.status, 200, "{method}: {message}");
        assert!(!message["result"][member].is_null(), "{method}: {message}");
        assert!(!reply.headers.contains_key("mcp-session-id"), "{method}");
    }
    let list = client.rpc("tools/list", &json!({})).await.message();
    let tool = &list["result"]["tools"][0];
    assert!(tool.get("title").is_none(), "{tool}");
    assert!(tool.get("annotations").is_some(), "{tool}");
}

#[tokio::test]
async fn p6_21_what_needs_a_session_is_400() {
    let setup = Setup::new().await;
    let server = server(&setup).await;
    let mut client = setup.client();
    for (method, params) in [
        ("logging/setLevel", json!({"level": "error"})),
        ("resources/subscribe", json!({"uri": "test://a"})),
        ("resources/unsubscribe", json!({"uri": "test://a"})),
    ] {
        let reply = client.rpc(method, &params).await;
        let message = reply.message();
        assert_eq!(
            (reply.status, &message["error"]["code"]),
            (400, &json!(-32000)),
            "{method}"
        );
        assert!(message["id"].is_u64(), "{method}: {message}");
    }
    let stream = client.get_stream(&[("accept", "text/event-stream")]).await;
    assert_eq!(stream.status, 405, "P5.4");
    assert!(server.subscriptions().is_empty());
    let unknown = client.rpc("no/such", &json!({})).await;
    assert_eq!(unknown.message()["error"]["code"], -32601);
}

fn element(id: impl Into<Value>, method: &str, params: &Value) -> Value {
    let id: Value = id.into();
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

#[track_caller]
fn check_refused(reply: &Reply, what: &str) {
    assert_eq!(reply.status, 400, "{what}: {:?}", reply.body);
    assert_eq!(reply.message()["error"]["code"], -32600, "{what}");
}

#[tokio::test]
async fn p3_8_a_batch_holds_every_kind_of_request() {
    let setup = Setup::new().await;
    let _server = server(&setup).await;
    let client = started(&setup, "2025-03-26").await;
    let mut batch: Vec<Value> = requests()
        .iter()
        .map(|(method, params, _)| element(*method, method, params))
        .collect();
    batch.push(element("ping", "ping", &json!({})));
    batch.push(element(
        "level",
        "logging/setLevel",
        &json!({"level": "error"}),
    ));
    batch.push(element("unknown", "no/such", &json!({})));
    batch.push(element(
        "missing",
        "prompts/get",
        &json!({"name": "nobody"}),
    ));
    batch.push(json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    batch.push(json!({"jsonrpc": "1.0", "id": "malformed", "method": "ping"}));
    for accept in ["application/json, text/event-stream", "text/event-stream"] {
        let client = client.clone().header("accept", accept);
        let reply = client.post(&batch.clone().into()).await;
        assert_eq!(reply.status, 200, "{:?}", reply.body);
        let answers = reply.message();
        let answers = answers.as_array().unwrap();
        assert_eq!(
            answers.len(),
            batch.len() - 1,
            "each but the notification: {answers:?}"
        );
        let answer = |id: &str| {
            let found = answers.iter().find(|answer| answer["id"] == id);
            found.unwrap_or_else(|| panic!("{id} in {answers:?}"))
        };
        for (method, _, member) in requests() {
            assert!(!answer(method)["result"][member].is_null(), "{method}");
        }
        assert_eq!(answer("ping")["result"], json!({}));
        assert_eq!(answer("level")["result"], json!({}));
        assert_eq!(answer("unknown")["error"]["code"], -32601);
        assert_eq!(answer("missing")["error"]["code"], -32602);
        assert_eq!(answer("malformed")["error"]["code"], -32600);
    }
}

#[tokio::test]
async fn p3_8_what_a_batch_may_not_be() {
    let setup = Setup::new().await;
    let _server = server(&setup).await;
    let client = started(&setup, "2025-03-26").await;
    let ping = |n: usize| element(n, "ping", &json!({}));
    let pings = |count: usize| Value::from((0..count).map(ping).collect::<Vec<_>>());
    assert_eq!(
        client
            .post(&pings(32))
            .await
            .json()
            .as_array()
            .map(Vec::len),
        Some(32)
    );
    check_refused(&client.post(&pings(33)).await, "33 elements");
    check_refused(&client.post(&json!([])).await, "none");
    let answer = json!({"jsonrpc": "2.0", "id": "gw-1", "result": {}});
    check_refused(
        &client.post(&json!([ping(1), answer])).await,
        "requests and responses",
    );
    let initialize = element(1, "initialize", &json!({}));
    check_refused(&client.post(&json!([initialize])).await, "initialize");
    let quiet = json!({"jsonrpc": "2.0", "method": "notifications/roots/list_changed"});
    let reply = client.post(&json!([answer, quiet])).await;
    assert_eq!(
        (reply.status, reply.body.len()),
        (202, 0),
        "nothing to answer"
    );
    let claim = json!({"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}});
    let modern = element(1, "ping", &claim);
    check_refused(&client.post(&json!([modern])).await, "5.2 #1");
    for revision in ["2024-11-05", "2025-06-18", "2025-11-25"] {
        let client = started(&setup, revision).await;
        check_refused(&client.post(&pings(1)).await, revision);
    }
    check_refused(&setup.client().post(&pings(1)).await, "without a session");
}
