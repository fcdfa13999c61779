//! S-75: what children write to standard error is kept, bounded, cleaned, and shown to the admin alone.

use serde_json::json;
use toolgate_tests::eventually;

use crate::world::{World, add_child};

const SECRET: &str = "fake-secret-value-1";

fn texts(world: &World) -> Vec<String> {
    let lines = world
        .installation
        .lines(&["mcp", "logs", "c", "--workspace", "team"]);
    let text = |line: &serde_json::Value| line["text"].as_str().unwrap_or_default().to_owned();
    lines.iter().map(text).collect()
}

/// rmcp's child transport inherits standard error by default.
#[tokio::test(flavor = "multi_thread")]
async fn s75_rmcp_stderr_is_never_inherited_and_shown_to_the_admin_cleaned() {
    let world = World::prepare(|installation| {
        add_child(installation, "c", &["--env", "API_KEY"], &[]);
        installation.secret("team", "c", "API_KEY", SECRET);
    });
    let mut client = world.legacy().await;
    let line = format!("the key is {SECRET}, \u{1b}[31mred\u{1b}[0m \u{202e}turned");
    client.call("c__stderr_line", json!({ "line": line })).await;
    // Base64 of the secret, in another line.
    client
        .call(
            "c__stderr_line",
            json!({ "line": "ZmFrZS1zZWNyZXQtdmFsdWUtMQ==" }),
        )
        .await;
    let shown = eventually("the lines are shown", || {
        Some(texts(&world)).filter(|lines| lines.len() == 2)
    });
    assert!(
        shown[0].starts_with("the key is [REDACTED], \\u{1b}[31mred"),
        "{shown:?}"
    );
    assert!(shown[0].ends_with("\\u{202e}turned"), "{shown:?}");
    assert!(!shown[1].contains("ZmFrZS1z"), "{shown:?}");

    let own = world.gateway.process.stderr() + &world.gateway.process.stdout();
    assert!(
        !own.contains("the key is"),
        "never inherited, never logged: {own}"
    );
    assert!(!own.contains(SECRET));
    let people =
        world
            .installation
            .done(&["mcp", "logs", "c", "--workspace", "team", "--limit", "1"]);
    assert_eq!(people.lines().count(), 1, "{people}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s75_a_flood_of_errors_stays_bounded_and_the_last_lines_are_kept() {
    let world = World::prepare(|installation| add_child(installation, "c", &[], &[]));
    let mut client = world.legacy().await;
    assert_eq!(
        client
            .call("c__stderr_flood", json!({"mib": 8}))
            .await
            .text(),
        "flooded"
    );
    eventually("the last line is shown", || {
        texts(&world)
            .last()
            .is_some_and(|line| line == "the end of the flood")
            .then_some(())
    });
    let all = world.installation.lines(&[
        "mcp",
        "logs",
        "c",
        "--workspace",
        "team",
        "--limit",
        "1000000",
    ]);
    let bytes: usize = all
        .iter()
        .map(|line| line["text"].as_str().map_or(0, str::len))
        .sum();
    assert!((128 * 1024..=256 * 1024).contains(&bytes), "{bytes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s75_logs_say_what_is_missing() {
    let world = World::prepare(|installation| add_child(installation, "c", &[], &[]));
    let unknown = world
        .installation
        .ctl(&["mcp", "logs", "nobody", "--workspace", "team"]);
    assert!(
        unknown.stderr.contains("no server `nobody`"),
        "{}",
        unknown.stderr
    );
    crate::world::add_url(&world.installation, "far", "http://127.0.0.1:9/mcp", &[]);
    let far = world
        .installation
        .ctl(&["mcp", "logs", "far", "--workspace", "team"]);
    assert!(far.stderr.contains("no child process"), "{}", far.stderr);
    let World {
        installation,
        gateway,
        ..
    } = world;
    assert!(gateway.stop().success());
    let stopped = installation.ctl(&["mcp", "logs", "c", "--workspace", "team"]);
    assert!(
        stopped.stderr.contains("no gateway is running"),
        "{}",
        stopped.stderr
    );
}
