//! What is looked at first, and what every answer carries (P4.2, P4.6, P5.1, P5.5, P6.5, P6.6).

use std::num::NonZeroU32;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use toolgate_policy::RateLimit;
use toolgate_testkit::{Client, Reply, Script, Server};

use crate::setup::{Setup, names};
use crate::wire::{LEGACY, kinds, linked, soon, started};

/// A request by its faults; each is put right in turn.
struct Faulty<'a> {
    method: &'a str,
    path: &'a str,
    host: &'a str,
    token: &'a str,
    length: usize,
    body: &'a str,
}

impl Faulty<'_> {
    /// The status that answers it, while a body that was announced may never come.
    async fn status(&self, origin: &str) -> u16 {
        let mut socket = TcpStream::connect(origin).await.unwrap();
        let head = format!(
            "{} {} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{}",
            self.method, self.path, self.host, self.token, self.length, self.body
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut line = [0; 12];
        let read = socket.read_exact(&mut line);
        soon("the status", read).await.unwrap();
        let line = String::from_utf8_lossy(&line).into_owned();
        line["HTTP/1.1 ".len()..].parse().unwrap()
    }
}

#[tokio::test]
async fn p5_1_each_check_comes_before_those_that_cost_more() {
    let setup = Setup::new().await;
    let one = RateLimit::PerMinute(NonZeroU32::MIN);
    let scope = setup.scope("default");
    let (spent, _) = setup.token(&scope, |token| token.rate_limit = one).await;
    let mut spender = Client::new(&setup.url("default")).bearer(&spent);
    assert_eq!(spender.rpc("ping", &json!({})).await.status, 200);
    let origin = setup.origin.trim_start_matches("http://");
    let mut request = Faulty {
        method: "GET",
        path: "/nowhere",
        host: "evil.example.com",
        token: "mwt_nobody",
        length: 5_000_000,
        body: "",
    };
    assert_eq!(request.status(origin).await, 403, "the host");
    request.host = origin;
    assert_eq!(request.status(origin).await, 404, "the path");
    request.path = "/ws/default";
    assert_eq!(request.status(origin).await, 405, "the method");
    request.method = "POST";
    assert_eq!(request.status(origin).await, 401, "the token");
    request.token = &spent;
    assert_eq!(request.status(origin).await, 429, "the rate");
    request.token = &setup.admin_token;
    assert_eq!(request.status(origin).await, 413, "the size");
    (request.body, request.length) = ("}", 1);
    assert_eq!(request.status(origin).await, 400, "the body");
    request.body = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    request.length = request.body.len();
    assert_eq!(request.status(origin).await, 200);
}

#[tokio::test]
async fn p5_5_no_answer_is_stored_and_no_stream_is_buffered() {
    let setup = Setup::new().await;
    let script = Script::new().progress(1, 1).text("done");
    let _server = linked(&setup, "old", Server::new().streams().tool("work", script)).await;
    let mut client = started(&setup, "2025-11-25").await;
    let mut nobody = Client::new(&setup.url("default"));
    let params = json!({"name": "old__work", "_meta": {"progressToken": "t"}});
    let note = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let get = client.get_stream(&[("accept", "text/event-stream")]).await;
    let answers = [
        ("a result", client.rpc("ping", &json!({})).await),
        ("an error", client.rpc("no/such", &json!({})).await),
        ("a stream", client.rpc("tools/call", &params).await),
        (
            "a modern list",
            setup.client().modern("tools/list", json!({})).await,
        ),
        (
            "a modern stream",
            setup.client().modern("tools/call", params.clone()).await,
        ),
        ("a notification", client.post(&note).await),
        ("no JSON", client.post_raw("}").await),
        ("no token", nobody.rpc("ping", &json!({})).await),
        ("no session", setup.client().request("GET").await),
    ];
    let kept = |headers: &std::collections::BTreeMap<String, String>| {
        let get = |name: &str| headers.get(name).cloned();
        (get("cache-control"), get("x-accel-buffering"))
    };
    for (what, reply) in answers {
        let is_stream = what.ends_with("stream");
        let buffering = is_stream.then(|| "no".to_owned());
        let expected = (Some("no-store".to_owned()), buffering);
        assert_eq!(kept(&reply.headers), expected, "{what}");
    }
    let expected = (Some("no-store".to_owned()), Some("no".to_owned()));
    assert_eq!(kept(&get.headers), expected, "the general stream");
}

#[tokio::test]
async fn p4_2_an_error_has_its_status_until_the_stream_has_begun() {
    let setup = Setup::new().await;
    let question = json!({"message": "?", "requestedSchema": {"type": "object", "properties": {}}});
    let asks = |script: Script| script.ask("elicitation/create", question.clone()).echo();
    let server = Server::new()
        .streams()
        .tool("now", asks(Script::new()))
        .tool("later", asks(Script::new().progress(1, 2)));
    let _server = linked(&setup, "old", server).await;
    let call = async |tool: &str| {
        let params = json!({"name": tool, "_meta": {"progressToken": "t"}});
        setup.client().modern("tools/call", params).await
    };
    let (now, later) = (call("old__now").await, call("old__later").await);
    assert_eq!((now.status, later.status), (400, 200));
    assert_eq!(now.headers["content-type"], "application/json");
    assert_eq!(later.headers["content-type"], "text/event-stream");
    assert_eq!(kinds(&later.messages()), ["progress", "error"]);
    let error = &now.message()["error"];
    assert_eq!(error["code"], -32021, "{error}");
    assert_eq!(&later.message()["error"], error, "the same object");
}

#[tokio::test]
async fn p4_6_a_failed_tool_is_a_result_and_an_error_is_an_error() {
    let setup = Setup::new().await;
    let failed = json!({"content": [{"type": "text", "text": "no"}], "isError": true});
    let tools = |server: Server| {
        let error = Script::new().error(-32055, "broken");
        server.tool("fails", failed.clone()).tool("breaks", error)
    };
    let _old = linked(&setup, "old", tools(Server::new())).await;
    let _new = linked(&setup, "new", tools(Server::new().modern())).await;
    let mut legacy = started(&setup, "2025-11-25").await;
    let mut both = async |tool: String| -> [Reply; 2] {
        let params = json!({"name": tool});
        let modern = setup.client().modern("tools/call", params).await;
        [legacy.call(&tool, json!({})).await, modern]
    };
    for slug in ["old", "new"] {
        for reply in both(format!("{slug}__fails")).await {
            let message = reply.message();
            assert_eq!(reply.status, 200, "{slug}");
            assert_eq!(message["result"]["isError"], true, "{slug}: {message}");
            assert_eq!(message["result"]["content"], failed["content"]);
            assert!(message.get("error").is_none(), "{message}");
        }
        for reply in both(format!("{slug}__breaks")).await {
            let message = reply.message();
            assert_eq!(message["error"]["message"], "broken", "{slug}: {message}");
            assert!(message.get("result").is_none(), "{message}");
        }
    }
}

#[tokio::test]
async fn p6_5_requests_before_initialized_are_served() {
    let setup = Setup::new().await;
    let _server = linked(&setup, "old", Server::new().tool("t", "x")).await;
    for revision in LEGACY {
        let mut client = setup.client();
        let params = json!({"protocolVersion": revision, "capabilities": {},
            "clientInfo": {"name": "hasty", "version": "1"}});
        let hello = client.rpc("initialize", &params).await;
        client.set_header("mcp-session-id", &hello.headers["mcp-session-id"]);
        client.set_header("mcp-protocol-version", revision);
        let list = client.rpc("tools/list", &json!({})).await;
        assert_eq!(names(&list), ["old__t"], "{revision}");
        let reply = client.call("old__t", json!({})).await;
        assert_eq!(reply.text(), "x", "{revision}");
    }
}

#[tokio::test]
async fn p6_6_the_sessions_version_counts_whatever_legacy_one_is_named() {
    let setup = Setup::new().await;
    let result = json!({"content": [], "structuredContent": {"a": 1}});
    let _server = linked(&setup, "new", Server::new().modern().tool("t", result)).await;
    for session in LEGACY {
        let client = started(&setup, session).await;
        let batch = json!([{"jsonrpc": "2.0", "id": 1, "method": "ping"}]);
        let expected: Value =
            client.clone().call("new__t", json!({})).await.message()["result"].clone();
        for named in ["", "2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
            let mut client = client.clone().header("mcp-protocol-version", named);
            let served = client.call("new__t", json!({})).await;
            assert_eq!(
                served.message()["result"],
                expected,
                "{session} as {named:?}"
            );
            let batched = if session == "2025-03-26" { 200 } else { 400 };
            let status = client.post(&batch).await.status;
            assert_eq!(status, batched, "{session} as {named:?}");
        }
        for named in ["2030-01-01", "x", "2026-07-28"] {
            let mut client = client.clone().header("mcp-protocol-version", named);
            let reply = client.rpc("tools/list", &json!({})).await;
            assert_eq!(
                reply.status, 400,
                "{session} as {named:?}: {:?}",
                reply.body
            );
        }
    }
}
