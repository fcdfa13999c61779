//! Sessions: whose they are, what they are opened with, and what happens when a server loses one (P2.5, P6.3, P8.8).

use std::collections::HashSet;

use serde_json::{Value, json};
use toolgate_testkit::{Client, Recorded, Running, Script, Server};

use super::*;

/// The upstream sessions that carried calls, without repeats.
fn sessions_of_calls(server: &Running) -> HashSet<String> {
    let calls = server.requests_for("tools/call");
    let session = |r: &Recorded| r.header("mcp-session-id").unwrap_or_default().to_owned();
    calls.iter().map(session).collect()
}

/// How often a session was opened with these capabilities.
fn opened_with(server: &Running, capabilities: &Value) -> usize {
    let opened = server.requests_for("initialize");
    let same = |r: &&Recorded| &r.body["params"]["capabilities"] == capabilities;
    opened.iter().filter(same).count()
}

#[tokio::test]
async fn b03_p11_2_a_server_sees_the_clients_capabilities_and_no_two_share_a_session() {
    let setup = Setup::new().await;
    let server = Server::new()
        .streams()
        .tool("echo", Script::new().echo())
        .start()
        .await;
    setup.link("old", &server).await;
    let declared = [
        json!({}),
        json!({"roots": {}}),
        json!({"elicitation": {}}),
        json!({"elicitation": {"url": {}}}),
        json!({"sampling": {"tools": {}, "context": {}}, "roots": {}}),
    ];
    let mut client = Modern::new(&setup);
    for _ in 0..2 {
        for capabilities in &declared {
            client.capabilities = capabilities.clone();
            client
                .call("old__echo", json!({"with": capabilities}))
                .await;
        }
    }
    for capabilities in &declared[1..] {
        assert_eq!(
            opened_with(&server, capabilities),
            1,
            "opened once: {capabilities}"
        );
    }
    // Each call went over a session that was opened with exactly what its request declared.
    let calls = server.requests_for("tools/call");
    let mut sessions: Vec<(Value, String)> = Vec::new();
    for call in &calls {
        let with = call.body["params"]["arguments"]["with"].clone();
        let session = call.header("mcp-session-id").unwrap().to_owned();
        let (of_equal, of_others): (Vec<_>, Vec<_>) =
            sessions.iter().partition(|(of, _)| *of == with);
        assert!(
            of_equal.iter().all(|(_, known)| *known == session),
            "{with}"
        );
        assert!(
            of_others.iter().all(|(_, known)| *known != session),
            "{with}"
        );
        sessions.push((with, session));
    }
    // Another token shares none of them, whatever it declares.
    let before = sessions_of_calls(&server);
    let scope = setup.scope("default");
    let (token, _) = setup.token(&scope, |_| {}).await;
    let mut other = Modern::with(&setup, &token);
    other.capabilities = declared[1].clone();
    other.call("old__echo", json!({})).await;
    assert_eq!(sessions_of_calls(&server).len(), before.len() + 1, "S-47");
}

#[tokio::test]
async fn b03_p5_19_p9_29_a_modern_server_sees_the_capabilities_of_each_request() {
    let setup = Setup::new().await;
    let server = Server::new()
        .modern()
        .tool("echo", Script::new().echo())
        .start()
        .await;
    setup.link("new", &server).await;
    let mut client = Modern::new(&setup);
    let cases = [
        everything(),
        json!({}),
        json!({"sampling": {"tools": {}}}),
        json!({"elicitation": {"url": {}}}),
    ];
    let seen = |message: &Value| {
        let meta = told(message)["body"]["params"]["_meta"].clone();
        meta["io.modelcontextprotocol/clientCapabilities"].clone()
    };
    for capabilities in &cases {
        client.capabilities = capabilities.clone();
        let reply = client.call("new__echo", json!({})).await;
        assert_eq!(&seen(&reply.message()), capabilities, "modern client");
    }
    for capabilities in &cases {
        let mut client = legacy_with(&setup, &setup.admin_token, capabilities).await;
        let reply = client.call("new__echo", json!({})).await;
        assert_eq!(&seen(&reply.message()), capabilities, "legacy client");
    }
    client.capabilities =
        json!({"roots": {"listChanged": true}, "experimental": {"x": {}}, "vendor": {}});
    let reply = client.call("new__echo", json!({})).await;
    assert_eq!(
        seen(&reply.message()),
        json!({"roots": {}}),
        "what can be bridged"
    );
}

#[tokio::test]
async fn b03_p2_5_each_legacy_client_session_has_its_own_at_the_server() {
    let setup = Setup::new().await;
    let server = Server::new()
        .tool("echo", Script::new().echo())
        .start()
        .await;
    setup.link("old", &server).await;
    for _ in 0..3 {
        let mut client = legacy(&setup).await;
        for _ in 0..2 {
            client.call("old__echo", json!({})).await;
        }
    }
    assert_eq!(sessions_of_calls(&server).len(), 3);
    assert_eq!(opened_with(&server, &everything()), 3);
}

#[tokio::test]
async fn b08_p8_8_one_new_session_serves_all_calls_that_lost_theirs() {
    for status in [404, 400] {
        let setup = Setup::new().await;
        let server = Server::new()
            .session_loss_status(status)
            .tool("echo", Script::new().echo())
            .start()
            .await;
        setup.link("old", &server).await;
        let marked = json!({"roots": {}});
        let client = legacy_with(&setup, &setup.admin_token, &marked).await;
        let first = client.post(&call_message(1, "old__echo", json!({}))).await;
        assert_eq!(first.status, 200);
        assert_eq!(opened_with(&server, &marked), 1);
        server.lose_sessions();
        let calling: Vec<_> = (0..20)
            .map(|n| {
                let (client, call) = (
                    client.clone(),
                    call_message(1, "old__echo", json!({"n": n})),
                );
                tokio::spawn(async move { client.post(&call).await })
            })
            .collect();
        for (n, calling) in calling.into_iter().enumerate() {
            let reply = patient(calling).await.unwrap();
            assert_eq!(reply.status, 200, "P4.4");
            assert_eq!(
                told(&reply.message())["body"]["params"]["arguments"]["n"],
                n,
                "{status}"
            );
        }
        assert_eq!(
            opened_with(&server, &marked),
            2,
            "{status}: one flight for all"
        );
    }
}

#[tokio::test]
async fn b08_p8_8_a_second_loss_in_one_call_is_an_error_and_never_the_servers_404() {
    let setup = Setup::new().await;
    let lost =
        br#"{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}"#;
    let script = Script::new().raw(404, "application/json", *lost);
    let server = Server::new().tool("gone", script).start().await;
    setup.link("old", &server).await;
    let mut client = legacy(&setup).await;
    let reply = patient(client.call("old__gone", json!({}))).await;
    assert_eq!(reply.status, 200, "P4.4: {:?}", reply.body);
    assert_eq!(reply.message()["error"]["code"], -32010);
    assert_eq!(server.calls("gone"), 2, "sent again once");
    assert_eq!(
        client.rpc("ping", &json!({})).await.status,
        200,
        "P6.4: our session goes on"
    );
    let reply = Modern::new(&setup).call("old__gone", json!({})).await;
    assert_eq!(
        (reply.status, &reply.message()["error"]["code"]),
        (200, &json!(-33010))
    );
}

#[tokio::test]
async fn b09_p6_3_s43_a_session_is_unknown_to_everybody_but_its_owner() {
    let setup = Setup::new().await;
    let server = Server::new()
        .streams()
        .tool("ask", asks_once())
        .start()
        .await;
    setup.link("old", &server).await;
    let scope = setup.scope("default");
    let (token, _) = setup.token(&scope, |_| {}).await;
    let owner = legacy(&setup).await;
    let session = owner.session().unwrap().to_owned();
    // A question is open meanwhile, which nobody else may answer.
    let mut stream = owner
        .post_stream(&call_message(1, "old__ask", json!({})))
        .await;
    let question = patient(stream.next()).await.unwrap();
    let thief = |session: &str| {
        Client::new(&setup.url("default"))
            .bearer(&token)
            .header("mcp-session-id", session)
            .header("mcp-protocol-version", "2025-11-25")
    };
    let stolen = thief(&session);
    let mut unknown = thief("never-issued");
    let ping = stolen.clone().rpc("ping", &json!({})).await;
    let told = unknown.rpc("ping", &json!({})).await;
    assert_eq!(
        (ping.status, &ping.message()["error"]["code"]),
        (404, &json!(-32001))
    );
    assert_eq!(
        (ping.status, &ping.body),
        (told.status, &told.body),
        "both read the same"
    );
    assert_eq!(stolen.request("DELETE").await.status, 404);
    assert_eq!(
        stolen
            .get_stream(&[("accept", "text/event-stream")])
            .await
            .status,
        404
    );
    let cancel =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    assert_eq!(stolen.post(&cancel).await.status, 404);
    let said = json!({"result": accept(json!({"by": "thief"}))});
    assert_eq!(stolen.respond(&question["id"], said).await, 404);
    let other = setup.workspace("elsewhere");
    let (elsewhere, _) = setup.token(&other, |_| {}).await;
    let moved = Client::new(&setup.url("elsewhere"))
        .bearer(&elsewhere)
        .header("mcp-session-id", &session);
    assert_eq!(
        moved.clone().rpc("ping", &json!({})).await.status,
        404,
        "another workspace"
    );
    let said = json!({"result": accept(json!({"by": "owner"}))});
    assert_eq!(owner.respond(&question["id"], said).await, 202);
    let answer = patient(stream.next()).await.unwrap();
    assert_eq!(
        super::told(&answer)["answers"],
        json!([accept(json!({"by": "owner"}))])
    );
}

#[tokio::test]
async fn p6_9_a_second_gateway_on_the_store_asks_the_client_of_a_session_it_did_not_open() {
    let setup = Setup::new().await;
    let server = Server::new()
        .modern()
        .tool("ask", asks_once())
        .start()
        .await;
    setup.link("new", &server).await;
    let here = legacy(&setup).await;
    let other = setup.second_gateway().await;
    let there = Client::new(&format!("{other}/ws/default"))
        .bearer(&setup.admin_token)
        .header("mcp-session-id", here.session().unwrap())
        .header("mcp-protocol-version", "2025-11-25");
    let call = call_message(1, "new__ask", json!({}));
    let messages = answering(
        &there,
        call.clone(),
        |_| json!({"result": accept(json!({"n": 1}))}),
    );
    let messages = patient(messages).await;
    let answer = messages.last().unwrap();
    assert_eq!(
        told(answer)["answers"],
        json!([accept(json!({"n": 1}))]),
        "with its capabilities"
    );
}
