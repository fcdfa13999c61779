//! Pages of resources, and lists that miss a server (P9.14, P9.55 to P9.58).

use std::time::Duration;

use serde_json::{Value, json};
use toolgate_testkit::{Client, Reply, Script, Server};

use crate::setup::{Setup, names};
use crate::wire::{TOOLS_CHANGED, at_once, general, leap, leaping, linked, started};

const PAGE: usize = 1000;
const MISSING: &str = "io.toolgate/missingServers";

/// A server with so many resources, in pages of 400 under cursors of its own.
fn library(scheme: &str, count: usize) -> Server {
    let server = Server::new().capabilities(json!({"resources": {}}));
    let starts: Vec<usize> = (0..count).step_by(400).collect();
    starts.iter().fold(server, |server, &start| {
        let end = (start + 400).min(count);
        let resources: Vec<Value> = (start..end)
            .map(|n| json!({"uri": format!("{scheme}://{n}"), "name": n.to_string()}))
            .collect();
        let mut page = json!({ "resources": resources });
        if end < count {
            page["nextCursor"] = json!(format!("{scheme}-{end}"));
        }
        let cursor = (start > 0).then(|| format!("{scheme}-{start}"));
        server.page("resources/list", cursor.as_deref(), page)
    })
}

fn uris(reply: &Reply) -> Vec<String> {
    let message = reply.message();
    let resources = message["result"]["resources"].as_array().cloned();
    let resources = resources.unwrap_or_else(|| panic!("no resources in {message}"));
    let uri = |resource: &Value| resource["uri"].as_str().unwrap().to_owned();
    resources.iter().map(uri).collect()
}

fn cursor(reply: &Reply) -> Value {
    reply.message()["result"]["nextCursor"].clone()
}

#[track_caller]
fn check_refused(reply: &Reply, what: &str) {
    assert_eq!(reply.status, 200, "{what}");
    assert_eq!(reply.message()["error"]["code"], -32602, "{what}");
}

#[tokio::test]
async fn p9_55_p9_58_pages_follow_the_servers_and_cursors_stay_with_their_own() {
    let setup = Setup::new().await;
    let first = linked(&setup, "first", library("one", 900)).await;
    let second = linked(&setup, "second", library("two", 1700)).await;
    let third = linked(&setup, "third", library("three", 3).modern()).await;
    let expected: Vec<String> = [("one", 900), ("two", 1700), ("three", 3)]
        .iter()
        .flat_map(|(scheme, count)| (0..*count).map(move |n| format!("{scheme}://{n}")))
        .collect();
    let mut legacy = started(&setup, "2025-11-25").await;
    let mut modern = setup.client();
    for era in ["legacy", "modern"] {
        let (mut listed, mut pages, mut at) = (Vec::new(), 0, Value::Null);
        loop {
            let params = json!({ "cursor": at });
            let reply = match era {
                "legacy" => legacy.rpc("resources/list", &params).await,
                _ => modern.modern("resources/list", params).await,
            };
            let page = uris(&reply);
            assert!(page.len() <= PAGE, "{era}: {}", page.len());
            listed.extend(page);
            pages += 1;
            at = cursor(&reply);
            if at.is_null() {
                break;
            }
        }
        assert_eq!(listed, expected, "{era}: every one once, in order");
        assert!(pages >= 3, "{era}: {pages}");
    }
    for (server, scheme) in [(&first, "one-"), (&second, "two-"), (&third, "three-")] {
        for request in server.requests_for("resources/list") {
            let sent = &request.body["params"]["cursor"];
            let own = sent.is_null() || sent.as_str().unwrap().starts_with(scheme);
            assert!(own, "P9.58: {sent}");
        }
    }
}

#[tokio::test]
async fn p9_57_cursors_of_others_do_not_open() {
    let setup = Setup::new().await;
    let _first = linked(&setup, "first", library("one", 3)).await;
    let second = library("two", 1700).start().await;
    let spec = setup.link("second", &second).await;
    let scope = setup.scope("default");
    let (other, _) = setup.token(&scope, |_| {}).await;
    let mut other = Client::new(&setup.url("default")).bearer(&other);
    let mut client = setup.client();
    let page = client.modern("resources/list", json!({})).await;
    let own = json!({"cursor": cursor(&page)});
    let text = own["cursor"].as_str().unwrap().to_owned();
    assert!(
        !text.contains("two-"),
        "the server's own is not shown: {text}"
    );
    check_refused(
        &other.modern("resources/list", own.clone()).await,
        "of another token",
    );
    let templates = client.modern("resources/templates/list", own.clone()).await;
    check_refused(&templates, "of another list");
    for method in ["tools/list", "prompts/list"] {
        check_refused(&client.modern(method, own.clone()).await, method);
    }
    let middle = text.len() / 2;
    let flipped = if &text[middle..=middle] == "A" {
        "B"
    } else {
        "A"
    };
    let changed = format!("{}{flipped}{}", &text[..middle], &text[middle + 1..]);
    for made_up in [
        json!(changed),
        json!("two-400"),
        json!("x"),
        json!(7),
        json!({}),
    ] {
        let params = json!({ "cursor": made_up });
        check_refused(
            &client.modern("resources/list", params.clone()).await,
            "made up",
        );
        let mut legacy = started(&setup, "2025-11-25").await;
        check_refused(&legacy.rpc("resources/list", &params).await, "made up");
    }
    for none in [Value::Null, json!("")] {
        let params = json!({ "cursor": none });
        let again = client.modern("resources/list", params.clone()).await;
        assert_eq!(uris(&again), uris(&page), "counts as none");
        let tools = client.modern("tools/list", params).await;
        assert!(tools.message()["result"]["tools"].is_array());
    }
    let next = client.modern("resources/list", own.clone()).await;
    assert_eq!(
        uris(&next)[0],
        "two://997",
        "its own opens, again and again"
    );
    setup.remove(&scope, &spec).await;
    check_refused(
        &client.modern("resources/list", own).await,
        "its server is gone",
    );
}

#[tokio::test]
async fn p9_14_every_list_names_the_servers_it_misses() {
    let setup = Setup::new().await;
    let capabilities = json!({"tools": {}, "prompts": {}, "resources": {}});
    let fails = || Script::new().error(-32603, "not now");
    let bad = Server::new()
        .capabilities(capabilities.clone())
        .method("tools/list", fails())
        .method("prompts/list", fails())
        .method("resources/list", fails())
        .method("resources/templates/list", fails());
    let _bad = linked(&setup, "bad", bad).await;
    let good = Server::new()
        .capabilities(capabilities)
        .tool("t", "x")
        .method("prompts/list", json!({"prompts": [{"name": "p"}]}))
        .method(
            "resources/list",
            json!({"resources": [{"uri": "test://a", "name": "a"}]}),
        )
        .method("resources/templates/list", json!({"resourceTemplates": []}));
    let _good = linked(&setup, "good", good).await;
    let mut legacy = started(&setup, "2025-11-25").await;
    let mut modern = setup.client();
    let lists = [
        ("tools/list", "tools", 1),
        ("prompts/list", "prompts", 1),
        ("resources/list", "resources", 1),
        ("resources/templates/list", "resourceTemplates", 0),
    ];
    for (method, member, count) in lists {
        for reply in [
            legacy.rpc(method, &json!({})).await,
            modern.modern(method, json!({})).await,
        ] {
            let result = &reply.message()["result"];
            assert_eq!(
                result[member].as_array().map(Vec::len),
                Some(count),
                "{method}"
            );
            assert_eq!(
                result["_meta"][MISSING],
                json!(["bad"]),
                "{method}: {result}"
            );
        }
        let result = &modern.modern(method, json!({})).await.message()["result"];
        assert_eq!(result["ttlMs"], 0, "{method}");
    }
}

#[tokio::test]
async fn p9_14_p9_66_a_server_that_fails_keeps_its_resources_and_is_named() {
    let setup = Setup::new().await;
    let server = linked(&setup, "one", library("one", 2)).await;
    let mut client = started(&setup, "2025-11-25").await;
    let list = client.rpc("resources/list", &json!({})).await;
    assert_eq!(list.message()["result"].get("_meta"), None);
    server.set_method("resources/list", Script::new().error(-32603, "not now"));
    // A list of the last second is not asked for again.
    leap(Duration::from_secs(2)).await;
    let again = client.rpc("resources/list", &json!({})).await;
    assert_eq!(uris(&again), uris(&list));
    let meta = &again.message()["result"]["_meta"];
    assert_eq!(meta[MISSING], json!(["one"]));
}

#[tokio::test]
async fn p9_14_a_server_that_is_back_is_told_of() {
    let setup = Setup::new().await;
    let fails = Script::new().error(-32603, "not now");
    let server = Server::new().tool("t", "x").method("tools/list", fails);
    let server = linked(&setup, "back", server).await;
    let mut client = started(&setup, "2025-11-25").await;
    let mut stream = general(&client).await;
    let list = client.rpc("tools/list", &json!({})).await;
    assert_eq!(names(&list), [""; 0], "still a success");
    let tools = json!({"tools": [{"name": "t", "inputSchema": {"type": "object"}}]});
    server.set_method("tools/list", tools);
    // A server that failed is left alone for a while.
    let told = leaping("the notice", Duration::from_secs(6), async || {
        client.rpc("tools/list", &json!({})).await;
        at_once(stream.next()).await
    });
    assert_eq!(told.await.unwrap()["method"], TOOLS_CHANGED);
    assert_eq!(
        names(&client.rpc("tools/list", &json!({})).await),
        ["back__t"]
    );
}
