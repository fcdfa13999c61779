//! Servers over standard input and output: supervised, clean, shared, and allowed to be rude.

use serde_json::{Value, json};
use toolgate_tests::eventually;

use crate::world::{World, add_child, error, list, soon};

fn world(flags: &[&str], child: &[&str]) -> World {
    World::prepare(|installation| add_child(installation, "c", flags, child))
}

/// S-70 and after: a child gets what it was given and a handful of names it cannot do without.
#[tokio::test(flavor = "multi_thread")]
async fn a_child_gets_a_clean_environment_and_its_secrets() {
    let world = World::prepare(|installation| {
        add_child(installation, "c", &["--env", "API_KEY"], &[]);
        installation.secret("team", "c", "API_KEY", "fake-secret-value-1");
    });
    let mut client = world.legacy().await;
    let environment = client.call("c__env", json!({})).await.text();
    assert!(environment.contains("API_KEY"), "{environment}");
    assert!(
        environment.contains("[REDACTED]") && !environment.contains("fake-secret-value-1"),
        "S-22: {environment}"
    );
    // Cargo sets this for tests, so the gateway has it; its children must not.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    assert!(!environment.contains("CARGO_MANIFEST_DIR"), "{environment}");
}

/// P2.5 and P3.6: clients share one child, and equal ids of theirs never meet.
#[tokio::test(flavor = "multi_thread")]
async fn clients_share_one_child_without_crossing() {
    let world = world(&[], &[]);
    let (mut one, mut two) = (world.legacy().await, world.legacy().await);
    let pids = [
        one.call("c__pid", json!({})).await.text(),
        two.call("c__pid", json!({})).await.text(),
    ];
    assert_eq!(pids[0], pids[1]);

    let mut calls = Vec::new();
    for number in 0..32_u32 {
        let mut client = if number % 2 == 0 {
            one.clone()
        } else {
            two.clone()
        };
        // A clone counts on from the same id, so all of these carry one of two.
        calls.push(tokio::spawn(async move {
            let reply = client.call("c__echo", json!({ "number": number })).await;
            (number, reply.text())
        }));
    }
    for call in calls {
        let (number, text) = soon("an answer", call).await.expect("no panics");
        let seen: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
        assert_eq!(seen["params"]["arguments"]["number"], number);
        assert_eq!(seen["params"]["name"], "echo");
    }
}

/// P8.24: what is not a message is counted and dropped; what is one arrives.
#[tokio::test(flavor = "multi_thread")]
async fn garbage_on_standard_output_harms_nobody() {
    let world = world(&[], &["--garbage-first"]);
    let mut client = world.legacy().await;
    assert_eq!(
        client.call("c__garbage", json!({})).await.text(),
        "after garbage"
    );
    assert_eq!(
        client.call("c__stderr", json!({})).await.text(),
        "after stderr"
    );
    assert_eq!(
        client.call("c__big", json!({})).await.text().len(),
        1024 * 1024
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_dies_mid_call_is_replaced() {
    let world = world(&[], &[]);
    let mut client = world.legacy().await;
    let before = client.call("c__pid", json!({})).await.text();
    let (code, message) = error(&client.call("c__exit", json!({})).await);
    assert_eq!(code, -32010);
    assert!(message.contains('c'), "{message}");
    let after = soon("a new child", async {
        loop {
            let reply = client.call("c__pid", json!({})).await;
            if !reply.text().is_empty() {
                return reply.text();
            }
        }
    })
    .await;
    assert_ne!(before, after);
}

/// P3.6: an answer to a request that was never made, or that was answered already, is nobody's.
#[tokio::test(flavor = "multi_thread")]
async fn a_stray_answer_is_nobodys() {
    let world = world(&[], &[]);
    let mut client = world.legacy().await;
    assert!(list(&mut client).await.contains(&"c__wrong_id".to_owned()));
    assert_eq!(client.call("c__wrong_id", json!({})).await.text(), "yours");
    assert_eq!(client.call("c__twice", json!({})).await.status, 200);
    assert_eq!(
        client.call("c__garbage", json!({})).await.text(),
        "after garbage"
    );
}

/// S-72: nothing is left behind, not even what a child started itself.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn children_and_their_children_end_with_the_gateway() {
    let world = world(&[], &["--ignore-end"]);
    let mut client = world.legacy().await;
    let child = client.call("c__pid", json!({})).await.text();
    let grandchild = client.call("c__child", json!({})).await.text();
    assert!(world.gateway.stop().success());
    for id in [child, grandchild] {
        let id: u32 = id.parse().expect("a process id");
        eventually("the process is gone", || gone(id).then_some(()));
    }
}

/// Gone, or a zombie that init has yet to collect.
#[cfg(target_os = "linux")]
fn gone(id: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{id}/stat")).map_or(true, |stat| stat.contains(") Z "))
}
