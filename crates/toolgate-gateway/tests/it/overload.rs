//! What is shed when there is too much to do, and what is not (R-20, R-21).

use std::num::NonZeroU32;
use std::time::Duration;

use serde_json::json;
use toolgate_policy::RateLimit;
use toolgate_testkit::{Client, Script, Server};

use crate::setup::Setup;
use crate::wire::{linked, soon, started, until};

#[tokio::test]
async fn r21_calls_beyond_the_limit_are_refused_and_the_rest_works() {
    let setup = Setup::with(|config| config.overload.max_calls = 4).await;
    let server = Server::new()
        .modern()
        .tool("hang", Script::new().hang())
        .tool("work", "fine");
    let server = linked(&setup, "s", server).await;
    setup.client().modern("tools/list", json!({})).await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let params = json!({"name": "s__hang", "arguments": {}});
        let (client, message) = setup.client().modern_message("tools/call", params);
        calls.spawn(async move { client.post(&message).await });
    }
    until("four calls", || server.calls("hang") == 4).await;
    let params = json!({"name": "s__work", "arguments": {}});
    let reply = setup.client().modern("tools/call", params.clone()).await;
    assert_eq!(reply.status, 503, "{}", reply.message());
    assert_eq!(reply.headers["retry-after"], "1");
    let error = &reply.message()["error"];
    assert_eq!(error["code"], -33013);
    assert_eq!(error["data"]["outcome"], "not_sent");
    assert_eq!(server.calls("work"), 0);

    // Lists, health, the control socket and revocation go on.
    let scope = setup.scope("default");
    let (token, row) = setup.token(&scope, |_| {}).await;
    let mut other = Client::new(&setup.url("default")).bearer(&token);
    assert_eq!(other.modern("tools/list", json!({})).await.status, 200);
    setup.revoke(&scope, &row).await;
    assert_eq!(other.modern("tools/list", json!({})).await.status, 401);
    assert_eq!(health(&setup, "/health/live").await.0, 200);
    assert!(setup.status().await.shed >= 1);

    calls.shutdown().await;
    setup.until_gauge("calls under way", 0).await;
    let reply = setup.client().modern("tools/call", params).await;
    assert_eq!(reply.text(), "fine");
}

#[tokio::test]
async fn r21_without_memory_only_what_must_work_works() {
    // Whatever this process has is more than that.
    let setup = Setup::with(|config| config.overload.memory_bytes = Some(1)).await;
    let _server = linked(&setup, "s", Server::new().tool("work", "fine")).await;
    for _ in 0..500 {
        if setup.status().await.sheds == "connections" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let one = RateLimit::PerMinute(NonZeroU32::MIN);
    let scope = setup.scope("default");
    let (token, row) = setup.token(&scope, |token| token.rate_limit = one).await;
    let mut client = Client::new(&setup.url("default")).bearer(&token);
    for _ in 0..3 {
        // R-20: what is refused uses nothing of the token's rate, or this would be a 429.
        let reply = client.modern("tools/list", json!({})).await;
        assert_eq!(reply.status, 503, "{}", reply.message());
        assert_eq!(reply.headers["retry-after"], "1");
    }
    let client_of_streams = setup.client();
    let stream = client_of_streams.get_stream(&[("accept", "text/event-stream")]);
    assert_ne!(soon("an answer", stream).await.status, 200);
    assert_eq!(health(&setup, "/health").await.0, 200);
    let (status, body) = health(&setup, "/health/ready").await;
    assert_eq!((status, body.as_str()), (200, r#"{"status":"degraded"}"#));
    setup.revoke(&scope, &row).await;
    assert_eq!(client.modern("tools/list", json!({})).await.status, 401);
}

/// Retrying when the answer says to succeeds, and not a moment earlier.
#[tokio::test]
async fn r20_retrying_at_the_time_told_succeeds() {
    let setup = Setup::new().await;
    let two = RateLimit::PerMinute(NonZeroU32::new(2).unwrap());
    let scope = setup.scope("default");
    let (token, _) = setup.token(&scope, |token| token.rate_limit = two).await;
    let mut client = Client::new(&setup.url("default")).bearer(&token);
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(client.rpc("ping", &json!({})).await);
    }
    let statuses: Vec<u16> = seen.iter().map(|reply| reply.status).collect();
    assert_eq!(statuses, [200, 200, 429]);
    let headers = &seen[2].headers;
    assert_eq!(headers["x-ratelimit-limit"], "2");
    assert_eq!(headers["x-ratelimit-remaining"], "0");
    let retry: u64 = headers["retry-after"].parse().unwrap();
    assert!((55..=60).contains(&retry), "{retry}");
    let reset: u64 = headers["x-ratelimit-reset"].parse().unwrap();
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!(reset.abs_diff(now + retry) <= 2, "{reset} {now} {retry}");
}

/// 64 connections at once get exactly what one would.
#[tokio::test(flavor = "multi_thread")]
async fn r20_rate_exact_over_64_connections() {
    let setup = Setup::new().await;
    let limit = RateLimit::PerMinute(NonZeroU32::new(120).unwrap());
    let scope = setup.scope("default");
    let (token, _) = setup.token(&scope, |token| token.rate_limit = limit).await;
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let mut client = Client::new(&setup.url("default")).bearer(&token);
        callers.spawn(async move {
            let mut admitted = 0;
            for _ in 0..4 {
                let reply = client.rpc("ping", &json!({})).await;
                assert!(matches!(reply.status, 200 | 429), "{}", reply.status);
                admitted += u32::from(reply.status == 200);
            }
            admitted
        });
    }
    let admitted: u32 = soon("all", callers.join_all()).await.into_iter().sum();
    assert_eq!(admitted, 120);
}

/// R-24: nothing of a session, a rate or a circuit hangs on the wall clock; what waits wakes after a jump.
#[tokio::test]
async fn r24_time_that_leaps_breaks_nothing() {
    let setup = Setup::new().await;
    let _server = linked(&setup, "s", Server::new().tool("work", "fine")).await;
    let mut client = started(&setup, "2025-11-25").await;
    assert_eq!(client.call("s__work", json!({})).await.text(), "fine");
    for time in [1, 60, 3_600, 86_400] {
        crate::wire::leap(Duration::from_secs(time)).await;
        let reply = soon("a call", client.call("s__work", json!({}))).await;
        assert_eq!(reply.text(), "fine", "after {time} s: {}", reply.message());
    }
    assert_eq!(setup.status().await.health, "ready");
}

async fn health(setup: &Setup, path: &str) -> (u16, String) {
    let reply = Client::new(&setup.origin).at(path).request("GET").await;
    (
        reply.status,
        String::from_utf8_lossy(&reply.body).into_owned(),
    )
}
