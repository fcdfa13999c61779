//! `toolgatectl`, before a gateway was ever started and beside a running one.

use serde_json::{Value, json};
use toolgate_testkit::Server;
use toolgate_tests::Installation;

use crate::world::{World, add, list};

#[test]
fn workspaces_are_made_listed_chosen_and_deleted() {
    let installation = Installation::new();
    let made = installation.workspace("Client A");
    assert_eq!(made.slug, "client-a");
    let block = &made.json["mcp_json"]["mcpServers"]["client-a"];
    assert_eq!(
        block["headers"]["Authorization"],
        format!("Bearer {}", made.token)
    );
    assert!(
        block["url"]
            .as_str()
            .is_some_and(|url| url.ends_with("/ws/client-a")),
        "{block}"
    );
    assert_eq!(made.json["url"], block["url"]);

    installation.workspace("other");
    installation.done(&["workspace", "use", "client-a"]);
    let table = installation.done(&["workspace", "list"]);
    let header = table
        .lines()
        .find(|line| line.contains("SLUG"))
        .expect("a table");
    assert!(
        header.contains("NAME") && header.contains("MCP SERVERS") && header.contains("TOKENS"),
        "{table}"
    );
    let marked: Vec<&str> = table.lines().filter(|line| line.contains('*')).collect();
    assert_eq!(marked.len(), 1, "{table}");
    assert!(marked[0].contains("client-a"), "{table}");

    // Nobody can be asked without a terminal, and the answer that is not given is no.
    let asked = installation.ctl_with(&["workspace", "delete", "client-a"], "y\n");
    assert!(
        !asked.status.success() && asked.stderr.contains("--yes"),
        "{asked:?}"
    );
    assert_eq!(slugs(&installation), ["client-a", "other"]);
    installation.done(&["workspace", "delete", "client-a", "--yes"]);
    assert_eq!(slugs(&installation), ["other"]);
    let missing = installation.ctl(&["workspace", "use", "client-a"]);
    assert_eq!(
        missing.status.code(),
        Some(3),
        "not found: {}",
        missing.stderr
    );
    assert!(missing.stderr.contains("client-a"), "{}", missing.stderr);
}

fn slugs(installation: &Installation) -> Vec<String> {
    let workspaces = installation.lines(&["workspace", "list"]);
    workspaces
        .iter()
        .filter_map(|one| one["slug"].as_str())
        .map(str::to_owned)
        .collect()
}

#[test]
fn tokens_are_shown_once_and_listed_without_their_text() {
    let installation = Installation::new();
    installation.workspace("team");
    let token = installation.token(
        "team",
        &[
            "--role",
            "read-only",
            "--expires-in",
            "14d",
            "--tools",
            "a__*",
        ],
    );
    assert!(
        token.json["mcp_json"]["mcpServers"]["team"].is_object(),
        "{}",
        token.json
    );
    let listed = installation.lines(&["workspace", "token", "list", "team"]);
    assert_eq!(
        listed.len(),
        2,
        "the one that came with the workspace, and this one"
    );
    assert!(
        !Value::from(listed.clone()).to_string().contains("mwt_"),
        "{listed:?}"
    );
    let ours = listed
        .iter()
        .find(|one| one["id"] == token.json["id"])
        .expect("it is listed");
    assert_eq!(
        (&ours["name"], &ours["role"]),
        (&json!("test"), &json!("read-only"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_come_and_go_beside_a_running_gateway() {
    let server = Server::new().tool("hello", "good day").start().await;
    let world = World::new(&[]);
    let mut client = world.legacy().await;
    assert_eq!(list(&mut client).await, Vec::<String>::new());

    add(&world.installation, "s", &server, &[]);
    assert_eq!(list(&mut client).await, ["s__hello"]);
    let tools = world
        .installation
        .lines(&["tools", "list", "s", "--workspace", "team"]);
    assert_eq!(tools[0]["exposed"], "s__hello", "{tools:?}");
    let tested = world.installation.done(&["workspace", "test", "team"]);
    assert!(
        tested.contains("TOOL") && tested.contains("hello"),
        "{tested}"
    );

    for (command, wanted) in [
        ("disable", Vec::new()),
        ("enable", vec!["s__hello"]),
        ("remove", Vec::new()),
    ] {
        world
            .installation
            .done(&["mcp", command, "s", "--workspace", "team"]);
        assert_eq!(list(&mut client).await, wanted, "after {command}");
    }
}

/// P9.6: a server that is alone may keep its own names.
#[tokio::test(flavor = "multi_thread")]
async fn names_can_stay_as_they_are() {
    let server = Server::new().tool("hello", "good day").start().await;
    let world =
        World::prepare(|installation| add(installation, "s", &server, &["--prefix", "none"]));
    let mut client = world.legacy().await;
    assert_eq!(list(&mut client).await, ["hello"]);
    assert_eq!(client.call("hello", json!({})).await.text(), "good day");
}

#[test]
fn what_cannot_be_is_refused_with_what_to_do() {
    #[track_caller]
    fn check(installation: &Installation, args: &[&str], mention: &str) {
        let said = installation.ctl(args);
        assert!(!said.status.success(), "{args:?}");
        assert!(said.stderr.contains(mention), "{args:?}: {}", said.stderr);
    }

    let installation = Installation::new();
    installation.workspace("team");
    check(&installation, &["mcp", "add", "s"], "--url");
    check(
        &installation,
        &["mcp", "add", "a__b", "--url", "http://127.0.0.1:1/mcp"],
        "a__b",
    );
    check(
        &installation,
        &["mcp", "add", "s", "--url", "ftp://example.com"],
        "ftp",
    );
    check(
        &installation,
        &["mcp", "remove", "s", "--workspace", "team"],
        "s",
    );
    check(
        &installation,
        &[
            "secrets",
            "set",
            "s",
            "KEY",
            "fake-value",
            "--workspace",
            "team",
        ],
        "s",
    );
    check(
        &installation,
        &["workspace", "token", "create", "nowhere", "--name", "x"],
        "nowhere",
    );
    check(
        &installation,
        &[
            "workspace",
            "token",
            "create",
            "team",
            "--name",
            "x",
            "--role",
            "king",
        ],
        "king",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_nothing_wrong_with_a_sound_installation() {
    let world = World::new(&[]);
    let findings = world.installation.lines(&["doctor"]);
    assert!(!findings.is_empty());
    world.installation.done(&["doctor"]);
}
