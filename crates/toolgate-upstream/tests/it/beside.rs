//! What legacy servers say outside any call's own stream: questions, logs, notices, and their log level.

use std::time::Duration;

use serde_json::{Value, json};
use toolgate_namespace::{Isolation, ServerSpec};
use toolgate_protocol::RpcError;
use toolgate_testkit::{Running, Script, Server};
use toolgate_upstream::{Answer, Call, Event, Notice};

use crate::support::{
    Rig, call, call_with, echo_of, finish, http_spec, json as text_json, origin, patient,
    stdio_spec, text_of, value, who,
};

fn roots() -> Value {
    json!({"jsonrpc": "2.0", "id": "roots-1", "method": "roots/list"})
}

/// A call of Alice's whose client has roots.
fn with_roots(tool: &str) -> Call {
    Call {
        capabilities: text_json(r#"{"roots":{}}"#),
        ..call(tool)
    }
}

fn found(uri: &str) -> Answer {
    Answer::Result(text_json(&format!(r#"{{"roots":[{{"uri":"{uri}"}}]}}"#)))
}

/// What the server was answered to a question.
async fn answer_to(server: &Running, id: &'static str) -> Value {
    let is_answer = move |r: &toolgate_testkit::Recorded| r.body["id"] == id && r.rpc().is_empty();
    patient(server.until_requests(|seen| seen.iter().any(is_answer))).await;
    server.requests().into_iter().find(is_answer).unwrap().body
}

/// The same for a child, which shows what it saw.
async fn answer_to_child(rig: &Rig, id: &str) -> Value {
    let answered = async {
        loop {
            let (_, seen) = rig.run(with_roots("seen")).await;
            let seen = echo_of(&text_of(&seen.unwrap()));
            let mut messages = seen.as_array().unwrap().clone().into_iter();
            if let Some(answer) = messages.find(|m| m["id"] == id && m["method"].is_null()) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    patient(Box::pin(answered)).await
}

fn own_children(flags: &[&str]) -> Rig {
    Rig::with(ServerSpec {
        isolation: Isolation::Session,
        ..stdio_spec(flags)
    })
}

#[tokio::test]
async fn p11_10_a_question_right_after_the_handshake_belongs_to_the_call_that_opened_the_session() {
    for server in [Server::new(), Server::new().http_sse()] {
        let script = Script::new().delay(Duration::from_millis(100)).text("done");
        let server = server.greet(roots()).tool("t", script).start().await;
        let rig = Rig::over(&server);
        let mut exchange = rig.upstream.call(with_roots("t")).await.unwrap();
        let Event::Ask(ask) = patient(exchange.next()).await else {
            panic!("no question")
        };
        assert_eq!(&*ask.method, "roots/list");
        exchange.answer(ask.id, found("file:///a")).await.unwrap();
        finish(&mut exchange).await.1.unwrap();
        let sent = answer_to(&server, "roots-1").await;
        // The gateway's own session declared nothing and refused first.
        let answers: Vec<Value> = server
            .requests()
            .into_iter()
            .filter(|r| r.body["id"] == "roots-1")
            .map(|r| r.body)
            .collect();
        assert!(
            answers
                .iter()
                .any(|a| a["result"]["roots"][0]["uri"] == "file:///a"),
            "{sent} {answers:?}"
        );
    }
    let rig = own_children(&["--ask-roots"]);
    let mut exchange = rig.upstream.call(with_roots("echo")).await.unwrap();
    let Event::Ask(ask) = patient(exchange.next()).await else {
        panic!("no question")
    };
    exchange.answer(ask.id, found("file:///b")).await.unwrap();
    finish(&mut exchange).await.1.unwrap();
    let answer = answer_to_child(&rig, "roots-1").await;
    assert_eq!(answer["result"]["roots"][0]["uri"], "file:///b");
    rig.upstream.close().await;
}

#[tokio::test]
async fn p11_24_a_question_without_a_call_goes_to_the_client_whose_session_it_is() {
    for server in [Server::new(), Server::new().http_sse()] {
        let server = server.tool("t", "x").start().await;
        let rig = Rig::over(&server);
        rig.run(with_roots("t")).await.1.unwrap();
        patient(server.until_listening()).await;
        server.send(&roots());
        let question = rig.question().await;
        assert_eq!(&*question.method, "roots/list");
        assert_eq!(question.origin, origin("alice", Some("alice-1")));
        question.answer.send(found("file:///c")).unwrap();
        let answered = |seen: &[toolgate_testkit::Recorded]| {
            seen.iter().any(|r| r.body["result"]["roots"].is_array())
        };
        patient(server.until_requests(answered)).await;

        // An error travels back as it is, and silence is said to be silence.
        let with_id = |id: &str| json!({"jsonrpc": "2.0", "id": id, "method": "roots/list"});
        server.send(&with_id("second"));
        let error = RpcError::new(-1, "cancelled");
        rig.question()
            .await
            .answer
            .send(Answer::Error(error))
            .unwrap();
        server.send(&with_id("third"));
        drop(rig.question().await);
        let code = |id: &'static str, code: i64| {
            server.until_requests(move |seen| {
                seen.iter()
                    .any(|r| r.body["id"] == id && r.body["error"]["code"] == code)
            })
        };
        patient(code("second", -1)).await;
        patient(code("third", -32603)).await;
    }
}

#[tokio::test]
async fn p11_10_a_question_that_nobody_declared_is_refused_at_once() {
    let server = Server::new().tool("t", "x").start().await;
    let rig = Rig::over(&server);
    rig.run(with_roots("t")).await.1.unwrap();
    patient(server.until_listening()).await;
    server.send(
        &json!({"jsonrpc": "2.0", "id": "s", "method": "sampling/createMessage", "params": {}}),
    );
    assert_eq!(answer_to(&server, "s").await["error"]["code"], -32601);
}

/// A call that waits, and then one that has the server ask for what its client never declared: the newest
/// learns of it, with nobody asked.
async fn check_undeclared(rig: &Rig, newest: Call) {
    let mut older = rig.upstream.call(with_roots("hang")).await.unwrap();
    let mut newest = rig.upstream.call(newest).await.unwrap();
    let Event::Undeclared(ask) = patient(newest.next()).await else {
        panic!("the newest call learns nothing")
    };
    assert_eq!(&*ask.method, "sampling/createMessage");
    assert_eq!(ask.params.text("vendor").unwrap(), "kept");
    let (events, outcome) = finish(&mut newest).await;
    assert!(events.is_empty(), "{events:?}");
    let answer = echo_of(&text_of(&outcome.unwrap()));
    assert!(answer.to_string().contains("-32601"), "{answer}");
    let nothing = tokio::time::timeout(Duration::from_millis(20), older.next()).await;
    assert!(nothing.is_err(), "{nothing:?}");
}

#[tokio::test]
async fn p11_1_p11_23_the_newest_call_of_a_child_learns_what_its_client_did_not_declare() {
    let sampling = json!({"messages": [], "maxTokens": 1, "vendor": "kept"});
    let question = json!({"id": "s", "method": "sampling/createMessage", "params": sampling});
    let arguments = json!({"questions": [question]}).to_string();
    for isolation in [Isolation::Principal, Isolation::Session] {
        let rig = Rig::with(ServerSpec {
            isolation,
            ..stdio_spec(&[])
        });
        let asks = Call {
            capabilities: text_json(r#"{"roots":{}}"#),
            ..call_with("ask", &arguments)
        };
        check_undeclared(&rig, asks).await;
        rig.upstream.close().await;
    }
}

#[tokio::test]
async fn p11_1_p11_23_the_newest_call_of_a_session_learns_what_its_client_did_not_declare() {
    let sampling = json!({"messages": [], "maxTokens": 1, "vendor": "kept"});
    let on_own = Script::new().ask("sampling/createMessage", sampling.clone());
    let on_general = Script::new().ask_on_general("s", "sampling/createMessage", sampling);
    for script in [on_own, on_general] {
        let server = Server::new()
            .streams()
            .tool("hang", Script::new().hang())
            .tool("ask", script.answers());
        let server = server.start().await;
        let rig = Rig::over(&server);
        check_undeclared(&rig, with_roots("ask")).await;
    }
}

#[tokio::test]
async fn p11_10_without_a_client_session_a_question_waits_for_a_call_and_then_nobody_was_there() {
    let server = Server::new()
        .tool("t", "x")
        .tool("hang", Script::new().hang())
        .start()
        .await;
    let rig = Rig::with(ServerSpec {
        isolation: Isolation::Principal,
        ..http_spec(server.url(), &server.origin())
    });
    rig.run(with_roots("t")).await.1.unwrap();
    patient(server.until_listening()).await;
    server.send(&roots());
    server.send(&json!({"jsonrpc": "2.0", "id": "p", "method": "ping"}));
    answer_to(&server, "p").await;
    let mut exchange = rig.upstream.call(with_roots("hang")).await.unwrap();
    let Event::Ask(ask) = patient(exchange.next()).await else {
        panic!("no question")
    };
    exchange.answer(ask.id, found("file:///d")).await.unwrap();
    drop(exchange);

    let first = json!({"jsonrpc": "2.0", "id": "nobody", "method": "roots/list"});
    server.send(&first);
    let answers = |id: &'static str| {
        server.until_requests(move |seen| {
            seen.iter()
                .any(|r| r.body["id"] == id && r.body["error"]["code"] == -32603)
        })
    };
    patient(answers("nobody")).await;
}

#[tokio::test]
async fn no_more_than_eight_questions_wait_in_a_session() {
    let server = Server::new().tool("t", "x").start().await;
    let rig = Rig::over(&server);
    rig.run(with_roots("t")).await.1.unwrap();
    patient(server.until_listening()).await;
    for n in 0..9 {
        server.send(&json!({"jsonrpc": "2.0", "id": format!("q{n}"), "method": "roots/list"}));
    }
    // Only Alice's session declared roots, so the others were refused everywhere anyway.
    let refused = |seen: &[toolgate_testkit::Recorded]| {
        let ninth = seen.iter().filter(|r| r.body["id"] == "q8");
        ninth.filter(|r| r.body["error"]["code"] == -32601).count() == 2
    };
    patient(server.until_requests(refused)).await;
    let mut questions = Vec::new();
    for _ in 0..8 {
        questions.push(rig.question().await);
    }
    // One answered makes room for one more.
    questions.remove(0).answer.send(found("file:///e")).unwrap();
    let answered = |seen: &[toolgate_testkit::Recorded]| {
        seen.iter().any(|r| r.body["result"]["roots"].is_array())
    };
    patient(server.until_requests(answered)).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.send(&roots());
    assert_eq!(&*rig.question().await.method, "roots/list");
}

#[tokio::test]
async fn a_question_ends_with_its_session() {
    let server = Server::new().tool("t", "x").start().await;
    let rig = Rig::over(&server);
    rig.run(with_roots("t")).await.1.unwrap();
    patient(server.until_listening()).await;
    server.send(&roots());
    let mut question = rig.question().await;
    rig.upstream.end_session("alice-1").await;
    patient(question.answer.closed()).await;
}

#[tokio::test]
async fn p9_36_what_belongs_to_no_call_is_told_with_its_origin_or_dropped() {
    let complete = "notifications/elicitation/complete";
    for server in [Server::new(), Server::new().http_sse()] {
        let server = server.tool("t", "x").start().await;
        let rig = Rig::over(&server);
        rig.text("t").await;
        patient(server.until_sessions(2)).await;
        patient(server.until_listening()).await;
        server.notify(
            "notifications/message",
            &json!({"level": "info", "data": "late"}),
        );
        server.notify(complete, &json!({"elicitationId": "e-1"}));
        let log = rig.told_any(|n| matches!(n, Notice::Log { .. })).await;
        let done = rig
            .told_any(|n| matches!(n, Notice::ElicitationComplete { .. }))
            .await;
        let alice = origin("alice", Some("alice-1"));
        let Notice::Log { params, origin } = log else {
            panic!("{log:?}")
        };
        assert_eq!(
            (value(params.json())["data"].clone(), &origin),
            (json!("late"), &alice)
        );
        let Notice::ElicitationComplete { params, origin } = done else {
            panic!("{done:?}")
        };
        assert_eq!(
            (value(params.json())["elicitationId"].clone(), &origin),
            (json!("e-1"), &alice)
        );
        // The gateway's own session heard both too, and cannot say whose they are.
        let dropped = async {
            while rig.upstream.counters().messages_dropped < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        patient(dropped).await;
        let told = rig.notices().into_iter();
        assert_eq!(told.filter(|n| matches!(n, Notice::Log { .. })).count(), 1);
    }
}

#[tokio::test]
async fn an_update_tells_whose_session_it_came_from() {
    for (isolation, from) in [
        (Isolation::Session, origin("alice", Some("alice-1"))),
        (Isolation::Principal, origin("alice", None)),
        (Isolation::Shared, toolgate_upstream::Origin::default()),
    ] {
        let rig = Rig::with(ServerSpec {
            isolation,
            ..stdio_spec(&[])
        });
        rig.text("updated").await;
        let uri = "test://a".to_owned();
        rig.told(&Notice::ResourceUpdated { uri, origin: from })
            .await;
        rig.upstream.close().await;
    }
}

/// The levels that were set in Alice's session.
fn levels(server: &Running) -> Vec<Value> {
    let set = server.requests_for("logging/setLevel").into_iter();
    set.map(|r| r.body["params"]["level"].clone()).collect()
}

fn logging(tool: &str, level: &str, session: Option<&str>) -> Call {
    Call {
        log_level: Some(level.into()),
        isolation: who("alice", session),
        ..call(tool)
    }
}

#[tokio::test]
async fn p9_35_a_session_of_one_client_follows_it_and_a_shared_one_is_only_raised() {
    let wishes = ["info", "info", "error", "debug", "warning"];
    for (session, set) in [
        (Some("alice-1"), &["info", "error", "debug", "warning"][..]),
        (None, &["info", "debug"]),
    ] {
        for server in [Server::new(), Server::new().http_sse()] {
            let server = server.tool("t", "x").start().await;
            let rig = Rig::over(&server);
            for wish in wishes {
                rig.run(logging("t", wish, session)).await.1.unwrap();
            }
            assert_eq!(levels(&server), set, "{session:?}");
        }
    }
    let rig = own_children(&[]);
    rig.run(logging("echo", "info", Some("alice-1")))
        .await
        .1
        .unwrap();
    rig.upstream.set_level("alice-1", "error").await;
    let seen = echo_of(&rig.text("seen").await);
    let set = seen.as_array().unwrap().iter();
    let set: Vec<&Value> = set.filter(|m| m["method"] == "logging/setLevel").collect();
    assert_eq!(set.len(), 2);
    assert_eq!(set[1]["params"]["level"], "error");
    rig.upstream.close().await;
}

#[tokio::test]
async fn p9_34_a_level_that_cannot_be_set_fails_no_call() {
    let deaf = Server::new().method("logging/setLevel", Script::new().error(-32603, "no"));
    let mute = Server::new().capabilities(json!({"tools": {}}));
    for (server, asked) in [(deaf, 1), (mute, 0)] {
        let server = server.tool("t", "x").start().await;
        let rig = Rig::over(&server);
        let (_, outcome) = rig.run(logging("t", "info", Some("alice-1"))).await;
        assert_eq!(text_of(&outcome.unwrap()), "x");
        assert_eq!(levels(&server).len(), asked);
    }
}

#[tokio::test]
async fn p9_34_set_level_bites_at_once_where_a_session_is_open() {
    for server in [Server::new(), Server::new().http_sse()] {
        let server = server.tool("t", "x").start().await;
        let rig = Rig::over(&server);
        rig.upstream.set_level("alice-1", "error").await;
        assert!(levels(&server).is_empty());
        rig.text("t").await;
        rig.upstream.set_level("bob-1", "error").await;
        assert!(levels(&server).is_empty());
        rig.upstream.set_level("alice-1", "error").await;
        assert_eq!(levels(&server), ["error"]);
    }
}

#[tokio::test]
async fn p8_9_the_level_is_set_again_in_a_renewed_session() {
    let server = Server::new().tool("t", "x").start().await;
    let rig = Rig::over(&server);
    rig.run(logging("t", "info", Some("alice-1")))
        .await
        .1
        .unwrap();
    server.lose_sessions();
    rig.run(logging("t", "info", Some("alice-1")))
        .await
        .1
        .unwrap();
    assert_eq!(levels(&server), ["info", "info"]);
}

#[tokio::test]
async fn p9_30_every_contact_tells_what_the_server_says_of_itself_once() {
    let snapshots = |rig: &Rig| {
        let told = rig.notices().into_iter();
        told.filter(|n| matches!(n, Notice::Snapshot(_))).count()
    };
    for server in [
        Server::new(),
        Server::new().http_sse(),
        Server::new().modern(),
    ] {
        let server = server.instructions("be kind").tool("t", "x").start().await;
        let rig = Rig::over(&server);
        rig.text("t").await;
        let contacted = rig.upstream.contact().await.unwrap();
        assert_eq!(snapshots(&rig), 1);
        rig.told(&Notice::Snapshot(contacted)).await;
    }
    for flags in [&[][..], &["--era", "modern"]] {
        let rig = Rig::with(ServerSpec {
            era: toolgate_namespace::EraSetting::Auto,
            ..stdio_spec(flags)
        });
        rig.text("echo").await;
        let contacted = rig.upstream.contact().await.unwrap();
        assert_eq!(snapshots(&rig), 1, "{flags:?}");
        rig.told(&Notice::Snapshot(contacted)).await;
        rig.upstream.close().await;
    }
}
