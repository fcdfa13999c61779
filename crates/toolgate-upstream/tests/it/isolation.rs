//! Who shares an upstream session (P2.5).

use std::collections::HashSet;

use toolgate_namespace::{Isolation, ServerSpec};
use toolgate_testkit::{Running, Script, Server};

use crate::support::{Rig, call, echo_of, http_spec, json, text_of, who};

async fn session(
    rig: &Rig,
    principal: &str,
    client_session: Option<&str>,
    caps: &str,
) -> Option<String> {
    let mut call = call("echo");
    call.isolation = who(principal, client_session);
    call.capabilities = json(caps);
    let text = text_of(&rig.run(call).await.1.unwrap());
    echo_of(&text)["headers"]["mcp-session-id"]
        .as_str()
        .map(str::to_owned)
}

/// How many upstream sessions four clients end up with.
async fn sessions(rig: &Rig) -> usize {
    let mut seen = HashSet::new();
    for (principal, client) in [
        ("a", Some("1")),
        ("a", Some("2")),
        ("b", Some("3")),
        ("b", None),
    ] {
        let first = session(rig, principal, client, "{}").await;
        assert_eq!(
            session(rig, principal, client, "{}").await,
            first,
            "the same again"
        );
        seen.insert(first);
    }
    seen.len()
}

async fn echo() -> Running {
    Server::new()
        .tool("echo", Script::new().echo())
        .start()
        .await
}

fn isolated(server: &Running, isolation: Isolation) -> Rig {
    Rig::with(ServerSpec {
        isolation,
        ..http_spec(server.url(), &server.origin())
    })
}

#[tokio::test]
async fn p2_5_sessions_are_shared_as_the_link_says() {
    for (isolation, count) in [
        (Isolation::Auto, 4),
        (Isolation::Session, 4),
        (Isolation::Principal, 2),
        (Isolation::Shared, 1),
    ] {
        let server = echo().await;
        assert_eq!(
            sessions(&isolated(&server, isolation)).await,
            count,
            "{isolation:?}"
        );
    }
}

#[tokio::test]
async fn p11_2_capabilities_divide_sessions() {
    let server = echo().await;
    let rig = Rig::over(&server);
    let plain = session(&rig, "a", Some("1"), "{}").await;
    let asks = session(&rig, "a", Some("1"), r#"{"elicitation":{}}"#).await;
    assert_ne!(plain, asks);
    // Shared: nothing of a client is forwarded, so nothing divides.
    let server = echo().await;
    let rig = isolated(&server, Isolation::Shared);
    let plain = session(&rig, "a", Some("1"), "{}").await;
    assert_eq!(
        session(&rig, "b", Some("1"), r#"{"elicitation":{}}"#).await,
        plain
    );
    for initialize in server.requests_for("initialize") {
        assert_eq!(
            initialize.body["params"]["capabilities"],
            serde_json::json!({})
        );
    }
}

#[tokio::test]
async fn p2_5_servers_without_sessions_share_one_handshake() {
    let server = Server::new()
        .stateless()
        .tool("echo", Script::new().echo())
        .start()
        .await;
    let rig = Rig::over(&server);
    for principal in ["a", "b", "c"] {
        assert_eq!(session(&rig, principal, Some(principal), "{}").await, None);
    }
    assert_eq!(server.requests_for("initialize").len(), 1);
}

#[tokio::test]
async fn s47_concurrent_clients_never_share_a_session() {
    let server = echo().await;
    let rig = Rig::over(&server);
    let clients: Vec<String> = (0..12).map(|n| format!("client-{n}")).collect();
    let calls = clients.iter().flat_map(|c| {
        let rig = &rig;
        (0..3).map(move |_| async move { (c, session(rig, "p", Some(c), "{}").await.unwrap()) })
    });
    let answers = futures::future::join_all(calls).await;
    let mut owner = std::collections::HashMap::new();
    for (client, session) in answers {
        assert_eq!(*owner.entry(session).or_insert(client), client);
    }
    assert_eq!(owner.len(), clients.len());
}
