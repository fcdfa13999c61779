//! HTTP+SSE of 2024-11-05.

use serde_json::json;
use toolgate_protocol::Revision;
use toolgate_testkit::{Script, Server};
use toolgate_upstream::{Answer, Delivery, Event, UpstreamErrorKind};

use crate::support::{Rig, call, finish, json as text_json, patient, text_of};

#[tokio::test]
async fn calls_go_to_the_endpoint_and_answers_come_on_the_stream() {
    let script = Script::new().progress(1, 2).text("done");
    let server = Server::new().http_sse().tool("t", script).start().await;
    let rig = Rig::over(&server);
    let mut wants = call("t");
    wants.wants_progress = true;
    let (events, outcome) = rig.run(wants).await;
    assert!(matches!(events[..], [Event::Progress(_)]), "{events:?}");
    assert_eq!(text_of(&outcome.unwrap()), "done");
    let seen = server.requests_for("tools/call").remove(0);
    assert_eq!(seen.path, "/messages?session=old-2");
    assert_eq!(
        rig.upstream.contact().await.unwrap().revision,
        Revision::V2024_11_05
    );
}

#[tokio::test]
async fn many_calls_share_the_stream_and_keep_apart() {
    let server = Server::new()
        .http_sse()
        .tool("a", "A")
        .tool("b", "B")
        .start()
        .await;
    let rig = Rig::over(&server);
    let calls = (0..20).map(|n| {
        let tool = if n % 2 == 0 { "a" } else { "b" };
        let text = rig.text(tool);
        async move { assert_eq!(text.await, tool.to_uppercase()) }
    });
    patient(futures::future::join_all(calls)).await;
}

#[tokio::test]
async fn p8_4_an_endpoint_of_another_origin_is_refused() {
    for bad in [
        "https://example.com/messages",
        "http://127.0.0.1:1/messages",
        "//evil.example/x",
    ] {
        let server = Server::new()
            .http_sse()
            .endpoint_event(bad)
            .tool("t", "x")
            .start()
            .await;
        Rig::over(&server).call("t").await.unwrap_err();
        assert!(
            server
                .requests_for("initialize")
                .iter()
                .all(|r| r.path == "/sse"),
            "{bad}"
        );
    }
    // The same origin, written out, is fine: here the path only.
    let server = Server::new()
        .http_sse()
        .endpoint_event("messages?session=old-1")
        .tool("t", "x")
        .start()
        .await;
    Rig::over(&server).upstream.contact().await.unwrap();
}

#[tokio::test]
async fn a_lost_stream_fails_its_calls_as_unknown_and_a_new_one_is_opened() {
    let server = Server::new()
        .http_sse()
        .tool("hang", Script::new().hang())
        .tool("t", "x")
        .start()
        .await;
    let rig = Rig::over(&server);
    let mut exchange = rig.upstream.call(call("hang")).await.unwrap();
    patient(server.saw("tools/call")).await;
    server.close_general_streams();
    let (_, outcome) = finish(&mut exchange).await;
    let error = outcome.unwrap_err();
    assert_eq!(
        error.kind,
        UpstreamErrorKind::Unreachable("the stream closed")
    );
    assert_eq!(error.outcome, Delivery::Unknown);
    assert_eq!(rig.text("t").await, "x");
}

#[tokio::test]
async fn cancels_and_questions_work_over_the_stream() {
    let question = Script::new()
        .ask("elicitation/create", json!({"message": "?"}))
        .answers();
    let server = Server::new()
        .http_sse()
        .tool("ask", question)
        .tool("hang", Script::new().hang())
        .start()
        .await;
    let rig = Rig::over(&server);
    let mut asks = call("ask");
    asks.capabilities = text_json(r#"{"elicitation":{}}"#);
    let mut exchange = rig.upstream.call(asks).await.unwrap();
    let Event::Ask(ask) = patient(exchange.next()).await else {
        panic!("no question")
    };
    exchange
        .answer(ask.id, Answer::Result(text_json(r#"{"action":"decline"}"#)))
        .await
        .unwrap();
    assert!(text_of(&finish(&mut exchange).await.1.unwrap()).contains("decline"));

    let exchange = rig.upstream.call(call("hang")).await.unwrap();
    patient(server.until_requests(|r| r.iter().any(|r| r.body["params"]["name"] == "hang"))).await;
    drop(exchange);
    patient(server.saw("notifications/cancelled")).await;
}
