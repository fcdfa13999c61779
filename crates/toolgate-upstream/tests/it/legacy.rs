//! Streamable HTTP up to 2025-11-25.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use toolgate_protocol::{Outcome, Revision};
use toolgate_testkit::{Script, Server};
use toolgate_upstream::{Answer, Delivery, Event, Notice, Origin, UpstreamErrorKind};

use crate::support::{Rig, call, call_with, echo_of, finish, json as text_json, patient, text_of};

#[tokio::test]
async fn p8_5_the_handshake_offers_our_newest_and_awaits_initialized() {
    let server = Server::new()
        .tool("echo", Script::new().echo())
        .start()
        .await;
    let rig = Rig::over(&server);
    let echo = echo_of(&rig.text("echo").await);

    let requests = server.requests();
    let order: Vec<&str> = requests
        .iter()
        .filter(|r| r.method == "POST")
        .map(toolgate_testkit::Recorded::rpc)
        .collect();
    // Once for finding out the era, once for Alice's own session.
    let handshake = ["initialize", "notifications/initialized"];
    assert_eq!(
        order,
        [
            &["server/discover"][..],
            &handshake,
            &handshake,
            &["tools/call"]
        ]
        .concat()
    );
    let initialize = &server.requests_for("initialize")[0];
    assert_eq!(initialize.body["params"]["protocolVersion"], "2025-11-25");
    assert_eq!(initialize.body["params"]["capabilities"], json!({}));
    assert_eq!(initialize.body["params"]["clientInfo"]["name"], "toolgate");
    assert_eq!(initialize.header("mcp-session-id"), None);

    assert_eq!(echo["headers"]["mcp-session-id"], "session-2");
    assert_eq!(echo["headers"]["mcp-protocol-version"], "2025-11-25");
    assert_eq!(echo["body"]["params"]["name"], "echo");
    assert!(echo["body"]["id"].is_u64());
}

#[tokio::test]
async fn p8_6_the_version_header_starts_with_2025_06_18() {
    for (version, sent) in [("2025-03-26", None), ("2025-06-18", Some("2025-06-18"))] {
        let server = Server::new()
            .version(version)
            .tool("echo", Script::new().echo())
            .start()
            .await;
        let rig = Rig::over(&server);
        let echo = echo_of(&rig.text("echo").await);
        assert_eq!(
            echo["headers"]["mcp-protocol-version"].as_str(),
            sent,
            "{version}"
        );
        assert_eq!(rig.verdict().unwrap().revision.as_str(), version);
    }
}

#[tokio::test]
async fn p9_15_arguments_travel_byte_for_byte() {
    let server = Server::new()
        .tool("echo", Script::new().echo())
        .start()
        .await;
    let rig = Rig::over(&server);
    let arguments = r#"{"z":1.00e+2, "a":9007199254740993 ,"é":"\ud83d\ude00"}"#;
    let (_, outcome) = rig.run(call_with("echo", arguments)).await;
    outcome.unwrap();
    let raw = server.requests_for("tools/call").remove(0).raw;
    let raw = String::from_utf8(raw).unwrap();
    assert!(raw.contains(arguments), "{raw}");
}

#[tokio::test]
async fn ids_and_tokens_are_ours_and_never_repeat() {
    let server = Server::new()
        .streams()
        .tool("t", Script::new().progress(1, 2).text("x"))
        .start()
        .await;
    let rig = Rig::over(&server);
    let mut wants = call("t");
    wants.params =
        crate::support::object(r#"{"name":"t","_meta":{"progressToken":"mine","vendor/x":1}}"#);
    wants.wants_progress = true;
    let (events, outcome) = rig.run(wants).await;
    assert_eq!(text_of(&outcome.unwrap()), "x");
    let Event::Progress(params) = &events[0] else {
        panic!("{events:?}")
    };
    assert_eq!(
        crate::support::value(params.json()),
        json!({"progress": 1, "total": 2})
    );
    rig.text("t").await;

    let calls = server.requests_for("tools/call");
    let first = &calls[0].body;
    assert_eq!(
        first["params"]["_meta"],
        json!({"progressToken": first["id"], "vendor/x": 1})
    );
    // P9.38: nobody asked for progress, so no token is made up.
    assert_eq!(calls[1].body["params"]["_meta"], Value::Null);
    assert_ne!(calls[0].body["id"], calls[1].body["id"]);
}

#[tokio::test]
async fn p9_39_progress_must_rise() {
    let script = Script::new()
        .progress(1, 9)
        .progress(3, 9)
        .progress(3, 9)
        .progress(2, 9)
        .progress(4, 9);
    let server = Server::new().streams().tool("t", script).start().await;
    let rig = Rig::over(&server);
    let mut wants = call("t");
    wants.wants_progress = true;
    let (events, _) = rig.run(wants).await;
    let values: Vec<String> = events
        .iter()
        .map(|event| match event {
            Event::Progress(params) => params.get("progress").unwrap().as_str().to_owned(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(values, ["1", "3", "4"]);
    assert_eq!(rig.upstream.counters().messages_dropped, 2);
}

#[tokio::test]
async fn p9_35_logs_reach_the_call_from_the_wanted_level_up() {
    let script = Script::new()
        .log("debug", "low")
        .log("info", "mid")
        .log("error", "high")
        .text("x");
    let server = Server::new().streams().tool("t", script).start().await;
    let rig = Rig::over(&server);
    let mut wants = call("t");
    wants.log_level = Some("info".into());
    let (events, _) = rig.run(wants).await;
    let levels: Vec<String> = events
        .iter()
        .map(|event| match event {
            Event::Log(params) => params.text("level").unwrap(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(levels, ["info", "error"]);
    // The session was made verbose enough, once.
    let mut again = call("t");
    again.log_level = Some("info".into());
    rig.run(again).await.1.unwrap();
    let set = server.requests_for("logging/setLevel");
    assert_eq!(set.len(), 1);
    assert_eq!(set[0].body["params"]["level"], "info");
}

/// Behaviour 8: one handshake for twenty calls that wait; nobody sees anything.
#[tokio::test]
async fn behaviour_8_p8_8_a_lost_session_is_renewed_once_for_all_and_the_call_resent() {
    for status in [404, 400] {
        let server = Server::new()
            .session_loss_status(status)
            .tool("t", "fine")
            .start()
            .await;
        let rig = Rig::over(&server);
        assert_eq!(rig.text("t").await, "fine");
        let before = server.requests_for("initialize").len();
        server.lose_sessions();
        let calls = (0..20).map(|_| rig.text("t"));
        let texts = patient(futures::future::join_all(calls)).await;
        assert!(texts.iter().all(|text| text == "fine"));
        assert_eq!(
            server.requests_for("initialize").len(),
            before + 1,
            "status {status}"
        );
        rig.told(&Notice::Reconnected).await;
    }
}

#[tokio::test]
async fn p8_8_a_second_loss_in_one_call_is_an_error() {
    let lost =
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}"#;
    let script = Script::new().raw(404, "application/json", lost);
    let server = Server::new().tool("t", script).start().await;
    let rig = Rig::over(&server);
    let error = rig.call("t").await.unwrap_err();
    assert_eq!(error.kind, UpstreamErrorKind::SessionLost);
    assert_eq!(error.outcome, Delivery::NotSent);
    assert_eq!(server.calls("t"), 2);
}

#[tokio::test]
async fn p7_8_p8_14_a_cut_stream_with_ids_is_resumed_after_the_wait_that_was_asked_for() {
    let wait = Duration::from_millis(400);
    let script = Script::new().reconnect(wait, "resumed");
    let server = Server::new()
        .event_ids()
        .general_stream(false)
        .tool("t", script)
        .start()
        .await;
    let rig = Rig::over(&server);
    rig.upstream.contact().await.unwrap();
    let begun = Instant::now();
    assert_eq!(rig.text("t").await, "resumed");
    assert!(begun.elapsed() >= wait, "{:?}", begun.elapsed());
    assert_eq!(server.calls("t"), 1);
    let requests = server.requests();
    let resume = requests
        .iter()
        .find(|r| r.header("last-event-id").is_some())
        .unwrap();
    assert_eq!(resume.method, "GET");
    assert_eq!(resume.header("accept"), Some("text/event-stream"));
    assert_eq!(resume.header("mcp-session-id"), Some("session-2"));
    assert_eq!(resume.header("mcp-protocol-version"), Some("2025-11-25"));
}

#[tokio::test]
async fn p7_8_the_wait_has_a_least_length_and_ends_with_the_call() {
    let ends_early = async |wait| {
        let script = Script::new().reconnect(wait, "resumed");
        let server = Server::new().event_ids().general_stream(false);
        let server = server.tool("t", script).start().await;
        let rig = Rig::over(&server);
        rig.upstream.contact().await.unwrap();
        (server, rig)
    };
    let (_server, rig) = ends_early(Duration::ZERO).await;
    let begun = Instant::now();
    assert_eq!(rig.text("t").await, "resumed");
    assert!(begun.elapsed() >= Duration::from_millis(100));

    let (server, rig) = ends_early(Duration::from_mins(1)).await;
    let mut short = call("t");
    short.deadline = Instant::now() + Duration::from_millis(700);
    let error = rig.run(short).await.1.unwrap_err();
    assert_eq!(
        (error.kind, error.outcome),
        (UpstreamErrorKind::TimedOut, Delivery::Unknown)
    );
    let seen = server.requests();
    assert!(seen.iter().all(|r| r.header("last-event-id").is_none()));
}

#[tokio::test]
async fn p8_12_any_success_answers_a_notice_and_its_body_is_ignored() {
    for (status, body) in [(200, ""), (200, "thanks"), (202, "{}"), (204, "")] {
        let script = Script::new()
            .ask("ping", json!({}))
            .ask("vendor/unknown", json!({}))
            .answers();
        let server = Server::new()
            .streams()
            .taken_with(status, body)
            .tool("t", script)
            .start()
            .await;
        let answers = Rig::over(&server).text("t").await;
        assert_eq!(echo_of(&answers)[0], json!({}), "{status} {body}");
        let times = |method| server.requests_for(method).len();
        assert_eq!(times("notifications/initialized"), times("initialize"));
    }
}

#[tokio::test]
async fn p8_12_a_request_that_is_only_accepted_breaks_the_protocol() {
    for server in [Server::new(), Server::new().modern()] {
        for script in [
            Script::new().accepted(),
            Script::new().raw(200, "application/json", ""),
        ] {
            let server = server.clone().tool("t", script).start().await;
            let error = Rig::over(&server).call("t").await.unwrap_err();
            assert!(
                matches!(error.kind, UpstreamErrorKind::Protocol(_)),
                "{error}"
            );
            assert_eq!(error.outcome, Delivery::Unknown);
            assert_eq!(server.calls("t"), 1, "it is not sent again");
        }
    }
}

#[tokio::test]
async fn p8_13_an_answer_without_a_type_is_read_as_json() {
    let answer =
        r#"{"jsonrpc":"2.0","id":"$ID","result":{"content":[{"type":"text","text":"bare"}]}}"#;
    let script = Script::new().raw(200, "", answer);
    let server = Server::new().tool("t", script).start().await;
    assert_eq!(Rig::over(&server).text("t").await, "bare");
    let script = Script::new().raw(200, "", "hello");
    let server = Server::new().tool("t", script).start().await;
    let error = Rig::over(&server).call("t").await.unwrap_err();
    assert!(
        matches!(error.kind, UpstreamErrorKind::Protocol(_)),
        "{error}"
    );
}

#[tokio::test]
async fn p8_14_a_cut_stream_without_ids_has_an_unknown_outcome() {
    for server in [Server::new().streams(), Server::new()] {
        let server = server.tool("t", Script::new().disconnect()).start().await;
        let rig = Rig::over(&server);
        let error = rig.call("t").await.unwrap_err();
        assert!(
            matches!(error.kind, UpstreamErrorKind::Unreachable(_)),
            "{error}"
        );
        assert_eq!(error.outcome, Delivery::Unknown);
        assert_eq!(server.calls("t"), 1);
    }
}

#[tokio::test]
async fn r15_dropping_a_call_cancels_it_under_our_id() {
    for server in [Server::new().streams(), Server::new()] {
        let server = server.tool("t", Script::new().hang()).start().await;
        let rig = Rig::over(&server);
        let mut exchange = rig.upstream.call(call("t")).await.unwrap();
        tokio::select! {
            event = exchange.next() => panic!("{event:?}"),
            () = server.saw("tools/call") => {}
        }
        drop(exchange);
        patient(server.saw("notifications/cancelled")).await;
        let id = server.requests_for("tools/call")[0].body["id"].clone();
        let cancelled = server.requests_for("notifications/cancelled").remove(0);
        assert_eq!(cancelled.body["params"]["requestId"], id);
        assert_eq!(cancelled.header("mcp-session-id"), Some("session-2"));
    }
}

#[tokio::test]
async fn p12_3_nothing_is_cancelled_after_the_answer_or_before_the_request() {
    let server = Server::new().streams().tool("t", "done").start().await;
    let rig = Rig::over(&server);
    assert_eq!(rig.text("t").await, "done");
    let unpolled = rig.upstream.call(call("t")).await.unwrap();
    drop(unpolled);
    assert_eq!(rig.text("t").await, "done");
    assert_eq!(server.calls("t"), 2);
    assert_eq!(server.requests_for("notifications/cancelled").len(), 0);
}

#[tokio::test]
async fn p8_11_a_question_is_asked_when_declared_and_answered() {
    let params = json!({"message": "name?", "requestedSchema": {"type": "object"}});
    let script = Script::new()
        .ask("elicitation/create", params.clone())
        .answers();
    let server = Server::new().streams().tool("t", script).start().await;
    let rig = Rig::over(&server);
    let mut asks = call("t");
    asks.capabilities = text_json(r#"{"elicitation":{}}"#);
    let mut exchange = rig.upstream.call(asks).await.unwrap();
    let Event::Ask(ask) = patient(exchange.next()).await else {
        panic!("no question")
    };
    assert_eq!(&*ask.method, "elicitation/create");
    assert_eq!(crate::support::value(ask.params.json()), params);
    let answer = text_json(r#"{"action":"accept","content":{"name":"Ada"}}"#);
    exchange
        .answer(ask.id.clone(), Answer::Result(answer.clone()))
        .await
        .unwrap();
    // It is not open any more.
    assert!(
        exchange
            .answer(ask.id, Answer::Result(answer))
            .await
            .is_err()
    );
    let (_, outcome) = finish(&mut exchange).await;
    let text = text_of(&outcome.unwrap());
    assert_eq!(
        echo_of(&text),
        json!([{"action": "accept", "content": {"name": "Ada"}}])
    );
    let initialize = server.requests_for("initialize").pop().unwrap();
    assert_eq!(
        initialize.body["params"]["capabilities"],
        json!({"elicitation": {}})
    );
}

#[tokio::test]
async fn p11_1_p11_23_an_undeclared_question_never_reaches_the_client() {
    let url_mode = json!({"mode": "url", "url": "https://example.com", "message": "go"});
    let script = Script::new()
        .ask("ping", json!({}))
        .ask(
            "sampling/createMessage",
            json!({"messages": [], "maxTokens": 1}),
        )
        .ask("elicitation/create", url_mode)
        .ask("vendor/unknown", json!({}))
        .answers();
    let server = Server::new().streams().tool("t", script).start().await;
    let rig = Rig::over(&server);
    let mut asks = call("t");
    asks.capabilities = text_json(r#"{"elicitation":{},"roots":{}}"#);
    let (events, outcome) = rig.run(asks).await;
    let undeclared: Vec<&str> = events
        .iter()
        .map(|event| match event {
            Event::Undeclared(ask) => &*ask.method,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(undeclared, ["sampling/createMessage", "elicitation/create"]);
    let answers = echo_of(&text_of(&outcome.unwrap()));
    assert_eq!(answers[0], json!({}));
    for refused in [1, 2, 3] {
        assert_eq!(answers[refused]["code"], -32601);
    }
}

#[tokio::test]
async fn notices_come_over_the_general_stream_and_pings_are_answered() {
    let server = Server::new().tool("t", "x").start().await;
    let rig = Rig::over(&server);
    rig.text("t").await;
    patient(server.until_listening()).await;
    server.notify("notifications/tools/list_changed", &json!({}));
    server.notify(
        "notifications/resources/updated",
        &json!({"uri": "test://a"}),
    );
    rig.told(&Notice::ToolsChanged).await;
    for origin in [
        Origin::default(),
        crate::support::origin("alice", Some("alice-1")),
    ] {
        let uri = "test://a".to_owned();
        rig.told(&Notice::ResourceUpdated { uri, origin }).await;
    }
    server.send(&json!({"jsonrpc": "2.0", "id": "p", "method": "ping"}));
    server.send(&json!({"jsonrpc": "2.0", "id": "r", "method": "roots/list"}));
    let answered = |id: &'static str| {
        server.until_requests(move |seen| {
            seen.iter()
                .any(|r| r.body["id"] == id && r.rpc().is_empty())
        })
    };
    patient(answered("p")).await;
    patient(answered("r")).await;
    let requests = server.requests();
    let roots = requests.iter().find(|r| r.body["id"] == "r").unwrap();
    assert_eq!(roots.body["error"]["code"], -32601);
}

#[tokio::test]
async fn p9_36_logs_on_the_general_stream_reach_the_only_call() {
    let log = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}});
    let script = Script::new()
        .general(log)
        .delay(Duration::from_millis(100))
        .text("logged");
    let server = Server::new()
        .tool("t", script)
        .tool("hang", Script::new().hang())
        .start()
        .await;
    let rig = Rig::over(&server);
    let (events, outcome) = rig.run(call("t")).await;
    assert!(matches!(events[..], [Event::Log(_)]), "{events:?}");
    assert_eq!(text_of(&outcome.unwrap()), "logged");
    // With another call in flight in the session nobody can say whose log it is.
    let mut hanging = rig.upstream.call(call("hang")).await.unwrap();
    let (events, _) = rig.run(call("t")).await;
    assert!(events.is_empty(), "{events:?}");
    // But it is Alice's session.
    let notice = rig.told_any(|n| matches!(n, Notice::Log { .. })).await;
    let Notice::Log { params, origin } = notice else {
        unreachable!()
    };
    assert_eq!(params.text("data").unwrap(), "x");
    assert_eq!(origin, crate::support::origin("alice", Some("alice-1")));
    let nothing = tokio::time::timeout(Duration::from_millis(20), hanging.next()).await;
    assert!(nothing.is_err(), "{nothing:?}");
}

#[tokio::test]
async fn p11_3_a_question_on_the_general_stream_belongs_to_the_newest_call_that_may_be_asked() {
    let ask = json!({"jsonrpc": "2.0", "id": "q", "method": "elicitation/create", "params": {"message": "?"}});
    let script = Script::new().general(ask).hang();
    let server = Server::new().tool("t", script).start().await;
    let rig = Rig::over(&server);
    let mut asks = call("t");
    asks.capabilities = text_json(r#"{"elicitation":{}}"#);
    let mut exchange = rig.upstream.call(asks).await.unwrap();
    let Event::Ask(ask) = patient(exchange.next()).await else {
        panic!("no question")
    };
    exchange
        .answer(ask.id, Answer::Result(text_json(r#"{"action":"decline"}"#)))
        .await
        .unwrap();
    let answer = server
        .requests()
        .into_iter()
        .find(|r| r.body["id"] == "q")
        .unwrap();
    assert_eq!(answer.body["result"], json!({"action": "decline"}));
}

#[tokio::test]
async fn p8_7_no_general_stream_is_normal() {
    let server = Server::new()
        .general_stream(false)
        .tool("t", "x")
        .start()
        .await;
    let rig = Rig::over(&server);
    assert_eq!(rig.text("t").await, "x");
    let gets = || {
        server
            .requests()
            .iter()
            .filter(|r| r.method == "GET")
            .count()
    };
    patient(server.until_requests(|r| r.iter().any(|r| r.method == "GET"))).await;
    rig.text("t").await;
    assert!(gets() <= 2, "one for each of two sessions");
}

#[tokio::test]
async fn p4_4_p8_12_failures_of_http_stay_ours() {
    let cases = [
        (
            Script::new().html(502),
            UpstreamErrorKind::Refused(502),
            Delivery::Unknown,
        ),
        (
            Script::new().html(403),
            UpstreamErrorKind::Refused(403),
            Delivery::NotSent,
        ),
        (
            Script::new().html(429),
            UpstreamErrorKind::Refused(429),
            Delivery::NotSent,
        ),
        (
            Script::new().html(200),
            UpstreamErrorKind::Protocol("an answer of an unknown content type"),
            Delivery::Unknown,
        ),
        (
            Script::new().garbage(),
            UpstreamErrorKind::Protocol("a message that is not JSON-RPC"),
            Delivery::Unknown,
        ),
        (
            Script::new().accepted(),
            UpstreamErrorKind::Protocol("a request that was only accepted"),
            Delivery::Unknown,
        ),
        (
            Script::new().raw(
                200,
                "application/json",
                r#"{"jsonrpc":"2.0","id":3,"result":{"a":1,"a":2}}"#,
            ),
            UpstreamErrorKind::Protocol("a message that is not JSON-RPC"),
            Delivery::Unknown,
        ),
        (
            Script::new().raw(
                200,
                "application/json",
                r#"[{"jsonrpc":"2.0","id":3,"result":{}}]"#,
            ),
            UpstreamErrorKind::Protocol("a batch"),
            Delivery::Unknown,
        ),
    ];
    for (script, kind, outcome) in cases {
        let server = Server::new().tool("t", script).start().await;
        let error = Rig::over(&server).call("t").await.unwrap_err();
        assert_eq!((error.kind, error.outcome), (kind, outcome));
    }
}

#[tokio::test]
async fn p8_13_s47_an_answer_to_another_id_is_dropped() {
    for server in [Server::new().streams(), Server::new()] {
        let server = server.tool("t", Script::new().wrong_id()).start().await;
        let rig = Rig::over(&server);
        let error = rig.call("t").await.unwrap_err();
        assert_eq!(error.outcome, Delivery::Unknown);
        assert_eq!(rig.upstream.counters().messages_dropped, 1);
    }
}

#[tokio::test]
async fn p3_8_p8_13_batches_of_2025_03_26_are_taken_apart() {
    let batch = r#"[{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}},
        {"jsonrpc":"2.0","id":2,"result":{"content":[]}}]"#;
    let script = Script::new().raw(200, "application/json", batch);
    let server = Server::new()
        .version("2025-03-26")
        .tool("t", script)
        .start()
        .await;
    let (events, outcome) = Rig::over(&server).run(call("t")).await;
    assert!(matches!(events[..], [Event::Log(_)]));
    outcome.unwrap();
}

#[tokio::test]
async fn p4_3_errors_of_the_handler_travel_on() {
    let data = json!({"uri": "test://x"});
    let script = Script::new().error_with(-32002, "no such thing", data.clone());
    let server = Server::new().tool("t", script).start().await;
    let Ok(Outcome::Error(error)) = Rig::over(&server).call("t").await else {
        panic!("no error")
    };
    assert_eq!(
        (error.code, error.message.as_str()),
        (-32002, "no such thing")
    );
    assert_eq!(crate::support::value(&error.data.unwrap()), data);
}

#[tokio::test]
async fn p8_10_sessions_are_deleted_at_the_end() {
    let server = Server::new().tool("t", "x").start().await;
    let rig = Rig::over(&server);
    rig.text("t").await;
    assert_eq!(server.sessions(), 2);
    rig.upstream.end_session("alice-1").await;
    assert_eq!(server.sessions(), 1);
    rig.upstream.close().await;
    assert_eq!(server.sessions(), 0);
    let error = rig.call("t").await.unwrap_err();
    assert_eq!(error.outcome, Delivery::NotSent);
}

#[tokio::test]
async fn a_streamed_answer_leaves_its_connection_for_the_next_call() {
    let server = Server::new()
        .streams()
        .general_stream(false)
        .tool("t", "x")
        .start()
        .await;
    let rig = Rig::over(&server);
    for _ in 0..20 {
        assert_eq!(rig.text("t").await, "x");
    }
    assert!(
        server.connections() <= 4,
        "{} connections",
        server.connections()
    );
}

#[tokio::test]
async fn contact_says_what_the_server_says() {
    let server = Server::new()
        .instructions("be kind")
        .tool("t", "x")
        .start()
        .await;
    let rig = Rig::over(&server);
    let snapshot = rig.upstream.contact().await.unwrap();
    assert_eq!(snapshot.revision, Revision::V2025_11_25);
    assert_eq!(snapshot.instructions.as_deref(), Some("be kind"));
    assert_eq!(
        crate::support::value(&snapshot.server_info)["name"],
        "testkit"
    );
}
