//! What passes the gateway as it is, and what is never kept (P5.14, P9.13, P9.22, P9.53, P9.64, P9.70).

use serde_json::{Value, json};
use toolgate_namespace::EraSetting;
use toolgate_policy::Role;
use toolgate_testkit::{Client, Script, Server};

use crate::setup::{Setup, names};
use crate::wire::{linked, started};

#[tokio::test]
async fn p5_14_a_modern_call_loads_the_definition_first() {
    for is_modern in [false, true] {
        let setup = Setup::new().await;
        let server = Server::new().tool("t", "x");
        let server = if is_modern { server.modern() } else { server };
        let server = linked(&setup, "cold", server).await;
        let params = json!({"name": "cold__t", "arguments": {}});
        let reply = setup.client().modern("tools/call", params).await;
        assert_eq!(reply.text(), "x", "{:?}", reply.body);
        let requests = server.requests();
        let order = requests.iter().map(toolgate_testkit::Recorded::rpc);
        let order: Vec<&str> = order.filter(|rpc| rpc.starts_with("tools/")).collect();
        assert_eq!(order, ["tools/list", "tools/call"]);
    }
}

#[tokio::test]
async fn p9_13_annotations_pass_and_a_clients_word_about_them_counts_for_nothing() {
    let setup = Setup::new().await;
    let annotations = json!({"title": "T", "readOnlyHint": true, "destructiveHint": false,
        "idempotentHint": true, "openWorldHint": false, "vendorHint": {"a": 1}});
    let tool = |name: &str, annotations: &Value| json!({"name": name, "inputSchema": {"type": "object"}, "annotations": annotations});
    let writes = json!({"readOnlyHint": false});
    let server = |server: Server| {
        server
            .tool_definition(tool("look", &annotations), "seen")
            .tool_definition(tool("write", &writes), "written")
    };
    let old = linked(&setup, "old", server(Server::new())).await;
    let new = linked(&setup, "new", server(Server::new().modern())).await;
    let legacy = started(&setup, "2025-11-25").await;
    let lists = [
        legacy.clone().rpc("tools/list", &json!({})).await,
        setup.client().modern("tools/list", json!({})).await,
    ];
    for list in lists {
        for tool in list.message()["result"]["tools"].as_array().unwrap() {
            let is_look = tool["name"].as_str().unwrap().ends_with("look");
            let expected = if is_look { &annotations } else { &writes };
            assert_eq!(&tool["annotations"], expected, "{tool}");
        }
    }
    let scope = setup.scope("default");
    let (reader, _) = setup
        .token(&scope, |token| token.role = Role::ReadOnly)
        .await;
    let mut reader = Client::new(&setup.url("default")).bearer(&reader);
    let listed = names(&reader.modern("tools/list", json!({})).await);
    assert_eq!(listed, ["old__look", "new__look"]);
    for (slug, server) in [("old", &old), ("new", &new)] {
        let params =
            json!({"name": format!("{slug}__write"), "annotations": {"readOnlyHint": true}});
        let reply = reader.modern("tools/call", params).await;
        assert_eq!(reply.message()["error"]["code"], -32602, "{:?}", reply.body);
        assert_eq!(server.calls("write"), 0);
    }
}

#[tokio::test]
async fn p9_22_https_resources_keep_their_uris_unless_they_collide() {
    let setup = Setup::new().await;
    let library = |uris: [&str; 2]| {
        let resources = uris.map(|uri| json!({"uri": uri, "name": uri}));
        let contents = json!([{"uri": uris[0], "text": "x"}]);
        Server::new()
            .capabilities(json!({"resources": {}}))
            .method("resources/list", json!({"resources": resources}))
            .method("resources/templates/list", json!({"resourceTemplates": []}))
            .method("resources/read", json!({"contents": contents}))
    };
    let same = "https://example.com/same";
    let first = library(["https://example.com/a?b=c#d", same]);
    let first = linked(&setup, "first", first).await;
    let second = library(["https://example.com/z", same]).modern();
    let second = linked(&setup, "second", second).await;
    let mut client = started(&setup, "2025-11-25").await;
    let list = client.rpc("resources/list", &json!({})).await.message();
    let resources = list["result"]["resources"].as_array().unwrap();
    let uris: Vec<&Value> = resources.iter().map(|resource| &resource["uri"]).collect();
    let expected = [
        "https://example.com/a?b=c#d",
        same,
        "https://example.com/z",
        "second+https://example.com/same",
    ];
    assert_eq!(uris, expected);
    for (uri, server) in [(expected[0], &first), (expected[2], &second)] {
        let reply = client.rpc("resources/read", &json!({"uri": uri})).await;
        let shown = &reply.message()["result"]["contents"][0]["uri"];
        assert_eq!(shown, uri, "{:?}", reply.body);
        let sent = server.requests_for("resources/read").pop().unwrap();
        assert_eq!(sent.body["params"]["uri"], uri);
    }
}

#[tokio::test]
async fn p9_53_a_task_that_nobody_asked_for_breaks_the_protocol() {
    let setup = Setup::new().await;
    let task = json!({"resultType": "task", "task": {"taskId": "1", "status": "working"}});
    let server = Server::new().modern().tool("t", task);
    let _server = linked(&setup, "new", server).await;
    let params = json!({"name": "new__t", "arguments": {}});
    let modern = setup.client().modern("tools/call", params).await;
    let mut legacy = started(&setup, "2025-11-25").await;
    let legacy = legacy.call("new__t", json!({})).await;
    for (reply, code) in [(modern, -33010), (legacy, -32010)] {
        let message = reply.message();
        assert_eq!(
            (reply.status, &message["error"]["code"]),
            (200, &json!(code)),
            "{message}"
        );
        assert!(message.get("result").is_none(), "{message}");
    }
}

#[tokio::test]
async fn p9_64_answers_to_rounds_and_resources_are_never_used_again() {
    let setup = Setup::new().await;
    let question = json!({"message": "?", "requestedSchema": {"type": "object", "properties": {}}});
    let asks = || {
        Script::new()
            .ask("elicitation/create", question.clone())
            .answers()
    };
    let contents = json!({"contents": [{"uri": "test://a", "text": "x"}],
        "ttlMs": 60_000, "cacheScope": "public"});
    let server = Server::new()
        .modern()
        .capabilities(json!({"tools": {}, "prompts": {}, "resources": {}}))
        .tool("t", asks())
        .method("prompts/list", json!({"prompts": [{"name": "p"}]}))
        .method("prompts/get", asks())
        .method("resources/list", json!({"resources": []}))
        .method("resources/read", contents);
    let server = linked(&setup, "new", server).await;
    let mut client = setup.client();
    for _ in 0..2 {
        client
            .modern("resources/read", json!({"uri": "test://a"}))
            .await;
    }
    assert_eq!(server.requests_for("resources/read").len(), 2);
    let claim = "io.modelcontextprotocol/clientCapabilities";
    for (method, name) in [("tools/call", "new__t"), ("prompts/get", "new__p")] {
        let mut params =
            json!({"name": name, "arguments": {}, "_meta": {claim: {"elicitation": {"form": {}}}}});
        let asked = client.modern(method, params.clone()).await.message()["result"].clone();
        assert_eq!(asked["resultType"], "input_required", "{method}: {asked}");
        let keys = asked["inputRequests"].as_object().unwrap().keys();
        let said = json!({"action": "accept", "content": {}});
        params["inputResponses"] = keys.map(|key| (key.clone(), said.clone())).collect();
        if !asked["requestState"].is_null() {
            params["requestState"] = asked["requestState"].clone();
        }
        // The same retry twice, byte for byte: the server answers both.
        for _ in 0..2 {
            let reply = client.modern(method, params.clone()).await;
            assert_eq!(
                reply.message()["result"]["resultType"],
                "complete",
                "{:?}",
                reply.body
            );
        }
        assert_eq!(server.requests_for(method).len(), 3, "{method}");
    }
}

#[tokio::test]
async fn p9_70_keys_of_the_gateway_are_nobody_elses() {
    let setup = Setup::new().await;
    let _server = linked(&setup, "old", Server::new().tool("t", "x")).await;
    let gone = Server::new().refuse(503, "gone").start().await;
    let scope = setup.scope("default");
    let mut spec = setup.spec(&scope, "gone", gone.url());
    spec.era = EraSetting::Legacy;
    setup.add(&scope, &spec).await;
    let mut legacy = started(&setup, "2025-11-25").await;
    let answers = [
        legacy.rpc("tools/list", &json!({})).await,
        legacy.call("old__t", json!({})).await,
        setup.client().modern("tools/list", json!({})).await,
        setup.client().modern("server/discover", json!({})).await,
    ];
    let mut own = 0;
    for answer in answers {
        let message = answer.message();
        let meta = message["result"]["_meta"].as_object();
        for key in meta.into_iter().flat_map(serde_json::Map::keys) {
            let (prefix, _) = key.split_once('/').expect("every key has a prefix");
            if prefix == "io.modelcontextprotocol" {
                continue;
            }
            own += 1;
            let second = prefix.split('.').nth(1);
            assert!(
                second.is_some_and(|label| !["mcp", "modelcontextprotocol"].contains(&label)),
                "{key}"
            );
        }
    }
    assert_eq!(own, 2, "both lists name the server that is missing");
}

#[tokio::test]
async fn p5_14_a_definition_that_cannot_be_loaded_is_a_server_that_cannot_be_reached() {
    let setup = Setup::new().await;
    let server = Server::new()
        .method("tools/list", Script::new().garbage())
        .tool("t", "x");
    let server = linked(&setup, "cold", server).await;
    let params = json!({"name": "cold__t", "arguments": {}});
    let reply = setup.client().modern("tools/call", params).await;
    let error = &reply.message()["error"];
    assert_eq!(
        (reply.status, &error["code"]),
        (200, &json!(-33010)),
        "{error}"
    );
    assert_eq!(error["data"]["outcome"], "not_sent", "{error}");
    assert_eq!(server.calls("t"), 0);
}
