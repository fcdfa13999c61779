//! Logs: levels, whose they are, how they are marked and how many (P9.34 to P9.37).

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use toolgate_namespace::Prefix;
use toolgate_testkit::{Client, Reply, Script, Server};

use crate::setup::Setup;
use crate::wire::{TOOLS_CHANGED, event, general, next, soon, started, until};

/// One log of each of three levels before the answer.
fn talkative() -> Script {
    Script::new()
        .log("debug", "d")
        .log("warning", "w")
        .log("error", "e")
        .text("done")
}

fn levels(reply: &Reply) -> Vec<String> {
    let logs = reply.messages();
    let logs = logs
        .iter()
        .filter(|message| message["method"] == "notifications/message");
    logs.map(|log| log["params"]["level"].as_str().unwrap().to_owned())
        .collect()
}

/// A modern call that asks for logs of a level, or for none.
async fn modern_call(setup: &Setup, tool: &str, level: Option<&str>) -> Reply {
    let mut params = json!({"name": tool, "arguments": {}, "_meta": {}});
    if let Some(level) = level {
        params["_meta"]["io.modelcontextprotocol/logLevel"] = json!(level);
    }
    setup.client().modern("tools/call", params).await
}

#[tokio::test]
async fn p9_35_modern_clients_get_logs_only_where_they_asked() {
    let setup = Setup::new().await;
    let old = Server::new().streams().tool("talk", talkative());
    let new = Server::new().modern().streams().tool("talk", talkative());
    let (old, new) = (old.start().await, new.start().await);
    setup.link("old", &old).await;
    setup.link("new", &new).await;
    for tool in ["old__talk", "new__talk"] {
        let quiet = modern_call(&setup, tool, None).await;
        assert_eq!(quiet.messages().len(), 1, "{tool}: {:?}", quiet.body);
        let some = modern_call(&setup, tool, Some("warning")).await;
        assert_eq!(levels(&some), ["warning", "error"], "{tool}");
        assert_eq!(some.text(), "done", "the answer comes last");
        let all = modern_call(&setup, tool, Some("debug")).await;
        assert_eq!(levels(&all), ["debug", "warning", "error"], "{tool}");
        let fewer = modern_call(&setup, tool, Some("error")).await;
        assert_eq!(levels(&fewer), ["error"], "each request for itself: {tool}");
    }
    let raised: Vec<Value> = old
        .requests_for("logging/setLevel")
        .iter()
        .map(|sent| sent.body["params"]["level"].clone())
        .collect();
    assert_eq!(raised, ["warning", "debug"], "to the most verbose asked");
    let meta = |sent: &toolgate_testkit::Recorded| {
        sent.body["params"]["_meta"]["io.modelcontextprotocol/logLevel"].clone()
    };
    let asked: Vec<Value> = new.requests_for("tools/call").iter().map(meta).collect();
    let expected = [
        Value::Null,
        json!("warning"),
        json!("debug"),
        json!("error"),
    ];
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn p9_34_a_legacy_level_reaches_servers_of_both_eras() {
    let setup = Setup::new().await;
    let old = Server::new().streams().tool("talk", talkative());
    let new = Server::new().modern().streams().tool("talk", talkative());
    let mute = Server::new()
        .capabilities(json!({"tools": {}}))
        .tool("t", "x");
    let failing = Server::new()
        .tool("t", "x")
        .method("logging/setLevel", Script::new().error(-32603, "no"));
    let (old, new) = (old.start().await, new.start().await);
    let (mute, failing) = (mute.start().await, failing.start().await);
    setup.link("old", &old).await;
    setup.link("new", &new).await;
    setup.link("mute", &mute).await;
    setup.link("failing", &failing).await;
    let mut client = started(&setup, "2025-11-25").await;
    for tool in ["old__talk", "new__talk", "mute__t", "failing__t"] {
        assert_eq!(client.call(tool, json!({})).await.status, 200);
    }
    let first = new.requests_for("tools/call").pop().unwrap();
    let meta = &first.body["params"]["_meta"]["io.modelcontextprotocol/logLevel"];
    assert!(meta.is_null(), "none set, none sent");
    for level in ["loud", "", "ERROR"] {
        let bad = client
            .rpc("logging/setLevel", &json!({"level": level}))
            .await;
        assert_eq!(bad.message()["error"]["code"], -32602, "{level}");
    }
    let set = client
        .rpc("logging/setLevel", &json!({"level": "error"}))
        .await;
    assert_eq!(set.message()["result"], json!({}));
    soon("the level", old.saw("logging/setLevel")).await;
    soon("the level", failing.saw("logging/setLevel")).await;
    let told = &old.requests_for("logging/setLevel")[0].body["params"]["level"];
    assert_eq!(told, "error");
    for tool in ["old__talk", "new__talk", "failing__t", "mute__t"] {
        let reply = client.call(tool, json!({})).await;
        assert!(reply.message()["result"].is_object(), "{tool}");
        let expected: &[&str] = if tool.ends_with("talk") {
            &["error"]
        } else {
            &[]
        };
        assert_eq!(levels(&reply), expected, "{tool}");
    }
    let last = new.requests_for("tools/call").pop().unwrap();
    let meta = &last.body["params"]["_meta"]["io.modelcontextprotocol/logLevel"];
    assert_eq!(meta, "error");
    assert!(mute.requests_for("logging/setLevel").is_empty());
    // Another session of the same token has a level of its own.
    let mut other = started(&setup, "2025-11-25").await;
    let reply = other.call("new__talk", json!({})).await;
    assert_eq!(levels(&reply), ["debug", "warning", "error"]);
}

#[tokio::test]
async fn p9_37_the_logger_says_which_server() {
    let setup = Setup::new().await;
    let named = json!({"level": "error", "logger": "db", "data": {"n": 1}});
    let script = Script::new()
        .notify("notifications/message", named)
        .log("error", "plain")
        .text("done");
    let server = Server::new().streams().tool("talk", script).start().await;
    let spec = setup.link("old", &server).await;
    let loggers = |reply: &Reply| -> Vec<Value> {
        let messages = reply.messages();
        let logs = messages.iter().filter(|m| m["method"].is_string());
        logs.map(|log| log["params"]["logger"].clone()).collect()
    };
    let mut client = started(&setup, "2025-06-18").await;
    let reply = client.call("old__talk", json!({})).await;
    assert_eq!(loggers(&reply), [json!("old/db"), json!("old")]);
    assert_eq!(reply.messages()[0]["params"]["data"], json!({"n": 1}));
    let reply = modern_call(&setup, "old__talk", Some("debug")).await;
    assert_eq!(loggers(&reply), [json!("old/db"), json!("old")]);

    let scope = setup.scope("default");
    setup.remove(&scope, &spec).await;
    let mut spec = setup.spec(&scope, "only", server.url());
    spec.prefix = Prefix::None;
    setup.add(&scope, &spec).await;
    let reply = client.call("talk", json!({})).await;
    assert_eq!(
        loggers(&reply),
        [json!("db"), Value::Null],
        "P9.6: untouched"
    );
}

#[tokio::test]
async fn p9_37_fifty_a_second_then_one_note() {
    let setup = Setup::new().await;
    let script = (0..400).fold(Script::new(), |script, n| script.log("error", n));
    let script = script.text("done");
    let server = Server::new().streams().tool("flood", script).start().await;
    setup.link("old", &server).await;
    let mut client = started(&setup, "2025-11-25").await;
    let begun = Instant::now();
    let reply = client.call("old__flood", json!({})).await;
    let seconds = usize::try_from(begun.elapsed().as_secs()).unwrap() + 1;
    let messages = reply.messages();
    let logger = |name: &str| {
        let logs = messages.iter().filter(|m| m["params"]["logger"] == name);
        logs.count()
    };
    assert!(
        (50..=50 * seconds).contains(&logger("old")),
        "{}",
        logger("old")
    );
    assert_eq!(logger("toolgate"), 1, "the rest is dropped with one note");
    assert_eq!(reply.text(), "done");
}

/// A log as servers send it that do not know which call they are in.
fn stray(data: &str) -> Value {
    let params = json!({"level": "error", "data": data});
    json!({"jsonrpc": "2.0", "method": "notifications/message", "params": params})
}

#[tokio::test]
async fn p9_36_logs_of_no_call_go_to_the_session_they_happened_in() {
    let setup = Setup::new().await;
    let script = Script::new().general(stray("mine")).text("done");
    let server = Server::new().tool("talk", script).start().await;
    setup.link("old", &server).await;
    let mut client = started(&setup, "2025-11-25").await;
    let mut other = started(&setup, "2025-11-25").await;
    let (mut own, mut foreign) = (general(&client).await, general(&other).await);
    for client in [&mut client, &mut other] {
        client.call("old__talk", json!({})).await;
    }
    until("both sessions", || server.sessions() >= 2).await;
    // The upstream stream may have opened after the first call.
    let heard = async {
        loop {
            client.call("old__talk", json!({})).await;
            let wait = tokio::time::timeout(Duration::from_millis(100), log(&mut own));
            if let Ok(log) = wait.await {
                return log;
            }
        }
    };
    let told = soon("the log", heard).await;
    assert_eq!(told["params"]["data"], "mine");
    assert_eq!(told["params"]["logger"], "old");
    drop(own);
    let flag = Script::new().general(stray("theirs")).text("done");
    server.set_tools([(
        json!({"name": "talk", "inputSchema": {"type": "object"}}),
        flag,
    )]);
    let heard = async {
        loop {
            other.call("old__talk", json!({})).await;
            let wait = tokio::time::timeout(Duration::from_millis(100), log(&mut foreign));
            if let Ok(log) = wait.await {
                if log["params"]["data"] == "theirs" {
                    return;
                }
                // What it was told before came of its own call.
                assert_eq!(log["params"]["data"], "mine");
            }
        }
    };
    soon("the log", heard).await;
}

async fn log(stream: &mut toolgate_testkit::EventStream) -> Value {
    loop {
        let message = next(stream).await;
        if message["method"] == "notifications/message" {
            return message;
        }
    }
}

#[tokio::test]
async fn p9_36_a_modern_call_gets_stray_logs_only_when_it_is_the_only_one_that_asked() {
    let setup = Setup::new().await;
    let talk = Script::new().progress(1, 2).wait_for("end").text("done");
    let server = Server::new().streams().tool("work", talk).start().await;
    setup.link("old", &server).await;
    let open = async |client: &mut Client, level: &str| {
        let meta = json!({"progressToken": 1, "io.modelcontextprotocol/logLevel": level});
        let params = json!({"name": "old__work", "arguments": {}, "_meta": meta});
        let mut stream = client.modern_stream("tools/call", params).await;
        event(&mut stream).await;
        stream
    };
    let mut client = setup.client();
    let mut first = open(&mut client, "debug").await;
    soon("the upstream stream", server.until_listening()).await;
    server.send(&stray("for one"));
    assert_eq!(next(&mut first).await["params"]["data"], "for one");
    let mut second = open(&mut client, "debug").await;
    server.send(&stray("for two"));
    server.send(&stray("for two"));
    // What comes after them on the same stream shows that they were read.
    let lists = || server.requests_for("tools/list").len();
    let before = lists();
    server.notify(TOOLS_CHANGED, &json!({}));
    until("the list again", || lists() > before).await;
    server.signal("end");
    for stream in [&mut first, &mut second] {
        let last = next(stream).await;
        assert!(last["result"].is_object(), "dropped: {last}");
    }
}
