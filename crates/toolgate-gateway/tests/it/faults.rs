//! Servers that fail, and what the others notice of it: circuits, bulkheads, deadlines.

use std::time::Duration;

use serde_json::{Value, json};
use toolgate_analytics::CallStatus;
use toolgate_namespace::Timeouts;
use toolgate_testkit::{Client, Reply, Script, Server};

use crate::setup::{Setup, names};
use crate::wire::{leap, linked, soon, started, until};

/// Longer than a circuit stays open the first time.
const OPEN: Duration = Duration::from_secs(31);

fn code(reply: &Reply) -> i64 {
    reply.message()["error"]["code"].as_i64().unwrap_or(0)
}

async fn circuit(setup: &Setup, server: &str) -> String {
    let status = setup.status().await;
    let link = status.links.iter().find(|link| link.server == server);
    link.unwrap().circuit.clone()
}

#[tokio::test]
async fn r16_flapping_upstream() {
    let setup = Setup::new().await;
    let broken = || Script::new().disconnect();
    let flaps = (0..5)
        .fold(broken(), |script, _| script.then(broken()))
        .then(Script::new().text("back"));
    let server = linked(&setup, "flaps", Server::new().tool("work", flaps)).await;
    let _other = linked(&setup, "sound", Server::new().tool("work", "fine")).await;
    let mut client = started(&setup, "2025-11-25").await;
    client.rpc("tools/list", &json!({})).await;

    for _ in 0..5 {
        let reply = client.call("flaps__work", json!({})).await;
        assert_eq!(code(&reply), -32010, "{}", reply.message());
    }
    assert_eq!(circuit(&setup, "flaps").await, "open");
    let sent = server.calls("work");

    // Answered at once, with the time to retry, in the codes of either era.
    let reply = client.call("flaps__work", json!({})).await;
    let error = reply.message()["error"].clone();
    assert_eq!(
        (reply.status, &error["code"]),
        (200, &json!(-32013)),
        "{error}"
    );
    let retry = error["data"]["retry_after_ms"].as_u64().unwrap();
    assert!((20_000..=30_000).contains(&retry), "{retry}");
    assert_eq!(error["data"]["outcome"], "not_sent");
    assert_eq!(error["data"]["server"], "flaps");
    let params = json!({"name": "flaps__work", "arguments": {}});
    let reply = setup.client().modern("tools/call", params).await;
    assert_eq!(code(&reply), -33013, "{}", reply.message());
    assert_eq!(server.calls("work"), sent, "nothing reached the server");

    // Lists are served from memory, and other servers do not notice.
    let listed = client.rpc("tools/list", &json!({})).await;
    assert_eq!(names(&listed), ["flaps__work", "sound__work"]);
    assert_eq!(client.call("sound__work", json!({})).await.text(), "fine");

    // One probe, which fails: open again, for longer.
    leap(OPEN).await;
    let reply = client.call("flaps__work", json!({})).await;
    assert_eq!(code(&reply), -32010, "the probe: {}", reply.message());
    let reply = client.call("flaps__work", json!({})).await;
    let retry = reply.message()["error"]["data"]["retry_after_ms"]
        .as_u64()
        .unwrap();
    assert!((50_000..=60_000).contains(&retry), "{retry}");
    assert_eq!(server.calls("work"), sent + 1);

    // One that is answered: closed.
    leap(OPEN * 2).await;
    let reply = client.call("flaps__work", json!({})).await;
    assert_eq!(reply.text(), "back", "{}", reply.message());
    assert_eq!(circuit(&setup, "flaps").await, "closed");
    assert_eq!(client.call("flaps__work", json!({})).await.text(), "back");
    let records = setup.records(12).await;
    let overloaded = records
        .iter()
        .filter(|row| row.status == CallStatus::Overloaded);
    assert_eq!(overloaded.count(), 3);
}

#[tokio::test]
async fn r16_failing_tools_do_not_open_a_circuit() {
    let setup = Setup::new().await;
    let failed = json!({"content": [], "isError": true});
    let server = Server::new()
        .tool("fails", failed)
        .tool("errs", Script::new().error(-32000, "no"));
    let _server = linked(&setup, "s", server).await;
    let mut client = started(&setup, "2025-11-25").await;
    for _ in 0..15 {
        client.call("s__fails", json!({})).await;
        client.call("s__errs", json!({})).await;
    }
    assert_eq!(circuit(&setup, "s").await, "closed");
}

#[tokio::test]
async fn r16_a_probe_that_goes_away_leaves_room_for_the_next() {
    let setup = Setup::new().await;
    let broken = || Script::new().disconnect();
    let script = (0..4)
        .fold(broken(), |script, _| script.then(broken()))
        .then(Script::new().hang())
        .then("back");
    let server = linked(&setup, "s", Server::new().modern().tool("work", script)).await;
    let params = json!({"name": "s__work", "arguments": {}});
    for _ in 0..5 {
        setup.client().modern("tools/call", params.clone()).await;
    }
    leap(OPEN).await;
    let sent = server.calls("work");
    let (probe, message) = setup.client().modern_message("tools/call", params.clone());
    let probing = tokio::spawn(async move { probe.post(&message).await });
    until("the probe", || server.calls("work") > sent).await;
    assert_eq!(circuit(&setup, "s").await, "probing");
    let reply = setup.client().modern("tools/call", params.clone()).await;
    assert_eq!(code(&reply), -33013, "one probe at a time");
    probing.abort();
    soon("the cancel", server.until_aborted(1)).await;
    let reply = setup.client().modern("tools/call", params).await;
    assert_eq!(reply.text(), "back", "{}", reply.message());
}

/// a call stalls in each phase; its time runs out, and nothing is held after it.
#[tokio::test]
async fn r13_deadline_matrix() {
    let setup = Setup::new().await;
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}/mcp", silent.local_addr().unwrap());
    let stalls = || Script::new().hang();
    let bodies = Server::new()
        .streams()
        .tool("head", stalls())
        .tool("body", Script::new().progress(1, 9).hang())
        .tool("ok", "fine")
        .start()
        .await;
    let modern = Server::new()
        .modern()
        .streams()
        .tool("head", stalls())
        .tool("body", Script::new().progress(1, 9).hang())
        .tool("ok", "fine")
        .start()
        .await;
    let scope = setup.scope("default");
    for (slug, url) in [
        ("legacy", bodies.url()),
        ("modern", modern.url()),
        ("silent", silent.as_str()),
    ] {
        let mut spec = setup.spec(&scope, slug, url);
        spec.timeouts = Timeouts {
            call_max: Duration::from_millis(700),
            call_idle: Duration::from_millis(500),
            list: Duration::from_millis(200),
            ..spec.timeouts
        };
        setup.add(&scope, &spec).await;
    }
    let mut client = started(&setup, "2025-11-25").await;
    client.rpc("tools/list", &json!({})).await;
    for (tool, expected) in [
        ("legacy__head", -32011),
        ("legacy__body", -32011),
        ("modern__head", -32011),
        ("modern__body", -32011),
    ] {
        let params = json!({"name": tool, "arguments": {}, "_meta": {"progressToken": 1}});
        let reply = soon(tool, client.rpc("tools/call", &params)).await;
        assert_eq!(code(&reply), expected, "{tool}: {}", reply.message());
        setup.until_gauge("calls under way", 0).await;
    }
    // Nobody knows the tools of this one, so its call ends before it begins.
    let reply = soon("silent", client.call("silent__work", json!({}))).await;
    assert_eq!(code(&reply), -32010, "{}", reply.message());
    let status = setup.status().await;
    let held: Vec<_> = status
        .links
        .iter()
        .filter(|link| link.under_way + link.waiting > 0)
        .collect();
    assert!(held.is_empty(), "{held:?}");
    // P12.2: legacy servers were told, modern ones saw the connection close.
    until("the cancels", || {
        bodies.requests_for("notifications/cancelled").len() == 2
    })
    .await;
    soon("the closes", modern.until_aborted(2)).await;
    for tool in ["legacy__ok", "modern__ok"] {
        assert_eq!(client.call(tool, json!({})).await.text(), "fine");
    }
}

/// one workspace fills its server and its queue; another does not notice.
#[tokio::test]
async fn r17_a_full_workspace_leaves_others_alone() {
    let setup = Setup::new().await;
    let noisy = setup.workspace("noisy");
    let stuck = Server::new()
        .modern()
        .tool("hang", Script::new().hang())
        .start()
        .await;
    setup
        .add(&noisy, &setup.spec(&noisy, "stuck", stuck.url()))
        .await;
    let (token, _) = setup.token(&noisy, |_| {}).await;
    let quiet = linked(&setup, "quiet", Server::new().tool("work", "fine")).await;
    let mut client = started(&setup, "2025-11-25").await;
    client.rpc("tools/list", &json!({})).await;
    let caller = || Client::new(&setup.url("noisy")).bearer(&token);
    caller().modern("tools/list", json!({})).await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..400 {
        let params = json!({"name": "stuck__hang", "arguments": {}});
        let (caller, message) = caller().modern_message("tools/call", params);
        calls.spawn(async move { caller.post(&message).await });
    }
    until("the server is full", || stuck.calls("hang") == 256).await;
    for _ in 0..20 {
        assert_eq!(client.call("quiet__work", json!({})).await.text(), "fine");
    }
    // What found no place is told when to come again, and whose limit it was.
    let refused = soon("a refusal", calls.join_next()).await.unwrap().unwrap();
    let error = &refused.message()["error"];
    assert_eq!(error["code"], -33013, "{error}");
    assert!(error["data"]["retry_after_ms"].is_u64());
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("256 per token"), "{message}");
    assert_eq!(quiet.calls("work"), 20);
    calls.shutdown().await;
    setup.until_gauge("calls under way", 0).await;
    let status = setup.status().await;
    let stuck = status
        .links
        .iter()
        .find(|link| link.server == "stuck")
        .unwrap();
    assert_eq!((stuck.under_way, stuck.waiting), (0, 0));
}

/// one response that is not read holds up no other of the same server.
#[tokio::test]
async fn r18_hol_block() {
    let setup = Setup::new().await;
    let server = Server::new()
        .streams()
        .tool("flood", {
            let mut script = Script::new();
            for n in 0..400 {
                script = script.log("info", Value::from(format!("{n} {}", "x".repeat(20_000))));
            }
            script.text("done")
        })
        .tool("work", "fine");
    let _server = linked(&setup, "s", server).await;
    let mut client = started(&setup, "2025-11-25").await;
    client.rpc("tools/list", &json!({})).await;
    let slow = started(&setup, "2025-11-25").await;
    let message = json!({"jsonrpc": "2.0", "id": 77, "method": "tools/call",
        "params": {"name": "s__flood", "arguments": {}}});
    // The stream is open and nobody reads it.
    let unread = slow.post_stream(&message).await;
    for _ in 0..20 {
        let reply = soon("another call", client.call("s__work", json!({}))).await;
        assert_eq!(reply.text(), "fine");
    }
    drop(unread);
}
