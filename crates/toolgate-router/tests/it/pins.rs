//! What may be had is what is pinned, whatever a server lists (S-50).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt;
use serde_json::json;
use toolgate_policy::{Classification, Role, Standing};
use toolgate_router::{PinnedTool, Pinning, Pins};
use toolgate_testkit::{Running, Script};

use crate::support::{Rig, server, spec};

/// A pinning that fails as long as the flag says so, and approves everything else.
fn failing(fails: &Arc<AtomicBool>) -> Arc<Pinning> {
    let fails = fails.clone();
    Arc::new(move |_, tools| {
        let pins = if fails.load(Ordering::Relaxed) {
            Err("the store does not answer".into())
        } else {
            Ok(Pins::approved(tools))
        };
        async move { pins }.boxed()
    })
}

fn lists(server: &Running, name: &str) {
    let tool = json!({"name": name, "inputSchema": {"type": "object"}});
    server.set_tools([(tool, Script::from("done"))]);
}

/// S-01, S-50: while nothing can be pinned, nothing new is served, and what was pinned is served as before.
#[tokio::test]
async fn s50_what_cannot_be_pinned_is_not_served() {
    let running = server().tool("read", "x").start().await;
    let fails = Arc::new(AtomicBool::new(true));
    let rig = Rig::pinned_by(vec![spec("files", &running, 0)], &failing(&fails));
    assert_eq!(rig.tool_names().await, [""; 0]);
    assert!(rig.workspace.find("files__read").await.is_none());

    fails.store(false, Ordering::Relaxed);
    rig.link("files").refresh().await.unwrap();
    assert_eq!(rig.tool_names().await, ["files__read"]);

    fails.store(true, Ordering::Relaxed);
    lists(&running, "run");
    rig.link("files").refresh().await.unwrap_err();
    assert_eq!(rig.tool_names().await, ["files__read"]);
}

/// What may not be had is found, so that policy can say why not, and takes no name from what may.
#[tokio::test]
async fn s33_held_tools_take_no_names() {
    let running = server().tool("a/b", "x").start().await;
    let rig = Rig::over(&[("files", &running)]);
    let exposed = rig.tool_names().await.remove(0);
    let link = rig.link("files");
    let approved = link.known().unwrap().tools[0].clone();
    // Both would have the one public name, which hides them both if both could be had.
    let mut twin = (*approved.definition).clone();
    twin.name = exposed.trim_start_matches("files__").into();
    let twin = |standing| PinnedTool {
        definition: Arc::new(twin.clone()),
        standing,
        classification: Some(Classification::ReadOnly),
        least: Role::ReadOnly,
    };
    let pins = |generation, standing| Pins {
        generation,
        tools: vec![approved.clone(), twin(standing)],
    };
    link.set_pins(pins(1, Standing::Held));
    let catalog = rig.workspace.catalog();
    assert_eq!(
        catalog.find(&exposed).unwrap().definition.name,
        approved.definition.name
    );
    assert_eq!((catalog.tools().len(), catalog.withheld().len()), (1, 1));
    link.set_pins(pins(2, Standing::Approved));
    assert_eq!(rig.workspace.catalog().tools().len(), 0);
    // Older pins do not come back.
    link.set_pins(pins(1, Standing::Held));
    assert_eq!(rig.workspace.catalog().tools().len(), 0);
}
