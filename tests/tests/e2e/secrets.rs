//! Secrets are added on the way out, taken out on the way back, and changed without a restart.

use serde_json::json;
use toolgate_testkit::{Script, Server};

use crate::world::{World, add, add_url, error};

const SECRET: &str = "fake-secret-0123456789";

/// S-22, S-26: each way a secret can be sent, by a server that repeats everything it is sent.
#[tokio::test(flavor = "multi_thread")]
async fn each_way_in_arrives_and_none_comes_back() {
    let server = Server::new()
        .tool("echo", Script::new().echo())
        .start()
        .await;
    let streaming = Server::new()
        .streams()
        .tool("echo", Script::new().echo())
        .start()
        .await;
    let world = World::prepare(|installation| {
        add(installation, "bearer", &server, &["--bearer", "KEY"]);
        add(
            installation,
            "header",
            &server,
            &["--header", "X-Api-Key: key={KEY}"],
        );
        add_url(
            installation,
            "url",
            &format!("{}?key={{KEY}}", server.url()),
            &[],
        );
        add(installation, "stream", &streaming, &["--bearer", "KEY"]);
        for slug in ["bearer", "header", "url", "stream"] {
            installation.secret("team", slug, "KEY", SECRET);
        }
    });
    let mut client = world.legacy().await;
    for slug in ["bearer", "header", "url", "stream"] {
        let reply = client.call(&format!("{slug}__echo"), json!({})).await;
        assert_eq!(reply.status, 200, "{slug}: {}", reply.message());
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(!text.contains(SECRET), "{slug}: {text}");
        if slug != "url" {
            assert!(text.contains("[REDACTED]"), "{slug}: {text}");
        }
    }
    let last = |server: &toolgate_testkit::Running,
                find: &dyn Fn(&toolgate_testkit::Recorded) -> bool| {
        server.requests_for("tools/call").iter().any(find)
    };
    let bearer = format!("Bearer {SECRET}");
    assert!(last(&server, &|one| one.header("authorization") == Some(&bearer)));
    assert!(last(&server, &|one| one.header("x-api-key")
        == Some(&format!("key={SECRET}"))));
    assert!(last(&server, &|one| one
        .path
        .ends_with(&format!("?key={SECRET}"))));
    assert!(last(&streaming, &|one| one.header("authorization")
        == Some(&bearer)));
    let tokens = server
        .requests()
        .iter()
        .any(|one| format!("{:?}", one.headers).contains(&world.token.token));
    assert!(!tokens, "the client's own token stays with the gateway");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_value_is_used_from_the_next_call_on() {
    let server = Server::new()
        .tool("echo", Script::new().echo())
        .start()
        .await;
    let world = World::prepare(|installation| {
        add(installation, "s", &server, &["--bearer", "KEY"]);
        installation.secret("team", "s", "KEY", "fake-first-value");
    });
    let mut client = world.legacy().await;
    for value in ["fake-second-value", "fake-third-value"] {
        world.installation.secret("team", "s", "KEY", value);
        assert_eq!(client.call("s__echo", json!({})).await.status, 200);
        let seen = server.requests_for("tools/call").pop().expect("it arrived");
        assert_eq!(
            seen.header("authorization"),
            Some(format!("Bearer {value}").as_str())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_secret_is_named_and_nothing_is_sent() {
    let server = Server::new()
        .tool("echo", Script::new().echo())
        .start()
        .await;
    let world = World::prepare(|installation| {
        add(installation, "s", &server, &["--bearer", "GITHUB_TOKEN"]);
        installation.secret("team", "s", "GITHUB_TOKEN", SECRET);
    });
    let mut client = world.legacy().await;
    assert_eq!(client.call("s__echo", json!({})).await.status, 200);
    world.installation.done(&[
        "secrets",
        "delete",
        "s",
        "GITHUB_TOKEN",
        "--workspace",
        "team",
    ]);
    // Calls only: the session of the old settings may still be saying goodbye.
    let sent = server.calls("echo");
    let (code, message) = error(&client.call("s__echo", json!({})).await);
    assert_eq!(code, -32012);
    assert!(
        message.contains("GITHUB_TOKEN") && message.contains('s'),
        "{message}"
    );
    assert_eq!(server.calls("echo"), sent);
}

/// S-19: a secret driven through a whole session is in no file, no log, no record and no listing.
#[tokio::test(flavor = "multi_thread")]
async fn the_value_is_nowhere() {
    let server = Server::new()
        .tool("echo", Script::new().echo())
        .start()
        .await;
    let world = World::prepare(|installation| {
        add(installation, "s", &server, &["--bearer", "KEY"]);
        installation.secret("team", "s", "KEY", SECRET);
    });
    let mut client = world.legacy().await;
    client.call("s__echo", json!({ "note": SECRET })).await;
    toolgate_tests::eventually("the call is recorded", || {
        (!world.records().is_empty()).then_some(())
    });

    for args in [
        &["secrets", "list", "--workspace", "team"][..],
        &["mcp", "list", "--workspace", "team"],
        &["calls"],
        &["audit", "list"],
        &["doctor"],
    ] {
        for said in [
            world.installation.ctl(args),
            world.installation.ctl(&[&["--json"], args].concat()),
        ] {
            assert!(
                !said.stdout.contains(SECRET) && !said.stderr.contains(SECRET),
                "{args:?}"
            );
        }
    }
    for text in [
        world.gateway.process.stdout(),
        world.gateway.process.stderr(),
    ] {
        assert!(
            !text.contains(SECRET) && !text.contains(&world.token.token),
            "{text}"
        );
    }
    for entry in std::fs::read_dir(world.installation.data_dir())
        .expect("ours")
        .flatten()
    {
        if entry.path().is_file() {
            let bytes = std::fs::read(entry.path()).expect("ours");
            for needle in [SECRET, &world.token.token] {
                let found = bytes
                    .windows(needle.len())
                    .any(|window| window == needle.as_bytes());
                assert!(!found, "{} holds a value", entry.path().display());
            }
        }
    }
}

/// Two workspaces, the same server, different secrets.
#[tokio::test(flavor = "multi_thread")]
async fn workspaces_do_not_share() {
    let server = Server::new()
        .tool("echo", Script::new().echo())
        .start()
        .await;
    let world = World::prepare(|installation| {
        add(installation, "s", &server, &["--bearer", "KEY"]);
        installation.secret("team", "s", "KEY", "fake-team-value");
    });
    let other = world.installation.workspace("other");
    world.installation.done(&[
        "mcp",
        "add",
        "s",
        "--workspace",
        "other",
        "--url",
        server.url(),
        "--bearer",
        "KEY",
    ]);
    world
        .installation
        .secret("other", "s", "KEY", "fake-other-value");
    let mut theirs =
        toolgate_testkit::Client::new(&world.gateway.workspace("other")).bearer(&other.token);
    theirs.initialize().await;
    let mut ours = world.legacy().await;

    let sent = || {
        server
            .requests_for("tools/call")
            .pop()
            .and_then(|one| one.header("authorization").map(str::to_owned))
    };
    theirs.call("s__echo", json!({})).await;
    assert_eq!(sent().as_deref(), Some("Bearer fake-other-value"));
    ours.call("s__echo", json!({})).await;
    assert_eq!(sent().as_deref(), Some("Bearer fake-team-value"));

    toolgate_tests::eventually("each has its own record", || {
        let counts = ["team", "other"].map(|slug| {
            world
                .installation
                .lines(&["calls", "--workspace", slug])
                .len()
        });
        (counts == [1, 1]).then_some(())
    });
}
