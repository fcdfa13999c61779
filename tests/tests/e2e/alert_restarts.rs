//! Alerts and restarts: what fired is not told again, what is over is told, and no webhook is lost in between.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use toolgate_testkit::{Running, Script, Server};
use toolgate_tests::{PATIENCE, eventually};

use crate::alerts::{body, create};
use crate::sink::Sink;
use crate::world::{World, add};

/// Kills the gateway as a power cut would, and starts it again.
fn restart(world: &mut World) {
    world.gateway.process.signal("KILL");
    world.gateway.process.wait();
    world.gateway = world.installation.start();
}

/// An alert as it is listed, once this is so.
#[track_caller]
fn listed(world: &World, name: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    eventually(&format!("{name}: {what}"), || {
        let listed = world
            .installation
            .lines(&["alert", "list", "--workspace", "team"]);
        listed
            .into_iter()
            .find(|alert| alert["name"] == name && is_so(alert))
    })
}

fn is_delivered(alert: &Value) -> bool {
    alert["last_delivery"]["delivered"] == true
}

/// Returns once the running gateway has looked at all alerts: one that was made for this has fired.
async fn until_looked_at(world: &World, receiver: &Sink, path: &str) {
    let url = receiver.url(path);
    let flags = [
        "--error-rate",
        "0",
        "--least-calls",
        "1",
        "--server",
        "other",
    ];
    create(&world.installation, path, &url, &flags);
    let mut client = world.legacy().await;
    let deadline = Instant::now() + PATIENCE;
    while receiver.sent_to(path).is_empty() {
        assert!(Instant::now() < deadline, "{path} is not told");
        // It counts calls from the first look after it was made.
        client.call("other__fails", json!({})).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn failing() -> Running {
    let tools = Server::new()
        .tool("fine", "ok")
        .tool("fails", Script::new().error(-32000, "broken"));
    tools.start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fires_is_not_told_again_after_a_restart_and_its_end_is() {
    let receiver = Sink::start().await;
    let (server, other) = (failing().await, failing().await);
    let dead = Server::new().tool("known", Script::new().disconnect());
    let dead = dead.start().await;
    let mut world = World::prepare(|installation| {
        for (slug, server) in [("s", &server), ("other", &other), ("dead", &dead)] {
            add(installation, slug, server, &[]);
        }
        installation.done(&["plan", "set", "--calls", "800"]);
        let of_s = ["--error-rate", "50", "--least-calls", "3", "--server", "s"];
        create(installation, "failing", &receiver.url("/failing"), &of_s);
        let down = ["--server-down", "1s", "--server", "dead"];
        create(installation, "down", &receiver.url("/down"), &down);
        let quota = ["--quota", "1"];
        create(installation, "quota", &receiver.url("/quota"), &quota);
    });
    let mut client = world.legacy().await;
    for _ in 0..3 {
        client.call("s__fails", json!({})).await;
    }
    for _ in 0..5 {
        client.call("dead__known", json!({})).await;
    }
    let names = ["failing", "down", "quota"];
    let before = names.map(|name| listed(&world, name, "told", is_delivered));

    restart(&mut world);
    until_looked_at(&world, &receiver, "/first").await;
    restart(&mut world);
    until_looked_at(&world, &receiver, "/second").await;
    for (name, before) in names.iter().zip(before) {
        let path = format!("/{name}");
        assert_eq!(receiver.sent_to(&path).len(), 1, "{name} is told once");
        let after = listed(&world, name, "still fires", |_| true);
        assert_eq!(after["firing_since"], before["firing_since"], "{name}");
        assert_eq!(after["last_delivery"], before["last_delivery"], "{name}");
    }

    world
        .installation
        .done(&["plan", "set", "--calls", "unlimited"]);
    let answers = (
        json!({"name": "known", "inputSchema": {"type": "object"}}),
        Script::new().text("ok"),
    );
    dead.set_tools([answers]);
    let mut client = world.legacy().await;
    client.call("dead__known", json!({})).await;
    for _ in 0..10 {
        client.call("s__fine", json!({})).await;
    }
    for name in names {
        let sent = receiver.until_sent(&format!("/{name}"), 2);
        assert_eq!(body(&sent[1])["type"], "alert.resolved", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_was_not_taken_yet_is_sent_after_a_restart() {
    let receiver = Sink::start().await;
    let server = failing().await;
    let mut world = World::prepare(|installation| {
        add(installation, "s", &server, &[]);
        let flags = ["--error-rate", "0", "--least-calls", "1"];
        create(installation, "failing", &receiver.url("/hook"), &flags);
    });
    receiver.answer_with([500]);
    let mut client = world.legacy().await;
    client.call("s__fails", json!({})).await;
    let first = body(&receiver.until_sent("/hook", 1)[0]);
    restart(&mut world);
    let again = body(&receiver.until_sent("/hook", 2)[1]);
    assert_eq!(again, first, "the same event, under its id");
    listed(&world, "failing", "told", is_delivered);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_while_nobody_looked_is_told_as_over() {
    let receiver = Sink::start().await;
    let server = Server::new().tool("known", "ok").start().await;
    let mut world = World::prepare(|installation| {
        add(installation, "s", &server, &[]);
        create(installation, "changed", &receiver.url("/hook"), &["--pins"]);
    });
    let tool = |name: &str| {
        (
            json!({"name": name, "inputSchema": {"type": "object"}}),
            Script::new().text("ok"),
        )
    };
    world.installation.done(&["workspace", "test", "team"]);
    server.set_tools([tool("known"), tool("new")]);
    world.installation.done(&["workspace", "test", "team"]);
    listed(&world, "changed", "told", is_delivered);
    world.gateway.process.signal("KILL");
    world.gateway.process.wait();
    let review = ["tools", "review", "s/new", "--workspace", "team"];
    let hash = world.installation.lines(&review)[0]["hash"].clone();
    let hash = hash.as_str().expect("it waits for an approval");
    let place = ["--hash", hash, "--workspace", "team"];
    let approve = [&["tools", "approve", "s/new"], &place[..]].concat();
    world.installation.done(&approve);
    world.gateway = world.installation.start();
    let sent = receiver.until_sent("/hook", 2);
    assert_eq!(body(&sent[1])["type"], "alert.resolved");
    // One that is switched off is forgotten, and begins anew.
    server.set_tools([tool("known"), tool("new"), tool("newer")]);
    world.installation.done(&["workspace", "test", "team"]);
    receiver.until_sent("/hook", 3);
    let which = ["changed", "--workspace", "team"];
    for switch in ["disable", "enable"] {
        let args = [&["alert", switch], &which[..]].concat();
        world.installation.done(&args);
        restart(&mut world);
    }
    let sent = receiver.until_sent("/hook", 4);
    assert_eq!(body(&sent[3])["type"], "alert.fired");
}
