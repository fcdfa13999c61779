//! A server that is not the one that was approved is served no more (S-52).

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};
use toolgate_namespace::{ServerSpec, Transport};
use toolgate_store::ServerPin;
use toolgate_store::control::ControlReply;
use toolgate_testkit::{Client, Server, stdio_server_path};

use crate::setup::{Setup, names};

fn pin(setup: &Setup, spec: &ServerSpec) -> ServerPin {
    let pins = setup.store().load().unwrap().server_pins;
    pins.into_iter().find(|pin| pin.server == spec.id).unwrap()
}

async fn approve(setup: &Setup, spec: &ServerSpec) {
    let scope = setup.scope("default");
    let seen = pin(setup, spec).seen.expect("another identity was seen");
    let actor = toolgate_store::Actor::operator("test");
    setup
        .store()
        .approve_server(&scope, &actor, &spec.id, &seen)
        .unwrap();
    setup.knock().await;
}

async fn tools(client: &mut Client) -> Vec<String> {
    names(&client.rpc("tools/list", &json!({})).await)
}

/// S-52 `server_identity`: another name quarantines, another version does not.
#[tokio::test]
async fn s52_server_identity_a_server_with_another_name_is_quarantined() {
    let setup = Setup::new().await;
    let server = Server::new().tool("pay", "paid").start().await;
    server.set_identity("billing", "1.0");
    let spec = setup.link("s", &server).await;
    let mut client = setup.client();
    client.initialize().await;
    assert_eq!(tools(&mut client).await, ["s__pay"]);
    setup
        .stored("the name of the server", |stored| {
            stored
                .server_pins
                .iter()
                .any(|pin| pin.identity.name.as_deref() == Some("billing"))
        })
        .await;

    server.set_identity("billing", "2.0");
    server.lose_sessions();
    assert_eq!(client.call("s__pay", json!({})).await.text(), "paid");
    assert_eq!(pin(&setup, &spec).seen, None);

    server.set_identity("another", "2.0");
    server.lose_sessions();
    // The call under way was permitted before the server introduced itself.
    client.call("s__pay", json!({})).await;
    setup
        .stored("the quarantine", |stored| {
            stored.server_pins.iter().any(|pin| pin.seen.is_some())
        })
        .await;
    setup.knock().await;
    assert_eq!(tools(&mut client).await, [""; 0]);
    let calls = server.calls("pay");
    let refused = client.call("s__pay", json!({})).await.message();
    assert_eq!(refused["error"]["code"], -32602);
    assert_eq!(server.calls("pay"), calls);

    approve(&setup, &spec).await;
    assert_eq!(tools(&mut client).await, ["s__pay"]);
    assert_eq!(pin(&setup, &spec).identity.name.as_deref(), Some("another"));
}

/// From: postmark-mcp, fifteen clean releases under one name and command, then one line more.
#[tokio::test]
async fn postmark_mcp_a_program_that_was_replaced_is_not_started() {
    let setup = Setup::new().await;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("postmark-mcp");
    release(&program, "");
    let scope = setup.scope("default");
    let mut spec = setup.spec(&scope, "s", "http://127.0.0.1");
    spec.transport = Transport::Stdio {
        argv: vec![
            program.display().to_string(),
            "--era".into(),
            "legacy".into(),
        ],
        child: toolgate_namespace::ChildSettings::default(),
    };
    spec.allowed_origin = None;
    setup.add(&scope, &spec).await;
    let mut client = setup.client();
    client.initialize().await;
    let before = tools(&mut client).await;
    assert!(!before.is_empty());
    assert!(pin(&setup, &spec).identity.executable.is_some());

    let marker = folder.path().join("bcc");
    release(&program, &format!("touch {}\n", marker.display()));
    // A new conversation, as after a crash: settings of the server changed.
    let restart = |timeout| {
        let mut changed = spec.clone();
        changed.timeouts.call_max += std::time::Duration::from_secs(timeout);
        let actor = toolgate_store::Actor::operator("test");
        setup
            .store()
            .update_server(&scope, &actor, &changed)
            .unwrap();
    };
    restart(1);
    setup.knock().await;
    let probed = setup.probe("s").await;
    assert!(
        matches!(&probed, ControlReply::Failed { error, .. } if error.contains("its program changed")),
        "{probed:?}"
    );
    setup.knock().await;
    assert!(!marker.exists(), "the replaced program was started");
    assert_eq!(tools(&mut client).await, [""; 0]);
    let audit = setup.store().audit(5).unwrap();
    assert!(
        audit.iter().any(|row| row.action == "server.quarantine"),
        "{audit:?}"
    );

    approve(&setup, &spec).await;
    restart(2);
    setup.knock().await;
    setup.probe("s").await;
    assert!(marker.exists());
    assert_eq!(tools(&mut client).await, before);
}

/// A release of the program: a script that does something, then is the testkit's server.
fn release(program: &Path, also: &str) {
    let server = stdio_server_path();
    let text = format!("#!/bin/sh\n{also}exec {} \"$@\"\n", server.display());
    let next = program.with_extension("next");
    std::fs::write(&next, text).unwrap();
    std::fs::set_permissions(&next, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::rename(&next, program).unwrap();
}

/// The settings of a server are part of who it is.
#[tokio::test]
async fn s52_server_identity_another_address_is_another_server() {
    let setup = Setup::new().await;
    let one = Server::new().tool("pay", "one").start().await;
    let two = Server::new().tool("pay", "two").start().await;
    let spec = setup.link("s", &one).await;
    let mut client = setup.client();
    client.initialize().await;
    assert_eq!(tools(&mut client).await, ["s__pay"]);
    setup
        .stored("the address of the server", |stored| {
            stored
                .server_pins
                .iter()
                .any(|pin| pin.identity.origin.is_some())
        })
        .await;
    let scope = setup.scope("default");
    let moved = ServerSpec {
        transport: setup.spec(&scope, "x", two.url()).transport,
        allowed_origin: Some(two.origin()),
        ..spec.clone()
    };
    let actor = toolgate_store::Actor::operator("test");
    setup.store().update_server(&scope, &actor, &moved).unwrap();
    setup.knock().await;
    let refused: Value = client.call("s__pay", json!({})).await.message();
    assert_eq!(refused["error"]["code"], -32602);
    assert_eq!(two.calls("pay"), 0);
}
