//! Input nobody should send: each gets its answer and harms nobody.

use serde_json::json;
use toolgate_testkit::{Client, Script, Server};

use crate::setup::Setup;

#[track_caller]
fn check(what: &str, reply: &toolgate_testkit::Reply, status: u16, code: i64) {
    assert_eq!(reply.status, status, "{what}: {:?}", reply.body);
    assert_eq!(
        reply.message()["error"]["code"],
        code,
        "{what}: {:?}",
        reply.body
    );
}

#[tokio::test]
async fn bodies_that_are_no_messages() {
    let setup = Setup::new().await;
    let mut client = setup.client();
    client.initialize().await;
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let cases: Vec<(&str, Vec<u8>, i64)> = vec![
        ("P3.9 not JSON", b"}{".to_vec(), -32700),
        ("P3.9 empty", b"".to_vec(), -32700),
        (
            "P3.9 cut",
            br#"{"jsonrpc":"2.0","id":1,"met"#.to_vec(),
            -32700,
        ),
        (
            "P3.17 bad UTF-8",
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}".to_vec(),
            -32700,
        ),
        (
            "P3.17 byte order mark",
            b"\xef\xbb\xbf{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}".to_vec(),
            -32700,
        ),
        ("P3.9 not an object", b"7".to_vec(), -32600),
        (
            "P3.1 no version",
            br#"{"id":1,"method":"ping"}"#.to_vec(),
            -32600,
        ),
        (
            "P3.1 wrong version",
            br#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#.to_vec(),
            -32600,
        ),
        (
            "P3.2 null id",
            br#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#.to_vec(),
            -32600,
        ),
        (
            "P3.3 fractional id",
            br#"{"jsonrpc":"2.0","id":1.0,"method":"ping"}"#.to_vec(),
            -32600,
        ),
        (
            "P3.2 object id",
            br#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#.to_vec(),
            -32600,
        ),
        (
            "P3.7 duplicate member",
            br#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}"#.to_vec(),
            -32600,
        ),
        (
            "S-31 duplicate deep inside",
            br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":{"b":1,"\u0062":2}}}"#
                .to_vec(),
            -32600,
        ),
        (
            "P3.15 depth",
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"a":{deep}}}}}"#)
                .into_bytes(),
            -32600,
        ),
        (
            "P3.1 method is no text",
            br#"{"jsonrpc":"2.0","id":1,"method":7}"#.to_vec(),
            -32600,
        ),
    ];
    for (what, body, code) in cases {
        check(what, &client.post_raw(body).await, 400, code);
    }
    let reply = client
        .post_raw(&br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#[..])
        .await;
    assert_eq!(
        reply.message()["error"]["code"],
        -32602,
        "P3.9 params are no object: {:?}",
        reply.body
    );
    assert_eq!(
        client.rpc("ping", &json!({})).await.status,
        200,
        "the session is unharmed"
    );
}

#[tokio::test]
async fn p3_15_a_body_over_the_limit_is_413() {
    let setup = Setup::new().await;
    let mut client = setup.client();
    client.initialize().await;
    let pad = "x".repeat(4 * 1024 * 1024);
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"pad":"{pad}"}}}}"#);
    check("oversize", &client.post_raw(body).await, 413, -32600);
}

#[tokio::test]
async fn http_around_the_message() {
    let setup = Setup::new().await;
    let client = setup.client();
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let status = async |client: Client| client.post(&ping).await.status;
    assert_eq!(
        status(client.clone().header("content-type", "text/plain")).await,
        415,
        "P5.2"
    );
    assert_eq!(
        status(client.clone().header("content-type", "")).await,
        415,
        "P5.2"
    );
    assert_eq!(
        status(client.clone().header("accept", "text/html")).await,
        406,
        "P5.3"
    );
    assert_eq!(
        status(client.clone().header("accept", "application/json")).await,
        200,
        "P5.3"
    );
    assert_eq!(
        status(client.clone().header("origin", "http://evil.example.com")).await,
        403,
        "S-58"
    );
    assert_eq!(
        status(client.clone().header("origin", "null")).await,
        403,
        "S-58"
    );
    assert_eq!(client.request("GET").await.status, 405, "P5.4");
    assert_eq!(client.request("DELETE").await.status, 405, "P5.4");
    assert_eq!(client.request("PUT").await.status, 405, "P5.4");
    let elsewhere = Client::new(&format!("{}/nowhere", setup.origin)).bearer(&setup.admin_token);
    assert_eq!(status(elsewhere).await, 404);
    let query = Client::new(&format!(
        "{}/ws/default?token={}",
        setup.origin, setup.admin_token
    ));
    assert_eq!(status(query).await, 404, "S-25");
}

#[tokio::test]
async fn methods_nobody_serves() {
    let setup = Setup::new().await;
    let mut client = setup.client();
    check(
        "modern",
        &client.modern("no/such", json!({})).await,
        404,
        -32601,
    );
    check(
        "modern ping",
        &client.modern("ping", json!({})).await,
        404,
        -32601,
    );
    client.initialize().await;
    check(
        "legacy",
        &client.rpc("no/such", &json!({})).await,
        200,
        -32601,
    );
    let note = json!({"jsonrpc": "2.0", "method": "notifications/no-such"});
    assert_eq!(client.post(&note).await.status, 202, "P3.11");
    let answer = json!({"jsonrpc": "2.0", "id": "gw-1", "result": {}});
    assert_eq!(client.post(&answer).await.status, 202, "P6.8");
}

#[tokio::test]
async fn tools_nobody_offers() {
    let setup = Setup::new().await;
    let server = Server::new().tool("hello", "hi").start().await;
    setup.link("real", &server).await;
    let mut client = setup.client();
    client.initialize().await;
    for name in [
        "nope",
        "real__nope",
        "other__hello",
        "__hello",
        "real__",
        "hello",
        "",
    ] {
        check(name, &client.call(name, json!({})).await, 200, -32602);
    }
    check(
        "no name",
        &client.rpc("tools/call", &json!({})).await,
        200,
        -32602,
    );
    check(
        "name is a number",
        &client.rpc("tools/call", &json!({"name": 7})).await,
        200,
        -32602,
    );
    let bad_arguments = json!({"name": "real__hello", "arguments": []});
    check(
        "P3.9 arguments",
        &client.rpc("tools/call", &bad_arguments).await,
        200,
        -32602,
    );
    assert_eq!(server.calls("hello"), 0);
    let records = setup.records(10).await;
    assert!(
        records
            .iter()
            .all(|row| row.tool.as_deref() != Some("nope")),
        "S-23: made-up names are not kept"
    );
}

#[tokio::test]
async fn s43_sessions_of_others_and_made_up_ones_are_unknown() {
    let setup = Setup::new().await;
    let mut owner = setup.client();
    owner.initialize().await;
    let session = owner.session().unwrap().to_owned();
    let (other, _) = setup.token(&setup.scope("default"), |_| {}).await;
    let mut bent = session.clone();
    let last = if bent.pop() == Some('A') { 'B' } else { 'A' };
    bent.push(last);
    let cases = [
        ("another token's", other.as_str(), session.as_str()),
        ("bent", &setup.admin_token, &bent),
        ("made up", &setup.admin_token, "0123456789abcdef"),
    ];
    for (what, token, session) in cases {
        let mut client = Client::new(&setup.url("default"))
            .bearer(token)
            .header("mcp-protocol-version", "2025-11-25")
            .header("mcp-session-id", session);
        check(what, &client.rpc("ping", &json!({})).await, 404, -32001);
    }
    let mut without = setup.client().header("mcp-protocol-version", "2025-11-25");
    check(
        "P6.3 none",
        &without.rpc("tools/list", &json!({})).await,
        400,
        -32000,
    );
}

#[tokio::test]
async fn p5_11_headers_that_disagree_with_the_body() {
    let setup = Setup::new().await;
    let server = Server::new().modern().tool("hello", "hi").start().await;
    setup.link("real", &server).await;
    let mut client = setup.client();
    let params = json!({"name": "real__hello", "arguments": {}});
    let (right, message) = client.modern_message("tools/call", params);
    assert_eq!(right.post(&message).await.status, 200);
    let cases = [
        ("S-32 name", "mcp-name", "real__other", -32020),
        ("S-32 no name", "mcp-name", "", -32020),
        ("S-32 method", "mcp-method", "tools/list", -32020),
        ("S-32 no method", "mcp-method", "", -32020),
        ("P5.9 version", "mcp-protocol-version", "2025-11-25", -32020),
        ("P5.12 undecodable", "mcp-name", "=?base64?***?=", -32020),
    ];
    for (what, name, value, code) in cases {
        check(
            what,
            &right.clone().header(name, value).post(&message).await,
            400,
            code,
        );
    }
    let unknown = json!({"_meta": {"io.modelcontextprotocol/protocolVersion": "2030-01-01"}});
    let (client, message) = client.modern_message("tools/list", unknown);
    let reply = client
        .header("mcp-protocol-version", "2030-01-01")
        .post(&message)
        .await;
    check("P5.9 unknown version", &reply, 400, -32022);
    assert_eq!(
        reply.message()["error"]["data"]["supported"],
        json!(["2026-07-28"]),
        "P5.6"
    );
}

#[tokio::test]
async fn a_server_that_lies_is_named_and_others_go_on() {
    let setup = Setup::new().await;
    let liar = Server::new()
        .tool("wrong_id", Script::new().wrong_id())
        .tool("garbage", Script::new().garbage())
        .tool("html", Script::new().html(502))
        .tool("accepted", Script::new().accepted())
        .tool("dies", Script::new().disconnect())
        .start()
        .await;
    let honest = Server::new().tool("hello", "hi").start().await;
    setup.link("liar", &liar).await;
    setup.link("honest", &honest).await;
    let mut client = setup.client();
    client.initialize().await;
    for tool in ["wrong_id", "garbage", "html", "accepted", "dies"] {
        let reply = client.call(&format!("liar__{tool}"), json!({})).await;
        check(tool, &reply, 200, -32010);
        let error = &reply.message()["error"];
        assert_eq!(error["data"]["server"], "liar", "{tool}");
        assert!(
            error["message"].as_str().unwrap().contains("`liar`"),
            "{tool}: {error}"
        );
        assert_eq!(client.call("honest__hello", json!({})).await.text(), "hi");
    }
}

/// CVE-2025-53365, CVE-2025-53366 and python-sdk 2328: one client's malformed message ended the server for all. Here
/// others go on while every malformed beginning of a session is refused.
#[tokio::test]
async fn s63_cve_2025_53365_malformed_messages_end_nobody_elses_work() {
    let setup = Setup::new().await;
    let server = Server::new().tool("look", "seen").start().await;
    setup.link("s", &server).await;
    let mut good = setup.client();
    good.initialize().await;
    let bad = setup.client();
    for body in [
        "",
        "null",
        "[]",
        "{}",
        "{\"jsonrpc\":\"2.0\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":7}",
        "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"error\":{}}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\",\"params\":\"x\"}",
        "\u{feff}{}",
    ] {
        let refused = bad.post_raw(body.to_owned()).await;
        assert!(refused.status < 500, "{body}: {}", refused.status);
        let answer = good.call("s__look", json!({})).await;
        assert_eq!(answer.status, 200, "after {body}");
        assert!(answer.text().contains("seen"), "after {body}");
    }
}
