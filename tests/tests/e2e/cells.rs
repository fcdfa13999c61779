//! Client era times server era: lists, calls, progress and cancellation work in every cell.

use serde_json::{Value, json};
use toolgate_testkit::{Client, Running, Script, Server};

use crate::world::{World, list, names, soon};

const LEGACY: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

/// A server of every shape, all with the same tools.
async fn servers() -> Vec<(&'static str, Running)> {
    let shapes = [
        ("json", Server::new()),
        ("sse", Server::new().streams()),
        ("loose", Server::new().stateless()),
        ("old", Server::new().version("2025-03-26").streams()),
        ("pair", Server::new().http_sse()),
        ("modern", Server::new().modern()),
        ("stream", Server::new().modern().streams()),
        ("both", Server::new().both().streams()),
    ];
    let mut running = Vec::new();
    for (slug, server) in shapes {
        let server = server
            .tool("hello", "good day")
            .tool(
                "work",
                Script::new().progress(1, 2).progress(2, 2).text("worked"),
            )
            .tool("hang", Script::new().hang());
        running.push((slug, server.start().await));
    }
    running
}

fn world(servers: &[(&'static str, Running)]) -> World {
    let borrowed: Vec<(&str, &Running)> = servers
        .iter()
        .map(|(slug, server)| (*slug, server))
        .collect();
    World::new(&borrowed)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_revision_lists_and_calls_every_server() {
    let servers = servers().await;
    let world = world(&servers);
    let wanted: Vec<String> = servers
        .iter()
        .flat_map(|(slug, _)| ["hello", "work", "hang"].map(|tool| format!("{slug}__{tool}")))
        .collect();

    for revision in LEGACY {
        let mut client = world.client();
        let reply = client.initialize_as(revision, &json!({})).await;
        assert_eq!(
            reply.message()["result"]["protocolVersion"],
            revision,
            "P6.1"
        );
        assert!(client.session().is_some(), "P6.3");
        assert_eq!(list(&mut client).await, wanted, "{revision}");
        for (slug, _) in &servers {
            let reply = client.call(&format!("{slug}__hello"), json!({})).await;
            assert_eq!(
                reply.text(),
                "good day",
                "{revision} to {slug}: {}",
                reply.message()
            );
            let result = &reply.message()["result"];
            assert!(
                result.get("resultType").is_none(),
                "P6.15: {revision} to {slug}: {result}"
            );
        }
    }

    let mut client = world.client();
    let discovered = client.modern("server/discover", json!({})).await.message();
    assert_eq!(
        discovered["result"]["supportedVersions"],
        json!(["2026-07-28"]),
        "P5.6"
    );
    let reply = client.modern("tools/list", json!({})).await;
    assert_eq!(names(&reply), wanted);
    for (slug, _) in &servers {
        let reply = client
            .modern(
                "tools/call",
                json!({ "name": format!("{slug}__hello"), "arguments": {} }),
            )
            .await;
        assert_eq!(reply.text(), "good day", "{slug}: {}", reply.message());
        assert_eq!(
            reply.message()["result"]["resultType"],
            "complete",
            "P5.18: {slug}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_comes_while_the_call_runs_and_keeps_its_token() {
    let servers = servers().await;
    let world = world(&servers);
    let streams = ["sse", "old", "pair", "stream", "both"];
    for slug in streams {
        let params = json!({ "name": format!("{slug}__work"), "arguments": {}, "_meta": { "progressToken": "tok-1" } });

        let mut client = world.legacy().await;
        let message = client.request_message("tools/call", &params);
        let mut stream = client.post_stream(&message).await;
        check_progress(slug, "legacy", &mut stream).await;

        let mut stream = world.client().modern_stream("tools/call", params).await;
        check_progress(slug, "modern", &mut stream).await;
    }
}

async fn check_progress(slug: &str, era: &str, stream: &mut toolgate_testkit::EventStream) {
    for step in [1.0, 2.0] {
        let notice = soon("a progress notice", stream.next())
            .await
            .unwrap_or_default();
        assert_eq!(
            notice["method"], "notifications/progress",
            "{era} to {slug}: {notice}"
        );
        assert_eq!(
            notice["params"]["progressToken"], "tok-1",
            "{era} to {slug}: {notice}"
        );
        assert_eq!(
            notice["params"]["progress"].as_f64(),
            Some(step),
            "{era} to {slug}: {notice}"
        );
    }
    let answer = soon("the answer", stream.next()).await.unwrap_or_default();
    assert_eq!(
        answer["result"]["content"][0]["text"], "worked",
        "{era} to {slug}: {answer}"
    );
    assert_eq!(
        soon("the end", stream.next()).await,
        None,
        "nothing comes after the answer"
    );
}

/// P6.13: a legacy client cancels with a notice, a modern one by going away; the server sees it in its own words.
#[tokio::test(flavor = "multi_thread")]
async fn cancelling_reaches_every_kind_of_server() {
    let servers = servers().await;
    let world = world(&servers);
    for (slug, server) in &servers {
        let hang = json!({ "name": format!("{slug}__hang"), "arguments": {} });

        let mut client = world.legacy().await;
        let message = client.request_message("tools/call", &hang);
        let (id, sender) = (message["id"].clone(), client.clone());
        let call = tokio::spawn(async move { sender.post_stream(&message).await });
        soon(
            "the legacy call arrives",
            server.until_requests(|seen| hangs(seen) == 1),
        )
        .await;
        let notice = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } });
        assert_eq!(client.post(&notice).await.status, 202, "P6.8");
        sees_cancellation(slug, server, 1).await;
        call.abort();

        let mut client = world.client();
        let (client, message) = client.modern_message("tools/call", hang);
        let call = tokio::spawn(async move { client.post_stream(&message).await });
        soon(
            "the modern call arrives",
            server.until_requests(|seen| hangs(seen) == 2),
        )
        .await;
        call.abort();
        sees_cancellation(slug, server, 2).await;
    }
}

fn hangs(seen: &[toolgate_testkit::Recorded]) -> usize {
    seen.iter()
        .filter(|one| one.rpc() == "tools/call" && one.body["params"]["name"] == "hang")
        .count()
}

/// A legacy server is told with the id the gateway gave the call, a modern one sees its answer dropped.
async fn sees_cancellation(slug: &str, server: &Running, times: usize) {
    if ["modern", "stream", "both"].contains(&slug) {
        return soon(
            &format!("{slug} sees the stream closed"),
            server.until_aborted(times),
        )
        .await;
    }
    let told = |seen: &[toolgate_testkit::Recorded]| {
        let id_of = |name: &str| -> Vec<Value> {
            let (method, member) = if name == "call" {
                ("tools/call", "id")
            } else {
                ("notifications/cancelled", "requestId")
            };
            let matching = seen.iter().filter(|one| one.rpc() == method);
            matching
                .map(|one| {
                    if name == "call" {
                        one.body[member].clone()
                    } else {
                        one.body["params"][member].clone()
                    }
                })
                .collect()
        };
        let (calls, cancelled) = (id_of("call"), id_of("cancelled"));
        cancelled.len() == times && cancelled.iter().all(|id| calls.contains(id))
    };
    soon(
        &format!("{slug} is told {times} times"),
        server.until_requests(told),
    )
    .await;
}

/// P5.4, P6.19 and product.md 4.1: one workspace under three addresses.
#[tokio::test(flavor = "multi_thread")]
async fn aliases_serve_the_same_workspace() {
    let server = Server::new().tool("hello", "good day").start().await;
    let world = World::new(&[("s", &server)]);
    for path in ["/ws/team", "/ws/team/sse", "/api/gateway/ws/team"] {
        let mut client =
            Client::new(&format!("{}{path}", world.gateway.url)).bearer(&world.token.token);
        assert_eq!(client.initialize().await.status, 200, "{path}");
        assert_eq!(
            client.call("s__hello", json!({})).await.text(),
            "good day",
            "{path}"
        );
    }
}

/// P3.16, conformance.md 9.17 and 9.18: what the gateway does not own travels as it was written.
#[tokio::test(flavor = "multi_thread")]
async fn numbers_and_unknown_members_keep_their_text() {
    let body = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"x","vendor":{"b":1,"a":1e400}}],"structuredContent":{"n":9007199254740993,"z":-0,"f":0.1000000000000000055511151231257827},"_meta":{"acme/trace":"t"}}}"#;
    let server = Server::new()
        .stateless()
        .tool("echo", Script::new().echo())
        .tool("raw", Script::new().raw(200, "application/json", body))
        .start()
        .await;
    let world = World::new(&[("s", &server)]);
    let client = world.client();

    let call = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"s__echo","arguments":{"z":-0,"big":9007199254740993,"tiny":1e-400,"a":{"vendor":[1.50]}}}}"#;
    assert_eq!(client.post_raw(call).await.status, 200);
    let seen = server.requests_for("tools/call").pop().expect("it arrived");
    let seen = String::from_utf8(seen.raw).expect("text");
    let arguments = r#"{"z":-0,"big":9007199254740993,"tiny":1e-400,"a":{"vendor":[1.50]}}"#;
    assert!(seen.contains(arguments), "{seen}");
    assert!(seen.contains(r#""name":"echo""#), "{seen}");
}
