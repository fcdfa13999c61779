//! Streamable HTTP of 2026-07-28.

use std::sync::Arc;

use serde_json::{Value, json};
use toolgate_protocol::{Outcome, Revision, ToolDefinition};
use toolgate_testkit::{Script, Server};
use toolgate_upstream::{Delivery, Event, Notice, UpstreamErrorKind};

use crate::support::{Rig, call, call_with, echo_of, json as text_json, object, patient, text_of};

fn definition(name: &str, header: &str) -> Value {
    json!({
        "name": name,
        "inputSchema": {
            "type": "object",
            "properties": {"region": {"type": "string", "x-mcp-header": header}},
        },
    })
}

fn tool(definition: &Value) -> Arc<ToolDefinition> {
    let text = text_json(&definition.to_string());
    Arc::new(ToolDefinition::parse(text, Revision::LATEST).unwrap())
}

#[tokio::test]
async fn p8_15_metadata_stands_in_body_and_headers() {
    let server = Server::new()
        .modern()
        .tool("écho", Script::new().echo())
        .start()
        .await;
    let rig = Rig::over(&server);
    // The tool's name is not visible ASCII, so its header is base64 (P8.16) and this server, which
    // compares literally, refuses it; the request itself is what matters here.
    let mut wants = call("écho");
    wants.params = object(
        r#"{"name":"x__écho","_meta":{"progressToken":"t","vendor/x":1,"io.modelcontextprotocol/protocolVersion":"old"}}"#,
    );
    wants.capabilities = text_json(r#"{"elicitation":{}}"#);
    wants.log_level = Some("info".into());
    wants.wants_progress = true;
    let _ = rig.run(wants).await;
    let seen = server.requests_for("tools/call").remove(0);
    assert_eq!(seen.header("mcp-protocol-version"), Some("2026-07-28"));
    assert_eq!(seen.header("mcp-method"), Some("tools/call"));
    assert_eq!(seen.header("mcp-name"), Some("=?base64?w6ljaG8=?="));
    assert_eq!(
        seen.header("accept"),
        Some("application/json, text/event-stream")
    );
    assert_eq!(seen.header("mcp-session-id"), None);
    let params = &seen.body["params"];
    assert_eq!(params["name"], "écho");
    assert_eq!(
        params["_meta"],
        json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "toolgate", "version": "0"},
            "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
            "io.modelcontextprotocol/logLevel": "info",
            "progressToken": seen.body["id"],
            "vendor/x": 1,
        })
    );
    assert_eq!(server.requests_for("initialize").len(), 0);
}

#[tokio::test]
async fn progress_logs_and_the_answer_come_on_the_stream() {
    let script = Script::new()
        .progress(1, 2)
        .log("info", "half")
        .text("done");
    let server = Server::new()
        .modern()
        .streams()
        .tool("t", script)
        .start()
        .await;
    let rig = Rig::over(&server);
    let mut wants = call("t");
    wants.wants_progress = true;
    let (events, outcome) = rig.run(wants).await;
    assert!(
        matches!(events[..], [Event::Progress(_), Event::Log(_)]),
        "{events:?}"
    );
    assert_eq!(text_of(&outcome.unwrap()), "done");
}

#[tokio::test]
async fn p8_20_dropping_a_call_closes_its_stream_and_says_nothing() {
    for server in [Server::new().modern(), Server::new().modern().streams()] {
        let server = server.tool("t", Script::new().hang()).start().await;
        let rig = Rig::over(&server);
        let mut exchange = rig.upstream.call(call("t")).await.unwrap();
        tokio::select! {
            event = exchange.next() => panic!("{event:?}"),
            () = server.saw("tools/call") => {}
        }
        drop(exchange);
        patient(server.until_aborted(1)).await;
        assert_eq!(server.requests_for("notifications/cancelled").len(), 0);
    }
}

#[tokio::test]
async fn p8_22_a_lost_connection_is_not_resent() {
    let server = Server::new()
        .modern()
        .tool("t", Script::new().disconnect())
        .start()
        .await;
    let error = Rig::over(&server).call("t").await.unwrap_err();
    assert_eq!(error.outcome, Delivery::Unknown);
    assert_eq!(server.calls("t"), 1);
}

#[tokio::test]
async fn p8_17_annotated_arguments_are_mirrored() {
    let definition = definition("t", "Region");
    let server = Server::new()
        .modern()
        .tool_definition(definition.clone(), "x")
        .start()
        .await;
    let rig = Rig::over(&server);
    let mut mirrored = call_with("t", r#"{"region":"eu west"}"#);
    mirrored.tool = Some(tool(&definition));
    rig.run(mirrored).await.1.unwrap();
    let seen = server.requests_for("tools/call").remove(0);
    assert_eq!(seen.header("mcp-param-region"), Some("eu west"));
}

#[tokio::test]
async fn p8_18_a_header_mismatch_refreshes_the_tool_and_resends_once() {
    let old = definition("t", "Zone");
    let server = Server::new()
        .modern()
        .tool_definition(definition("t", "Region"), "x")
        .start()
        .await;
    let rig = Rig::over(&server);
    let mut stale = call_with("t", r#"{"region":"eu"}"#);
    stale.tool = Some(tool(&old));
    assert_eq!(text_of(&rig.run(stale).await.1.unwrap()), "x");
    let calls = server.requests_for("tools/call");
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[1].header("mcp-param-region"), Some("eu"));
    rig.told(&Notice::ToolsChanged).await;
}

#[tokio::test]
async fn p8_18_a_second_mismatch_is_the_answer() {
    let refusal = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32020,"message":"no"}}"#;
    let script = Script::new().raw(400, "application/json", refusal);
    let server = Server::new().modern().tool("t", script).start().await;
    let Ok(Outcome::Error(error)) = Rig::over(&server).call("t").await else {
        panic!("no error")
    };
    assert_eq!(error.code, -32020);
    assert_eq!(server.calls("t"), 2);
}

#[tokio::test]
async fn p3_13_p9_53_unknown_and_unasked_result_types_break_the_protocol() {
    for (result, what) in [
        (json!({"resultType": "novel"}), "unknown resultType"),
        (
            json!({"resultType": "task", "taskId": "x"}),
            "a task that nobody asked for",
        ),
    ] {
        let server = Server::new().modern().tool("t", result).start().await;
        let error = Rig::over(&server).call("t").await.unwrap_err();
        assert_eq!(error.kind, UpstreamErrorKind::Protocol(what));
    }
}

#[tokio::test]
async fn an_input_required_result_is_an_answer() {
    let script = Script::new()
        .ask("elicitation/create", json!({"message": "?"}))
        .text("x");
    let server = Server::new().modern().tool("t", script).start().await;
    let Ok(Outcome::Result(result)) = Rig::over(&server).call("t").await else {
        panic!("no result")
    };
    assert_eq!(
        crate::support::value(&result)["resultType"],
        "input_required"
    );
}

#[tokio::test]
async fn a_request_on_a_modern_stream_breaks_the_protocol() {
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}).to_string();
    let script = Script::new().raw(200, "text/event-stream", request);
    let server = Server::new()
        .modern()
        .streams()
        .tool("t", script)
        .start()
        .await;
    let error = Rig::over(&server).call("t").await.unwrap_err();
    assert_eq!(
        error.kind,
        UpstreamErrorKind::Protocol("a request to the client")
    );
}

#[tokio::test]
async fn p8_21_a_session_and_cookies_of_a_modern_server_are_ignored() {
    let server = Server::new()
        .modern()
        .answer_header("mcp-session-id", "session-1")
        .answer_header("set-cookie", "who=alice; Path=/")
        .tool("echo", Script::new().echo())
        .start()
        .await;
    let rig = Rig::over(&server);
    rig.upstream.list_tools().await.unwrap();
    for _ in 0..3 {
        rig.text("echo").await;
    }
    rig.upstream.close().await;
    let seen = server.requests();
    assert!(seen.len() > 4);
    for request in seen {
        assert_eq!(request.method, "POST", "there is no session to end");
        assert_eq!(request.header("mcp-session-id"), None);
        assert_eq!(request.header("cookie"), None);
    }
    assert_eq!(rig.upstream.counters().sessions, 0);
}

#[tokio::test]
async fn p8_21_modern_calls_share_nothing_but_connections() {
    let server = Server::new()
        .modern()
        .tool("echo", Script::new().echo())
        .start()
        .await;
    let rig = Rig::over(&server);
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(
            echo_of(&rig.text("echo").await)["body"]["id"]
                .as_u64()
                .unwrap(),
        );
    }
    ids.dedup();
    assert_eq!(ids.len(), 10);
    assert_eq!(server.connections(), 1);
    assert_eq!(rig.upstream.counters().sessions, 0);
}
