//! Watches of resources and lists.

use std::time::Duration;

use serde_json::{Value, json};
use toolgate_namespace::{EraSetting, Isolation, ServerSpec};
use toolgate_testkit::{Running, Server};
use toolgate_upstream::{Notice, Origin, Watch, WatchError};

use crate::support::{
    Rig, call_with, echo_of, http_spec, json as text_json, origin, patient, stdio_spec, text_of,
    who,
};

const A: &str = "test://a";
const B: &str = "test://b";

fn watchable() -> Server {
    let capabilities = json!({
        "tools": {"listChanged": true},
        "prompts": {"listChanged": true},
        "resources": {"subscribe": true, "listChanged": true},
    });
    Server::new().capabilities(capabilities).tool("t", "x")
}

/// A watch in the gateway's own session.
async fn watch(rig: &Rig, uri: &str) -> Result<Watch, WatchError> {
    let own = who("", None);
    let nothing = text_json("{}");
    patient(rig.upstream.watch(uri, &own, &nothing)).await
}

/// A watch in Alice's.
async fn watch_as(rig: &Rig, session: Option<&str>, uri: &str) -> Result<Watch, WatchError> {
    let alice = who("alice", session);
    let nothing = text_json("{}");
    patient(rig.upstream.watch(uri, &alice, &nothing)).await
}

fn updated(uri: &str, origin: Origin) -> Notice {
    let uri = uri.to_owned();
    Notice::ResourceUpdated { uri, origin }
}

fn count(rig: &Rig, notice: &Notice) -> usize {
    rig.notices().iter().filter(|told| *told == notice).count()
}

/// Waits until a notice was told so often.
async fn told_times(rig: &Rig, notice: &Notice, times: usize) {
    let told = async {
        while count(rig, notice) < times {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    patient(told).await;
}

async fn until_subscriptions(server: &Running, uris: &[&str]) {
    let subscribed = async {
        loop {
            let mut now = server.subscriptions();
            now.sort_unstable();
            if now == uris {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    patient(subscribed).await;
}

fn uris_of(listen: &Value) -> Vec<String> {
    let uris = listen["resourceSubscriptions"].as_array();
    let uris = uris.into_iter().flatten().filter_map(Value::as_str);
    let mut uris: Vec<String> = uris.map(str::to_owned).collect();
    uris.sort_unstable();
    uris
}

/// Waits until one listen is open, with just these resources.
async fn until_listening_to(server: &Running, uris: &[&str]) {
    let listening = server.until_listens(|open| matches!(open, [one] if uris_of(one) == uris));
    patient(listening).await;
}

// === legacy ===

/// Behaviour 13: one upstream subscribe, one unsubscribe at the end.
#[tokio::test]
async fn behaviour_13_p9_43_two_watchers_of_a_legacy_resource_are_one_subscription() {
    for server in [watchable(), watchable().http_sse()] {
        let server = server.start().await;
        let rig = Rig::over(&server);
        let first = watch(&rig, A).await.unwrap();
        let second = watch(&rig, A).await.unwrap();
        server.touch(A);
        rig.told(&updated(A, Origin::default())).await;
        drop(first);
        let other = watch(&rig, B).await.unwrap();
        assert_eq!(server.requests_for("resources/unsubscribe").len(), 0);
        drop(second);
        patient(server.saw("resources/unsubscribe")).await;
        until_subscriptions(&server, &[B]).await;
        drop(other);
        until_subscriptions(&server, &[]).await;
        assert_eq!(server.requests_for("resources/subscribe").len(), 2);
        assert_eq!(server.requests_for("resources/unsubscribe").len(), 2);
    }
}

#[tokio::test]
async fn p9_43_a_watch_stands_in_the_session_of_who_watches() {
    let server = watchable().start().await;
    let rig = Rig::over(&server);
    let _hers = watch_as(&rig, Some("alice-1"), A).await.unwrap();
    let _theirs = watch(&rig, A).await.unwrap();
    until_subscriptions(&server, &[A, A]).await;
    server.touch(A);
    rig.told(&updated(A, origin("alice", Some("alice-1"))))
        .await;
    rig.told(&updated(A, Origin::default())).await;
    // Calls of hers go through the same session.
    rig.text("t").await;
    assert_eq!(server.sessions(), 2);
}

#[tokio::test]
async fn p9_48_a_resource_that_cannot_be_watched_says_why() {
    let server = watchable().unknown_uri(B).start().await;
    let rig = Rig::over(&server);
    let refused = watch(&rig, B).await.unwrap_err();
    assert!(
        matches!(&refused, WatchError::Refused(error) if error.code == -32002),
        "{refused:?}"
    );
    // It does not stand in the way of others, and is asked for again when it is wished for again.
    let _watch = watch(&rig, A).await.unwrap();
    watch(&rig, B).await.unwrap_err();
    assert_eq!(server.requests_for("resources/subscribe").len(), 3);

    let mute = Server::new().tool("t", "x").start().await;
    let refused = watch(&Rig::over(&mute), A).await.unwrap_err();
    assert!(matches!(refused, WatchError::NotOffered), "{refused:?}");
    assert_eq!(mute.requests_for("resources/subscribe").len(), 0);

    let gone = watchable().start().await;
    let rig = Rig::over(&gone);
    gone.stop().await;
    let failed = watch(&rig, A).await.unwrap_err();
    assert!(matches!(failed, WatchError::Upstream(_)), "{failed:?}");
}

#[tokio::test]
async fn p8_9_subscriptions_are_made_again_before_the_reconnection_is_told() {
    let server = watchable().start().await;
    let rig = Rig::over(&server);
    let _own = watch(&rig, A).await.unwrap();
    let _hers = watch_as(&rig, Some("alice-1"), B).await.unwrap();
    rig.text("t").await;
    // Found out by a call in her session, and by the cut stream in the gateway's own.
    server.lose_sessions();
    rig.text("t").await;
    server.close_general_streams();
    told_times(&rig, &Notice::Reconnected, 1).await;
    until_subscriptions(&server, &[A, B]).await;
    server.touch(A);
    server.touch(B);
    rig.told(&updated(A, Origin::default())).await;
    rig.told(&updated(B, origin("alice", Some("alice-1"))))
        .await;
}

#[tokio::test]
async fn p9_41_a_kept_session_is_replaced_without_a_call_and_its_subscriptions_come_first() {
    for server in [watchable(), watchable().http_sse()] {
        let server = server.start().await;
        let rig = Rig::over(&server);
        let _watch = watch(&rig, A).await.unwrap();
        patient(server.until_listening()).await;
        // The stream breaks, and the server has forgotten the session.
        server.close_general_streams();
        server.lose_sessions();
        rig.told(&Notice::Reconnected).await;
        assert_eq!(server.subscriptions(), [A]);
        server.touch(A);
        rig.told(&updated(A, Origin::default())).await;
    }
}

#[tokio::test]
async fn p9_43_lists_of_legacy_servers_are_heard_without_a_call() {
    for server in [watchable(), watchable().http_sse()] {
        let server = server.start().await;
        let rig = Rig::over(&server);
        patient(rig.upstream.watch_lists()).await.unwrap();
        patient(server.until_listening()).await;
        server.notify("notifications/prompts/list_changed", &json!({}));
        rig.told(&Notice::PromptsChanged).await;
        server.close_general_streams();
        server.lose_sessions();
        rig.told(&Notice::Reconnected).await;
        patient(server.until_listening()).await;
        server.notify("notifications/resources/list_changed", &json!({}));
        rig.told(&Notice::ResourcesChanged).await;
    }
    // One that has no general stream is fine.
    let quiet = watchable().general_stream(false).start().await;
    let rig = Rig::over(&quiet);
    patient(rig.upstream.watch_lists()).await.unwrap();
    // One that is not there is not.
    quiet.stop().await;
    let rig = Rig::with(http_spec("http://127.0.0.1:1/mcp", "127.0.0.1:1"));
    patient(rig.upstream.watch_lists()).await.unwrap_err();
}

#[tokio::test]
async fn a_watch_ends_with_the_session_of_its_client() {
    let server = watchable().start().await;
    let rig = Rig::over(&server);
    let watch = watch_as(&rig, Some("alice-1"), A).await.unwrap();
    rig.upstream.end_session("alice-1").await;
    drop(watch);
    patient(server.until_sessions(1)).await;
    // The gateway's own stays.
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(server.sessions(), 1);
}

#[tokio::test]
async fn p8_26_a_restarted_child_is_subscribed_to_again_before_it_is_told() {
    let touch = || call_with("touch", r#"{"uri":"test://a"}"#);
    for flags in [&[][..], &["--era", "modern"]] {
        let era = if flags.is_empty() {
            EraSetting::Legacy
        } else {
            EraSetting::Modern
        };
        let rig = Rig::with(ServerSpec {
            era,
            ..stdio_spec(flags)
        });
        patient(rig.upstream.watch_lists()).await.unwrap();
        let watched = watch(&rig, A).await.unwrap();
        rig.run(touch()).await.1.unwrap();
        told_times(&rig, &updated(A, Origin::default()), 1).await;
        rig.call("exit").await.unwrap_err();
        rig.told(&Notice::Reconnected).await;
        rig.run(touch()).await.1.unwrap();
        told_times(&rig, &updated(A, Origin::default()), 2).await;
        assert_eq!(count(&rig, &Notice::Reconnected), 1);
        drop(watched);
        let gone = async {
            loop {
                let seen = echo_of(&text_of(&rig.call("seen").await.unwrap()));
                let ends = ["resources/unsubscribe", "notifications/cancelled"];
                let mut methods = seen.as_array().unwrap().iter().map(|m| m["method"].clone());
                if methods.any(|m| ends.iter().any(|end| m == *end)) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        patient(Box::pin(gone)).await;
        rig.run(touch()).await.1.unwrap();
        rig.upstream.close().await;
        assert_eq!(count(&rig, &updated(A, Origin::default())), 2);
    }
}

#[tokio::test]
async fn p2_5_a_watch_in_a_child_of_its_own_has_its_origin() {
    let rig = Rig::with(ServerSpec {
        isolation: Isolation::Session,
        ..stdio_spec(&[])
    });
    let _watch = watch_as(&rig, Some("alice-1"), A).await.unwrap();
    rig.run(call_with("touch", r#"{"uri":"test://a"}"#))
        .await
        .1
        .unwrap();
    rig.told(&updated(A, origin("alice", Some("alice-1"))))
        .await;
    rig.upstream.close().await;
}

// === modern ===

#[tokio::test]
async fn p9_48_a_modern_server_has_one_listen_whose_filter_is_the_union() {
    let server = watchable().modern().start().await;
    let rig = Rig::over(&server);
    patient(rig.upstream.watch_lists()).await.unwrap();
    let lists = |open: &[Value]| {
        matches!(open, [one] if one["toolsListChanged"] == true
            && one["promptsListChanged"] == true
            && one["resourcesListChanged"] == true
            && one["resourceSubscriptions"].is_null())
    };
    patient(server.until_listens(lists)).await;
    let a = watch(&rig, A).await.unwrap();
    let b = watch_as(&rig, Some("alice-1"), B).await.unwrap();
    let b_again = watch(&rig, B).await.unwrap();
    until_listening_to(&server, &[A, B]).await;
    server.touch(B);
    rig.told(&updated(B, Origin::default())).await;
    server.notify("notifications/tools/list_changed", &json!({}));
    rig.told(&Notice::ToolsChanged).await;
    drop(b);
    drop(a);
    until_listening_to(&server, &[B]).await;
    drop(b_again);
    until_listening_to(&server, &[]).await;
    // The whole time the request was what the revision wants.
    let asked = server.requests_for("subscriptions/listen").remove(0);
    assert_eq!(asked.header("mcp-method"), Some("subscriptions/listen"));
    let version = "io.modelcontextprotocol/protocolVersion";
    assert_eq!(asked.body["params"]["_meta"][version], "2026-07-28");
    assert_eq!(count(&rig, &Notice::Reconnected), 0);
}

#[tokio::test]
async fn p9_48_nothing_is_lost_and_nothing_doubled_while_the_listen_is_replaced() {
    let server = watchable().modern().touched_between(A).start().await;
    let rig = Rig::over(&server);
    let _a = watch(&rig, A).await.unwrap();
    // The change of A comes on the listen before, when its successor is about to be acknowledged.
    let _b = watch(&rig, B).await.unwrap();
    told_times(&rig, &updated(A, Origin::default()), 1).await;
    // In the overlap both listens hear of this.
    server.touch(B);
    server.touch(A);
    until_listening_to(&server, &[A, B]).await;
    told_times(&rig, &updated(B, Origin::default()), 1).await;
    told_times(&rig, &updated(A, Origin::default()), 2).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(count(&rig, &updated(A, Origin::default())), 2);
    assert_eq!(count(&rig, &updated(B, Origin::default())), 1);
}

#[tokio::test]
async fn p9_44_what_the_acknowledgement_leaves_out_is_not_watched() {
    let server = watchable().modern().unknown_uri(B).start().await;
    let rig = Rig::over(&server);
    let _a = watch(&rig, A).await.unwrap();
    let refused = watch(&rig, B).await.unwrap_err();
    assert!(matches!(refused, WatchError::NotOffered), "{refused:?}");
    until_listening_to(&server, &[A]).await;
    server.touch(A);
    rig.told(&updated(A, Origin::default())).await;
}

#[tokio::test]
async fn p9_41_a_listen_that_ends_is_opened_again_and_told() {
    for cut in [Running::cut_listens, Running::end_listens] {
        let server = watchable().modern().start().await;
        let rig = Rig::over(&server);
        patient(rig.upstream.watch_lists()).await.unwrap();
        let _a = watch(&rig, A).await.unwrap();
        until_listening_to(&server, &[A]).await;
        cut(&server);
        rig.told(&Notice::Reconnected).await;
        until_listening_to(&server, &[A]).await;
        server.touch(A);
        rig.told(&updated(A, Origin::default())).await;
    }
}

#[tokio::test]
async fn p9_43_a_server_without_listen_is_asked_once_until_the_next_contact() {
    let server = watchable().modern().without_listen().start().await;
    let rig = Rig::over(&server);
    patient(rig.upstream.watch_lists()).await.unwrap();
    patient(rig.upstream.watch_lists()).await.unwrap();
    let refused = watch(&rig, A).await.unwrap_err();
    assert!(matches!(refused, WatchError::NotOffered), "{refused:?}");
    assert_eq!(server.requests_for("subscriptions/listen").len(), 1);
    rig.upstream.contact().await.unwrap();
    let again = |seen: &[toolgate_testkit::Recorded]| {
        seen.iter()
            .filter(|r| r.rpc() == "subscriptions/listen")
            .count()
            == 2
    };
    patient(server.until_requests(again)).await;
}

#[tokio::test]
async fn only_the_lists_that_the_server_tells_about_are_asked_for() {
    let server = Server::new().modern().tool("t", "x").start().await;
    let rig = Rig::over(&server);
    patient(rig.upstream.watch_lists()).await.unwrap();
    let tools = |open: &[Value]| matches!(open, [one] if *one == json!({"toolsListChanged": true}));
    patient(server.until_listens(tools)).await;

    let mute = Server::new()
        .modern()
        .capabilities(json!({"tools": {}}))
        .start()
        .await;
    let rig = Rig::over(&mute);
    patient(rig.upstream.watch_lists()).await.unwrap();
    assert_eq!(mute.requests_for("subscriptions/listen").len(), 0);
}

#[tokio::test]
async fn the_last_watch_closes_the_listen_and_the_end_of_the_server_too() {
    let server = watchable().modern().start().await;
    let rig = Rig::over(&server);
    let a = watch(&rig, A).await.unwrap();
    until_listening_to(&server, &[A]).await;
    drop(a);
    patient(server.until_listens(<[Value]>::is_empty)).await;
    patient(rig.upstream.watch_lists()).await.unwrap();
    until_listening_to(&server, &[]).await;
    rig.upstream.close().await;
    patient(server.until_listens(<[Value]>::is_empty)).await;
}
