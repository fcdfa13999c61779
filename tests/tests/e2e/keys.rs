//! `toolgatectl keys` and what a rotation looks like from outside (S-10, S-12, S-17, S-18).

use serde_json::{Value, json};
use toolgate_testkit::{Script, Server};
use toolgate_tests::{Installation, eventually};

use crate::world::{World, add, error};

fn states(installation: &Installation) -> Vec<(String, u64)> {
    let status = installation.json(&["keys", "status"]);
    let keys = status["workspaces"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|of| of["keys"].as_array().cloned().unwrap_or_default());
    keys.map(|key| {
        let state = key["state"].as_str().expect("a state").to_owned();
        (state, key["secrets"].as_u64().expect("a count"))
    })
    .collect()
}

fn finished(installation: &Installation) {
    eventually("the rotation is complete", || {
        let status = installation.json(&["keys", "status"]);
        status["unfinished"].is_null().then_some(())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn s12_keys_are_rotated_while_calls_go_on() {
    let server = Server::new()
        .require_header("authorization", "Bearer fake-first-value")
        .tool("echo", Script::new().echo())
        .start()
        .await;
    let world = World::prepare(|installation| {
        add(installation, "s", &server, &["--bearer", "KEY"]);
        installation.secret("team", "s", "KEY", "fake-first-value");
    });
    let mut client = world.legacy().await;
    let installation = &world.installation;
    let before = installation.json(&["keys", "status"]);
    assert_eq!(states(installation), [("active".to_owned(), 1)]);
    for which in [&["--workspace", "team"][..], &["--master"], &["--all"]] {
        let rotated = installation.json(&[&["keys", "rotate"], which].concat());
        assert_eq!(rotated["complete"], true, "{rotated}");
        assert_eq!(rotated["gateway"], "applied", "{rotated}");
        // The session is from before, its secret sealed under other keys by now.
        assert_eq!(
            client.call("s__echo", json!({})).await.status,
            200,
            "{which:?}"
        );
        assert_eq!(states(installation), [("active".to_owned(), 1)]);
    }
    let after = installation.json(&["keys", "status"]);
    assert_ne!(after["master"]["id"], before["master"]["id"]);
    assert_eq!(after["master"]["retired"], 2);
    let connections = server.connections();
    assert_eq!(client.call("s__echo", json!({})).await.status, 200);
    assert_eq!(server.connections(), connections, "no link was made anew");
    assert!(
        installation
            .done(&["doctor"])
            .contains("the audit chain holds")
    );
}

/// Without a gateway the new key is in force at once, and the next start does the rest.
#[tokio::test(flavor = "multi_thread")]
async fn s12_the_next_start_seals_anew() {
    let server = Server::new()
        .tool("echo", Script::new().echo())
        .start()
        .await;
    let world = World::prepare(|installation| {
        add(installation, "s", &server, &["--bearer", "KEY"]);
        installation.secret("team", "s", "KEY", "fake-first-value");
        let rotated = installation.json(&["keys", "rotate", "--all"]);
        assert_eq!(rotated["complete"], false, "{rotated}");
        assert_eq!(rotated["gateway"], "not_running");
        let kept = [("active".to_owned(), 0), ("retired".to_owned(), 1)];
        assert_eq!(states(installation), kept);
        let told = installation.ctl(&["keys", "status"]);
        assert!(
            told.stdout.contains("unfinished: secrets of team"),
            "{}",
            told.stdout
        );
    });
    finished(&world.installation);
    assert_eq!(states(&world.installation), [("active".to_owned(), 1)]);
    let mut client = world.legacy().await;
    assert_eq!(client.call("s__echo", json!({})).await.status, 200);
    let seen = server.requests_for("tools/call").pop().expect("it arrived");
    assert_eq!(
        seen.header("authorization"),
        Some("Bearer fake-first-value")
    );
}

/// A key that no program can replace: the running gateway takes the new one, the source follows by hand.
#[test]
fn s12_a_key_from_the_environment_is_rotated_through_a_file() {
    const KEY: &str = "8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92";
    let installation = Installation::new();
    let variable = format!("TOOLGATE_MASTER_KEY={KEY}");
    let gateway = installation.start_under(&["env", &variable], &[]);
    let old = installation.scratch().join("old.key");
    std::fs::write(&old, KEY).expect("ours");
    std::fs::set_permissions(&old, std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .expect("ours");
    let printing = json!(["/bin/cat", old]).to_string();
    let source = ["--master-key-command", &printing];
    let refused = installation.ctl(&[&source[..], &["keys", "rotate", "--master"]].concat());
    assert!(
        refused.stderr.contains("--new-key-file"),
        "{}",
        refused.stderr
    );

    let new = installation.scratch().join("new.key");
    let new = new.to_str().expect("a plain path");
    let rotate = ["keys", "rotate", "--master", "--new-key-file", new];
    let rotated: Value = installation.json(&[&source[..], &rotate].concat());
    assert_eq!(rotated["key_elsewhere"], new, "{rotated}");
    assert_eq!(
        rotated["gateway"], "applied",
        "the gateway took it without a restart"
    );
    drop(gateway);
    // With the old variable the next start still finds it, and says what is to be done.
    let gateway = installation.start_under(&["env", &variable], &[]);
    eventually("the gateway warns", || {
        gateway
            .process
            .stderr()
            .contains("still gives the old one")
            .then_some(())
    });
    drop(gateway);
    let value = std::fs::read_to_string(new).expect("it was made");
    let variable = format!("TOOLGATE_MASTER_KEY={}", value.trim());
    drop(installation.start_under(&["env", &variable], &[]));
    let status = installation.json(&["--master-key-file", new, "keys", "status"]);
    assert_eq!(status["unfinished"], Value::Null);
    assert_eq!(status["master"]["id"], rotated["master"]);
}

/// S-17 `row_rollback`: the rolled back secret is refused and reported, others go on.
#[tokio::test(flavor = "multi_thread")]
async fn s17_a_rolled_back_row_is_refused_and_reported() {
    let server = Server::new()
        .tool("echo", Script::new().echo())
        .start()
        .await;
    let world = World::prepare(|installation| {
        add(installation, "old", &server, &["--bearer", "KEY"]);
        add(installation, "fine", &server, &["--bearer", "KEY"]);
        installation.secret("team", "old", "KEY", "fake-stolen-value");
        installation.secret("team", "fine", "KEY", "fake-other-value");
        let store = rusqlite::Connection::open(installation.data_dir().join("control.db"));
        let store = store.expect("it is there");
        let of_old = "server_id = (SELECT id FROM servers WHERE slug = 'old')";
        let keep = format!("CREATE TABLE kept AS SELECT * FROM secrets WHERE {of_old}");
        store.execute_batch(&keep).expect("SQL");
        installation.secret("team", "old", "KEY", "fake-new-value");
        let put_back = format!(
            "DELETE FROM secrets WHERE {of_old}; INSERT INTO secrets SELECT * FROM kept;
            DROP TABLE kept"
        );
        store.execute_batch(&put_back).expect("SQL");
    });
    let mut client = world.legacy().await;
    let (code, message) = error(&client.call("old__echo", json!({})).await);
    assert!([-32010, -32012].contains(&code), "{code} {message}");
    assert_eq!(client.call("fine__echo", json!({})).await.status, 200);
    let sent = server.requests_for("tools/call");
    assert!(
        sent.iter()
            .all(|one| one.header("authorization") != Some("Bearer fake-stolen-value"))
    );
    assert!(
        world
            .gateway
            .process
            .stderr()
            .contains("is not the version that was saved last")
    );

    let told = world.installation.ctl(&["doctor"]);
    assert!(!told.status.success());
    assert!(
        told.stdout
            .contains("is not the version that was saved last"),
        "{}",
        told.stdout
    );
    world
        .installation
        .secret("team", "old", "KEY", "fake-newest-value");
    assert_eq!(client.call("old__echo", json!({})).await.status, 200);
}

/// S-18: rotating takes a secret that is set, named exactly, and says who uses it.
#[test]
fn s18_a_secret_is_rotated_by_its_exact_name() {
    let installation = Installation::new();
    installation.workspace("team");
    let add = [
        "mcp",
        "add",
        "s",
        "--workspace",
        "team",
        "--url",
        "http://127.0.0.1:9/mcp",
    ];
    installation.done(&[&add[..], &["--bearer", "API_KEY"]].concat());
    let rotate = |name: &str, value: &str| {
        installation.ctl_with(
            &["secrets", "rotate", "s", name, "--workspace", "team"],
            value,
        )
    };
    let unknown = rotate("API_KEY", "fake-first-value");
    assert_eq!(unknown.status.code(), Some(3), "{}", unknown.stderr);
    installation.secret("team", "s", "api-key", "fake-first-value");
    let said = rotate("API_KEY", "fake-second-value");
    assert_eq!(
        said.stdout,
        "Rotated API_KEY for server s of workspace team, version 2; used by s from the next call on\n"
    );
    let other = rotate("api.key", "fake-third-value");
    assert_eq!(other.status.code(), Some(4), "{}", other.stderr);
    assert!(
        other.stderr.contains("name it exactly: API_KEY"),
        "{}",
        other.stderr
    );
    let short = rotate("API_KEY", "short");
    assert_eq!(short.status.code(), Some(2));
    assert!(short.stderr.contains("plain setting"), "{}", short.stderr);
    for bad in [
        "fake-with\r\nX-Injected: 1",
        "fake-with-\u{0}-nul",
        "fake\u{7f}-with-delete",
    ] {
        let said = rotate("API_KEY", bad);
        assert_eq!(
            said.status.code(),
            Some(2),
            "S-26: refused when it is saved: {bad:?}"
        );
        assert!(!said.stderr.contains("fake"), "{}", said.stderr);
    }
}
