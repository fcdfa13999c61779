//! Calls that are left alone while a person thinks (P11.2, P11.13).

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use toolgate_namespace::{Isolation, ServerSpec};
use toolgate_testkit::{Recorded, Running, Script, Server};
use toolgate_upstream::{Answer, Ask, Call, Event, Exchange};

use crate::support::{
    Rig, call, echo_of, finish, http_spec, json as text_json, patient, stdio_spec, text_of,
};

/// What a call may be silent for here; parked calls wait for longer.
const IDLE: Duration = Duration::from_millis(500);

fn asking(tool: &str) -> Call {
    Call {
        capabilities: text_json(r#"{"elicitation":{}}"#),
        ..call(tool)
    }
}

fn impatient(spec: ServerSpec) -> Rig {
    let mut spec = spec;
    spec.timeouts.call_idle = IDLE;
    Rig::with(spec)
}

/// Servers over both HTTP transports whose tool asks once.
async fn servers() -> Vec<Running> {
    let mut running = Vec::new();
    for server in [Server::new().streams(), Server::new().http_sse()] {
        let script = Script::new()
            .ask("elicitation/create", json!({"message": "name?"}))
            .answers();
        running.push(server.tool("ask", script).start().await);
    }
    running
}

fn over(server: &Running) -> Rig {
    impatient(http_spec(server.url(), &server.origin()))
}

fn child() -> Rig {
    impatient(ServerSpec {
        isolation: Isolation::Session,
        ..stdio_spec(&[])
    })
}

async fn parked(rig: &Rig) -> (Exchange, Ask) {
    let mut exchange = rig.upstream.call(asking("ask")).await.unwrap();
    let Event::Ask(ask) = patient(exchange.next()).await else {
        panic!("no question")
    };
    (exchange, ask)
}

fn declined() -> Answer {
    Answer::Result(text_json(r#"{"action":"decline"}"#))
}

async fn leave_alone_and_answer(rig: &Rig) {
    let (mut exchange, ask) = parked(rig).await;
    tokio::time::sleep(2 * IDLE).await;
    exchange.answer(ask.id, declined()).await.unwrap();
    let text = text_of(&finish(&mut exchange).await.1.unwrap());
    assert!(text.contains("decline"), "{text}");
}

#[tokio::test]
async fn p11_2_a_call_with_an_open_question_can_be_left_alone() {
    for server in servers().await {
        leave_alone_and_answer(&over(&server)).await;
    }
    let rig = child();
    leave_alone_and_answer(&rig).await;
    rig.upstream.close().await;
}

async fn answer_too_late(mut exchange: Exchange, ask: Ask) {
    exchange.answer(ask.id, declined()).await.unwrap_err();
    finish(&mut exchange).await.1.unwrap_err();
}

#[tokio::test]
async fn p11_12_a_server_that_failed_meanwhile_cannot_be_answered_and_the_call_fails() {
    for server in servers().await {
        let rig = over(&server);
        let (exchange, ask) = parked(&rig).await;
        server.stop().await;
        tokio::time::sleep(IDLE).await;
        answer_too_late(exchange, ask).await;
    }
    let rig = child();
    let pid = text_of(&rig.run(asking("pid")).await.1.unwrap());
    let (exchange, ask) = parked(&rig).await;
    Command::new("kill").args(["-9", &pid]).status().unwrap();
    tokio::time::sleep(IDLE).await;
    answer_too_late(exchange, ask).await;
    rig.upstream.close().await;
}

/// The answer to the question and the cancellation, in the order in which the server saw them.
fn last_words<'a>(seen: impl Iterator<Item = &'a Value>) -> Vec<Value> {
    let words = seen.filter(|message| {
        message["method"] == "notifications/cancelled" || message["result"]["action"].is_string()
    });
    words.cloned().collect()
}

#[tokio::test]
async fn p11_13_a_parked_call_that_is_given_up_is_answered_and_then_cancelled_under_our_id() {
    let cancel = || Answer::Result(text_json(r#"{"action":"cancel"}"#));
    for server in servers().await {
        let rig = over(&server);
        for answers in [true, false] {
            let (mut exchange, ask) = parked(&rig).await;
            if answers {
                exchange.answer(ask.id, cancel()).await.unwrap();
            }
            drop(exchange);
            let calls = server.requests_for("tools/call");
            let id = calls.last().unwrap().body["id"].clone();
            let is_cancelled = |r: &Recorded| {
                r.rpc() == "notifications/cancelled" && r.body["params"]["requestId"] == id
            };
            patient(server.until_requests(|seen| seen.iter().any(is_cancelled))).await;
        }
        let requests = server.requests();
        let words = last_words(requests.iter().map(|request| &request.body));
        assert_eq!(words.len(), 3, "{words:?}");
        assert_eq!(words[0]["result"]["action"], "cancel");
    }
    let rig = child();
    let (mut exchange, ask) = parked(&rig).await;
    exchange.answer(ask.id, cancel()).await.unwrap();
    drop(exchange);
    let (_, seen) = rig.run(asking("seen")).await;
    let seen = echo_of(&text_of(&seen.unwrap()));
    let words = last_words(seen.as_array().unwrap().iter());
    assert_eq!(words.len(), 2, "{seen}");
    assert_eq!(words[0]["result"]["action"], "cancel");
    let asked = seen
        .as_array()
        .unwrap()
        .iter()
        .find(|m| m["params"]["name"] == "ask");
    assert_eq!(words[1]["params"]["requestId"], asked.unwrap()["id"]);
    rig.upstream.close().await;
}

/// Behaviour 5: the upstream sees a cancel under its own id, and nobody else is affected.
#[tokio::test]
async fn behaviour_5_a_cancelled_call_is_cancelled_alone() {
    let tools = |server: Server| {
        let slow = Script::new().delay(Duration::from_millis(300)).text("done");
        server.tool("hang", Script::new().hang()).tool("slow", slow)
    };
    for server in [
        Server::new().streams(),
        Server::new(),
        Server::new().http_sse(),
    ] {
        let server = tools(server).start().await;
        let rig = Rig::over(&server);
        let mut given_up = rig.upstream.call(call("hang")).await.unwrap();
        let other = async { rig.text("slow").await };
        let giving_up = async {
            tokio::select! {
                event = given_up.next() => panic!("{event:?}"),
                () = server.until_requests(|seen| seen.iter().any(|r| r.body["params"]["name"] == "slow")) => {}
            }
            given_up.cancel("enough");
        };
        let (text, ()) = tokio::join!(other, giving_up);
        assert_eq!(text, "done");
        patient(server.saw("notifications/cancelled")).await;
        let hang = server
            .requests_for("tools/call")
            .into_iter()
            .find(|r| r.body["params"]["name"] == "hang");
        let cancelled = server.requests_for("notifications/cancelled");
        assert_eq!(cancelled.len(), 1);
        assert_eq!(
            cancelled[0].body["params"]["requestId"],
            hang.unwrap().body["id"]
        );
    }
    // A modern server sees its stream close, and the streams of others stay open.
    let server = tools(Server::new().modern().streams()).start().await;
    let rig = Rig::over(&server);
    let mut given_up = rig.upstream.call(call("hang")).await.unwrap();
    let other = async { rig.text("slow").await };
    let giving_up = async {
        let _ = tokio::time::timeout(Duration::from_millis(100), given_up.next()).await;
        drop(given_up);
        patient(server.until_aborted(1)).await;
    };
    let (text, ()) = tokio::join!(other, giving_up);
    assert_eq!((text.as_str(), server.aborted()), ("done", 1));
}
