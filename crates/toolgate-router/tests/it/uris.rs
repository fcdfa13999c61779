//! Which server a URI belongs to.

use serde_json::json;
use toolgate_testkit::{Running, Script, Server};

use crate::support::{Rig, missing, patient, resources, server, shown, templates};

/// A server with these resources and templates.
async fn start(uris: &[&str], its_templates: &[&str]) -> Running {
    server()
        .method("resources/list", resources(uris))
        .method("resources/templates/list", templates(its_templates))
        .start()
        .await
}

/// Behaviour 16.
#[tokio::test]
async fn p9_17_p9_19_the_same_uris_of_two_servers_reach_both() {
    let one = start(&["file:///a", "ui://app"], &["file:///{path}"]).await;
    let two = start(&["file:///a", "ui://app"], &["file:///{path}"]).await;
    let rig = Rig::over(&[("one", &one), ("two", &two)]);
    assert_eq!(rig.resolve("file:///a").await, "one file:///a");
    assert_eq!(rig.resolve("one+file:///a").await, "one file:///a explicit");
    assert_eq!(rig.resolve("two+file:///a").await, "two file:///a explicit");
    assert_eq!(rig.resolve("ui://app").await, "one ui://app");
    assert_eq!(rig.resolve("ui://two+app").await, "two ui://app explicit");
    // Templates overlap: the first in order has bare URIs (P9.21).
    assert_eq!(
        rig.resolve("file:///unlisted").await,
        "one file:///unlisted"
    );
    assert_eq!(
        rig.resolve("two+file:///unlisted").await,
        "two file:///unlisted explicit"
    );
    // One prefix comes off, no more.
    assert_eq!(
        rig.resolve("two+one+file:///a").await,
        "two one+file:///a explicit"
    );

    for (template, expected) in [
        ("file:///{path}", "one file:///{path}"),
        ("two+file:///{path}", "two file:///{path} explicit"),
    ] {
        assert_eq!(rig.resolve_template(template).await, expected);
    }
}

#[tokio::test]
async fn p9_19_the_order_of_ways_to_find_a_server() {
    let listing = start(&["a:listed", "mine:x"], &[]).await;
    let shaping = start(&["b:1"], &["a:{name}"]).await;
    let other = start(&["b:2"], &[]).await;
    let rig = Rig::over(&[
        ("listing", &listing),
        ("shaping", &shaping),
        ("other", &other),
    ]);
    assert_eq!(rig.resolve("a:listed").await, "listing a:listed");
    assert_eq!(rig.resolve("a:other").await, "shaping a:other");
    assert_eq!(rig.resolve("mine:y").await, "listing mine:y");
    assert_eq!(rig.resolve("MINE:y").await, "listing MINE:y");
    assert_eq!(rig.resolve("b:3").await, "nobody");
    assert_eq!(rig.resolve("c:1").await, "nobody");
    assert_eq!(rig.resolve("no scheme").await, "nobody");
    assert_eq!(rig.resolve("git+ssh://x").await, "nobody");
    // Nobody was asked about any of them.
    for server in [&listing, &shaping, &other] {
        assert_eq!(server.requests_for("resources/read").len(), 0);
    }
}

#[tokio::test]
async fn p9_19_the_only_server_with_resources_gets_what_nobody_lists() {
    let notes = start(&["b:1"], &[]).await;
    let tools = Server::new().tool("x", "x").start().await;
    let rig = Rig::over(&[("tools", &tools), ("notes", &notes)]);
    patient(rig.workspace.introduced(std::time::Duration::from_secs(20))).await;
    assert_eq!(rig.resolve("c:1").await, "notes c:1");

    let alone = Rig::over(&[("notes", &notes)]);
    assert_eq!(alone.resolve("c:1").await, "notes c:1");
    assert_eq!(alone.resolve("notes+c:1").await, "notes c:1 explicit");
    assert_eq!(alone.resolve("x+c:1").await, "notes x+c:1");
}

#[tokio::test]
async fn p9_16_uris_in_results_belong_to_who_read_them() {
    let one = start(&["a:listed"], &[]).await;
    let two = start(&["a:too"], &[]).await;
    let rig = Rig::over(&[("one", &one), ("two", &two)]);
    let learn = |principal: &str, slug: &str, uri: &str| {
        let link = rig.link(slug);
        rig.workspace
            .learn_uris(principal, link, vec![uri.to_owned()]);
    };
    learn("alice", "one", "a:linked");
    learn("alice", "two", "a:linked");
    learn("bob", "one", "a:linked");
    learn("bob", "two", "a:listed");
    assert_eq!(rig.resolve_for("alice", "a:linked").await, "two a:linked");
    assert_eq!(rig.resolve_for("bob", "a:linked").await, "one a:linked");
    assert_eq!(rig.resolve_for("carol", "a:linked").await, "nobody");
    assert_eq!(rig.resolve_for("bob", "a:listed").await, "one a:listed");
}

#[tokio::test]
async fn p9_16_what_is_learnt_is_bounded() {
    let one = start(&["a:1"], &[]).await;
    let two = start(&["a:2"], &[]).await;
    let rig = Rig::over(&[("one", &one), ("two", &two)]);
    let uris: Vec<String> = (0..10_001).map(|n| format!("a:n{n}")).collect();
    rig.workspace.learn_uris("alice", rig.link("two"), uris);
    rig.workspace.learn_uris(
        "alice",
        rig.link("two"),
        vec![format!("a:{}", "x".repeat(4096))],
    );
    assert_eq!(rig.resolve("a:n0").await, "nobody");
    assert_eq!(rig.resolve("a:n1").await, "two a:n1");
    assert_eq!(rig.resolve("a:n10000").await, "two a:n10000");
    assert_eq!(
        rig.resolve(&format!("a:{}", "x".repeat(4096))).await,
        "nobody"
    );
}

#[tokio::test]
async fn p9_17_a_tools_ui_is_named_as_clients_know_it() {
    let with_ui = |name: &str, meta: serde_json::Value| json!({"name": name, "inputSchema": {"type": "object"}, "_meta": meta});
    let start = async || {
        server()
            .tool_definition(
                with_ui(
                    "nested",
                    json!({"ui": {"resourceUri": "ui://app", "x": 1}, "y": 2}),
                ),
                "x",
            )
            .tool_definition(with_ui("flat", json!({"ui/resourceUri": "ui://app"})), "x")
            .tool_definition(
                with_ui("own", json!({"ui": {"resourceUri": "ui://only"}})),
                "x",
            )
            .method("resources/list", resources(&["ui://app"]))
            .start()
            .await
    };
    let (one, two) = (start().await, start().await);
    let rig = Rig::over(&[("one", &one), ("two", &two)]);
    let list = rig.tools().await;
    let meta = |at: usize| &list["tools"][at]["_meta"];
    assert_eq!(
        *meta(0),
        json!({"ui": {"resourceUri": "ui://app", "x": 1}, "y": 2})
    );
    assert_eq!(*meta(1), json!({"ui/resourceUri": "ui://app"}));
    assert_eq!(*meta(2), json!({"ui": {"resourceUri": "ui://only"}}));
    assert_eq!(
        *meta(3),
        json!({"ui": {"resourceUri": "ui://two+app", "x": 1}, "y": 2})
    );
    assert_eq!(*meta(4), json!({"ui/resourceUri": "ui://two+app"}));
    assert_eq!(*meta(5), json!({"ui": {"resourceUri": "ui://two+only"}}));
    // The server is still called with what it defined.
    let tool = rig.workspace.find("two__nested").await.unwrap();
    assert!(!tool.definition.raw.as_str().contains("two+"));
    assert_eq!(rig.resolve("ui://only").await, "one ui://only");
    assert_eq!(shown(&rig.resources().await), ["ui://app", "ui://two+app"]);
    assert_eq!(rig.tools().await, list);
}

#[tokio::test]
async fn p9_17_a_tools_ui_follows_when_resources_turn_out_to_collide() {
    let one = server()
        .method("resources/list", resources(&["ui://app"]))
        .start()
        .await;
    let tool = json!({"name": "t", "inputSchema": {"type": "object"}, "_meta": {"ui": {"resourceUri": "ui://app"}}});
    let two = server().tool_definition(tool, "x").start().await;
    let rig = Rig::over(&[("one", &one), ("two", &two)]);
    assert_eq!(
        rig.tools().await["tools"][0]["_meta"]["ui"]["resourceUri"],
        "ui://app"
    );
    rig.resources().await;
    assert_eq!(
        rig.tools().await["tools"][0]["_meta"]["ui"]["resourceUri"],
        "ui://two+app"
    );
}

#[tokio::test]
async fn p9_19_a_server_that_fails_does_not_keep_others_from_being_found() {
    let broken = server()
        .method("resources/list", Script::new().error(-32603, "no"))
        .start()
        .await;
    let notes = start(&["a:1"], &["a:{name}"]).await;
    let rig = Rig::over(&[("broken", &broken), ("notes", &notes)]);
    assert_eq!(rig.resolve("a:1").await, "notes a:1");
    assert_eq!(rig.resolve("a:x").await, "notes a:x");
    assert_eq!(rig.resolve("broken+b:x").await, "broken b:x explicit");
    assert_eq!(missing(&rig.resources().await), ["broken"]);
}
