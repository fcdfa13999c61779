//! Tools and prompts: drained, merged, kept and asked for again.

use std::time::Duration;

use serde_json::{Value, json};
use toolgate_router::Listed;
use toolgate_testkit::{Script, Server};

use crate::support::{
    LEGACY, MODERN, Rig, advance, info, more, patient, principal, prompts, server, texts, value,
};

fn tools(names: &[&str]) -> Value {
    let items: Vec<_> = names
        .iter()
        .map(|name| json!({"name": name, "inputSchema": {"type": "object"}}))
        .collect();
    json!({"tools": items})
}

/// Three pages; the cursors are `second` and `third`.
fn paged(server: Server, method: &str, page: impl Fn(&[&str]) -> Value) -> Server {
    server
        .page(method, None, more(page(&["a", "b"]), "second"))
        .page(method, Some("second"), more(page(&["c", "d"]), "third"))
        .page(method, Some("third"), page(&["e"]))
}

/// Behaviour 11: seven servers of three pages, one of them going in circles, one with an empty cursor.
async fn check_pages(
    method: &str,
    page: fn(&[&str]) -> Value,
    listed: impl AsyncFn(&Rig) -> Vec<String>,
) {
    let mut servers = Vec::new();
    for _ in 0..5 {
        servers.push(paged(server(), method, page).start().await);
    }
    let circles = server()
        .page(method, None, more(page(&["a", "b"]), "second"))
        .page(method, Some("second"), more(page(&["c", "d"]), "third"))
        .page(method, Some("third"), more(page(&["a", "b"]), "second"));
    servers.insert(2, circles.start().await);
    let empty = server()
        .page(method, None, more(page(&["a", "b"]), ""))
        .page(method, Some(""), more(page(&["c", "d"]), "third"))
        .page(method, Some("third"), page(&["e"]));
    servers.insert(4, empty.start().await);

    let slugs = ["one", "two", "three", "four", "five", "six", "seven"];
    let links: Vec<_> = slugs.into_iter().zip(&servers).collect();
    let rig = Rig::over(&links);

    let mut expected = Vec::new();
    for slug in slugs {
        let names: &[&str] = if slug == "three" {
            &["a", "b", "c", "d"]
        } else {
            &["a", "b", "c", "d", "e"]
        };
        expected.extend(names.iter().map(|name| format!("{slug}__{name}")));
    }
    assert_eq!(listed(&rig).await, expected, "{method}");
    for server in &servers {
        assert!(
            server.requests_for(method).len() <= 4,
            "{method} is bounded"
        );
    }
}

#[tokio::test]
async fn p9_54_p9_56_every_tool_once_in_order() {
    check_pages("tools/list", tools, async |rig: &Rig| {
        rig.tool_names().await
    })
    .await;
}

#[tokio::test]
async fn p9_54_p9_56_every_prompt_once_in_order() {
    check_pages("prompts/list", prompts, async |rig: &Rig| {
        rig.prompt_names().await
    })
    .await;
}

#[tokio::test]
async fn p9_23_prompts_are_named_and_found_like_tools() {
    let long = "x".repeat(70);
    let notes = json!({"prompts": [
        {"name": "write", "title": "Write", "arguments": [{"name": "topic", "required": true}], "vendor": 1},
        {"name": "say hello"},
        {"name": long},
        {"name": "write", "title": "Again"},
        {"title": "nameless"},
    ]});
    let notes = server()
        .tool("write", "x")
        .method("prompts/list", notes)
        .start()
        .await;
    let other = server()
        .method("prompts/list", prompts(&["write"]))
        .start()
        .await;
    let rig = Rig::over(&[("notes", &notes), ("other", &other)]);

    let list = rig.prompts().await;
    let names = texts(&list["prompts"], "name");
    assert_eq!(names.len(), 4, "{names:?}");
    assert_eq!(names[0], "notes__write");
    assert!(names[1].starts_with("notes__say_hello_"), "{names:?}");
    assert!(
        names[2].starts_with("notes__xxx") && names[2].len() == 64,
        "{names:?}"
    );
    assert_eq!(names[3], "other__write");
    let first = json!({
        "name": "notes__write", "title": "Write",
        "arguments": [{"name": "topic", "required": true}], "vendor": 1,
    });
    assert_eq!(list["prompts"][0], first);
    assert_eq!(list["_meta"]["io.toolgate/missingServers"], Value::Null);

    for (asked, own) in [
        ("notes__write", "write"),
        (names[1].as_str(), "say hello"),
        ("notes__say hello", "say hello"),
        (&names[2], &long),
        (&format!("notes__{long}"), &long),
    ] {
        let prompt = patient(rig.workspace.find_prompt(asked)).await.unwrap();
        assert_eq!(&*prompt.name, own, "{asked}");
        assert_eq!(prompt.link.spec().slug.as_str(), "notes");
    }
    assert!(rig.workspace.find_prompt("notes__nothing").await.is_none());
    assert!(rig.workspace.find_prompt("write").await.is_none());
    // One table for tools, one for prompts.
    assert!(rig.workspace.catalog().find("notes__write").is_none());
    assert_eq!(rig.tool_names().await, ["notes__write"]);
}

#[tokio::test]
async fn p9_23_a_prompt_of_a_server_that_was_never_listed_is_found() {
    let notes = server()
        .method("prompts/list", prompts(&["write"]))
        .start()
        .await;
    let other = server()
        .method("prompts/list", prompts(&["write"]))
        .start()
        .await;
    let rig = Rig::over(&[("notes", &notes), ("other", &other)]);
    let prompt = patient(rig.workspace.find_prompt("notes__write"))
        .await
        .unwrap();
    assert_eq!(&*prompt.name, "write");
    assert_eq!(other.requests().len(), 0, "the name says whose it is");
}

#[tokio::test]
async fn p9_30_a_server_without_prompts_is_not_asked_for_them() {
    let notes = Server::new()
        .method("prompts/list", prompts(&["hidden"]))
        .start()
        .await;
    let rig = Rig::over(&[("notes", &notes)]);
    patient(rig.workspace.introduced(Duration::from_secs(20))).await;
    assert!(rig.prompt_names().await.is_empty());
    assert_eq!(
        rig.prompts().await["_meta"]["io.toolgate/missingServers"],
        Value::Null
    );
    assert!(rig.workspace.find_prompt("notes__hidden").await.is_none());
    assert_eq!(notes.requests_for("prompts/list").len(), 0);
}

#[tokio::test]
async fn p9_6_a_lone_server_without_a_prefix_keeps_its_names() {
    let notes = server()
        .tool("a__b", "x")
        .method("prompts/list", prompts(&["write", "a__b"]))
        .start()
        .await;
    let rig = Rig::with(&[("notes", &notes)], |spec| {
        spec.prefix = toolgate_namespace::Prefix::None;
    });
    assert!(patient(rig.workspace.find_prompt("a__b")).await.is_some());
    assert_eq!(rig.prompt_names().await, ["write", "a__b"]);
    assert_eq!(rig.tool_names().await, ["a__b"]);
}

#[tokio::test]
async fn p9_65_a_list_that_changed_is_not_served_any_more() {
    let notes = server()
        .method("tools/list", tools(&["old"]))
        .method("prompts/list", prompts(&["old"]))
        .start()
        .await;
    let rig = Rig::over(&[("notes", &notes)]);
    assert_eq!(rig.tool_names().await, ["notes__old"]);
    assert_eq!(rig.prompt_names().await, ["notes__old"]);

    notes.set_method("tools/list", tools(&["new"]));
    notes.set_method("prompts/list", prompts(&["new"]));
    assert_eq!(rig.tool_names().await, ["notes__old"], "nobody said so");
    assert_eq!(rig.prompt_names().await, ["notes__old"], "nobody said so");

    rig.link("notes").invalidate(Listed::Prompts);
    assert_eq!(rig.tool_names().await, ["notes__old"]);
    assert_eq!(rig.prompt_names().await, ["notes__new"]);
    rig.link("notes").invalidate(Listed::Tools);
    assert_eq!(rig.tool_names().await, ["notes__new"]);
}

#[tokio::test]
async fn p9_65_a_list_under_way_when_it_changed_is_asked_for_again() {
    let slow = Script::new()
        .delay(Duration::from_millis(300))
        .result(prompts(&["old"]));
    let notes = server().method("prompts/list", slow).start().await;
    let rig = Rig::over(&[("notes", &notes)]);
    let workspace = rig.workspace.clone();
    let under_way = tokio::spawn(async move { workspace.prompts_ready().await });
    patient(notes.saw("prompts/list")).await;

    notes.set_method("prompts/list", prompts(&["new"]));
    rig.link("notes").invalidate(Listed::Prompts);
    assert_eq!(rig.prompt_names().await, ["notes__new"]);
    patient(under_way).await.unwrap();
    assert_eq!(rig.prompt_names().await, ["notes__new"]);
}

#[tokio::test]
async fn r18_an_old_list_is_served_and_fetched_behind_the_answer() {
    let notes = server()
        .method("prompts/list", prompts(&["old"]))
        .start()
        .await;
    let rig = Rig::over(&[("notes", &notes)]);
    assert_eq!(rig.prompt_names().await, ["notes__old"]);
    notes.set_method("prompts/list", prompts(&["new"]));
    advance(Duration::from_secs(61)).await;
    assert_eq!(rig.prompt_names().await, ["notes__old"]);
    let renewed = async {
        while rig.prompt_names().await != ["notes__new"] {
            tokio::task::yield_now().await;
        }
    };
    patient(renewed).await;
    assert_eq!(notes.requests_for("prompts/list").len(), 2);
}

#[tokio::test]
async fn p9_63_what_one_workspace_remembers_is_not_served_in_another() {
    let public = |name: &str| {
        let mut list = prompts(&[name]);
        list["resultType"] = json!("complete");
        list["ttlMs"] = json!(60_000);
        list["cacheScope"] = json!("public");
        list
    };
    let notes = server()
        .modern()
        .method("prompts/list", public("old"))
        .start()
        .await;
    let here = Rig::over(&[("notes", &notes), ("twin", &notes)]);
    assert_eq!(here.prompt_names().await, ["notes__old", "twin__old"]);
    assert_eq!(
        notes.requests_for("prompts/list").len(),
        2,
        "each link asks"
    );

    notes.set_method("prompts/list", public("new"));
    let there = Rig::over(&[("notes", &notes)]);
    assert_eq!(there.prompt_names().await, ["notes__new"]);
    here.link("twin").invalidate(Listed::Prompts);
    assert_eq!(here.prompt_names().await, ["notes__old", "twin__new"]);
    assert_eq!(there.prompt_names().await, ["notes__new"]);
    assert_eq!(notes.requests_for("prompts/list").len(), 4);
}

/// Behaviour 23.
#[tokio::test]
async fn s40_two_tokens_see_their_own_tools_of_a_public_list() {
    let list = json!({
        "resultType": "complete", "ttlMs": 60_000, "cacheScope": "public",
        "tools": [
            {"name": "read", "inputSchema": {"type": "object"}},
            {"name": "write", "inputSchema": {"type": "object"}},
        ],
    });
    let notes = Server::new()
        .modern()
        .method("tools/list", list)
        .start()
        .await;
    let rig = Rig::over(&[("notes", &notes)]);
    let catalog = patient(rig.workspace.ready()).await;
    let seen = |rule: &str| value(&catalog.list_for(&principal(rule), MODERN, &info()));
    for _ in 0..2 {
        let reader = seen("notes__read");
        assert_eq!(texts(&reader["tools"], "name"), ["notes__read"]);
        let writer = seen("notes__write");
        assert_eq!(texts(&writer["tools"], "name"), ["notes__write"]);
        for list in [reader, writer] {
            assert_eq!(list["cacheScope"], "private");
            assert_eq!(list["ttlMs"], 0);
        }
    }
    let legacy = value(&catalog.list_for(&principal("notes__read"), LEGACY, &info()));
    assert_eq!(legacy["cacheScope"], Value::Null);
}
