//! Pages of resources and templates.

use std::time::Duration;

use serde_json::{Value, json};
use toolgate_namespace::Prefix;
use toolgate_router::{Listed, Position, StalePosition};
use toolgate_testkit::{Script, Server};
use toolgate_upstream::ListKind;

use crate::support::{
    LEGACY, MODERN, Rig, advance, info, missing, more, patient, resources, server, shown,
    templates, value,
};

fn numbered(from: usize, to: usize) -> Value {
    let uris: Vec<String> = (from..to).map(|n| format!("file:///{n}")).collect();
    let uris: Vec<&str> = uris.iter().map(String::as_str).collect();
    resources(&uris)
}

/// Behaviour 11, for resources.
#[tokio::test]
async fn p9_55_p9_56_every_resource_once_in_order() {
    let page = |uris: &[&str]| resources(uris);
    let method = "resources/list";
    let mut servers = Vec::new();
    for n in 0..7 {
        let uri = |name: &str| format!("s{n}:{name}");
        let (a, b, c) = (uri("a"), uri("b"), uri("c"));
        let second = if n == 4 { "" } else { "second" };
        let last = match n {
            2 => more(page(&[&a]), "second"),
            _ => page(&[&c]),
        };
        let server = server()
            .page(method, None, more(page(&[&a]), second))
            .page(method, Some(second), more(page(&[&b]), "third"))
            .page(method, Some("third"), last);
        servers.push(server.start().await);
    }
    let slugs = ["one", "two", "three", "four", "five", "six", "seven"];
    let links: Vec<_> = slugs.into_iter().zip(&servers).collect();
    let rig = Rig::over(&links);
    let (all, pages) = rig.all_pages(ListKind::Resources).await;
    let expected: Vec<String> = (0..7)
        .flat_map(|n| ["a", "b", "c"].map(|name| format!("s{n}:{name}")))
        .filter(|uri| uri != "s2:c")
        .collect();
    assert_eq!(all, expected);
    assert_eq!(pages, 1);
    for server in &servers {
        assert!(server.requests_for(method).len() <= 4);
    }
}

#[tokio::test]
async fn p9_56_pages_without_anything_new_end_the_list() {
    let method = "resources/list";
    let notes = (0..50).fold(server(), |server, n| {
        let at = n.to_string();
        let cursor = (n > 0).then_some(at.as_str());
        server.page(
            method,
            cursor,
            more(resources(&["file:///a"]), &(n + 1).to_string()),
        )
    });
    let notes = notes.start().await;
    let rig = Rig::over(&[("notes", &notes)]);
    let (all, _) = rig.all_pages(ListKind::Resources).await;
    assert_eq!(all, ["file:///a"]);
    assert_eq!(notes.requests_for(method).len(), 4);
}

#[tokio::test]
async fn p9_55_p9_58_a_huge_list_comes_in_pages_with_its_servers_own_cursor() {
    let method = "resources/list";
    let huge = server()
        .page(method, None, more(numbered(0, 700), "at 700"))
        .page(method, Some("at 700"), more(numbered(700, 1600), "at 1600"))
        .page(method, Some("at 1600"), more(numbered(1600, 2100), ""))
        .page(method, Some(""), numbered(2100, 2350))
        .start()
        .await;
    let small = server()
        .method(method, resources(&["small:a"]))
        .start()
        .await;
    let last = server()
        .method(method, resources(&["last:a"]))
        .start()
        .await;
    let rig = Rig::over(&[("small", &small), ("huge", &huge), ("last", &last)]);

    let first = rig.resources().await;
    assert_eq!(first.items.len(), 1000);
    assert_eq!(shown(&first)[..2], ["small:a", "file:///0"]);
    let mut expected = vec!["small:a".to_owned()];
    expected.extend((0..2350).map(|n| format!("file:///{n}")));
    expected.push("last:a".to_owned());
    let (all, _) = rig.all_pages(ListKind::Resources).await;
    assert_eq!(all.len(), expected.len());
    assert_eq!(all, expected);
    for server in [&small, &last] {
        let asked = server.requests_for(method);
        assert!(
            asked
                .iter()
                .all(|request| request.body["params"]["cursor"].is_null())
        );
    }

    // A position survives the store and the wire.
    let text = serde_json::to_string(&first.next.unwrap()).unwrap();
    let position: Position = serde_json::from_str(&text).unwrap();
    let second = patient(
        rig.workspace
            .resource_page(ListKind::Resources, Some(&position)),
    );
    assert_eq!(shown(&second.await.unwrap())[0], expected[1000]);
}

#[tokio::test]
async fn p9_59_a_list_that_changes_between_pages_goes_on_where_it_was() {
    let method = "resources/list";
    let page = |from, to| server().page(method, None, more(numbered(from, to), "next"));
    let huge = page(0, 1000).page(method, Some("next"), numbered(1000, 1010));
    let huge = huge.start().await;
    let rig = Rig::over(&[("huge", &huge)]);
    let first = rig.resources().await;
    let next = first.next.unwrap();

    // Three were put in front of the others, so the server's own second page begins three earlier.
    huge.set_method(method, numbered(997, 1010));
    rig.link("huge").invalidate(Listed::Resources);
    let second = rig
        .workspace
        .resource_page(ListKind::Resources, Some(&next));
    let second = patient(second).await.unwrap();
    assert_eq!(shown(&second)[0], "file:///997", "doubled, as it may be");
    assert_eq!(second.items.len(), 13);
    assert_eq!(second.next, None);
    let cursor = &huge.requests_for(method).pop().unwrap().body["params"]["cursor"];
    assert_eq!(cursor, "next");
}

#[tokio::test]
async fn p9_55_one_page_of_a_server_may_be_larger_than_ours() {
    let huge = server()
        .method("resources/list", numbered(0, 2500))
        .start()
        .await;
    let other = server()
        .method("resources/list", resources(&["other:a"]))
        .start()
        .await;
    let rig = Rig::over(&[("huge", &huge), ("other", &other)]);
    let (all, pages) = rig.all_pages(ListKind::Resources).await;
    assert_eq!(all.len(), 2501);
    assert_eq!(
        (all[2499].as_str(), all[2500].as_str()),
        ("file:///2499", "other:a")
    );
    assert_eq!(pages, 3);
}

#[tokio::test]
async fn p9_57_a_position_in_a_server_that_is_gone_is_refused() {
    let notes = server().start().await;
    let rig = Rig::over(&[("notes", &notes)]);
    let gone = Position {
        server: "srv_gone".to_owned(),
        cursor: None,
        skip: 0,
        pages: 0,
    };
    let page = patient(
        rig.workspace
            .resource_page(ListKind::Resources, Some(&gone)),
    )
    .await;
    assert_eq!(page.unwrap_err(), StalePosition);
}

#[tokio::test]
async fn p9_14_a_server_that_fails_on_a_later_page_is_left_behind() {
    let method = "resources/list";
    let huge = server()
        .page(method, None, more(numbered(0, 1000), "rest"))
        .page(method, Some("rest"), Script::new().error(-32603, "no"))
        .start()
        .await;
    let last = server()
        .method(method, resources(&["last:a"]))
        .start()
        .await;
    let rig = Rig::over(&[("huge", &huge), ("last", &last)]);
    let first = rig.resources().await;
    let next = rig
        .workspace
        .resource_page(ListKind::Resources, first.next.as_ref());
    let next = patient(next).await.unwrap();
    assert_eq!(shown(&next), ["last:a"]);
    assert_eq!((missing(&next), next.next.clone()), (vec!["huge"], None));
}

#[tokio::test]
async fn p9_17_later_servers_show_the_same_uris_in_explicit_form() {
    let lists = |server: Server| {
        server
            .method(
                "resources/list",
                resources(&["file:///a", "ui://app", "https://x.example/"]),
            )
            .method("resources/templates/list", templates(&["file:///{path}"]))
    };
    let one = lists(server()).start().await;
    let two = lists(server()).start().await;
    let odd = server()
        .method("resources/list", resources(&["one+file:///b"]))
        .start()
        .await;
    let rig = Rig::over(&[("one", &one), ("two", &two), ("odd", &odd)]);
    let page = rig.resources().await;
    assert_eq!(
        shown(&page),
        [
            "file:///a",
            "ui://app",
            "https://x.example/",
            "two+file:///a",
            "ui://two+app",
            "two+https://x.example/",
            // Bare, it would be read as another server's.
            "odd+one+file:///b",
        ]
    );
    let page = rig.first_page(ListKind::ResourceTemplates).await;
    assert_eq!(shown(&page), ["file:///{path}", "two+file:///{path}"]);
    for (shown, whose) in [("odd+one+file:///b", "odd"), ("ui://two+app", "two")] {
        let found = rig.resolve(shown).await;
        assert!(found.starts_with(whose), "{found}");
    }
}

#[tokio::test]
async fn p9_17_uris_on_later_pages_collide_too() {
    let method = "resources/list";
    let huge = server()
        .page(method, None, more(numbered(0, 1000), "rest"))
        .page(method, Some("rest"), numbered(1000, 1010))
        .start()
        .await;
    let other = server()
        .method(method, resources(&["file:///1005"]))
        .start()
        .await;
    let rig = Rig::over(&[("huge", &huge), ("other", &other)]);
    let (all, _) = rig.all_pages(ListKind::Resources).await;
    assert_eq!(all.last().unwrap(), "other+file:///1005");
    assert_eq!(rig.resolve("file:///1005").await, "huge file:///1005");
    assert_eq!(rig.resolve("file:///1009").await, "huge file:///1009");
}

#[tokio::test]
async fn p9_6_a_transparent_workspace_shows_uris_untouched() {
    let notes = server()
        .method("resources/list", resources(&["notes+file:///a"]))
        .start()
        .await;
    let rig = Rig::with(&[("notes", &notes)], |spec| spec.prefix = Prefix::None);
    assert_eq!(shown(&rig.resources().await), ["notes+file:///a"]);
    assert_eq!(
        rig.resolve("notes+file:///a").await,
        "notes notes+file:///a"
    );
}

#[tokio::test]
async fn p9_65_resources_are_asked_for_again_after_a_second_or_a_notice() {
    let notes = server()
        .method("resources/list", resources(&["file:///old"]))
        .start()
        .await;
    let rig = Rig::over(&[("notes", &notes)]);
    assert_eq!(shown(&rig.resources().await), ["file:///old"]);
    notes.set_method("resources/list", resources(&["file:///new"]));
    rig.link("notes").invalidate(Listed::Resources);
    assert_eq!(shown(&rig.resources().await), ["file:///new"]);
    notes.set_method("resources/list", resources(&["file:///newer"]));
    advance(Duration::from_secs(2)).await;
    assert_eq!(shown(&rig.resources().await), ["file:///newer"]);
}

#[tokio::test]
async fn p9_30_a_server_without_resources_is_not_asked_for_them() {
    let notes = Server::new()
        .method("resources/list", resources(&["file:///a"]))
        .start()
        .await;
    let rig = Rig::over(&[("notes", &notes)]);
    patient(rig.workspace.introduced(Duration::from_secs(20))).await;
    let page = rig.resources().await;
    assert!(page.items.is_empty() && page.missing.is_empty());
    assert_eq!(notes.requests_for("resources/list").len(), 0);
}

#[tokio::test]
async fn p9_61_a_page_is_good_as_long_as_all_who_contribute_say() {
    let with_ttl = |ttl: u64| {
        let mut page = resources(&["file:///a"]);
        page["ttlMs"] = json!(ttl);
        server().modern().method("resources/list", page)
    };
    let (long, short) = (
        with_ttl(600_000).start().await,
        with_ttl(300_000).start().await,
    );
    let silent = server()
        .method("resources/list", resources(&["old:a"]))
        .start()
        .await;

    let page = Rig::over(&[("long", &long), ("short", &short)])
        .resources()
        .await;
    assert!((1..=300_000).contains(&page.ttl_ms), "{}", page.ttl_ms);
    let page = Rig::over(&[("long", &long), ("silent", &silent)])
        .resources()
        .await;
    assert_eq!(page.ttl_ms, 0);
}

#[tokio::test]
async fn p9_60_a_page_is_written_for_its_client() {
    let notes = server()
        .method("resources/list", resources(&["file:///a"]))
        .method("resources/templates/list", templates(&["file:///{path}"]))
        .start()
        .await;
    let broken = server().refuse(503, "no").start().await;
    let rig = Rig::over(&[("notes", &notes), ("broken", &broken)]);
    let page = rig.resources().await;
    let modern = value(&page.write(ListKind::Resources, MODERN, &info(), Some("next")));
    assert_eq!(modern["resources"][0]["uri"], "file:///a");
    assert_eq!(modern["nextCursor"], "next");
    assert_eq!(
        (&modern["ttlMs"], &modern["cacheScope"]),
        (&json!(0), &json!("private"))
    );
    assert_eq!(
        modern["_meta"]["io.toolgate/missingServers"],
        json!(["broken"])
    );
    let page = rig.first_page(ListKind::ResourceTemplates).await;
    let legacy = value(&page.write(ListKind::ResourceTemplates, LEGACY, &info(), None));
    assert_eq!(
        legacy["resourceTemplates"][0]["uriTemplate"],
        "file:///{path}"
    );
    assert!(legacy["nextCursor"].is_null() && legacy["ttlMs"].is_null());
}
