//! Tokens, roles, rules, expiry, revocation and the rate limit.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;
use toolgate_testkit::{Client, Reply, Running, Script, Server};

use crate::world::{World, error, list, soon};

async fn server() -> Running {
    let definition = |name: &str, reads: bool| json!({ "name": name, "inputSchema": { "type": "object" }, "annotations": { "readOnlyHint": reads } });
    Server::new()
        .tool_definition(definition("look", true), "seen")
        .tool_definition(definition("change", false), "changed")
        .tool("mystery", "done")
        .tool("hang", Script::new().hang())
        .start()
        .await
}

/// Everything of an answer that a stranger could tell apart.
fn face(reply: &Reply) -> (u16, BTreeMap<String, String>, Vec<u8>) {
    let mut headers = reply.headers.clone();
    headers.remove("date");
    (reply.status, headers, reply.body.to_vec())
}

/// S-36: one failure for every cause.
#[tokio::test(flavor = "multi_thread")]
async fn every_reason_to_refuse_looks_the_same() {
    let server = server().await;
    let world = World::new(&[("s", &server)]);
    let foreign = world.installation.workspace("other").token;
    let revoked = world.installation.token("team", &[]);
    let id = revoked.json["id"].as_str().expect("an id");
    world
        .installation
        .done(&["workspace", "token", "revoke", "team", id]);
    let expired = world
        .installation
        .token("team", &["--expires-in", "1"])
        .token;
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    soon("the token expires", async {
        while Client::new(&world.url())
            .bearer(&expired)
            .post(&ping)
            .await
            .status
            != 401
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;

    let unknown = format!("mwt_{}", "A".repeat(49));
    let nowhere = world.gateway.workspace("nowhere");
    let wanted = face(&Client::new(&world.url()).post(&ping).await);
    assert_eq!(wanted.0, 401);
    let cases = [
        ("malformed", world.url(), "nonsense"),
        ("unknown", world.url(), &unknown),
        ("revoked", world.url(), &revoked.token),
        ("expired", world.url(), &expired),
        ("of another workspace", world.url(), &foreign),
        ("at an unknown workspace", nowhere, &world.token.token),
    ];
    for (what, url, token) in cases {
        let reply = Client::new(&url).bearer(token).post(&ping).await;
        assert_eq!(face(&reply), wanted, "a token {what}");
    }
}

/// Issue 2 and S-40: the next request after the command fails, and what is under way ends, within 100 ms.
#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_dead_when_the_command_returns() {
    let server = server().await;
    let world = World::new(&[("s", &server)]);
    for _ in 0..5 {
        let token = world.installation.token("team", &["--rate-limit", "off"]);
        let mut client = world.legacy_as(&token.token).await;
        assert_eq!(client.call("s__look", json!({})).await.text(), "seen");
        let mut running = client.clone();
        let call = tokio::spawn(async move { running.call("s__hang", json!({})).await });
        let before = server.calls("hang");
        soon(
            "the call is under way",
            server.until_requests(|seen| {
                seen.iter()
                    .filter(|one| one.body["params"]["name"] == "hang")
                    .count()
                    > before.saturating_sub(1)
            }),
        )
        .await;

        let id = token.json["id"].as_str().expect("an id");
        world
            .installation
            .done(&["workspace", "token", "revoke", "team", id]);
        let revoked = Instant::now();
        assert_eq!(client.call("s__look", json!({})).await.status, 401);
        assert!(
            revoked.elapsed() < Duration::from_millis(100),
            "{:?}",
            revoked.elapsed()
        );
        // However it ends, it ends: with an error, or with the connection.
        drop(soon("the call under way ends", call).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_token_sees_and_calls_what_only_reads() {
    let server = server().await;
    let world = World::new(&[("s", &server)]);
    // The catalogue has to be known before a tool can be known to be read-only.
    list(&mut world.legacy().await).await;
    let reader = world.installation.token("team", &["--role", "read-only"]);
    let mut client = world.legacy_as(&reader.token).await;
    assert_eq!(list(&mut client).await, ["s__look"]);
    assert_eq!(client.call("s__look", json!({})).await.text(), "seen");

    // P4.5: hidden and unknown are one answer.
    let hidden = client.call("s__change", json!({})).await;
    let unknown = client.call("s__nothing", json!({})).await;
    let words = |reply: &Reply, tool: &str| {
        (
            reply.status,
            error(reply).0,
            error(reply).1.replace(tool, "TOOL"),
        )
    };
    assert_eq!(words(&hidden, "s__change"), words(&unknown, "s__nothing"));
    assert_eq!((hidden.status, error(&hidden).0), (200, -32602));
    assert_eq!(server.calls("change"), 0);

    world.installation.done(&[
        "tools",
        "classify",
        "s/mystery",
        "read-only",
        "--workspace",
        "team",
    ]);
    assert_eq!(list(&mut client).await, ["s__look", "s__mystery"]);
    assert_eq!(client.call("s__mystery", json!({})).await.text(), "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn tool_rules_narrow_a_token() {
    let (one, two) = (server().await, server().await);
    let world = World::new(&[("one", &one), ("two", &two)]);
    let narrow = world
        .installation
        .token("team", &["--tools", "one__*,!one__change,two__look"]);
    let mut client = world.legacy_as(&narrow.token).await;
    assert_eq!(
        list(&mut client).await,
        ["one__look", "one__mystery", "one__hang", "two__look"]
    );
    assert_eq!(client.call("two__look", json!({})).await.text(), "seen");
    for refused in ["one__change", "two__change"] {
        assert_eq!(
            error(&client.call(refused, json!({})).await).0,
            -32602,
            "{refused}"
        );
    }
    assert_eq!((one.calls("change"), two.calls("change")), (0, 0));
}

/// 120 in a rolling minute, exactly; the refusal says when to come back.
#[tokio::test(flavor = "multi_thread")]
async fn the_hundred_and_twenty_first_request_waits() {
    let server = server().await;
    let world = World::new(&[("s", &server)]);
    let token = world.installation.token("team", &[]).token;
    let mut client = Client::new(&world.url()).bearer(&token);
    for number in 1..=120 {
        assert_eq!(
            client.rpc("tools/list", &json!({})).await.status,
            200,
            "request {number}"
        );
    }
    let refused = client.rpc("tools/list", &json!({})).await;
    assert_eq!((refused.status, error(&refused).0), (429, -32029));
    let wait: u64 = refused.headers["retry-after"].parse().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    let modern = client.modern("tools/list", json!({})).await;
    assert_eq!((modern.status, error(&modern).0), (429, -33029));

    // Per token, not per workspace.
    assert_eq!(
        world.client().rpc("tools/list", &json!({})).await.status,
        200
    );
}

/// P6.3, S-43: a session belongs to the token it was made with.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_another_token_is_unknown() {
    let server = server().await;
    let world = World::new(&[("s", &server)]);
    let theirs = world.legacy().await;
    let session = theirs.session().expect("P6.3").to_owned();
    let other = world.installation.token("team", &[]).token;
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    for (token, session) in [
        (&other, session.as_str()),
        (&world.token.token, "not-a-session"),
    ] {
        let reply = Client::new(&world.url())
            .bearer(token)
            .header("mcp-session-id", session)
            .post(&ping)
            .await;
        assert_eq!((reply.status, error(&reply).0), (404, -32001));
    }
    assert_eq!(
        theirs.post(&ping).await.message()["result"],
        json!({}),
        "P6.14"
    );
    assert_eq!(theirs.request("DELETE").await.status, 204, "P6.7");
    assert_eq!(theirs.post(&ping).await.status, 404);
}

/// S-58: a page in a browser must not reach the gateway under another name.
#[tokio::test(flavor = "multi_thread")]
async fn foreign_hosts_and_origins_are_refused() {
    let world = World::new(&[]);
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    for (name, value) in [
        ("host", "evil.example.com"),
        ("origin", "http://evil.example.com"),
        ("origin", "null"),
    ] {
        // The testkit's client writes its own Host unless it is told another.
        let reply = world.client().header(name, value).post(&ping).await;
        assert_eq!(reply.status, 403, "{name}: {value}");
    }
    assert_eq!(
        world
            .client()
            .header("origin", "http://localhost:3000")
            .post(&ping)
            .await
            .status,
        200
    );
}
