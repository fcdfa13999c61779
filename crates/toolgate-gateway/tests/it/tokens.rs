//! Who may, how often, and until when.

use std::num::NonZeroU32;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;
use toolgate_analytics::CallStatus;
use toolgate_policy::{RateLimit, Role, ToolRules};
use toolgate_testkit::{Client, Script, Server};

use crate::setup::{Setup, names};
use crate::wire::soon;

fn now_ms() -> u64 {
    u64::try_from(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_millis(),
    )
    .unwrap()
}

#[tokio::test]
async fn s36_every_failed_authentication_reads_the_same() {
    let setup = Setup::new().await;
    let scope = setup.scope("default");
    let elsewhere = setup.workspace("elsewhere");
    let (foreign, _) = setup.token(&elsewhere, |_| {}).await;
    let (expired, _) = setup
        .token(&scope, |token| token.expires_at = Some(1))
        .await;
    let (revoked, row) = setup.token(&scope, |_| {}).await;
    setup.revoke(&scope, &row).await;
    let unknown = toolgate_policy::RawToken::from_random([3; 32])
        .expose()
        .to_owned();
    let mut bent = setup.admin_token.clone();
    let last = if bent.pop() == Some('a') { 'b' } else { 'a' };
    bent.push(last);
    let here = setup.url("default");
    let cases = [
        ("none", Client::new(&here)),
        ("empty", Client::new(&here).bearer("")),
        ("unknown", Client::new(&here).bearer(&unknown)),
        ("bad checksum", Client::new(&here).bearer(&bent)),
        ("foreign", Client::new(&here).bearer(&foreign)),
        ("expired", Client::new(&here).bearer(&expired)),
        ("revoked", Client::new(&here).bearer(&revoked)),
        (
            "other scheme",
            Client::new(&here).header("authorization", &format!("Basic {}", setup.admin_token)),
        ),
        (
            "unknown slug",
            Client::new(&setup.url("no-such")).bearer(&setup.admin_token),
        ),
        (
            "foreign slug",
            Client::new(&setup.url("elsewhere")).bearer(&setup.admin_token),
        ),
        ("too long", Client::new(&here).bearer(&"m".repeat(4_000))),
        (
            "in a cookie",
            Client::new(&here).header("cookie", &format!("token={}", setup.admin_token)),
        ),
    ];
    let mut first = None;
    for (what, mut client) in cases {
        let reply = client.rpc("ping", &json!({})).await;
        let mut headers = reply.headers.clone();
        headers.remove("date");
        let seen = (reply.status, headers, reply.body);
        assert_eq!(seen.0, 401, "{what}");
        assert_eq!(&seen, first.get_or_insert_with(|| seen.clone()), "{what}");
    }
}

#[tokio::test]
async fn s41_a_revoked_token_is_refused_at_once_and_its_calls_end() {
    let setup = Setup::new().await;
    let server = Server::new()
        .streams()
        .tool("hang", Script::new().progress(1, 2).hang())
        .start()
        .await;
    setup.link("old", &server).await;
    let scope = setup.scope("default");
    let (text, token) = setup.token(&scope, |_| {}).await;
    let mut client = Client::new(&setup.url("default")).bearer(&text);
    client.initialize().await;
    let params = json!({"name": "old__hang", "arguments": {}, "_meta": {"progressToken": 1}});
    let message = client.request_message("tools/call", &params);
    let mut call = client.post_stream(&message).await;
    assert!(call.next().await.is_some());
    let mut general = client.get_stream(&[("accept", "text/event-stream")]).await;
    assert!(general.next_event().await.is_some());

    setup.revoke(&scope, &token).await;
    assert_eq!(client.rpc("ping", &json!({})).await.status, 401);
    assert_eq!(
        call.next().await,
        None,
        "S-42: the call's stream ends without an answer"
    );
    // Its end; a notice from before may still be on its way.
    soon("the end", general.rest()).await;
    assert_eq!(setup.records(1).await[0].status, CallStatus::Revoked);
}

#[tokio::test]
async fn s41_a_revocation_by_another_process_needs_no_knock() {
    let setup = Setup::new().await;
    let scope = setup.scope("default");
    let (text, token) = setup.token(&scope, |_| {}).await;
    let mut client = Client::new(&setup.url("default")).bearer(&text);
    assert_eq!(client.rpc("ping", &json!({})).await.status, 200);
    setup.revoke_silently(&scope, &token);
    let started = Instant::now();
    while client.rpc("ping", &json!({})).await.status != 401 {
        assert!(
            started.elapsed() < Duration::from_secs(5),
            "the change was never noticed"
        );
    }
}

#[tokio::test]
async fn s38_expiry_ends_requests_and_streams() {
    let setup = Setup::new().await;
    let scope = setup.scope("default");
    let (text, _) = setup
        .token(&scope, |token| token.expires_at = Some(now_ms() + 700))
        .await;
    let mut client = Client::new(&setup.url("default")).bearer(&text);
    client.initialize().await;
    let mut general = client.get_stream(&[("accept", "text/event-stream")]).await;
    assert!(general.next_event().await.is_some());
    assert_eq!(
        general.next_event().await,
        None,
        "the stream ends with the token"
    );
    assert_eq!(client.rpc("ping", &json!({})).await.status, 401);
}

#[tokio::test]
async fn r20_the_limit_is_exact_and_says_when_to_come_back() {
    let setup = Setup::new().await;
    let scope = setup.scope("default");
    let limit = RateLimit::PerMinute(NonZeroU32::new(5).unwrap());
    let (text, _) = setup.token(&scope, |token| token.rate_limit = limit).await;
    let mut client = Client::new(&setup.url("default")).bearer(&text);
    for _ in 0..5 {
        assert_eq!(client.rpc("ping", &json!({})).await.status, 200);
    }
    let reply = client.rpc("ping", &json!({})).await;
    assert_eq!(reply.status, 429);
    assert_eq!(reply.message()["error"]["code"], -32029);
    let retry: u64 = reply.headers["retry-after"].parse().unwrap();
    assert!((1..=60).contains(&retry), "{retry}");
    assert_eq!(reply.headers["x-ratelimit-limit"], "5");
    assert_eq!(reply.headers["x-ratelimit-remaining"], "0");
    let mut other = setup.client();
    assert_eq!(
        other.rpc("ping", &json!({})).await.status,
        200,
        "the limit is the token's, not the workspace's"
    );
}

#[tokio::test]
async fn s54_read_only_tokens_see_and_call_read_only_tools() {
    let setup = Setup::new().await;
    let tool = |name: &str, annotations| json!({"name": name, "inputSchema": {"type": "object"}, "annotations": annotations});
    let server = Server::new()
        .tool_definition(tool("look", json!({"readOnlyHint": true})), "seen")
        .tool_definition(tool("write", json!({"readOnlyHint": false})), "written")
        .tool("unknown", "?")
        .start()
        .await;
    setup.link("s", &server).await;
    let (text, _) = setup
        .token(&setup.scope("default"), |token| token.role = Role::ReadOnly)
        .await;
    let mut client = Client::new(&setup.url("default")).bearer(&text);
    client.initialize().await;
    assert_eq!(
        names(&client.rpc("tools/list", &json!({})).await),
        ["s__look"]
    );
    assert_eq!(client.call("s__look", json!({})).await.text(), "seen");
    let missing = client.call("s__no_such", json!({})).await;
    for hidden in ["s__write", "s__unknown"] {
        let reply = client.call(hidden, json!({})).await;
        let expected = String::from_utf8_lossy(&missing.body).replace("s__no_such", hidden);
        let mut expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
        expected["id"] = reply.message()["id"].clone();
        assert_eq!(reply.message(), expected, "P4.5: hidden reads as unknown");
    }
    assert_eq!(server.calls("write"), 0);
}

#[tokio::test]
async fn rules_narrow_a_token() {
    let setup = Setup::new().await;
    let server = Server::new()
        .tool("read", "r")
        .tool("delete", "d")
        .start()
        .await;
    let other = Server::new().tool("read", "o").start().await;
    setup.link("a", &server).await;
    setup.link("b", &other).await;
    let rules = ToolRules::parse(["a__*", "!a__delete*"]).unwrap();
    let (text, _) = setup
        .token(&setup.scope("default"), |token| token.rules = rules)
        .await;
    let mut client = Client::new(&setup.url("default")).bearer(&text);
    client.initialize().await;
    assert_eq!(
        names(&client.rpc("tools/list", &json!({})).await),
        ["a__read"]
    );
    assert_eq!(client.call("a__read", json!({})).await.text(), "r");
    for hidden in ["a__delete", "b__read"] {
        assert_eq!(
            client.call(hidden, json!({})).await.message()["error"]["code"],
            -32602,
            "{hidden}"
        );
    }
}

#[tokio::test]
async fn removing_a_server_removes_its_tools_at_once() {
    let setup = Setup::new().await;
    let server = Server::new().tool("hello", "hi").start().await;
    let spec = setup.link("old", &server).await;
    let mut client = setup.client();
    client.initialize().await;
    assert_eq!(
        names(&client.rpc("tools/list", &json!({})).await),
        ["old__hello"]
    );
    setup.remove(&setup.scope("default"), &spec).await;
    assert!(names(&client.rpc("tools/list", &json!({})).await).is_empty());
    assert_eq!(
        client.call("old__hello", json!({})).await.message()["error"]["code"],
        -32602
    );
}

#[tokio::test]
async fn s39_the_last_use_is_stored_by_the_time_the_gateway_ends() {
    let setup = Setup::new().await;
    let scope = setup.scope("default");
    let (used, used_row) = setup.token(&scope, |_| {}).await;
    let (_, unused_row) = setup.token(&scope, |_| {}).await;
    let before = now_ms();
    let mut client = Client::new(&setup.url("default")).bearer(&used);
    assert_eq!(client.rpc("ping", &json!({})).await.status, 200);
    setup.gateway.shutdown().await;
    let last_use = |id| setup.stored_token(&scope, id).last_used_at;
    assert!(
        last_use(&used_row.id).is_some_and(|at| at >= before),
        "{:?}",
        last_use(&used_row.id)
    );
    assert_eq!(last_use(&unused_row.id), None);
}

#[tokio::test]
async fn an_idle_gateway_does_not_wait_for_its_own_clocks_to_end() {
    let setup = Setup::new().await;
    let started = Instant::now();
    setup.gateway.shutdown().await;
    // Work that ignores the end is given five seconds.
    assert!(
        started.elapsed() < Duration::from_secs(4),
        "{:?}",
        started.elapsed()
    );
}

/// S-35: nothing but the digest of a token is kept anywhere: not in the stores, not in their logs, not in records.
#[tokio::test]
async fn s35_token_at_rest() {
    let setup = Setup::new().await;
    let scope = setup.scope("default");
    let (text, token) = setup.token(&scope, |_| {}).await;
    let mut client = Client::new(&setup.url("default")).bearer(&text);
    client.initialize().await;
    client.call("no__such", json!({"token": "x"})).await;
    setup.revoke(&scope, &token).await;
    assert_eq!(client.rpc("ping", &json!({})).await.status, 401);
    setup.gateway.shutdown().await;
    let stored = setup.stored_bytes();
    let holds = |needle: &[u8]| stored.windows(needle.len()).any(|window| window == needle);
    assert!(holds(&token.digest.0), "the digest is there");
    // Eight characters of it anywhere would be eight too many.
    for at in (4..text.len() - 8).step_by(3) {
        assert!(
            !holds(&text.as_bytes()[at..at + 8]),
            "a part of the token is stored"
        );
    }
}

/// S-39: coarse, in one batch, off the request path: uses cost no write each, and are stored within a minute.
#[tokio::test]
async fn s39_last_used_batch() {
    let setup = Setup::new().await;
    let scope = setup.scope("default");
    let mut rows = Vec::new();
    for _ in 0..5 {
        let (text, row) = setup.token(&scope, |_| {}).await;
        let mut client = Client::new(&setup.url("default")).bearer(&text);
        for _ in 0..10 {
            assert_eq!(client.rpc("ping", &json!({})).await.status, 200);
        }
        rows.push(row);
    }
    let stored = || {
        let used = |row: &&toolgate_policy::Token| {
            setup.stored_token(&scope, &row.id).last_used_at.is_some()
        };
        rows.iter().filter(used).count()
    };
    let all_or_none =
        crate::wire::leaping("the uses are stored", Duration::from_secs(10), async || {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let stored = stored();
            (stored > 0).then_some(stored)
        });
    assert_eq!(all_or_none.await, 5, "one batch");
}
