//! What the gateway does not own is the server's, and the client's, byte for byte (P3.12, P3.16, P9.15, P9.67,
//! P9.68, behaviours 17 and 18).

use serde_json::{Value, json};
use toolgate_testkit::{Client, Reply, Running, Script, Server};

use crate::setup::Setup;
use crate::wire::started;

/// Numbers no double can hold, odd escapes, key order, unknown members.
const ODD: &str = r#"{"zz":1,"a":9007199254740993,"big":1e400,"neg":-0,"long":0.100000000000000005551115123125,"esc":"\u00e9\/\ud83d\ude00","nested":{"b":[1,{"y":null,"x":true}],"a":{}}}"#;

/// Each kind of JSON that `structuredContent` may be.
const STRUCTURED: [&str; 7] = [
    ODD,
    "[1.0,[]]",
    r#""t\u00e9xt""#,
    "1e400",
    "-0",
    "true",
    "null",
];

/// A legacy and a modern server that answer a tool and its list with these bytes.
async fn servers(setup: &Setup, members: &str) -> (Running, Running) {
    let raw = |result: String| {
        let body = format!(r#"{{"jsonrpc":"2.0","id":"$ID","result":{result}}}"#);
        Script::new().raw(200, "application/json", body)
    };
    let old = Server::new().tool("odd", raw(format!("{{{members}}}")));
    let new = raw(format!(r#"{{"resultType":"complete",{members}}}"#));
    let new = Server::new().modern().tool("odd", new);
    let (old, new) = (old.start().await, new.start().await);
    setup.link("old", &old).await;
    setup.link("new", &new).await;
    (old, new)
}

fn text(reply: &Reply) -> String {
    String::from_utf8(reply.body.to_vec()).unwrap()
}

/// Calls a tool as a client of each era; the arguments and `_meta` members as text.
async fn call_both(setup: &Setup, tool: &str, arguments: &str, meta: &str) -> [Reply; 2] {
    let legacy = started(setup, "2025-11-25").await;
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{{"future":[1.50],"name":"{tool}","arguments":{arguments},"_meta":{{{meta}}}}}}}"#
    );
    let old = legacy.post_raw(body).await;
    let params = json!({"name": tool, "arguments": {}, "future": [1], "_meta": {}});
    let (client, message) = setup.client().modern_message("tools/call", params);
    let body = message
        .to_string()
        .replace("\"arguments\":{}", &format!("\"arguments\":{arguments}"))
        .replace("\"future\":[1]", "\"future\":[1.50]")
        .replace("\"_meta\":{", &format!("\"_meta\":{{{meta},"));
    [old, client.post_raw(body).await]
}

#[tokio::test]
async fn b17_b18_p9_15_arguments_arrive_as_they_were_sent_in_all_four_pairs() {
    let setup = Setup::new().await;
    let (old, new) = servers(&setup, r#""content":[]"#).await;
    let meta = format!(r#""com.example/k":{ODD},"plain":[ 1.0 ]"#);
    for (tool, server) in [("old__odd", &old), ("new__odd", &new)] {
        let replies = call_both(&setup, tool, ODD, &meta).await;
        assert!(replies.iter().all(|reply| reply.status == 200));
        // The testkit cannot read these numbers, so the calls are found by their text.
        let sent = server.requests().into_iter();
        let sent = sent.map(|request| String::from_utf8(request.raw).unwrap());
        let calls: Vec<String> = sent.filter(|raw| raw.contains("tools/call")).collect();
        assert_eq!(calls.len(), 2);
        for raw in calls {
            assert!(
                raw.contains(&format!("\"arguments\":{ODD}")),
                "P3.16: {raw}"
            );
            assert!(raw.contains("\"future\":[1.50]"), "P3.12: {raw}");
            assert!(
                raw.contains(&format!("\"com.example/k\":{ODD}")),
                "P9.67: {raw}"
            );
            assert!(raw.contains("\"plain\":[ 1.0 ]"), "P9.67: {raw}");
        }
    }
}

#[tokio::test]
async fn b17_b18_p3_12_results_arrive_as_they_were_sent_in_all_four_pairs() {
    let setup = Setup::new().await;
    let unknown = format!(r#""x-unknown":{ODD}"#);
    let block = r#"{"type":"text","text":"ok","annotations":{"audience":["user"],"priority":0.50},"_meta":{"k":1.0}}"#;
    let content = format!(r#""content":[{block},{{"type":"future","x":{ODD}}}]"#);
    let structured = format!(r#""structuredContent":{ODD}"#);
    let meta = format!(r#""com.example/own":{ODD}"#);
    let members = format!(r#"{unknown},{content},{structured},"_meta":{{{meta}}}"#);
    let _servers = servers(&setup, &members).await;
    for tool in ["old__odd", "new__odd"] {
        for reply in call_both(&setup, tool, "{}", "\"k\":1").await {
            let body = text(&reply);
            for part in [&unknown, &content, &structured, &meta] {
                assert!(body.contains(part), "{tool}: {part} in {body}");
            }
        }
    }
}

#[tokio::test]
async fn b17_p9_11_structured_results_of_every_kind_reach_modern_clients() {
    for structured in STRUCTURED {
        let setup = Setup::new().await;
        let member = format!(r#""structuredContent":{structured}"#);
        let _servers = servers(&setup, &format!(r#""content":[],{member}"#)).await;
        for tool in ["old__odd", "new__odd"] {
            let [_, modern] = call_both(&setup, tool, "{}", "\"k\":1").await;
            let body = text(&modern);
            assert!(body.contains(&member), "{tool}: {member} in {body}");
        }
    }
}

#[tokio::test]
async fn b18_errors_and_progress_keep_their_numbers() {
    let setup = Setup::new().await;
    let progress = r#""progress":0.100000000000000005551115123125,"total":1e400"#;
    let first = format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":"$ID",{progress}}}}}"#
    );
    let error = format!(r#""error":{{"code":-4711,"message":"m","data":{ODD}}}"#);
    let events = format!("{first}\n\ndata: {{\"jsonrpc\":\"2.0\",\"id\":\"$ID\",{error}}}");
    let script = || Script::new().raw(200, "application/json", events.clone());
    let old = Server::new().streams().tool("odd", script()).start().await;
    let new = Server::new().modern().streams().tool("odd", script());
    let new = new.start().await;
    setup.link("old", &old).await;
    setup.link("new", &new).await;
    for tool in ["old__odd", "new__odd"] {
        for reply in call_both(&setup, tool, "{}", "\"progressToken\":1.5").await {
            let body = text(&reply);
            assert!(body.contains(progress), "{tool}: {body}");
            assert!(body.contains("\"progressToken\":1.5"), "{tool}: {body}");
            assert!(body.contains(&format!("\"data\":{ODD}")), "{tool}: {body}");
        }
    }
}

#[tokio::test]
async fn b17_p9_8_definitions_are_listed_as_they_were_sent() {
    let setup = Setup::new().await;
    let rest = format!(
        r#""zz":{ODD},"inputSchema":{{"type":"object","$comment":"\u00e9","properties":{{"n":{{"default":1e400}}}}}},"annotations":{{"readOnlyHint":true,"x":1.0}},"_meta":{{"k":{ODD}}}"#
    );
    let list = |head: &str| {
        let result = format!(r#"{{{head}"tools":[{{"name":"odd",{rest}}}]}}"#);
        let body = format!(r#"{{"jsonrpc":"2.0","id":"$ID","result":{result}}}"#);
        Script::new().raw(200, "application/json", body)
    };
    let old = Server::new().method("tools/list", list(""));
    let head = r#""resultType":"complete","ttlMs":0,"cacheScope":"private","#;
    let new = Server::new().modern().method("tools/list", list(head));
    let (old, new) = (old.start().await, new.start().await);
    setup.link("old", &old).await;
    setup.link("new", &new).await;
    let mut legacy = started(&setup, "2025-11-25").await;
    let mut modern: Client = setup.client();
    for reply in [
        legacy.rpc("tools/list", &json!({})).await,
        modern.modern("tools/list", json!({})).await,
    ] {
        let body = text(&reply);
        for name in ["old__odd", "new__odd"] {
            let expected = format!(r#"{{"name":"{name}",{rest}}}"#);
            assert!(body.contains(&expected), "{name}: {body}");
        }
    }
}

#[tokio::test]
async fn p9_67_no_server_sees_what_is_the_gateways_or_another_eras() {
    let setup = Setup::new().await;
    let (old, new) = servers(&setup, r#""content":[]"#).await;
    let meta = r#""progressToken":"mine","io.modelcontextprotocol/logLevel":"error","io.modelcontextprotocol/made-up":1,"com.example/k":1"#;
    for tool in ["old__odd", "new__odd"] {
        call_both(&setup, tool, "{}", meta).await;
    }
    for server in [&old, &new] {
        for call in server.requests_for("tools/call") {
            let meta = &call.body["params"]["_meta"];
            assert_eq!(meta["com.example/k"], 1);
            assert!(meta["progressToken"].is_u64(), "P9.38: {meta}");
            assert!(
                meta.get("io.modelcontextprotocol/made-up").is_none(),
                "{meta}"
            );
        }
    }
    let reserved = |meta: &Value| -> Vec<String> {
        let names = meta.as_object().unwrap().keys();
        let names = names.filter(|name| name.starts_with("io.modelcontextprotocol/"));
        names.cloned().collect()
    };
    for call in old.requests_for("tools/call") {
        assert_eq!(reserved(&call.body["params"]["_meta"]), [""; 0]);
    }
    for call in new.requests_for("tools/call") {
        let meta = &call.body["params"]["_meta"];
        let info = &meta["io.modelcontextprotocol/clientInfo"]["name"];
        assert_eq!(info, "toolgate", "P9.33");
        assert!(reserved(meta).len() >= 3, "built anew: {meta}");
    }
}

#[tokio::test]
async fn p9_68_results_lose_only_reserved_keys_and_only_towards_older_clients() {
    let setup = Setup::new().await;
    let meta = json!({
        "com.example/k": 1,
        "io.modelcontextprotocol/serverInfo": {"name": "s", "version": "1"},
        "io.modelcontextprotocol/made-up": 2,
    });
    let _servers = servers(&setup, &format!(r#""content":[],"_meta":{meta}"#)).await;
    for tool in ["old__odd", "new__odd"] {
        let [older, modern] = call_both(&setup, tool, "{}", "\"k\":1").await;
        assert_eq!(
            older.message()["result"]["_meta"],
            json!({"com.example/k": 1})
        );
        assert_eq!(modern.message()["result"]["_meta"], meta, "P5.18: {tool}");
    }
    let setup = Setup::new().await;
    let _servers = servers(&setup, r#""content":[]"#).await;
    for tool in ["old__odd", "new__odd"] {
        let [older, modern] = call_both(&setup, tool, "{}", "\"k\":1").await;
        assert_eq!(older.message()["result"], json!({"content": []}));
        let info = &modern.message()["result"]["_meta"]["io.modelcontextprotocol/serverInfo"];
        assert_eq!(
            info["name"], "toolgate",
            "P5.18: where the server sent none"
        );
    }
}
