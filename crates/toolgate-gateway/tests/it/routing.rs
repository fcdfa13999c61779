//! Which server gets a resource, a prompt or a completion, and who is never asked (P9.16, P9.19 to P9.26).

use serde_json::{Value, json};
use toolgate_testkit::{Client, Reply, Running, Script, Server};

use crate::setup::Setup;
use crate::wire::{linked, started};

/// A server with resources, a template and a prompt of its own; reads are answered by its name.
fn owner(name: &str, uri: &str, template: &str) -> Server {
    let read = json!({"contents": [{"uri": uri, "text": name}]});
    Server::new()
        .capabilities(json!({"tools": {}, "prompts": {}, "resources": {}, "completions": {}}))
        .tool("t", "x")
        .method(
            "resources/list",
            json!({"resources": [{"uri": uri, "name": "r"}]}),
        )
        .method(
            "resources/templates/list",
            json!({"resourceTemplates": [{"uriTemplate": template, "name": "t"}]}),
        )
        .method("resources/read", read)
        .method("prompts/list", json!({"prompts": [{"name": "p"}]}))
        .method("prompts/get", json!({"description": name, "messages": []}))
        .method(
            "completion/complete",
            json!({"completion": {"values": [name]}}),
        )
}

async fn read(client: &mut Client, uri: &str) -> Reply {
    client.rpc("resources/read", &json!({"uri": uri})).await
}

/// Who answered a read.
fn reader(reply: &Reply) -> Value {
    reply.message()["result"]["contents"][0]["text"].clone()
}

fn reads(server: &Running) -> Vec<Value> {
    let reads = server.requests_for("resources/read");
    reads
        .iter()
        .map(|read| read.body["params"]["uri"].clone())
        .collect()
}

#[tokio::test]
async fn p9_19_a_uri_leads_to_its_owner_and_to_nobody_else() {
    let setup = Setup::new().await;
    let a = linked(&setup, "a", owner("a", "file://a", "file://logs/{day}")).await;
    let b = linked(&setup, "b", owner("b", "db://x", "db://{table}").modern()).await;
    let plain = linked(&setup, "plain", Server::new().tool("t", "x")).await;
    let mut client = started(&setup, "2025-11-25").await;
    for (uri, expected) in [
        ("file://a", "a"),
        ("db://x", "b"),
        ("file://logs/monday", "a"),
        ("db://y", "b"),
        ("db://other/deep", "b"),
        ("b+file://a", "b"),
        ("a+zz://q", "a"),
    ] {
        assert_eq!(reader(&read(&mut client, uri).await), expected, "{uri}");
    }
    assert_eq!(
        reads(&b).last(),
        Some(&json!("file://a")),
        "one prefix is stripped"
    );
    assert_eq!(reads(&a).last(), Some(&json!("zz://q")));
    let before = (reads(&a).len(), reads(&b).len());
    let reply = read(&mut client, "zz://q").await;
    let error = &reply.message()["error"];
    assert_eq!(
        (reply.status, &error["code"]),
        (200, &json!(-32002)),
        "P9.21"
    );
    assert_eq!(error["data"], json!({"uri": "zz://q"}));
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("`<server>+<uri>`"),
        "{error}"
    );
    let reply = setup
        .client()
        .modern("resources/read", json!({"uri": "zz://q"}))
        .await;
    let error = &reply.message()["error"];
    assert_eq!(
        (reply.status, &error["code"]),
        (200, &json!(-32602)),
        "table 4.1"
    );
    assert_eq!(error["data"], json!({"uri": "zz://q"}));
    assert_eq!(
        (reads(&a).len(), reads(&b).len()),
        before,
        "nobody was asked"
    );
    assert!(reads(&plain).is_empty());
}

#[tokio::test]
async fn p9_19_the_only_server_with_resources_gets_what_nobody_claims() {
    let setup = Setup::new().await;
    let _a = linked(&setup, "a", owner("a", "file://a", "file://{x}")).await;
    let _plain = linked(&setup, "plain", Server::new().tool("t", "x")).await;
    let mut client = started(&setup, "2025-11-25").await;
    assert_eq!(reader(&read(&mut client, "zz://q").await), "a");
}

#[tokio::test]
async fn p9_21_the_first_in_order_has_a_bare_uri() {
    let setup = Setup::new().await;
    let _a = linked(&setup, "a", owner("a", "file://same", "file://{x}")).await;
    let _b = linked(&setup, "b", owner("b", "file://same", "file://{y}")).await;
    let mut client = started(&setup, "2025-11-25").await;
    let list = client.rpc("resources/list", &json!({})).await.message();
    let uris: Vec<&Value> = list["result"]["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|resource| &resource["uri"])
        .collect();
    assert_eq!(uris, ["file://same", "b+file://same"], "P9.17");
    for (uri, expected) in [
        ("file://same", "a"),
        ("file://z", "a"),
        ("b+file://same", "b"),
    ] {
        assert_eq!(reader(&read(&mut client, uri).await), expected, "{uri}");
    }
}

#[tokio::test]
async fn p9_21_an_unknown_resource_is_an_error_of_the_clients_era() {
    let setup = Setup::new().await;
    let old = linked(&setup, "old", owner("old", "old://a", "old://{x}")).await;
    let new = linked(&setup, "new", owner("new", "new://a", "new://{x}").modern()).await;
    // The older server does not say which; the newer one does.
    old.set_method(
        "resources/read",
        Script::new().error(-32002, "no such thing"),
    );
    let data = json!({"uri": "new://b"});
    let refusal = Script::new().error_with(-32602, "no such thing", data);
    new.set_method("resources/read", refusal);
    let mut legacy = started(&setup, "2025-06-18").await;
    for uri in ["old://b", "new://b"] {
        let params = json!({ "uri": uri });
        let older = read(&mut legacy, uri).await;
        let newer = setup
            .client()
            .modern("resources/read", params.clone())
            .await;
        for (reply, code) in [(older, -32002), (newer, -32602)] {
            let error = &reply.message()["error"];
            assert_eq!((reply.status, &error["code"]), (200, &json!(code)), "{uri}");
            assert_eq!(error["data"], params, "{uri}");
        }
    }
}

#[tokio::test]
async fn p9_16_what_a_result_points_to_can_be_read_by_who_saw_it() {
    let setup = Setup::new().await;
    let _a = linked(&setup, "a", owner("a", "file://a", "file:///logs/{x}")).await;
    let link = json!({"type": "resource_link", "uri": "file://made", "name": "made"});
    let b = owner("b", "db://x", "db://{x}").tool("make", json!({"content": [link]}));
    let _b = linked(&setup, "b", b).await;
    let scope = setup.scope("default");
    let (other, _) = setup.token(&scope, |_| {}).await;
    let mut other = Client::new(&setup.url("default")).bearer(&other);
    other.initialize().await;
    let mut client = started(&setup, "2025-11-25").await;
    assert_eq!(
        reader(&read(&mut client, "file://made").await),
        "a",
        "by its scheme"
    );
    client.call("b__make", json!({})).await;
    assert_eq!(reader(&read(&mut client, "file://made").await), "b");
    assert_eq!(
        reader(&read(&mut other, "file://made").await),
        "a",
        "not told to others"
    );
}

#[tokio::test]
async fn p9_24_completion_goes_to_the_server_of_its_prompt_or_template() {
    let setup = Setup::new().await;
    let a = linked(&setup, "a", owner("a", "file://a", "file://logs/{day}")).await;
    let b = linked(&setup, "b", owner("b", "db://x", "db://{table}").modern()).await;
    let mut client = started(&setup, "2025-06-18").await;
    let prompt = |name: &str| json!({"type": "ref/prompt", "name": name});
    let template = |uri: &str| json!({"type": "ref/resource", "uri": uri});
    for (reference, server, expected, own) in [
        (prompt("a__p"), &a, "a", prompt("p")),
        (prompt("b__p"), &b, "b", prompt("p")),
        (
            template("file://logs/{day}"),
            &a,
            "a",
            template("file://logs/{day}"),
        ),
        (template("db://{table}"), &b, "b", template("db://{table}")),
        (
            template("b+db://{table}"),
            &b,
            "b",
            template("db://{table}"),
        ),
    ] {
        let argument = json!({"name": "day", "value": "m"});
        let context = json!({"arguments": {"year": "2026"}});
        let params = json!({"ref": reference, "argument": argument, "context": context});
        let reply = client.rpc("completion/complete", &params).await;
        let values = &reply.message()["result"]["completion"]["values"];
        assert_eq!(values, &json!([expected]), "{reference}");
        let sent = server.requests_for("completion/complete").pop().unwrap();
        assert_eq!(sent.body["params"]["ref"], own);
        assert_eq!(sent.body["params"]["argument"], argument);
        assert_eq!(sent.body["params"]["context"], context, "context passes");
    }
    for unknown in [
        prompt("a__q"),
        prompt("p"),
        template("zz://{x}"),
        json!({"type": "ref/x"}),
    ] {
        let params = json!({"ref": unknown, "argument": {"name": "x", "value": ""}});
        let reply = client.rpc("completion/complete", &params).await;
        assert_eq!(reply.message()["error"]["code"], -32602, "P9.26: {unknown}");
    }
}

#[tokio::test]
async fn p9_25_completions_are_empty_where_there_are_none_and_cut_where_there_are_many() {
    let setup = Setup::new().await;
    let none = owner("none", "none://a", "none://{x}").capabilities(json!({"prompts": {}}));
    let none = linked(&setup, "none", none).await;
    let values: Vec<String> = (0..150).map(|n| n.to_string()).collect();
    let all = json!({"completion": {"values": values, "total": 150, "hasMore": false}});
    let many = linked(&setup, "many", owner("many", "many://a", "many://{x}")).await;
    many.set_method("completion/complete", all);
    let mut legacy = started(&setup, "2025-11-25").await;
    let mut modern = setup.client();
    for (name, count, has_more) in [("none__p", 0, false), ("many__p", 100, true)] {
        let reference = json!({"type": "ref/prompt", "name": name});
        let params = json!({"ref": reference, "argument": {"name": "a", "value": ""}});
        for reply in [
            legacy.rpc("completion/complete", &params).await,
            modern.modern("completion/complete", params).await,
        ] {
            let completion = &reply.message()["result"]["completion"];
            assert_eq!(
                completion["values"].as_array().map(Vec::len),
                Some(count),
                "{name}"
            );
            assert_eq!(completion["hasMore"], has_more, "{name}");
        }
    }
    assert!(
        none.requests_for("completion/complete").is_empty(),
        "not asked"
    );
}

#[tokio::test]
async fn p9_23_prompts_are_routed_by_name_with_their_arguments_untouched() {
    let setup = Setup::new().await;
    let a = linked(&setup, "a", owner("a", "file://a", "file://{x}")).await;
    let _b = linked(&setup, "b", owner("b", "db://x", "db://{x}").modern()).await;
    let mut legacy = started(&setup, "2025-11-25").await;
    let mut modern = setup.client();
    for name in ["a", "b"] {
        let params = json!({"name": format!("{name}__p"), "arguments": {"z": "1", "a": "2"}});
        for reply in [
            legacy.rpc("prompts/get", &params).await,
            modern.modern("prompts/get", params.clone()).await,
        ] {
            assert_eq!(reply.message()["result"]["description"], name);
        }
    }
    let sent = &a.requests_for("prompts/get")[0].body["params"];
    assert_eq!(sent["name"], "p");
    assert_eq!(sent["arguments"], json!({"z": "1", "a": "2"}));
    let reply = legacy.rpc("prompts/get", &json!({"name": "a__q"})).await;
    assert_eq!(reply.message()["error"]["code"], -32602, "P9.26");
}
