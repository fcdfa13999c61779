//! What is kept of the store: checkpoints of the audit chain, backups, and starts that are refused
//! (S-84, R-08, R-10).

use std::fs;

use serde_json::Value;
use toolgate_testkit::Server;
use toolgate_tests::{Installation, eventually};

use crate::world::add;

fn heads(installation: &Installation) -> Vec<u64> {
    let file = installation.data_dir().join("audit.checkpoints");
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = |line| serde_json::from_str::<Value>(line).expect("one object a line");
    let sequence = |line: Value| line["sequence"].as_u64().expect("a number");
    text.lines().map(line).map(sequence).collect()
}

#[test]
fn s84_the_gateway_keeps_checkpoints_and_refuses_an_older_state() {
    let installation = Installation::new();
    let sink = installation.scratch().join("elsewhere.checkpoints");
    let flags = ["--audit-checkpoints", sink.to_str().expect("a path")];
    let gateway = installation.start_with(&flags);
    eventually("a first checkpoint", || {
        (!heads(&installation).is_empty()).then_some(())
    });
    assert!(gateway.stop().success());
    let file = installation.data_dir().join("control.db");
    let older = fs::read(&file).expect("the store");

    let gateway = installation.start_with(&flags);
    let made = installation.json(&["token", "create", "default", "--name", "alice"]);
    let id = made["id"].as_str().expect("an id");
    installation.done(&["token", "revoke", "default", id]);
    assert!(gateway.stop().success());
    let last = heads(&installation).pop().expect("one at shutdown");
    let rows = installation.json(&["audit", "verify"])["rows"].as_u64();
    assert_eq!(Some(last), rows);
    let kept = fs::read_to_string(&sink).expect("the operator's sink");
    assert!(kept.contains(&format!("\"sequence\":{last},")), "{kept}");

    // The token is valid in this one.
    fs::write(&file, older).expect("written");
    let mut refused = installation.launch(&flags);
    assert!(!refused.wait().success());
    refused.output();
    let said = eventually("it says why", || {
        let said = refused.stderr();
        said.contains("hint: ").then_some(said)
    });
    assert!(said.contains("which a checkpoint in"), "{said}");
    assert!(said.contains("toolgatectl backup restore"), "{said}");
    let doctor = installation.ctl(&["doctor"]);
    assert!(doctor.stdout.contains("cut off"), "{}", doctor.stdout);
    assert_eq!(doctor.status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn r10_a_backup_beside_a_running_gateway_is_opened_by_it() {
    let server = Server::new().tool("echo", "fine").start().await;
    let installation = Installation::new();
    installation.workspace("team");
    add(&installation, "s", &server, &["--bearer", "API_TOKEN"]);
    installation.secret("team", "s", "API_TOKEN", "not-a-real-secret");
    let gateway = installation.start();
    let made = installation.json(&["backup", "create", "--calls"]);
    assert_eq!(made["secrets"]["state"], "opened");
    assert_eq!(made["secrets"]["workspaces"], 1);
    let file = made["file"].as_str().expect("a file");

    let refused = installation.ctl(&["backup", "restore", file, "--yes"]);
    assert_eq!(refused.status.code(), Some(4), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("stop the gateway"),
        "{}",
        refused.stderr
    );
    assert!(gateway.stop().success());
    let restored = installation.json(&["backup", "restore", file, "--yes", "--calls"]);
    assert_eq!(restored["revived_tokens"], Value::Array(Vec::new()));
    let gateway = installation.start();
    assert_eq!(
        installation
            .lines(&["mcp", "list", "--workspace", "team"])
            .len(),
        1
    );
    assert!(gateway.stop().success());
}
