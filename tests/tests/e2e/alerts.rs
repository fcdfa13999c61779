//! Alerts: fired and resolved by webhooks that can be verified, and not repeated in between.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail like the test")]

use std::time::Duration;

use ring::hmac;
use serde_json::{Value, json};
use toolgate_testkit::{Client, Script, Server};
use toolgate_tests::{Installation, eventually};

use crate::sink::{Sent, Sink};
use crate::world::{World, add};

const KEY: &str = "canary-signing-key-0123456789";

pub(crate) fn body(sent: &Sent) -> Value {
    serde_json::from_slice(&sent.body).unwrap()
}

/// As docs/telemetry.md tells receivers to do it.
#[track_caller]
fn check_signature(sent: &Sent) {
    let header = &sent.headers["toolgate-signature"];
    let (t, v1) = header
        .strip_prefix("t=")
        .and_then(|rest| rest.split_once(",v1="))
        .unwrap_or_else(|| panic!("{header}"));
    let key = hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes());
    let message = [t.as_bytes(), b".", &sent.body].concat();
    let mac: Vec<u8> = (0..v1.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&v1[at..at + 2], 16).unwrap())
        .collect();
    hmac::verify(&key, &message, &mac).expect("the signature holds");
}

fn sign_with(installation: &Installation) {
    let said = installation.ctl_with(&["workspace", "secret", "set", "team", "HOOK_KEY"], KEY);
    assert!(said.status.success(), "{}", said.stderr);
}

pub(crate) fn create(installation: &Installation, name: &str, url: &str, flags: &[&str]) {
    let args = [
        &["alert", "create", name, "--workspace", "team", "--url", url],
        flags,
    ]
    .concat();
    installation.done(&args);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_rate_is_told_once_when_it_begins_and_once_when_it_is_over() {
    let receiver = Sink::start().await;
    let server = Server::new()
        .tool("fine", "ok")
        .tool("fails", Script::new().error(-32000, "broken"))
        .start()
        .await;
    let world = World::prepare(|installation| {
        add(installation, "s", &server, &[]);
        sign_with(installation);
        let url = receiver.url("/hook");
        let flags = [
            "--error-rate",
            "50",
            "--least-calls",
            "3",
            "--secret",
            "HOOK_KEY",
        ];
        create(installation, "failing", &url, &flags);
    });
    // The first attempt fails, and is made again.
    receiver.answer_with([500]);
    let mut client = world.legacy().await;
    for _ in 0..3 {
        client.call("s__fails", json!({})).await;
    }
    let sent = receiver.until_sent("/hook", 2);
    let fired = body(&sent[1]);
    assert_eq!(body(&sent[0])["id"], fired["id"], "the same event again");
    assert_eq!(fired["type"], "alert.fired");
    assert_eq!(fired["alert"]["name"], "failing");
    assert_eq!(fired["alert"]["workspace"], "team");
    assert_eq!(fired["alert"]["rule"]["kind"], "error_rate");
    assert_eq!(fired["findings"][0]["value"], 100);
    assert_eq!(fired["findings"][0]["workspace"], "team");
    let listed = eventually("the alert is listed as firing", || {
        let listed = world
            .installation
            .lines(&["alert", "list", "--workspace", "team"]);
        let is_told = listed[0]["last_delivery"]["delivered"] == true;
        is_told.then(|| listed[0].clone())
    });
    assert!(listed["firing_since"].is_string());
    assert_eq!(listed["last_delivery"]["attempts"], 2);
    for _ in 0..30 {
        client.call("s__fine", json!({})).await;
    }
    let sent = receiver.until_sent("/hook", 3);
    assert_eq!(body(&sent[2])["type"], "alert.resolved");
    assert_eq!(receiver.sent_to("/hook").len(), 3, "and nothing in between");
    sent.iter().for_each(check_signature);
    let everything = String::from_utf8_lossy(&receiver.everything()).into_owned();
    for canary in [KEY, &world.token.token, &world.token.token[4..]] {
        assert!(!everything.contains(canary), "S-19: {canary}");
    }
    assert!(!world.gateway.process.stderr().contains(KEY), "S-19");
}

#[tokio::test(flavor = "multi_thread")]
async fn latency_is_told_when_one_call_in_twenty_is_slow_and_again_when_none_is() {
    const SLOW_MS: u64 = 1_500;
    let receiver = Sink::start().await;
    let slow = Script::new().delay(Duration::from_millis(SLOW_MS));
    let server = Server::new()
        .tool("fast", "ok")
        .tool("slow", slow.text("ok"))
        .start()
        .await;
    let world = World::prepare(|installation| {
        add(installation, "s", &server, &[]);
        let url = receiver.url("/hook");
        let flags = ["--latency", "1000", "--least-calls", "2", "--server", "s"];
        create(installation, "slow", &url, &flags);
    });
    let mut client = world.legacy().await;
    for _ in 0..2 {
        client.call("s__slow", json!({})).await;
    }
    let fired = body(&receiver.until_sent("/hook", 1)[0]);
    assert_eq!(fired["type"], "alert.fired");
    assert_eq!(fired["alert"]["rule"]["kind"], "latency");
    assert_eq!(fired["alert"]["rule"]["p95_over_ms"], 1_000);
    let finding = &fired["findings"][0];
    assert_eq!(
        finding["text"],
        "2 of 2 calls took longer than 1000 ms within 300 s"
    );
    assert_eq!(
        (&finding["value"], &finding["limit"]),
        (&json!(100), &json!(5))
    );
    assert_eq!(finding["server"], "s");
    for _ in 0..50 {
        client.call("s__fast", json!({})).await;
    }
    let sent = receiver.until_sent("/hook", 2);
    assert_eq!(body(&sent[1])["type"], "alert.resolved");
    assert_eq!(sent.len(), 2, "and nothing in between");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_is_told_before_it_is_used_up_and_again_when_there_is_more() {
    let receiver = Sink::start().await;
    let server = Server::new().tool("fine", "ok").start().await;
    let world = World::prepare(|installation| {
        add(installation, "s", &server, &[]);
        installation.done(&["plan", "set", "--calls", "5"]);
        let url = receiver.url("/hook");
        create(installation, "nearly", &url, &["--quota", "80"]);
        let url = receiver.url("/used-up");
        create(installation, "all", &url, &["--quota", "100"]);
    });
    let mut client = world.legacy().await;
    for _ in 0..4 {
        assert_eq!(client.call("s__fine", json!({})).await.text(), "ok");
    }
    let fired = body(&receiver.until_sent("/hook", 1)[0]);
    assert_eq!(fired["alert"]["rule"]["kind"], "quota");
    let finding = &fired["findings"][0];
    assert_eq!(finding["text"], "4 of 5 calls of this month are used up");
    assert_eq!(
        (&finding["value"], &finding["limit"]),
        (&json!(4), &json!(5))
    );
    assert!(receiver.sent_to("/used-up").is_empty());
    client.call("s__fine", json!({})).await;
    // What is refused uses up nothing, and is told by no further webhook.
    assert_eq!(client.call("s__fine", json!({})).await.status, 429);
    let used_up = receiver.until_sent("/used-up", 1);
    assert_eq!(body(&used_up[0])["findings"][0]["value"], 5);
    world.installation.done(&["plan", "set", "--calls", "100"]);
    for path in ["/hook", "/used-up"] {
        let sent = receiver.until_sent(path, 2);
        assert_eq!(body(&sent[1])["type"], "alert.resolved", "{path}");
        assert_eq!(sent.len(), 2, "{path}: and nothing in between");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_tool_and_a_dead_server_are_told() {
    let receiver = Sink::start().await;
    let server = Server::new().tool("known", "ok").start().await;
    let world = World::prepare(|installation| {
        add(installation, "s", &server, &[]);
        let url = receiver.url("/pins");
        create(installation, "changed", &url, &["--pins"]);
        let url = receiver.url("/down");
        create(
            installation,
            "down",
            &url,
            &["--server-down", "1s", "--server", "s"],
        );
    });
    let ctl = &world.installation;
    ctl.done(&["workspace", "test", "team"]);
    assert!(receiver.sent_to("/pins").is_empty());
    let tool = |name: &str| {
        (
            json!({"name": name, "inputSchema": {"type": "object"}}),
            Script::new().text("ok"),
        )
    };
    server.set_tools([tool("known"), tool("new")]);
    ctl.done(&["workspace", "test", "team"]);
    let fired = receiver.until_sent("/pins", 1);
    assert!(!fired[0].headers.contains_key("toolgate-signature"));
    assert_eq!(body(&fired[0])["findings"][0]["tool"], "new");
    let waits = ctl.lines(&["tools", "review", "s/new", "--workspace", "team"]);
    let hash = waits[0]["hash"].as_str().expect("it waits for an approval");
    ctl.done(&[
        "tools",
        "approve",
        "s/new",
        "--hash",
        hash,
        "--workspace",
        "team",
    ]);
    let resolved = receiver.until_sent("/pins", 2);
    assert_eq!(body(&resolved[1])["type"], "alert.resolved");

    let mut client = world.legacy().await;
    server.stop().await;
    for _ in 0..6 {
        client.call("s__known", json!({})).await;
    }
    let down = receiver.until_sent("/down", 1);
    assert_eq!(body(&down[0])["findings"][0]["server"], "s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_shows_whether_the_receiver_takes_webhooks() {
    let receiver = Sink::start().await;
    let world = World::prepare(|installation| {
        sign_with(installation);
        let url = receiver.url("/hook");
        create(
            installation,
            "changed",
            &url,
            &["--pins", "--secret", "HOOK_KEY"],
        );
    });
    let test = ["alert", "test", "changed", "--workspace", "team"];
    world.installation.done(&test);
    let sent = receiver.until_sent("/hook", 1);
    assert_eq!(body(&sent[0])["type"], "alert.test");
    check_signature(&sent[0]);
    // A refusal that will not change is not tried again.
    receiver.answer_with([404]);
    let said = world.installation.ctl(&test);
    assert_eq!(said.status.code(), Some(1));
    assert!(said.stdout.contains("status 404"), "{}", said.stdout);
    assert_eq!(receiver.sent_to("/hook").len(), 2);
    // Without its secret nothing is sent.
    world
        .installation
        .done(&["workspace", "secret", "delete", "team", "HOOK_KEY"]);
    let said = world.installation.ctl(&test);
    assert!(said.stdout.contains("secret"), "{}", said.stdout);
    assert_eq!(receiver.sent_to("/hook").len(), 2);
}

/// S-64: a webhook goes where it was allowed to go, and not to the gateway itself.
#[tokio::test(flavor = "multi_thread")]
async fn s64_a_webhook_does_not_reach_the_gateway_itself() {
    let world = World::prepare(|_| {});
    let own = format!("{}/health", world.gateway.url);
    create(&world.installation, "loop", &own, &["--pins"]);
    let said = world
        .installation
        .ctl(&["alert", "test", "loop", "--workspace", "team"]);
    assert_eq!(said.status.code(), Some(1));
    assert!(
        said.stdout.contains("could not be reached"),
        "{}",
        said.stdout
    );
    let health = Client::new(&own).request("GET").await;
    assert_eq!(health.status, 200);
}
