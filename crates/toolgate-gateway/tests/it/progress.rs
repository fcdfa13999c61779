//! Progress on its way through (P9.38, P9.39, behaviour 6).

use serde_json::{Value, json};
use toolgate_testkit::{Client, Running, Script, Server};

use crate::setup::Setup;
use crate::wire::{call, event, general, kinds, next, soon, started, until};

/// One server of each era, which works until it is given leave to end.
async fn workers(setup: &Setup, leave: &str) -> [(&'static str, Running); 2] {
    let work = || Script::new().progress(1, 2).wait_for(leave).text("done");
    let old = Server::new().streams().tool("work", work()).start().await;
    let new = Server::new().modern().streams().tool("work", work());
    let new = new.start().await;
    setup.link("old", &old).await;
    setup.link("new", &new).await;
    [("old__work", old), ("new__work", new)]
}

#[tokio::test]
async fn b6_p9_38_progress_arrives_while_the_call_runs() {
    let setup = Setup::new().await;
    let servers = workers(&setup, "end").await;
    let client = started(&setup, "2025-11-25").await;
    let mut streams = Vec::new();
    for (tool, _) in &servers {
        let mut stream = client.post_stream(&call("mine", tool, "t")).await;
        assert_eq!(event(&mut stream).await.data.as_deref(), Some(""), "P7.5");
        streams.push(stream);
        let params = json!({"name": tool, "arguments": {}, "_meta": {"progressToken": 7}});
        let stream = setup.client().modern_stream("tools/call", params).await;
        streams.push(stream);
    }
    for (stream, token) in streams
        .iter_mut()
        .zip([json!("t"), json!(7)].iter().cycle())
    {
        let progress = next(stream).await;
        assert_eq!(progress["method"], "notifications/progress");
        let expected = json!({"progressToken": token, "progress": 1, "total": 2});
        assert_eq!(progress["params"], expected, "token with its type");
    }
    for (_, server) in &servers {
        server.signal("end");
    }
    for stream in &mut streams {
        let answer = next(stream).await;
        assert_eq!(answer["result"]["content"][0]["text"], "done");
        assert!(soon("the end", stream.next()).await.is_none());
    }
}

#[tokio::test]
async fn b6_p9_38_servers_see_tokens_of_the_gateways_own() {
    let setup = Setup::new().await;
    let servers = workers(&setup, "end").await;
    let client = started(&setup, "2025-11-25").await;
    let mut streams = Vec::new();
    for (tool, server) in &servers {
        for _ in 0..3 {
            let mut stream = client.post_stream(&call(1, tool, "same")).await;
            next(&mut stream).await;
            streams.push(stream);
        }
        let tokens: Vec<Value> = server
            .requests_for("tools/call")
            .iter()
            .map(|call| call.body["params"]["_meta"]["progressToken"].clone())
            .collect();
        assert!(tokens.iter().all(Value::is_u64), "{tokens:?}");
        let mut distinct: Vec<u64> = tokens.iter().filter_map(Value::as_u64).collect();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 3, "unique among active requests");
    }
}

#[tokio::test]
async fn b6_p9_38_no_token_no_progress() {
    let setup = Setup::new().await;
    // It makes progress whether or not anybody asked.
    let fabricated = json!({"progressToken": 1, "progress": 1});
    let script = || {
        Script::new()
            .notify("notifications/progress", fabricated.clone())
            .progress(2, 3)
            .text("done")
    };
    let old = Server::new().streams().tool("work", script());
    let new = Server::new().modern().streams().tool("work", script());
    let (old, new) = (old.start().await, new.start().await);
    setup.link("old", &old).await;
    setup.link("new", &new).await;
    let mut client = started(&setup, "2025-11-25").await;
    for (tool, server) in [("old__work", &old), ("new__work", &new)] {
        let reply = client.call(tool, json!({})).await;
        assert_eq!(kinds(&reply.messages()), ["result"], "{tool}");
        let params = json!({"name": tool, "arguments": {}});
        let reply = setup.client().modern("tools/call", params).await;
        assert_eq!(kinds(&reply.messages()), ["result"], "{tool}");
        for sent in server.requests_for("tools/call") {
            let token = &sent.body["params"]["_meta"]["progressToken"];
            assert!(token.is_null(), "none is made up: {token}");
        }
    }
}

#[tokio::test]
async fn p9_39_only_rising_progress_of_a_known_token_is_told() {
    let setup = Setup::new().await;
    let foreign = |token: Value| json!({"progressToken": token, "progress": 50});
    let script = Script::new()
        .progress(2, 9)
        .progress(1, 9)
        .progress(2, 9)
        .notify("notifications/progress", foreign(json!(4_000_000)))
        .notify("notifications/progress", foreign(json!("mine")))
        .progress(3, 9)
        .text("done");
    let server = Server::new().streams().tool("work", script).start().await;
    setup.link("old", &server).await;
    let client: Client = started(&setup, "2025-11-25").await;
    let reply = client.post(&call(1, "old__work", "mine")).await;
    let told: Vec<Value> = reply
        .messages()
        .iter()
        .filter(|message| message["method"] == "notifications/progress")
        .map(|message| message["params"]["progress"].clone())
        .collect();
    assert_eq!(told, [json!(2), json!(3)]);
}

#[tokio::test]
async fn b6_p9_39_nothing_follows_the_response() {
    let setup = Setup::new().await;
    let script = Script::new().progress(1, 2).text("done");
    let server = Server::new().streams().tool("work", script).start().await;
    setup.link("old", &server).await;
    let client = started(&setup, "2025-11-25").await;
    let mut stream = general(&client).await;
    let reply = client.post(&call(1, "old__work", "mine")).await;
    assert_eq!(kinds(&reply.messages()).last(), Some(&"result"));
    soon("the general stream", server.until_listening()).await;
    let late =
        server.requests_for("tools/call")[0].body["params"]["_meta"]["progressToken"].clone();
    let params = json!({"progressToken": late, "progress": 2});
    server.notify("notifications/progress", &params);
    server.notify("notifications/tools/list_changed", &json!({}));
    loop {
        let message = next(&mut stream).await;
        assert_ne!(message["method"], "notifications/progress");
        if message["method"] == "notifications/tools/list_changed" {
            break;
        }
    }
    until("the list again", || {
        server.requests_for("tools/list").len() >= 2
    })
    .await;
}
