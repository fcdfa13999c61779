//! A cancelled call ends at its server, under the server's own id, and no other call with it (P5.17, P6.13, P8.20).

use serde_json::{Value, json};
use toolgate_testkit::{Recorded, Running, Script, Server};

use super::*;

fn waits() -> Script {
    Script::new().progress(1, 2).wait_for("go").echo()
}

/// Waits until the server has the call of this number; its id there.
async fn arrived(server: &Running, n: usize) -> Value {
    let is_it = |r: &Recorded| r.body["params"]["arguments"]["n"] == n;
    patient(server.until_requests(|requests| requests.iter().any(is_it))).await;
    let calls = server.requests_for("tools/call");
    calls.into_iter().find(|call| is_it(call)).unwrap().body["id"].clone()
}

#[tokio::test]
async fn b05_p6_13_one_of_three_calls_of_a_session_is_cancelled() {
    let setup = Setup::new().await;
    let old = Server::new().streams().tool("wait", waits()).start().await;
    let sse = Server::new().http_sse().tool("wait", waits()).start().await;
    let new = Server::new()
        .modern()
        .streams()
        .tool("wait", waits())
        .start()
        .await;
    for (slug, server) in [("old", &old), ("sse", &sse), ("new", &new)] {
        setup.link(slug, server).await;
        let client = legacy(&setup).await;
        let mut calling = Vec::new();
        for n in 0..3 {
            let message = call_message(format!("c{n}"), &format!("{slug}__wait"), json!({"n": n}));
            let client = client.clone();
            calling.push(tokio::spawn(async move { client.post(&message).await }));
            arrived(server, n).await;
        }
        let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "c1"}});
        assert_eq!(client.post(&cancel).await.status, 202);
        if slug == "new" {
            patient(server.until_aborted(1)).await;
            assert!(cancels(server).is_empty(), "P8.20: the stream was closed");
        } else {
            patient(server.saw("notifications/cancelled")).await;
            assert_eq!(cancels(server), [arrived(server, 1).await], "{slug}");
        }
        let silent = patient(calling.remove(1)).await.unwrap();
        assert_eq!(
            silent.messages(),
            Vec::<Value>::new(),
            "{slug}: no response"
        );
        server.signal("go");
        for (n, calling) in [0, 2].into_iter().zip(calling) {
            let reply = patient(calling).await.unwrap();
            assert_eq!(
                told(&reply.message())["body"]["params"]["arguments"]["n"],
                n,
                "{slug}"
            );
        }
        assert_eq!(
            client.post(&cancel).await.status,
            202,
            "an unknown id is ignored"
        );
    }
}

#[tokio::test]
async fn b05_p5_17_one_of_three_modern_calls_is_cut() {
    let setup = Setup::new().await;
    let old = Server::new().streams().tool("wait", waits()).start().await;
    let sse = Server::new().http_sse().tool("wait", waits()).start().await;
    let new = Server::new()
        .modern()
        .streams()
        .tool("wait", waits())
        .start()
        .await;
    for (slug, server) in [("old", &old), ("sse", &sse), ("new", &new)] {
        setup.link(slug, server).await;
        let mut client = Modern::new(&setup);
        let mut streams = Vec::new();
        for n in 0..3 {
            let mut params = client.params(&format!("{slug}__wait"), json!({"n": n}));
            params["_meta"]["progressToken"] = json!(n);
            let mut stream = patient(client.client.modern_stream("tools/call", params)).await;
            let progress = patient(stream.next()).await.unwrap();
            assert_eq!(progress["params"]["progressToken"], n, "{slug}");
            streams.push(stream);
        }
        drop(streams.remove(1));
        if slug == "new" {
            patient(server.until_aborted(1)).await;
        } else {
            patient(server.saw("notifications/cancelled")).await;
            assert_eq!(cancels(server), [arrived(server, 1).await], "{slug}");
        }
        server.signal("go");
        for (n, mut stream) in [0, 2].into_iter().zip(streams) {
            let answer = patient(stream.next()).await.unwrap();
            assert_eq!(
                told(&answer)["body"]["params"]["arguments"]["n"],
                n,
                "{slug}"
            );
        }
    }
}

#[tokio::test]
async fn b05_p6_13_a_process_is_told_with_its_own_id_and_goes_on() {
    let setup = Setup::new().await;
    link_stdio(&setup, "pipe", Isolation::Principal, &[]).await;
    let mut client = legacy(&setup).await;
    let message = call_message("mine", "pipe__hang", json!({}));
    let hanging = tokio::spawn({
        let client = client.clone();
        async move { client.post(&message).await }
    });
    let mut seen = Value::Null;
    let of = |seen: &Value, method: &str, name: Option<&str>| {
        let messages = seen.as_array().cloned().unwrap_or_default();
        let is_it =
            |m: &&Value| m["method"] == method && name.is_none_or(|n| m["params"]["name"] == n);
        messages.iter().find(is_it).cloned()
    };
    while of(&seen, "tools/call", Some("hang")).is_none() {
        seen = told(
            &patient(client.call("pipe__seen", json!({})))
                .await
                .message(),
        );
    }
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "mine"}});
    client.post(&cancel).await;
    assert_eq!(
        patient(hanging).await.unwrap().messages(),
        Vec::<Value>::new()
    );
    while of(&seen, "notifications/cancelled", None).is_none() {
        seen = told(
            &patient(client.call("pipe__seen", json!({})))
                .await
                .message(),
        );
    }
    let theirs = of(&seen, "tools/call", Some("hang")).unwrap()["id"].clone();
    let told = of(&seen, "notifications/cancelled", None).unwrap();
    assert_eq!(told["params"]["requestId"], theirs);
}
