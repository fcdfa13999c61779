//! `subscriptions/listen` over servers of both eras (P9.41 to P9.49, behaviour 12).

use std::time::Duration;

use serde_json::{Value, json};
use toolgate_policy::ToolRules;
use toolgate_testkit::{Client, Server};

use crate::setup::Setup;
use crate::wire::{
    PROMPTS_CHANGED, RESOURCES_CHANGED, SUBSCRIPTION, TOOLS_CHANGED, UPDATED, acknowledged, leap,
    listen, next, soon, until, watchable,
};

fn everything(uris: &[&str]) -> Value {
    json!({
        "toolsListChanged": true,
        "promptsListChanged": true,
        "resourcesListChanged": true,
        "resourceSubscriptions": uris,
    })
}

fn watching(uris: &[&str]) -> Value {
    json!({ "resourceSubscriptions": uris })
}

#[tokio::test]
async fn b12_p9_44_the_acknowledgement_comes_when_every_server_stands() {
    let setup = Setup::new().await;
    let old = watchable("old").start().await;
    let new = watchable("new").modern().start().await;
    let plain = Server::new().tool("t", "x").start().await;
    setup.link("old", &old).await;
    setup.link("new", &new).await;
    setup.link("plain", &plain).await;
    let asked = [
        "old://a",
        "new://b",
        "old://nobody",
        "new://nobody",
        "no://where",
    ];
    let mut stream = listen(&setup.client(), 1, everything(&asked)).await;
    let honoured = acknowledged(&mut stream).await;
    assert_eq!(
        honoured,
        everything(&["old://a", "new://b"]),
        "exactly the subset that is honoured"
    );
    assert_eq!(old.subscriptions(), ["old://a"], "it stands already");
    let listens = new.listens();
    let uris = |listen: &Value| listen["resourceSubscriptions"] == json!(["new://b"]);
    assert!(listens.iter().any(uris), "it stands already: {listens:?}");
    for (server, uri) in [(&old, "old://a"), (&new, "new://b")] {
        server.touch(uri);
        let told = next(&mut stream).await;
        assert_eq!(told["method"], UPDATED);
        assert_eq!(told["params"]["uri"], uri);
    }
}

#[tokio::test]
async fn p9_43_a_server_that_does_not_answer_is_left_out() {
    let setup = Setup::new().await;
    let new = watchable("new").modern().start().await;
    let hanging = watchable("slow").delay(Duration::from_hours(1));
    let hanging = hanging.start().await;
    setup.link("new", &new).await;
    setup.link("slow", &hanging).await;
    let asked = ["slow+slow://a", "new://a"];
    let mut stream = listen(&setup.client(), 1, watching(&asked)).await;
    assert_eq!(acknowledged(&mut stream).await, watching(&["new://a"]));
    new.touch("new://a");
    assert_eq!(next(&mut stream).await["params"]["uri"], "new://a");
}

#[tokio::test]
async fn p9_44_lists_that_no_server_has_are_not_honoured() {
    let setup = Setup::new().await;
    let plain = Server::new().tool("t", "x").start().await;
    setup.link("plain", &plain).await;
    let mut stream = listen(&setup.client(), 1, everything(&[])).await;
    let honoured = acknowledged(&mut stream).await;
    assert_eq!(honoured, json!({"toolsListChanged": true}));
}

#[tokio::test]
async fn b12_p9_45_every_message_carries_the_clients_own_id() {
    let setup = Setup::new().await;
    let server = watchable("new").modern().start().await;
    setup.link("new", &server).await;
    let ids = [
        json!(1),
        json!("1"),
        json!("listen"),
        json!(3_000_000_000_u64),
        json!(9_007_199_254_740_993_u64),
        json!(-5),
    ];
    let mut streams = Vec::new();
    for id in &ids {
        let mut stream = listen(&setup.client(), id.clone(), everything(&["new://a"])).await;
        let ack = next(&mut stream).await;
        assert_eq!(
            &ack["params"]["_meta"][SUBSCRIPTION], id,
            "its type is kept"
        );
        streams.push(stream);
    }
    server.notify(TOOLS_CHANGED, &json!({}));
    for (stream, id) in streams.iter_mut().zip(&ids) {
        let told = next(stream).await;
        assert_eq!(told["method"], TOOLS_CHANGED);
        assert_eq!(&told["params"]["_meta"][SUBSCRIPTION], id);
    }
    server.touch("new://a");
    for (stream, id) in streams.iter_mut().zip(&ids) {
        let told = next(stream).await;
        assert_eq!(told["params"]["uri"], "new://a");
        assert_eq!(&told["params"]["_meta"][SUBSCRIPTION], id);
    }
}

#[tokio::test]
async fn p9_45_only_what_was_asked_for_is_told() {
    let setup = Setup::new().await;
    let old = watchable("old").start().await;
    let new = watchable("new").modern().start().await;
    setup.link("old", &old).await;
    setup.link("new", &new).await;
    let mut stream = listen(&setup.client(), 1, json!({"promptsListChanged": true})).await;
    acknowledged(&mut stream).await;
    // Another listen, so that the servers have somebody to tell the rest.
    let mut all = listen(&setup.client(), 2, everything(&["old://a", "new://a"])).await;
    acknowledged(&mut all).await;
    for (server, uri) in [(&old, "old://a"), (&new, "new://a")] {
        server.notify(TOOLS_CHANGED, &json!({}));
        server.notify(RESOURCES_CHANGED, &json!({}));
        server.touch(uri);
        let log = json!({"level": "error", "data": "nobody asked"});
        server.notify("notifications/message", &log);
        let progress = json!({"progressToken": 1, "progress": 1});
        server.notify("notifications/progress", &progress);
        server.notify(PROMPTS_CHANGED, &json!({}));
        let told = next(&mut stream).await;
        assert_eq!(told["method"], PROMPTS_CHANGED);
    }
}

#[tokio::test]
async fn p9_45_listens_of_one_client_are_independent() {
    let setup = Setup::new().await;
    let server = watchable("new").modern().start().await;
    setup.link("new", &server).await;
    let client = setup.client();
    // Even under one id (P3.5).
    let mut first = listen(&client, 7, watching(&["new://a"])).await;
    let mut second = listen(&client, 7, watching(&["new://b"])).await;
    acknowledged(&mut first).await;
    acknowledged(&mut second).await;
    server.touch("new://b");
    assert_eq!(next(&mut second).await["params"]["uri"], "new://b");
    server.touch("new://a");
    assert_eq!(next(&mut first).await["params"]["uri"], "new://a");
    drop(first);
    server
        .until_listens(|open| {
            open.iter()
                .any(|l| l["resourceSubscriptions"] == json!(["new://b"]))
        })
        .await;
    server.touch("new://b");
    assert_eq!(next(&mut second).await["params"]["uri"], "new://b");
}

#[tokio::test]
async fn p9_42_a_drain_and_the_one_hour_limit_end_a_listen_with_its_result() {
    for drains in [true, false] {
        let setup = Setup::new().await;
        let server = watchable("new").modern().start().await;
        setup.link("new", &server).await;
        let id = json!("mine");
        let mut stream = listen(&setup.client(), id.clone(), everything(&[])).await;
        acknowledged(&mut stream).await;
        if drains {
            setup.gateway.begin_drain();
        } else {
            leap(Duration::from_mins(61)).await;
        }
        let last = loop {
            let message = next(&mut stream).await;
            if message["method"].is_null() {
                break message;
            }
        };
        assert_eq!(last["id"], id);
        assert_eq!(last["result"]["resultType"], "complete");
        assert_eq!(last["result"]["_meta"][SUBSCRIPTION], id);
        assert!(soon("the end", stream.next()).await.is_none());
    }
}

#[tokio::test]
async fn p9_42_a_revocation_ends_a_listen_without_one() {
    let setup = Setup::new().await;
    let server = watchable("new").modern().start().await;
    setup.link("new", &server).await;
    let scope = setup.scope("default");
    let (text, token) = setup.token(&scope, |_| {}).await;
    let client = Client::new(&setup.url("default")).bearer(&text);
    let mut stream = listen(&client, 1, everything(&[])).await;
    acknowledged(&mut stream).await;
    setup.revoke(&scope, &token).await;
    assert_eq!(soon("the end", stream.next()).await, None);
}

#[tokio::test]
async fn p9_43_bad_filters_are_bad_params() {
    let setup = Setup::new().await;
    let mut client = setup.client();
    for params in [
        json!({}),
        json!({"notifications": []}),
        json!({"notifications": {"resourceSubscriptions": "new://a"}}),
        json!({"notifications": {"resourceSubscriptions": [1]}}),
    ] {
        let reply = client.modern("subscriptions/listen", params.clone()).await;
        assert_eq!(reply.status, 200, "{params}");
        assert_eq!(reply.message()["error"]["code"], -32602, "{params}");
    }
}

#[tokio::test]
async fn b12_p9_41_after_a_restart_whoever_listens_is_told_of_everything() {
    let setup = Setup::new().await;
    let old = watchable("old").start().await;
    let new = watchable("new").modern().start().await;
    setup.link("old", &old).await;
    setup.link("new", &new).await;
    let mut stream = listen(&setup.client(), 1, everything(&["old://a", "new://a"])).await;
    acknowledged(&mut stream).await;
    for (server, uri) in [(&old, "old://a"), (&new, "new://a")] {
        server.lose_sessions();
        server.close_general_streams();
        server.cut_listens();
        let mut expected = vec![
            TOOLS_CHANGED.to_owned(),
            PROMPTS_CHANGED.to_owned(),
            RESOURCES_CHANGED.to_owned(),
            uri.to_owned(),
        ];
        while !expected.is_empty() {
            let told = next(&mut stream).await;
            let method = told["method"].as_str().unwrap();
            let what = told["params"]["uri"].as_str().unwrap_or(method);
            expected.retain(|awaited| awaited != what);
        }
        // It is heard again: the watch stands.
        server.touch(uri);
        loop {
            let told = next(&mut stream).await;
            if told["params"]["uri"] == uri {
                break;
            }
        }
    }
}

#[tokio::test]
async fn p9_46_repeats_are_merged() {
    let setup = Setup::new().await;
    let server = watchable("new").modern().start().await;
    setup.link("new", &server).await;
    let mut stream = listen(&setup.client(), 1, everything(&["new://a"])).await;
    acknowledged(&mut stream).await;
    for _ in 0..20 {
        server.notify(TOOLS_CHANGED, &json!({}));
    }
    let mut told = 0;
    assert_eq!(next(&mut stream).await["method"], TOOLS_CHANGED, "at once");
    // A list that came back the same is news all the same.
    server.touch("new://a");
    while next(&mut stream).await["method"] == TOOLS_CHANGED {
        told += 1;
    }
    assert!(told < 5, "{told} more of 19");
}

#[tokio::test]
async fn p9_47_an_admins_change_tells_whose_view_changed_and_nobody_else() {
    let setup = Setup::new().await;
    let server = watchable("new").modern().tool("u", "x").start().await;
    let spec = setup.link("new", &server).await;
    let scope = setup.scope("default");
    let mut streams = Vec::new();
    for rule in ["new__t", "new__u"] {
        let rules = ToolRules::parse([rule]).unwrap();
        let (text, _) = setup.token(&scope, |token| token.rules = rules).await;
        let mut client = Client::new(&setup.url("default")).bearer(&text);
        client.modern("tools/list", json!({})).await;
        let mut stream = listen(&client, 1, everything(&["new://a"])).await;
        acknowledged(&mut stream).await;
        streams.push(stream);
    }
    setup
        .stored("the tools", |stored| stored.tools.len() == 2)
        .await;
    setup.switch_tool(&scope, &spec, "t", false).await;
    assert_eq!(next(&mut streams[0]).await["method"], TOOLS_CHANGED);
    server.touch("new://a");
    for stream in &mut streams {
        let told = next(stream).await;
        assert_eq!(told["method"], UPDATED, "nothing came in between: {told}");
    }
    setup.switch_tool(&scope, &spec, "u", false).await;
    assert_eq!(next(&mut streams[1]).await["method"], TOOLS_CHANGED);
    server.touch("new://a");
    assert_eq!(next(&mut streams[0]).await["method"], UPDATED);
}

#[tokio::test]
async fn p9_49_a_resource_is_named_as_the_client_knows_it() {
    let setup = Setup::new().await;
    let first = watchable("same").start().await;
    let second = watchable("same").start().await;
    setup.link("first", &first).await;
    setup.link("second", &second).await;
    let uris = ["same://a", "second+same://a"];
    let mut stream = listen(&setup.client(), 1, watching(&uris)).await;
    assert_eq!(acknowledged(&mut stream).await, watching(&uris));
    until("both", || !second.subscriptions().is_empty()).await;
    for (server, shown) in [(&second, uris[1]), (&first, uris[0])] {
        server.touch("same://a");
        assert_eq!(next(&mut stream).await["params"]["uri"], shown);
    }
}
