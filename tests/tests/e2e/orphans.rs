//! S-74: nothing of a child is left, however it or the gateway ends.
#![cfg(target_os = "linux")]

use serde_json::json;
use toolgate_tests::{eventually, marked, zombies_of};

use crate::world::{World, add_child, soon};

/// A child that ignores its end, with descendants that do, in sessions of their own; `mark` is in their environment.
async fn family(mark: &str) -> World {
    let world = World::prepare(|installation| {
        add_child(installation, "c", &["--env", "MARK"], &["--ignore-end"]);
        installation.secret("team", "c", "MARK", mark);
    });
    let mut client = world.legacy().await;
    assert_eq!(
        client.call("c__orphan", json!({})).await.text(),
        "exit status: 0"
    );
    client.call("c__child", json!({})).await;
    // The keeper, the child, its own child, two that it left and what one of those runs.
    eventually("the family is there", || {
        (marked(mark).len() >= 5).then_some(())
    });
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn s74_no_orphans_after_kill_9_of_the_gateway() {
    let mark = "family-of-a-killed-gateway";
    let mut world = family(mark).await;
    world.gateway.process.signal("KILL");
    world.gateway.process.wait();
    eventually("no descendant is left", || {
        marked(mark).is_empty().then_some(())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn s74_no_orphans_and_no_zombies_when_a_server_is_removed() {
    let mark = "family-of-a-removed-server";
    let world = family(mark).await;
    world
        .installation
        .done(&["mcp", "remove", "c", "--workspace", "team"]);
    eventually("no descendant is left", || {
        marked(mark).is_empty().then_some(())
    });
    let gateway = world.gateway.process.id();
    eventually("no zombie is left", || {
        zombies_of(gateway).is_empty().then_some(())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn s74_what_a_child_that_exits_leaves_behind_ends_with_it() {
    let mark = "family-of-a-child-that-exits";
    let world = family(mark).await;
    let before = marked(mark);
    let mut client = world.legacy().await;
    soon("an answer", client.call("c__exit", json!({}))).await;
    eventually("the old family is gone", || {
        let now = marked(mark);
        before.iter().all(|pid| !now.contains(pid)).then_some(())
    });
}

/// Service managers signal every process they know; a keeper goes on keeping.
#[tokio::test(flavor = "multi_thread")]
async fn s74_a_keeper_does_not_end_before_its_child() {
    let mark = "family-of-a-keeper-that-is-told-to-end";
    let world = family(mark).await;
    let mut client = world.legacy().await;
    let child: u32 = client
        .call("c__pid", json!({}))
        .await
        .text()
        .parse()
        .expect("a pid");
    let keeper = toolgate_tests::parent_of(child).expect("it has a keeper");
    assert_ne!(
        keeper,
        world.gateway.process.id(),
        "the gateway is no child's parent"
    );
    for signal in ["TERM", "INT", "HUP"] {
        let told = std::process::Command::new("kill")
            .args(["-s", signal, &keeper.to_string()])
            .status();
        assert!(told.is_ok_and(|status| status.success()));
    }
    assert_eq!(
        client.call("c__pid", json!({})).await.text(),
        child.to_string()
    );
}
