//! Whatever is sent: the answer of protocol.md sections 3 to 5, and nobody else is harmed.

use serde_json::{Value, json};
use toolgate_testkit::{Client, Server};

use crate::world::{World, error};

/// What the gateway has to say to a body: HTTP status, code, id (`None`: no such member).
type Verdict = (u16, i64, Option<Value>);

fn verdict(reply: &toolgate_testkit::Reply) -> Verdict {
    (
        reply.status,
        error(reply).0,
        reply.message().get("id").cloned(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_bodies_get_their_answer() {
    let server = Server::new().tool("hello", "good day").start().await;
    let world = World::new(&[("s", &server)]);
    let client = world.legacy().await;

    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"s__hello","arguments":{}{}}}}}"#,
        "[".repeat(80),
        "]".repeat(80)
    );
    let wide = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"a":[{}0]}}}}"#,
        "0,".repeat(100_001)
    );
    let null = Some(Value::Null);
    let cases: &[(&str, &[u8], Verdict)] = &[
        ("P3.9 nothing", b"", (400, -32700, null.clone())),
        ("P3.9 half", br#"{"jsonrpc":"2.0","id":1"#, (400, -32700, null.clone())),
        ("P3.9 trailing", br#"{"jsonrpc":"2.0","id":1,"method":"ping"} x"#, (400, -32700, null.clone())),
        ("P3.9 a number", b"1", (400, -32600, null.clone())),
        ("P3.17 not UTF-8", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", (400, -32700, null.clone())),
        ("P3.17 a byte order mark", b"\xef\xbb\xbf{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", (400, -32700, null.clone())),
        ("P3.1 no version", br#"{"id":1,"method":"ping"}"#, (400, -32600, Some(json!(1)))),
        ("P3.1 version 1", br#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, (400, -32600, Some(json!(1)))),
        ("P3.1 both", br#"{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}"#, (400, -32600, Some(json!(1)))),
        ("P3.2 id null", br#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, (400, -32600, null.clone())),
        ("P3.2 id fraction", br#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, (400, -32600, null.clone())),
        ("P3.2 id object", br#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, (400, -32600, null.clone())),
        ("P3.7 duplicate method", br#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}"#, (400, -32600, null.clone())),
        ("P3.7 duplicate by escape", br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":1,"\u0061":2}}"#, (400, -32600, null.clone())),
        ("P3.8 a batch", br#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, (400, -32600, null.clone())),
        ("P3.15 depth", deep.as_bytes(), (400, -32600, null.clone())),
        ("P3.15 nodes", wide.as_bytes(), (400, -32600, null.clone())),
        ("P3.9 params", br#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[]}"#, (200, -32602, Some(json!(1)))),
        ("P3.9 arguments", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"s__hello","arguments":[]}}"#, (200, -32602, Some(json!(1)))),
        ("P3.10 method", br#"{"jsonrpc":"2.0","id":1,"method":"tools/delete"}"#, (200, -32601, Some(json!(1)))),
        ("a tool without a name", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}"#, (200, -32602, Some(json!(1)))),
        ("an unknown tool", br#"{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"s__nothing"}}"#, (200, -32602, Some(json!("x")))),
        ("an unknown server", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"zzz__hello"}}"#, (200, -32602, Some(json!(1)))),
        ("a bad cursor", br#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"made up"}}"#, (200, -32602, Some(json!(1)))),
    ];
    for (what, body, wanted) in cases {
        let reply = client.post_raw(body.to_vec()).await;
        // Where the id could not be trusted the gateway may leave it out or say null; a readable one must be right.
        let mut got = verdict(&reply);
        if wanted.2 == Some(Value::Null) && got.2.is_some() {
            got.2 = if got.2 == Some(json!(1)) {
                Some(Value::Null)
            } else {
                got.2
            };
        }
        assert_eq!(&got, wanted, "{what}: {}", reply.message());
    }
    assert_eq!(
        client.clone().call("s__hello", json!({})).await.text(),
        "good day"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn http_around_the_body_is_checked_too() {
    let world = World::new(&[]);
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    let client = world.client();
    assert_eq!(client.request("GET").await.status, 405, "P5.4");
    assert_eq!(client.request("DELETE").await.status, 405, "P5.4");
    assert_eq!(client.request("PUT").await.status, 405, "P5.4");
    assert_eq!(
        client
            .clone()
            .header("content-type", "text/plain")
            .post(&ping)
            .await
            .status,
        415,
        "P5.2"
    );
    assert_eq!(
        client
            .clone()
            .header("accept", "image/png")
            .post(&ping)
            .await
            .status,
        406,
        "P5.3"
    );
    assert_eq!(
        client.clone().header("accept", "").post(&ping).await.status,
        200,
        "P5.3"
    );
    assert_eq!(
        client
            .clone()
            .header("mcp-protocol-version", "1999-01-01")
            .post(&ping)
            .await
            .status,
        400,
        "5.2"
    );
    let big = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"a":"{}"}}}}"#,
        "x".repeat(4 * 1024 * 1024)
    );
    assert_eq!(client.post_raw(big).await.status, 413, "P3.15");
    assert_eq!(
        Client::new(&world.gateway.url)
            .bearer(&world.token.token)
            .post(&ping)
            .await
            .status,
        404,
        "no such path"
    );
    assert_eq!(client.post(&ping).await.message()["result"], json!({}));
}

/// P5.8 to P5.11: the modern ladder, one step after the other.
#[tokio::test(flavor = "multi_thread")]
async fn modern_requests_that_contradict_themselves() {
    #[track_caller]
    fn check(reply: &toolgate_testkit::Reply, status: u16, code: i64, what: &str) {
        assert_eq!(
            (reply.status, error(reply).0),
            (status, code),
            "{what}: {}",
            reply.message()
        );
    }

    let server = Server::new().tool("hello", "good day").start().await;
    let world = World::new(&[("s", &server)]);
    let call = || json!({ "name": "s__hello", "arguments": {} });
    let (client, message) = world.client().modern_message("tools/call", call());

    let with = |name: &str, value: &str| client.clone().header(name, value);
    check(
        &with("mcp-protocol-version", "").post(&message).await,
        400,
        -32020,
        "P5.9 no version header",
    );
    check(
        &with("mcp-protocol-version", "2025-11-25")
            .post(&message)
            .await,
        400,
        -32020,
        "P5.9 another version",
    );
    check(
        &with("mcp-method", "").post(&message).await,
        400,
        -32020,
        "P5.11 no method header",
    );
    check(
        &with("mcp-method", "tools/list").post(&message).await,
        400,
        -32020,
        "P5.11 another method",
    );
    check(
        &with("mcp-name", "s__other").post(&message).await,
        400,
        -32020,
        "P5.11 another name",
    );
    check(
        &with("mcp-name", "=?base64?!!?=").post(&message).await,
        400,
        -32020,
        "P5.12 not base64",
    );
    assert_eq!(
        with("mcp-name", "=?base64?c19faGVsbG8=?=")
            .post(&message)
            .await
            .text(),
        "good day",
        "P5.12"
    );

    let mut bare = message.clone();
    bare["params"]["_meta"] = json!({});
    check(
        &client.post(&bare).await,
        400,
        -32602,
        "P5.8 a modern header without _meta",
    );
    let mut future = message.clone();
    future["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2099-01-01");
    check(
        &with("mcp-protocol-version", "2099-01-01")
            .post(&future)
            .await,
        400,
        -32022,
        "P5.9 a version of the future",
    );

    let (client, ping) = world.client().modern_message("ping", json!({}));
    check(&client.post(&ping).await, 404, -32601, "P5.10 ping is gone");
    let batch = json!([message]);
    check(
        &world.client().post(&batch).await,
        400,
        -32600,
        "5.2 a batch that claims to be modern",
    );
}

/// P3.8: batches are for 2025-03-26 alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_served_where_the_revision_has_them() {
    let server = Server::new().tool("hello", "good day").start().await;
    let world = World::new(&[("s", &server)]);
    let mut client = world.client();
    client.initialize_as("2025-03-26", &json!({})).await;
    let batch = json!([
        { "jsonrpc": "2.0", "id": "a", "method": "ping" },
        { "jsonrpc": "2.0", "method": "notifications/nothing" },
        { "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": { "name": "s__hello", "arguments": {} } },
    ]);
    let reply = client.post(&batch).await;
    assert_eq!(reply.status, 200);
    let mut answers = reply.messages();
    if let [Value::Array(one)] = answers.as_slice() {
        answers = one.clone();
    }
    let mut ids: Vec<String> = answers
        .iter()
        .map(|answer| answer["id"].to_string())
        .collect();
    ids.sort();
    assert_eq!(ids, ["\"a\"", "2"]);
    let notices = json!([{ "jsonrpc": "2.0", "method": "notifications/nothing" }]);
    assert_eq!(client.post(&notices).await.status, 202);
    assert_eq!(client.post(&json!([])).await.status, 400);
}

/// P3.2, P3.3: ids come back as they were written.
#[tokio::test(flavor = "multi_thread")]
async fn ids_keep_their_text() {
    let world = World::new(&[]);
    for id in [
        "0",
        "-1",
        "9007199254740993",
        "\"\"",
        "\"1\"",
        r#""\u00e9 \" x""#,
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
        let reply = world.client().post_raw(body).await;
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(text.contains(&format!("\"id\":{id}")), "{id}: {text}");
    }
}
