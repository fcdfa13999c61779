//! Resources and lists that clients of either era watch (P6.11, P9.43, P9.48, behaviour 13).

use serde_json::{Value, json};
use toolgate_testkit::{Client, EventStream, Reply, Running};

use crate::setup::Setup;
use crate::wire::{
    LEGACY, PROMPTS_CHANGED, TOOLS_CHANGED, UPDATED, acknowledged, general, listen, next, soon,
    started, until, watchable,
};

async fn subscribe(client: &mut Client, uri: &str) -> Reply {
    client
        .rpc("resources/subscribe", &json!({"uri": uri}))
        .await
}

/// The next notice about a resource; one about lists may come at any time.
async fn next_update(stream: &mut EventStream) -> Value {
    loop {
        let told = next(stream).await;
        if told["method"] == UPDATED {
            return told;
        }
    }
}

#[track_caller]
fn check_empty(reply: &Reply) {
    assert_eq!(reply.message()["result"], json!({}), "{:?}", reply.body);
}

/// How often the server was asked for this.
fn asked(server: &Running, method: &str) -> usize {
    server.requests_for(method).len()
}

#[tokio::test]
async fn b13_p9_43_two_listens_are_one_subscription_until_the_last_ends() {
    let setup = Setup::new().await;
    let server = watchable("old").start().await;
    setup.link("old", &server).await;
    let scope = setup.scope("default");
    let (other, _) = setup.token(&scope, |_| {}).await;
    let other = Client::new(&setup.url("default")).bearer(&other);
    let filter = json!({"resourceSubscriptions": ["old://a"]});
    let mut streams = Vec::new();
    for client in [&setup.client(), &other] {
        let mut stream = listen(client, 1, filter.clone()).await;
        assert_eq!(acknowledged(&mut stream).await, filter);
        streams.push(stream);
    }
    assert_eq!(asked(&server, "resources/subscribe"), 1);
    server.touch("old://a");
    for stream in &mut streams {
        assert_eq!(next(stream).await["params"]["uri"], "old://a");
    }
    drop(streams.remove(0));
    server.touch("old://a");
    assert_eq!(next(&mut streams[0]).await["method"], UPDATED);
    assert_eq!(asked(&server, "resources/unsubscribe"), 0, "one is left");
    drop(streams);
    soon("the end", server.saw("resources/unsubscribe")).await;
    until("no subscription", || server.subscriptions().is_empty()).await;
    assert_eq!(asked(&server, "resources/subscribe"), 1);
    assert_eq!(asked(&server, "resources/unsubscribe"), 1);
}

#[tokio::test]
async fn p9_48_every_legacy_revision_watches_servers_of_both_eras() {
    let setup = Setup::new().await;
    let old = watchable("old").start().await;
    let new = watchable("new").modern().start().await;
    setup.link("old", &old).await;
    setup.link("new", &new).await;
    for revision in LEGACY {
        let mut client = started(&setup, revision).await;
        let mut stream = general(&client).await;
        for (server, uri) in [(&old, "old://a"), (&new, "new://a")] {
            check_empty(&subscribe(&mut client, uri).await);
            server.touch(uri);
            let told = next_update(&mut stream).await;
            assert_eq!(told["params"], json!({"uri": uri}), "{revision}");
        }
        let unknown = subscribe(&mut client, "old://nobody").await;
        let error = &unknown.message()["error"];
        assert_eq!(error["code"], -32002, "{revision}: {error}");
        assert_eq!(client.request("DELETE").await.status, 204);
        // What was watched for the session ends with it.
        until("no subscription", || old.subscriptions().is_empty()).await;
        let nothing = |listen: &Value| listen["resourceSubscriptions"][0].is_null();
        let ended = new.until_listens(|open| open.iter().all(nothing));
        soon("no watch", ended).await;
    }
}

#[tokio::test]
async fn p9_48_the_listen_of_a_modern_server_is_the_union() {
    let setup = Setup::new().await;
    let server = watchable("new").modern().start().await;
    setup.link("new", &server).await;
    let mut one = started(&setup, "2025-11-25").await;
    let mut two = started(&setup, "2025-06-18").await;
    let mut stream = general(&two).await;
    check_empty(&subscribe(&mut one, "new://a").await);
    check_empty(&subscribe(&mut two, "new://b").await);
    let watched = |listens: &[Value]| -> Vec<Vec<String>> {
        let uris = |listen: &Value| {
            let uris = listen["resourceSubscriptions"].as_array();
            let mut uris: Vec<String> = uris
                .into_iter()
                .flatten()
                .filter_map(|uri| uri.as_str().map(str::to_owned))
                .collect();
            uris.sort();
            uris
        };
        listens.iter().map(uris).collect()
    };
    let both = server.until_listens(|open| watched(open) == [["new://a", "new://b"]]);
    soon("one listen for both", both).await;
    let params = json!({"uri": "new://a"});
    check_empty(&one.rpc("resources/unsubscribe", &params).await);
    let less = server.until_listens(|open| watched(open) == [["new://b"]]);
    soon("a smaller listen", less).await;
    server.touch("new://b");
    assert_eq!(next(&mut stream).await["params"]["uri"], "new://b");
}

#[tokio::test]
async fn p9_48_what_is_unsubscribed_is_told_no_longer() {
    let setup = Setup::new().await;
    let server = watchable("new").modern().start().await;
    setup.link("new", &server).await;
    let mut client = started(&setup, "2025-11-25").await;
    let mut other = started(&setup, "2025-11-25").await;
    let (mut stream, mut others) = (general(&client).await, general(&other).await);
    for client in [&mut client, &mut other] {
        check_empty(&subscribe(client, "new://a").await);
        check_empty(&subscribe(client, "new://b").await);
    }
    let params = json!({"uri": "new://a"});
    check_empty(&client.rpc("resources/unsubscribe", &params).await);
    check_empty(&client.rpc("resources/unsubscribe", &params).await);
    server.touch("new://a");
    assert_eq!(next(&mut others).await["params"]["uri"], "new://a");
    server.touch("new://b");
    assert_eq!(next(&mut stream).await["params"]["uri"], "new://b");
}

#[tokio::test]
async fn p9_49_a_resource_is_told_in_the_form_it_was_asked_for() {
    let setup = Setup::new().await;
    let (old, new) = (watchable("same").start().await, watchable("same").modern());
    let new = new.start().await;
    setup.link("old", &old).await;
    setup.link("new", &new).await;
    let mut client = started(&setup, "2025-11-25").await;
    let mut stream = general(&client).await;
    for (server, uri) in [(&new, "new+same://a"), (&old, "same://a")] {
        check_empty(&subscribe(&mut client, uri).await);
        server.touch("same://a");
        assert_eq!(next_update(&mut stream).await["params"]["uri"], uri);
    }
}

#[tokio::test]
async fn p6_11_what_happens_meanwhile_is_told_when_the_stream_opens() {
    let setup = Setup::new().await;
    let server = watchable("old").start().await;
    setup.link("old", &server).await;
    let mut client = started(&setup, "2025-11-25").await;
    let mut witness = started(&setup, "2025-11-25").await;
    let mut seen = general(&witness).await;
    for uri in ["old://a", "old://b"] {
        check_empty(&subscribe(&mut client, uri).await);
        check_empty(&subscribe(&mut witness, uri).await);
    }
    // Once the witness heard of something, the gateway has.
    for what in [TOOLS_CHANGED, PROMPTS_CHANGED, TOOLS_CHANGED] {
        server.notify(what, &json!({}));
        while next(&mut seen).await["method"] != what {}
    }
    for uri in ["old://a", "old://b", "old://a"] {
        server.touch(uri);
        while next(&mut seen).await["params"]["uri"] != uri {}
    }
    let log = json!({"level": "error", "data": "lost"});
    server.notify("notifications/message", &log);
    while next(&mut seen).await["method"] != "notifications/message" {}

    let mut stream = general(&client).await;
    let mut told = Vec::new();
    for _ in 0..4 {
        let message = next(&mut stream).await;
        let method = message["method"].as_str().unwrap().to_owned();
        told.push(
            message["params"]["uri"]
                .as_str()
                .map_or(method, str::to_owned),
        );
    }
    told.sort();
    let mut expected = vec![TOOLS_CHANGED, PROMPTS_CHANGED, "old://a", "old://b"];
    expected.sort_unstable();
    assert_eq!(told, expected, "each once; no log");
    server.touch("old://b");
    assert_eq!(next(&mut stream).await["params"]["uri"], "old://b", "live");
}
