//! Child processes.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use toolgate_namespace::{EraSetting, Isolation, ServerSpec};
use toolgate_protocol::{Outcome, Revision};
use toolgate_upstream::{Answer, Delivery, Event, Notice, UpstreamErrorKind};

use crate::support::{
    Rig, call, call_with, echo_of, finish, json as text_json, object, patient, stdio_spec, text_of,
    who,
};

fn auto(flags: &[&str]) -> ServerSpec {
    ServerSpec {
        era: EraSetting::Auto,
        ..stdio_spec(flags)
    }
}

fn is_alive(pid: &str) -> bool {
    // A zombie is dead; it only waits to be reaped.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .is_some_and(|rest| !rest.trim_start().starts_with('Z') && !rest.is_empty())
}

async fn until_dead(pid: &str) {
    let gone = async {
        while is_alive(pid) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    patient(gone).await;
}

#[tokio::test]
async fn p8_5_a_legacy_child_shakes_hands_first() {
    let rig = Rig::with(stdio_spec(&[]));
    let seen = echo_of(&rig.text("seen").await);
    let methods: Vec<&str> = seen
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["method"].as_str().unwrap())
        .collect();
    assert_eq!(
        methods,
        ["initialize", "notifications/initialized", "tools/call"]
    );
    assert_eq!(seen[0]["params"]["protocolVersion"], "2025-11-25");
    let ids: Vec<u64> = seen
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|m| m["id"].as_u64())
        .collect();
    assert_eq!(ids, [1, 2]);
    let snapshot = rig.upstream.contact().await.unwrap();
    assert_eq!(
        crate::support::value(&snapshot.server_info)["name"],
        "testkit-stdio"
    );
    rig.upstream.close().await;
}

#[tokio::test]
async fn p8_3_the_era_of_a_child_is_probed_in_another_process() {
    for (flags, revision) in [
        (&["--era", "modern"][..], Revision::V2026_07_28),
        (&["--era", "both"], Revision::V2026_07_28),
        (&["--era", "legacy"], Revision::V2025_11_25),
        (&["--exit-on-discover"], Revision::V2025_11_25),
        (&["--hang-on-discover", "--hello"], Revision::V2025_11_25),
        (&["--garbage-first"], Revision::V2025_11_25),
    ] {
        let rig = Rig::with(auto(flags));
        let seen = echo_of(&rig.text("seen").await);
        let probed = seen
            .as_array()
            .unwrap()
            .iter()
            .any(|m| m["method"] == "server/discover");
        assert!(
            !probed,
            "{flags:?}: the probed process is not the one that serves"
        );
        assert_eq!(rig.verdict().unwrap().revision, revision, "{flags:?}");
        assert_eq!(rig.upstream.counters().crashes, 0);
        rig.upstream.close().await;
    }
}

#[tokio::test]
async fn p8_2_a_child_that_refuses_initialize_is_modern_after_all() {
    // Silent when probed, as one that takes long to start, and modern.
    let rig = Rig::with(auto(&["--era", "modern", "--hang-on-discover", "--hello"]));
    assert_eq!(
        text_of(&rig.call("pid").await.unwrap())
            .parse::<u32>()
            .map(|_| ()),
        Ok(())
    );
    assert_eq!(rig.verdict().unwrap().revision, Revision::V2026_07_28);
    rig.upstream.close().await;
}

#[tokio::test]
async fn p8_3_a_child_that_takes_long_to_start_is_not_taken_for_an_old_one() {
    // Longer than the silence that means legacy, as a program that is downloaded first.
    let rig = Rig::with(auto(&["--era", "both", "--start-after", "2500"]));
    rig.text("pid").await;
    assert_eq!(rig.verdict().unwrap().revision, Revision::V2026_07_28);
    rig.upstream.close().await;
}

#[tokio::test]
async fn p11_16_a_repeated_call_carries_its_members_to_modern_children_only() {
    for era in [EraSetting::Modern, EraSetting::Legacy] {
        let flags = [
            "--era",
            if era == EraSetting::Modern {
                "modern"
            } else {
                "legacy"
            },
        ];
        let rig = Rig::with(ServerSpec {
            era,
            ..stdio_spec(&flags)
        });
        let mut repeated = call("echo");
        repeated.extra = vec![
            ("inputResponses", text_json(r#"{"q1":{"action":"accept"}}"#)),
            ("requestState", text_json(r#""\u00e9 state""#)),
        ];
        let params =
            r#"{"name":"x","inputResponses":{"old":1},"requestState":"old","arguments":{}}"#;
        repeated.params = object(params);
        let echo = echo_of(&text_of(&rig.run(repeated).await.1.unwrap()));
        let (answers, state) = (
            &echo["params"]["inputResponses"],
            &echo["params"]["requestState"],
        );
        if era == EraSetting::Modern {
            assert_eq!(*answers, json!({"q1": {"action": "accept"}}));
            assert_eq!(*state, "\u{e9} state");
        } else {
            assert!(answers.is_null() && state.is_null(), "{echo}");
        }
        rig.upstream.close().await;
    }
}

#[tokio::test]
async fn p8_23_a_modern_child_gets_metadata_and_no_handshake() {
    let rig = Rig::with(ServerSpec {
        era: EraSetting::Modern,
        ..stdio_spec(&["--era", "modern"])
    });
    let seen = echo_of(&rig.text("seen").await);
    assert_eq!(seen.as_array().unwrap().len(), 1);
    assert_eq!(
        seen[0]["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"],
        "2026-07-28"
    );
    assert_eq!(
        rig.upstream.contact().await.unwrap().revision,
        Revision::V2026_07_28
    );
    rig.upstream.close().await;
}

#[tokio::test]
async fn p8_24_one_message_a_line_whatever_the_client_wrote() {
    let rig = Rig::with(stdio_spec(&[]));
    let (_, outcome) = rig
        .run(call_with("echo", "{\n  \"a\": 1,\r\n  \"b\": \"x\\ny\"\n}"))
        .await;
    let echo = echo_of(&text_of(&outcome.unwrap()));
    assert_eq!(echo["params"]["arguments"], json!({"a": 1, "b": "x\ny"}));
    assert_eq!(text_of(&rig.call("big").await.unwrap()).len(), 1 << 20);
    rig.upstream.close().await;
}

#[tokio::test]
async fn many_calls_share_a_child_and_keep_apart() {
    let rig = Rig::with(stdio_spec(&[]));
    let calls = (0..50).map(|n| {
        let call = call_with("echo", &format!(r#"{{"n":{n}}}"#));
        let rig = &rig;
        async move {
            let text = text_of(&rig.run(call).await.1.unwrap());
            assert_eq!(echo_of(&text)["params"]["arguments"]["n"], n);
        }
    });
    patient(futures::future::join_all(calls)).await;
    assert_eq!(rig.upstream.counters().sessions, 1);
    rig.upstream.close().await;
}

#[tokio::test]
async fn p8_24_garbage_lines_are_skipped_and_s75_too_many_end_the_child() {
    let rig = Rig::with(stdio_spec(&["--garbage-first"]));
    assert_eq!(rig.text("garbage").await, "after garbage");
    assert_eq!(rig.upstream.counters().messages_dropped, 6);
    let pid = rig.text("pid").await;
    let error = rig.call("flood").await.unwrap_err();
    assert_eq!(
        error.kind,
        UpstreamErrorKind::Protocol("too many lines that are no messages")
    );
    assert_eq!(error.outcome, Delivery::Unknown);
    until_dead(&pid).await;
    rig.upstream.close().await;
}

#[tokio::test]
async fn s47_foreign_and_late_answers_are_dropped() {
    let rig = Rig::with(stdio_spec(&[]));
    assert_eq!(rig.text("wrong_id").await, "yours");
    assert_eq!(rig.text("twice").await, "first");
    // Whatever the second answer was, it is not the answer to this.
    assert_eq!(rig.text("garbage").await, "after garbage");
    assert_eq!(rig.upstream.counters().messages_dropped, 2 + 5);
    rig.upstream.close().await;
}

#[tokio::test]
async fn p9_38_progress_and_logs_find_their_call() {
    let rig = Rig::with(stdio_spec(&[]));
    let mut wants = call("progress");
    wants.params = object(r#"{"name":"progress","_meta":{"progressToken":"mine"}}"#);
    wants.wants_progress = true;
    let (events, outcome) = rig.run(wants).await;
    assert_eq!(text_of(&outcome.unwrap()), "progressed");
    let values: Vec<u64> = events
        .iter()
        .map(|event| match event {
            Event::Progress(params) => {
                assert!(!params.contains("progressToken"));
                params.get("progress").unwrap().as_u64().unwrap()
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(values, [1, 3, 4]);
    let (events, _) = rig.run(call("log")).await;
    assert!(matches!(events[..], [Event::Log(_)]), "{events:?}");
    rig.upstream.close().await;
}

#[tokio::test]
async fn r18_a_caller_that_does_not_read_holds_up_nobody_and_keeps_its_answer() {
    let rig = Rig::with(stdio_spec(&[]));
    let mut wants = call("spam");
    wants.wants_progress = true;
    let mut unread = rig.upstream.call(wants).await.unwrap();
    // Answered after all the notices, which came first on the same pipe.
    rig.text("echo").await;
    let (events, outcome) = finish(&mut unread).await;
    assert_eq!(text_of(&outcome.unwrap()), "spammed");
    assert_eq!(events.len(), 256);
    assert_eq!(rig.upstream.counters().messages_dropped, 1000 - 256);
    rig.upstream.close().await;
}

#[tokio::test]
async fn p9_36_a_log_without_a_sure_owner_is_dropped() {
    let rig = Rig::with(stdio_spec(&[]));
    let mut bob = call("hang");
    bob.isolation = who("bob", None);
    let mut hanging = rig.upstream.call(bob).await.unwrap();
    let (events, outcome) = rig.run(call("log")).await;
    outcome.unwrap();
    assert!(events.is_empty(), "{events:?}");
    let nothing = tokio::time::timeout(Duration::from_millis(50), hanging.next()).await;
    assert!(nothing.is_err(), "{nothing:?}");
    rig.upstream.close().await;
}

#[tokio::test]
async fn r15_dropping_a_call_cancels_it_and_the_child_lives_on() {
    let rig = Rig::with(stdio_spec(&[]));
    let exchange = rig.upstream.call(call("hang")).await.unwrap();
    drop(exchange);
    let seen = echo_of(&rig.text("seen").await);
    let find = |method: &str| {
        seen.as_array()
            .unwrap()
            .iter()
            .find(|m| m["method"] == method)
            .cloned()
    };
    let cancelled = find("notifications/cancelled").unwrap();
    assert_eq!(
        cancelled["params"]["requestId"],
        find("tools/call").unwrap()["id"]
    );
    rig.upstream.close().await;
}

#[tokio::test]
async fn p2_5_a_shared_child_is_told_of_no_capabilities_and_may_not_ask() {
    let rig = Rig::with(stdio_spec(&[]));
    let mut asks = call("ask");
    asks.capabilities = text_json(r#"{"elicitation":{}}"#);
    let (events, outcome) = rig.run(asks).await;
    assert!(events.is_empty(), "{events:?}");
    assert_eq!(
        echo_of(&text_of(&outcome.unwrap()))["error"]["code"],
        -32601
    );
    let seen = echo_of(&rig.text("seen").await);
    assert_eq!(seen[0]["params"]["capabilities"], json!({}));
    rig.upstream.close().await;
}

#[tokio::test]
async fn p11_3_a_child_of_its_own_may_ask() {
    let spec = ServerSpec {
        isolation: Isolation::Session,
        ..stdio_spec(&[])
    };
    let rig = Rig::with(spec);
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
    let text = text_of(&finish(&mut exchange).await.1.unwrap());
    assert_eq!(echo_of(&text)["result"], json!({"action": "decline"}));
    // The other one is the gateway's own, for lists.
    assert_eq!(rig.upstream.counters().sessions, 2);
    rig.upstream.end_session("alice-1").await;
    assert_eq!(rig.upstream.counters().sessions, 1);
    rig.upstream.close().await;
}

#[tokio::test]
async fn p2_5_isolated_children_are_different_processes() {
    let spec = ServerSpec {
        isolation: Isolation::Principal,
        ..stdio_spec(&[])
    };
    let rig = Rig::with(spec);
    let mut pids = Vec::new();
    for principal in ["a", "b", "a"] {
        let mut call = call("pid");
        call.isolation = who(principal, None);
        pids.push(text_of(&rig.run(call).await.1.unwrap()));
    }
    assert_eq!(pids[0], pids[2]);
    assert_ne!(pids[0], pids[1]);
    rig.upstream.close().await;
}

#[tokio::test]
async fn p8_26_an_exit_fails_its_calls_as_unknown_and_the_child_is_started_again() {
    let rig = Rig::with(stdio_spec(&[]));
    let pid = rig.text("pid").await;
    let hanging = rig.upstream.call(call("hang")).await.unwrap();
    let error = rig.call("exit").await.unwrap_err();
    assert_eq!(
        (error.kind, error.outcome),
        (UpstreamErrorKind::Exited, Delivery::Unknown)
    );
    let mut hanging = hanging;
    let error = finish(&mut hanging).await.1.unwrap_err();
    assert_eq!(
        (error.kind, error.outcome),
        (UpstreamErrorKind::Exited, Delivery::Unknown)
    );
    rig.told(&Notice::Reconnected).await;
    let new = rig.text("pid").await;
    assert_ne!(new, pid);
    // R-19: the calls were not replayed.
    let seen = echo_of(&rig.text("seen").await);
    assert_eq!(
        seen.as_array()
            .unwrap()
            .iter()
            .filter(|m| m["params"]["name"] == "hang")
            .count(),
        0
    );
    assert_eq!(rig.upstream.counters().crashes, 1);
    rig.upstream.close().await;
}

#[tokio::test]
async fn r19_a_child_that_cannot_start_is_held_and_calls_fail_at_once() {
    let rig = Rig::with(stdio_spec(&["--exit-at-start"]));
    let mut held = 0;
    for _ in 0..30 {
        let error = rig.call("echo").await.unwrap_err();
        assert_eq!(error.outcome, Delivery::NotSent);
        if let UpstreamErrorKind::Held(hold) = error.kind {
            assert!(hold.retry_after <= Duration::from_mins(1));
            held += 1;
        }
        let begun = Instant::now();
        let _ = rig.call("echo").await;
        if held > 0 {
            assert!(begun.elapsed() < Duration::from_secs(2));
        }
    }
    assert!(held > 0);
}

#[tokio::test]
async fn a_program_that_is_not_there_is_an_error_with_a_hint() {
    let mut spec = stdio_spec(&[]);
    spec.transport = toolgate_namespace::Transport::Stdio {
        argv: vec!["/nonexistent/server".to_owned()],
        child: toolgate_namespace::ChildSettings::default(),
    };
    let error = Rig::with(spec).call("echo").await.unwrap_err();
    assert_eq!(
        error.kind,
        UpstreamErrorKind::Unreachable("its program cannot be started")
    );
    assert!(error.hint().is_some());
}

#[tokio::test]
async fn p8_25_s75_standard_error_is_kept_bounded_and_never_blocks() {
    let rig = Rig::with(stdio_spec(&[]));
    assert_eq!(rig.text("stderr").await, "after stderr");
    let kept = async {
        while rig
            .upstream
            .stderr()
            .last()
            .is_none_or(|line| line.text != "the last line")
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    patient(kept).await;
    let kept: usize = rig
        .upstream
        .stderr()
        .iter()
        .map(|line| line.text.len())
        .sum();
    assert!(kept > 128 * 1024 && kept <= 256 * 1024, "{kept}");
    rig.upstream.close().await;
}

#[tokio::test]
async fn p8_25_s74_the_end_is_orderly_and_takes_grandchildren_along() {
    let rig = Rig::with(stdio_spec(&[]));
    let child = rig.text("pid").await;
    let grandchild = rig.text("child").await;
    assert!(is_alive(&child) && is_alive(&grandchild));
    let begun = Instant::now();
    rig.upstream.close().await;
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "it ended when its input did"
    );
    until_dead(&child).await;
    until_dead(&grandchild).await;
}

#[tokio::test]
async fn p8_25_s74_a_child_that_ignores_everything_is_killed() {
    let rig = Rig::with(stdio_spec(&["--ignore-end"]));
    let child = rig.text("pid").await;
    let begun = Instant::now();
    rig.upstream.close().await;
    let took = begun.elapsed();
    assert!(
        took >= Duration::from_secs(5) && took < Duration::from_secs(8),
        "{took:?}"
    );
    assert!(!is_alive(&child));
}

#[tokio::test]
async fn s74_a_dropped_upstream_leaves_no_process() {
    let rig = Rig::with(stdio_spec(&["--ignore-end"]));
    let child = rig.text("pid").await;
    let grandchild = rig.text("child").await;
    drop(rig);
    until_dead(&child).await;
    until_dead(&grandchild).await;
}

#[tokio::test]
async fn s73_children_are_confined() {
    let rig = Rig::with(stdio_spec(&[]));
    let child = rig.text("pid").await;
    let proc = Path::new("/proc").join(&child);
    let status = std::fs::read_to_string(proc.join("status")).unwrap();
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    assert!(status.contains("Umask:\t0077"), "{status}");
    let stat = std::fs::read_to_string(proc.join("stat")).unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(
        (fields[2], fields[3]),
        (child.as_str(), child.as_str()),
        "group and session"
    );
    let descriptors = std::fs::read_dir(proc.join("fd")).unwrap().count();
    assert_eq!(descriptors, 3);
    rig.upstream.close().await;
}

#[tokio::test]
async fn a_notice_of_a_child_is_told() {
    let rig = Rig::with(stdio_spec(&[]));
    assert_eq!(rig.text("notify").await, "notified");
    rig.told(&Notice::ToolsChanged).await;
    let tools = rig.upstream.list_tools().await.unwrap();
    assert!(tools.iter().any(|tool| &*tool.name == "echo"));
    rig.upstream.close().await;
}

#[tokio::test]
async fn a_stored_verdict_spares_the_probe_and_fits_the_program() {
    let rig = Rig::with(auto(&["--era", "modern"]));
    let Ok(Outcome::Result(_)) = rig.call("pid").await else {
        panic!("no result")
    };
    let verdict = rig.verdict().unwrap();
    rig.upstream.close().await;
    let again = Rig::build(
        auto(&["--era", "modern"]),
        crate::support::Fixed::default(),
        Some(verdict),
    );
    again.text("pid").await;
    assert_eq!(again.verdict(), None);
    again.upstream.close().await;
}

/// Behaviour 10: on a shared child nobody sees what another caused.
#[tokio::test]
async fn behaviour_10_p2_5_nobody_sees_what_another_caused_in_a_shared_child() {
    let rig = Rig::with(stdio_spec(&[]));
    let mut bob = call("hang");
    bob.isolation = who("bob", Some("bob-1"));
    bob.capabilities = text_json(r#"{"elicitation":{},"roots":{}}"#);
    bob.wants_progress = true;
    let mut hers = rig.upstream.call(bob).await.unwrap();
    for tool in ["ask", "log", "progress", "updated"] {
        let mut alice = call(tool);
        alice.capabilities = text_json(r#"{"elicitation":{}}"#);
        alice.wants_progress = true;
        let (events, outcome) = rig.run(alice).await;
        outcome.unwrap();
        let may_come = |event: &Event| matches!(event, Event::Progress(_));
        assert!(events.iter().all(may_come), "{tool}: {events:?}");
    }
    let nothing = tokio::time::timeout(Duration::from_millis(100), hers.next()).await;
    assert!(nothing.is_err(), "{nothing:?}");
    // What is told to everybody names nobody.
    let notices = rig.notices();
    assert!(!notices.iter().any(|n| matches!(n, Notice::Log { .. })));
    let origins = notices.iter().filter_map(|notice| match notice {
        Notice::ResourceUpdated { origin, .. } => Some(origin),
        _ => None,
    });
    assert_eq!(
        origins.collect::<Vec<_>>(),
        [&toolgate_upstream::Origin::default()]
    );
    rig.upstream.close().await;
}
