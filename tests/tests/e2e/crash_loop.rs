//! R-19: a child that keeps crashing is held, its calls fail at once and say why, and it comes back by itself.

use std::fs;
use std::time::Instant;

use serde_json::{Value, json};
use toolgate_tests::{eventually, marked};

use crate::world::{World, add_child, error, soon};

/// How the server `c` is listed.
fn listed(world: &World) -> Value {
    let servers = world
        .installation
        .lines(&["mcp", "list", "--workspace", "team"]);
    servers
        .into_iter()
        .find(|server| server["server"] == "c")
        .expect("it is listed")
}

#[tokio::test(flavor = "multi_thread")]
async fn r19_crash_loop() {
    let mut crash_file = None;
    let world = World::prepare(|installation| {
        let path = installation.scratch().join("crash");
        add_child(
            installation,
            "c",
            &[],
            &["--crash-file", path.to_str().expect("a plain path")],
        );
        crash_file = Some(path);
    });
    let crash_file = crash_file.expect("prepared");
    let mut client = world.legacy().await;
    assert_eq!(client.call("c__echo", json!({})).await.status, 200);

    // What is under way when it crashes fails, and is not sent again.
    fs::write(&crash_file, "").expect("a file");
    let mut second = world.legacy().await;
    let hanging = tokio::spawn(async move { second.call("c__hang", json!({})).await });
    let arrived = async {
        while !client
            .call("c__seen", json!({}))
            .await
            .text()
            .contains(r#""name":"hang""#)
        {}
    };
    soon("the hanging call", arrived).await;
    let (code, message) = error(&soon("the crash", client.call("c__exit", json!({}))).await);
    assert_eq!(code, -32010, "{message}");
    let hanging = soon("the end of the hanging call", hanging)
        .await
        .expect("no panics");
    assert!(
        matches!(error(&hanging).0, -32010 | -32013),
        "{}",
        hanging.message()
    );

    // It crashes at every start: soon it is held, and everybody is told why and until when.
    let held = eventually("it is held", || {
        Some(listed(&world)["held"].clone()).filter(|held| held["often"] == true)
    });
    assert_eq!(held["reason"], "its process ended with code 3");
    let wait = held["retry_after_ms"].as_u64().expect("a time");
    assert!(
        (50_000..=60_000).contains(&wait),
        "a probe each 60 s: {wait}"
    );
    let found = world.installation.ctl(&["doctor"]);
    assert!(
        found.stdout.contains("its process ended with code 3"),
        "{}",
        found.stdout
    );
    let people = world
        .installation
        .done(&["mcp", "list", "--workspace", "team"]);
    assert!(
        people.contains("held: its process ended with code 3; next start in"),
        "{people}"
    );

    let mut times = Vec::new();
    for _ in 0..20 {
        let begun = Instant::now();
        let reply = client.call("c__echo", json!({})).await;
        times.push(begun.elapsed());
        let (_, message) = error(&reply);
        assert!(
            message.contains("ended with code 3") && message.contains("is started again in"),
            "{message}"
        );
        assert!(message.contains("the call was not executed"), "{message}");
        assert!(message.contains("toolgatectl mcp logs c"), "{message}");
        let data = &reply.message()["error"]["data"];
        assert!(
            data["retry_after_ms"]
                .as_u64()
                .is_some_and(|ms| ms <= 60_000),
            "{data}"
        );
    }
    times.sort();
    assert!(times[10].as_millis() <= 50, "calls fail at once: {times:?}");
}

/// Between the first crashes it is started again without anybody asking, and no call is sent twice.
#[tokio::test(flavor = "multi_thread")]
async fn r19_a_child_comes_back_by_itself_and_nothing_is_replayed() {
    let mark = "a-child-that-comes-back";
    let world = World::prepare(|installation| {
        add_child(installation, "c", &["--env", "MARK"], &[]);
        installation.secret("team", "c", "MARK", mark);
    });
    let mut client = world.legacy().await;
    let before = client.call("c__pid", json!({})).await.text();
    soon("the crash", client.call("c__exit", json!({}))).await;
    eventually("another child runs", || {
        let name = |pid: &u32| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let is_new = |pid: &u32| pid.to_string() != before && name(pid).trim() == "testkit-stdio";
        marked(mark).iter().any(is_new).then_some(())
    });
    let seen = soon("an answer", async {
        loop {
            let reply = client.call("c__seen", json!({})).await;
            if !reply.text().is_empty() {
                return reply.text();
            }
        }
    })
    .await;
    assert!(!seen.contains(r#""name":"exit""#), "{seen}");
    assert!(listed(&world)["held"].is_null());
}
