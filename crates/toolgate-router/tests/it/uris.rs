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

#[track_caller]
fn check(found: Option<(String, String, bool)>, expected: Option<(&str, &str, bool)>) {
    let found = found.as_ref();
    let found = found.map(|(slug, own, explicit)| (slug.as_str(), own.as_str(), *explicit));
    assert_eq!(found, expected);
}

/// Behaviour 16.
#[tokio::test]
async fn p9_17_p9_19_the_same_uris_of_two_servers_reach_both() {
    let one = start(&["file:///a", "ui://app"], &["file:///{path}"]).await;
    let two = start(&["file:///a", "ui://app"], &["file:///{path}"]).await;
    let rig = Rig::over(&[("one", &one), ("two", &two)]);
    check(
        rig.resolve("file:///a").await,
        Some(("one", "file:///a", false)),
    );
    check(
        rig.resolve("one+file:///a").await,
        Some(("one", "file:///a", true)),
    );
    check(
        rig.resolve("two+file:///a").await,
        Some(("two", "file:///a", true)),
    );
    check(
        rig.resolve("ui://app").await,
        Some(("one", "ui://app", false)),
    );
    check(
        rig.resolve("ui://two+app").await,
        Some(("two", "ui://app", true)),
    );
    // Templates overlap: the first in order has bare URIs (P9.21).
    check(
        rig.resolve("file:///unlisted").await,
        Some(("one", "file:///unlisted", false)),
    );
    check(
        rig.resolve("two+file:///unlisted").await,
        Some(("two", "file:///unlisted", true)),
    );
    // One prefix comes off, no more.
    check(
        rig.resolve("two+one+file:///a").await,
        Some(("two", "one+file:///a", true)),
    );

    for (template, slug, own, explicit) in [
        ("file:///{path}", "one", "file:///{path}", false),
        ("two+file:///{path}", "two", "file:///{path}", true),
    ] {
        let resolved = patient(rig.workspace.resolve_template(template))
            .await
            .unwrap();
        assert_eq!(resolved.link.spec().slug.as_str(), slug);
        assert_eq!((resolved.own.as_str(), resolved.explicit), (own, explicit));
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
    check(
        rig.resolve("a:listed").await,
        Some(("listing", "a:listed", false)),
    );
    check(
        rig.resolve("a:other").await,
        Some(("shaping", "a:other", false)),
    );
    check(
        rig.resolve("mine:y").await,
        Some(("listing", "mine:y", false)),
    );
    check(
        rig.resolve("MINE:y").await,
        Some(("listing", "MINE:y", false)),
    );
    check(rig.resolve("b:3").await, None);
    check(rig.resolve("c:1").await, None);
    check(rig.resolve("no scheme").await, None);
    check(rig.resolve("git+ssh://x").await, None);
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
    check(rig.resolve("c:1").await, Some(("notes", "c:1", false)));

    let alone = Rig::over(&[("notes", &notes)]);
    check(alone.resolve("c:1").await, Some(("notes", "c:1", false)));
    check(
        alone.resolve("notes+c:1").await,
        Some(("notes", "c:1", true)),
    );
    check(
        alone.resolve("x+c:1").await,
        Some(("notes", "x+c:1", false)),
    );
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
    check(
        rig.resolve_for("alice", "a:linked").await,
        Some(("two", "a:linked", false)),
    );
    check(
        rig.resolve_for("bob", "a:linked").await,
        Some(("one", "a:linked", false)),
    );
    check(rig.resolve_for("carol", "a:linked").await, None);
    check(
        rig.resolve_for("bob", "a:listed").await,
        Some(("one", "a:listed", false)),
    );
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
    check(rig.resolve("a:n0").await, None);
    check(rig.resolve("a:n1").await, Some(("two", "a:n1", false)));
    check(
        rig.resolve("a:n10000").await,
        Some(("two", "a:n10000", false)),
    );
    check(rig.resolve(&format!("a:{}", "x".repeat(4096))).await, None);
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
    check(
        rig.resolve("ui://only").await,
        Some(("one", "ui://only", false)),
    );
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
    check(rig.resolve("a:1").await, Some(("notes", "a:1", false)));
    check(rig.resolve("a:x").await, Some(("notes", "a:x", false)));
    check(
        rig.resolve("broken+b:x").await,
        Some(("broken", "b:x", true)),
    );
    assert_eq!(missing(&rig.resources().await), ["broken"]);
}
