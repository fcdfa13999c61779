//! Limits of time and size.

use std::time::{Duration, Instant};

use serde_json::json;
use toolgate_namespace::ServerSpec;
use toolgate_testkit::{Running, Script, Server};
use toolgate_upstream::{Answer, Delivery, Event, UpstreamErrorKind};

use crate::support::{
    Rig, call, finish, http_spec, json as text_json, patient, stdio_spec, text_of,
};

fn impatient(server: &Running, idle: Duration) -> Rig {
    let mut spec = http_spec(server.url(), &server.origin());
    spec.timeouts.call_idle = idle;
    Rig::with(spec)
}

#[tokio::test]
async fn p12_2_a_silent_call_times_out_and_is_cancelled() {
    for server in [Server::new(), Server::new().streams()] {
        let server = server.tool("t", Script::new().hang()).start().await;
        let rig = impatient(&server, Duration::from_millis(200));
        let error = rig.call("t").await.unwrap_err();
        assert_eq!(error.kind, UpstreamErrorKind::TimedOut);
        assert_eq!(error.outcome, Delivery::Unknown);
        patient(server.saw("notifications/cancelled")).await;
    }
    let server = Server::new()
        .modern()
        .streams()
        .tool("t", Script::new().hang())
        .start()
        .await;
    let error = impatient(&server, Duration::from_millis(200))
        .call("t")
        .await
        .unwrap_err();
    assert_eq!(error.kind, UpstreamErrorKind::TimedOut);
    patient(server.until_aborted(1)).await;
}

#[tokio::test]
async fn p9_40_p12_1_progress_keeps_a_call_alive_up_to_its_deadline() {
    let step = Duration::from_millis(150);
    let slow = (1..=6)
        .fold(Script::new(), |script, n| script.delay(step).progress(n, 6))
        .text("done");
    let server = Server::new().streams().tool("t", slow).start().await;
    let rig = impatient(&server, Duration::from_millis(600));
    let mut wants = call("t");
    wants.wants_progress = true;
    let (events, outcome) = rig.run(wants).await;
    assert_eq!(events.len(), 6);
    assert_eq!(text_of(&outcome.unwrap()), "done");

    let mut short = call("t");
    short.deadline = Instant::now() + Duration::from_millis(400);
    let error = rig.run(short).await.1.unwrap_err();
    assert_eq!(error.kind, UpstreamErrorKind::TimedOut);
}

#[tokio::test]
async fn p11_5_the_clocks_stand_still_while_a_question_is_open() {
    let script = Script::new()
        .ask("elicitation/create", json!({"message": "?"}))
        .text("thanks");
    let server = Server::new().streams().tool("t", script).start().await;
    let rig = impatient(&server, Duration::from_millis(300));
    let mut asks = call("t");
    asks.capabilities = text_json(r#"{"elicitation":{}}"#);
    asks.deadline = Instant::now() + Duration::from_millis(900);
    let mut exchange = rig.upstream.call(asks).await.unwrap();
    let Event::Ask(ask) = patient(exchange.next()).await else {
        panic!("no question")
    };
    // The person thinks for longer than both limits.
    let thinking = tokio::time::timeout(Duration::from_millis(1200), exchange.next()).await;
    assert!(thinking.is_err(), "{thinking:?}");
    exchange
        .answer(ask.id, Answer::Result(text_json(r#"{"action":"cancel"}"#)))
        .await
        .unwrap();
    assert_eq!(text_of(&finish(&mut exchange).await.1.unwrap()), "thanks");
}

#[tokio::test]
async fn a_list_has_its_own_limit() {
    let server = Server::new()
        .method("tools/list", Script::new().hang())
        .start()
        .await;
    let mut spec = http_spec(server.url(), &server.origin());
    spec.timeouts.list = Duration::from_millis(500);
    let error = Rig::with(spec).upstream.list_tools().await.unwrap_err();
    assert_eq!(error.kind, UpstreamErrorKind::TimedOut);
}

#[tokio::test]
async fn p3_15_answers_over_the_size_limit_end_the_call() {
    let huge = "x".repeat(17 * 1024 * 1024);
    for server in [Server::new(), Server::new().streams()] {
        let server = server.tool("t", huge.as_str()).start().await;
        let error = Rig::over(&server).call("t").await.unwrap_err();
        assert!(
            matches!(error.kind, UpstreamErrorKind::Protocol(_)),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_large_answer_within_the_limit_arrives() {
    let large = "x".repeat(4 * 1024 * 1024);
    for server in [
        Server::new(),
        Server::new().streams(),
        Server::new().http_sse(),
    ] {
        let server = server.tool("t", large.as_str()).start().await;
        assert_eq!(Rig::over(&server).text("t").await.len(), large.len());
    }
}

#[tokio::test]
async fn p12_1_one_deadline_covers_every_step_of_a_call() {
    let step = Duration::from_millis(400);
    let server = || Server::new().delay(step).tool("t", "x");
    // Finding out the era, the handshake and the call take a step each: none is too long alone.
    let limit = step * 5 / 2;
    let cold = server().start().await;
    let mut short = call("t");
    short.deadline = Instant::now() + limit;
    let error = Rig::over(&cold).run(short).await.1.unwrap_err();
    assert_eq!(error.kind, UpstreamErrorKind::TimedOut);

    let warm = server().start().await;
    let rig = Rig::over(&warm);
    rig.text("t").await;
    let mut short = call("t");
    short.deadline = Instant::now() + step * 20;
    assert_eq!(text_of(&rig.run(short).await.1.unwrap()), "x");
}

#[tokio::test]
async fn p12_1_a_call_that_never_found_its_server_was_not_sent() {
    let spec: ServerSpec = stdio_spec(&["--silent"]);
    let rig = Rig::with(spec);
    let mut short = call("echo");
    short.deadline = Instant::now() + Duration::from_millis(300);
    let error = rig.run(short).await.1.unwrap_err();
    assert_eq!(
        (error.kind, error.outcome),
        (UpstreamErrorKind::TimedOut, Delivery::NotSent)
    );
}
