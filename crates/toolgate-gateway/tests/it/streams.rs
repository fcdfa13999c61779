//! When an answer becomes a stream, what is on it, and when it ends (P5.15, P5.16, P7.9, P7.10).

use std::time::Duration;

use serde_json::json;
use toolgate_testkit::{Script, Server};

use crate::setup::Setup;
use crate::wire::{
    LEGACY, TOOLS_CHANGED, UPDATED, at_once, call, event, general, kinds, leap, leaping, linked,
    next, soon, started, until,
};

#[tokio::test]
async fn p5_15_an_answer_becomes_a_stream_by_what_comes_first_or_after_two_seconds() {
    let setup = Setup::new().await;
    let server = Server::new()
        .streams()
        .tool("quick", "x")
        .tool("speaks", Script::new().progress(1, 1).text("x"))
        .tool("slow", Script::new().wait_for("go").text("x"));
    let server = linked(&setup, "old", server).await;
    let client = started(&setup, "2025-11-25").await;
    for (tool, kind) in [
        ("quick", "application/json"),
        ("speaks", "text/event-stream"),
    ] {
        let reply = client.post(&call(1, &format!("old__{tool}"), "t")).await;
        assert_eq!(reply.headers["content-type"], kind, "{tool}");
        assert_eq!(reply.text(), "x");
        let params = json!({"name": format!("old__{tool}"), "_meta": {"progressToken": "t"}});
        let reply = setup.client().modern("tools/call", params).await;
        assert_eq!(reply.headers["content-type"], kind, "modern {tool}");
    }
    let mut opening = tokio::spawn({
        let client = client.clone();
        async move { client.post_stream(&call(2, "old__slow", "t")).await }
    });
    until("the call", || server.calls("slow") == 1).await;
    assert!(at_once(&mut opening).await.is_none(), "nothing is decided");
    let opened = leaping("the headers", Duration::from_secs(2), async || {
        at_once(&mut opening).await
    });
    let mut stream = opened.await.unwrap();
    assert_eq!(
        (stream.status, &*stream.headers["content-type"]),
        (200, "text/event-stream")
    );
    leaping("a comment", Duration::from_secs(15), async || {
        let heard = at_once(stream.next_event()).await??;
        heard.starts_with(':').then_some(())
    })
    .await;
    server.signal("go");
    assert_eq!(next(&mut stream).await["id"], 2);
}

#[tokio::test]
async fn p5_16_a_stream_holds_its_own_notices_then_the_response_then_nothing() {
    let setup = Setup::new().await;
    let question = json!({"message": "?", "requestedSchema": {"type": "object", "properties": {}}});
    let strangers = |script: Script| {
        script
            .progress(1, 2)
            .notify(TOOLS_CHANGED, json!({}))
            .notify(UPDATED, json!({"uri": "test://a"}))
            .notify(
                "notifications/progress",
                json!({"progressToken": "somebody else's", "progress": 7}),
            )
            .notify(
                "notifications/message",
                json!({"level": "info", "data": "x"}),
            )
            .progress(2, 2)
    };
    let tools = |server: Server| {
        server
            .streams()
            .tool("tells", strangers(Script::new()).text("done"))
            .tool(
                "asks",
                strangers(Script::new())
                    .ask("elicitation/create", question.clone())
                    .echo(),
            )
    };
    let _old = linked(&setup, "old", tools(Server::new())).await;
    let _new = linked(&setup, "new", tools(Server::new().modern())).await;
    for tool in ["old__tells", "new__tells", "old__asks", "new__asks"] {
        let claim = "io.modelcontextprotocol/clientCapabilities";
        let meta = json!({"progressToken": "t", claim: {"elicitation": {"form": {}}}});
        let params = json!({"name": tool, "_meta": meta});
        let mut stream = setup.client().modern_stream("tools/call", params).await;
        let mut messages = Vec::new();
        while let Some(message) = soon("a message or the end", stream.next()).await {
            messages.push(message);
        }
        let expected = ["progress", "progress", "result"];
        assert_eq!(kinds(&messages), expected, "{tool}: {messages:?}");
        assert!(
            messages[..2]
                .iter()
                .all(|m| m["params"]["progressToken"] == "t" && m.get("id").is_none()),
            "{tool}: {messages:?}"
        );
    }
}

#[tokio::test]
async fn p7_9_a_slow_reader_holds_up_only_itself_and_finds_the_answer() {
    let setup = Setup::new().await;
    let block = "x".repeat(64 * 1024);
    // More than is kept of a stream, even of those logs that the limit of 50 a second lets pass.
    let flood = (0..64).fold(Script::new().progress(1, 99), |script, _| {
        script.log("error", block.as_str())
    });
    let server = Server::new()
        .streams()
        .tool("flood", flood.text("done"))
        .tool("quick", "x");
    let _server = linked(&setup, "old", server).await;
    let client = started(&setup, "2025-11-25").await;
    let mut slow = client.post_stream(&call(1, "old__flood", "t")).await;
    let primed = event(&mut slow).await;
    // The same session and others are served while nobody reads the stream.
    for mut other in [client.clone(), started(&setup, "2025-11-25").await] {
        let reply = soon("an answer", other.call("old__quick", json!({}))).await;
        assert_eq!(reply.text(), "x");
    }
    drop(slow);
    setup.records(3).await;
    let id = primed.id.unwrap();
    let extra = [("accept", "text/event-stream"), ("last-event-id", &*id)];
    let mut stream = client.get_stream(&extra).await;
    let kept = soon("the rest", stream.rest()).await;
    let bytes: usize = kept
        .iter()
        .filter_map(|e| e.data.as_ref())
        .map(String::len)
        .sum();
    assert!(bytes <= 1024 * 1024, "{bytes} bytes are kept");
    let last = kept.last().unwrap().message();
    assert_eq!(last["id"], 1, "{last}");
    assert_eq!(last["result"]["content"][0]["text"], "done");
}

#[tokio::test]
async fn p7_10_a_general_stream_ends_after_an_hour_and_says_when_to_come_back() {
    let setup = Setup::new().await;
    for revision in LEGACY {
        let client = started(&setup, revision).await;
        let mut stream = general(&client).await;
        let opening = soon("the opening", stream.next_event()).await.unwrap();
        // Older clients take `retry` without data for a message (P7.5).
        let says_when = opening.lines().any(|line| line.starts_with("retry: "));
        assert_eq!(says_when, revision == "2025-11-25", "{opening:?}");
        leap(Duration::from_mins(59)).await;
        let comment = soon("a comment", stream.next_event()).await;
        assert!(comment.is_some(), "it lasts nearly an hour");
        leap(Duration::from_mins(2)).await;
        let end = async { while stream.next_event().await.is_some() {} };
        soon("the end", end).await;
        assert_eq!(general(&client).await.status, 200, "{revision}");
    }
}
