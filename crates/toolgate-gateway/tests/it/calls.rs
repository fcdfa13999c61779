//! Calls that take time: progress, cancellation, disconnects, limits, and the record each leaves.

use std::time::Duration;

use serde_json::{Value, json};
use toolgate_analytics::CallStatus;
use toolgate_testkit::{Running, Script, Server};

use crate::setup::Setup;

/// Waits until `done` holds; panics after five seconds.
async fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{what} did not happen");
}

fn cancels(server: &Running) -> Vec<Value> {
    server
        .requests_for("notifications/cancelled")
        .into_iter()
        .map(|r| r.body["params"]["requestId"].clone())
        .collect()
}

#[tokio::test]
async fn p9_38_progress_arrives_with_the_clients_own_token() {
    let setup = Setup::new().await;
    let script = || {
        Script::new()
            .progress(1, 3)
            .progress(2, 3)
            .progress(3, 3)
            .text("done")
    };
    let old = Server::new().streams().tool("work", script()).start().await;
    let new = Server::new()
        .modern()
        .streams()
        .tool("work", script())
        .start()
        .await;
    setup.link("old", &old).await;
    setup.link("new", &new).await;
    let mut client = setup.client();
    client.initialize().await;
    for tool in ["old__work", "new__work"] {
        for token in [json!("tok"), json!(7)] {
            let params = json!({"name": tool, "arguments": {}, "_meta": {"progressToken": token}});
            let reply = client.rpc("tools/call", &params).await;
            let messages = reply.messages();
            let progress: Vec<&Value> = messages
                .iter()
                .filter(|m| m["method"] == "notifications/progress")
                .map(|m| &m["params"])
                .collect();
            assert_eq!(progress.len(), 3, "{tool}: {:?}", reply.body);
            assert!(
                progress.iter().all(|p| p["progressToken"] == token),
                "{tool}: {progress:?}"
            );
            assert_eq!(reply.text(), "done");
            let params = json!({"name": tool, "arguments": {}, "_meta": {"progressToken": token}});
            let modern = client
                .clone()
                .header("mcp-session-id", "")
                .modern("tools/call", params)
                .await;
            assert_eq!(modern.messages().len(), 4, "{tool}: {:?}", modern.body);
        }
    }
    let without = client.call("old__work", json!({})).await;
    assert_eq!(without.messages().len(), 1, "none was asked for");
}

#[tokio::test]
async fn p6_13_a_legacy_cancel_reaches_the_server_with_its_own_id() {
    let setup = Setup::new().await;
    let server = Server::new()
        .streams()
        .tool("hang", Script::new().hang())
        .start()
        .await;
    setup.link("old", &server).await;
    let mut client = setup.client();
    client.initialize().await;
    let message = json!({"jsonrpc": "2.0", "id": "mine", "method": "tools/call",
        "params": {"name": "old__hang", "arguments": {}}});
    let posting = tokio::spawn({
        let client = client.clone();
        async move { client.post(&message).await }
    });
    until("the call", || server.calls("hang") == 1).await;
    let theirs = server.requests_for("tools/call")[0].body["id"].clone();
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "mine"}});
    assert_eq!(client.post(&cancel).await.status, 202);
    until("the cancel", || {
        cancels(&server) == std::slice::from_ref(&theirs)
    })
    .await;
    let reply = posting.await.unwrap();
    assert!(
        reply.body.is_empty(),
        "no response follows a cancel: {:?}",
        reply.body
    );
    assert_eq!(setup.records(1).await[0].status, CallStatus::Cancelled);
}

#[tokio::test]
async fn p5_17_a_modern_disconnect_cancels() {
    let setup = Setup::new().await;
    let script = || Script::new().progress(1, 2).hang();
    let old = Server::new().streams().tool("hang", script()).start().await;
    let new = Server::new()
        .modern()
        .streams()
        .tool("hang", script())
        .start()
        .await;
    setup.link("old", &old).await;
    setup.link("new", &new).await;
    let mut client = setup.client();
    for tool in ["old__hang", "new__hang"] {
        let params = json!({"name": tool, "arguments": {}, "_meta": {"progressToken": 1}});
        let mut stream = client.modern_stream("tools/call", params).await;
        assert_eq!(
            stream.next().await.unwrap()["method"],
            "notifications/progress"
        );
        drop(stream);
    }
    until("the notice to the old server", || cancels(&old).len() == 1).await;
    until("the closed stream at the new server", || new.aborted() >= 1).await;
    let records = setup.records(2).await;
    assert!(
        records
            .iter()
            .all(|row| row.status == CallStatus::Cancelled),
        "{records:?}"
    );
}

#[tokio::test]
async fn p6_12_a_legacy_disconnect_lets_the_call_run_on() {
    let setup = Setup::new().await;
    let script = Script::new()
        .progress(1, 2)
        .delay(Duration::from_millis(300))
        .text("done");
    let server = Server::new().streams().tool("work", script).start().await;
    setup.link("old", &server).await;
    let mut client = setup.client();
    client.initialize().await;
    let message = client.request_message(
        "tools/call",
        &json!({"name": "old__work", "arguments": {}, "_meta": {"progressToken": 1}}),
    );
    let mut stream = client.post_stream(&message).await;
    assert_eq!(
        stream.next().await.unwrap()["method"],
        "notifications/progress"
    );
    drop(stream);
    assert_eq!(
        setup.records(1).await[0].status,
        CallStatus::Ok,
        "the call went on to its end"
    );
    assert!(cancels(&server).is_empty());
}

#[tokio::test]
async fn r13_a_silent_server_times_out_and_is_cancelled() {
    let setup = Setup::new().await;
    let server = Server::new()
        .streams()
        .tool("hang", Script::new().hang())
        .start()
        .await;
    let scope = setup.scope("default");
    let mut spec = setup.spec(&scope, "old", server.url());
    spec.timeouts.call_idle = Duration::from_millis(200);
    setup.add(&scope, &spec).await;
    let mut client = setup.client();
    client.initialize().await;
    let reply = client.call("old__hang", json!({})).await;
    let error = &reply.message()["error"];
    assert_eq!(error["code"], -32011, "{error}");
    assert_eq!(error["data"]["outcome"], "unknown");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("may have executed"),
        "{error}"
    );
    until("the cancel", || cancels(&server).len() == 1).await;
    let record = &setup.records(1).await[0];
    assert_eq!(
        (record.status, record.error_code),
        (CallStatus::TimedOut, Some(-32011))
    );
    let modern = client
        .header("mcp-session-id", "")
        .modern("tools/call", json!({"name": "old__hang"}))
        .await;
    assert_eq!(
        modern.message()["error"]["code"],
        -33011,
        "table 4.2: {:?}",
        modern.body
    );
}

#[tokio::test]
async fn every_call_leaves_one_record() {
    let setup = Setup::new().await;
    let server = Server::new()
        .tool("ok", "fine")
        .tool(
            "fails",
            Script::new().result(json!({"content": [], "isError": true})),
        )
        .tool("errs", Script::new().error(-32000, "broken"))
        .start()
        .await;
    setup.link("old", &server).await;
    let mut client = setup.client();
    client.initialize().await;
    for tool in ["old__ok", "old__fails", "old__errs", "old__missing"] {
        client
            .call(tool, json!({"password": "hunter2-in-arguments"}))
            .await;
    }
    let records = setup.records(4).await;
    let seen: Vec<_> = records
        .iter()
        .map(|row| (row.tool.as_deref(), row.status, row.error_code))
        .collect();
    assert_eq!(
        seen,
        [
            (Some("ok"), CallStatus::Ok, None),
            (Some("fails"), CallStatus::ToolError, None),
            (Some("errs"), CallStatus::RpcError, Some(-32000)),
            (None, CallStatus::Refused, Some(-32602)),
        ]
    );
    assert!(
        records[..3]
            .iter()
            .all(|row| row.server_slug.as_deref() == Some("old"))
    );
    let bytes = setup.stored_bytes();
    assert!(
        !String::from_utf8_lossy(&bytes).contains("hunter2"),
        "S-23: no payload is stored"
    );
}

#[tokio::test]
async fn p3_5_clients_that_reuse_ids_get_their_own_answers() {
    let setup = Setup::new().await;
    let server = Server::new()
        .tool("echo", Script::new().echo())
        .start()
        .await;
    setup.link("old", &server).await;
    let mut client = setup.client();
    client.initialize().await;
    let calls = (0..32).map(|n| {
        let client = client.clone();
        tokio::spawn(async move {
            let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                "params": {"name": "old__echo", "arguments": {"n": n}}});
            (n, client.post(&message).await)
        })
    });
    for call in calls.collect::<Vec<_>>() {
        let (n, reply) = call.await.unwrap();
        let echoed: Value = serde_json::from_str(&reply.text()).unwrap();
        assert_eq!(echoed["body"]["params"]["arguments"]["n"], n);
        assert_eq!(reply.message()["id"], 1);
    }
}
