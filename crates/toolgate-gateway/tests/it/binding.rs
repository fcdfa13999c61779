//! Sessions and handles belong to one token, workspace, server, method and argument, and to a time (S-43, S-44).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use toolgate_gateway::WallClock;
use toolgate_testkit::{Client, Reply, Script, Server};

use crate::setup::Setup;
use crate::wire::soon;

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

fn ping() -> Value {
    serde_json::from_str(PING).unwrap()
}

/// Everything a stranger can tell apart.
fn face(reply: &Reply) -> (u16, Vec<(String, String)>, String) {
    let headers = reply.headers.iter().filter(|(name, _)| *name != "date");
    let headers = headers.map(|(name, value)| (name.clone(), value.clone()));
    let body = String::from_utf8_lossy(&reply.body).into_owned();
    (reply.status, headers.collect(), body)
}

/// CVE-2025-6515: session ids that could be guessed or reused gave one client another's stream. At least 128 bits of
/// each differ, and none is a part of another.
#[tokio::test]
async fn s43_cve_2025_6515_session_ids_are_random_and_never_reused() {
    let setup = Setup::new().await;
    let (text, _) = setup.token(&setup.scope("default"), |_| {}).await;
    let mut ids = std::collections::HashSet::new();
    for _ in 0..50 {
        let mut client = Client::new(&setup.url("default")).bearer(&text);
        client.initialize().await;
        let id = client.session().unwrap().to_owned();
        assert!(id.len() >= 22, "{id}");
        assert_eq!(client.request("DELETE").await.status, 204);
        assert_eq!(client.post(&ping()).await.status, 404, "it died");
        assert!(ids.insert(id));
    }
}

/// CVE-2026-33946: a session was taken for a credential. With the right id and no token, or another's, on the same
/// or another workspace: exactly what an id gets that never was.
#[tokio::test]
async fn s43_cve_2026_33946_a_session_is_no_credential_and_is_unknown_to_others() {
    let setup = Setup::new().await;
    let scope = setup.scope("default");
    let elsewhere = setup.workspace("elsewhere");
    let (other, _) = setup.token(&scope, |_| {}).await;
    let (foreign, _) = setup.token(&elsewhere, |_| {}).await;
    let mut owner = setup.client();
    owner.initialize().await;
    let id = owner.session().unwrap().to_owned();
    let made_up = "A".repeat(id.len());
    let (here, there) = (setup.url("default"), setup.url("elsewhere"));
    let callers = [
        ("nobody", Client::new(&here), 401),
        ("another token", Client::new(&here).bearer(&other), 404),
        (
            "another workspace's",
            Client::new(&there).bearer(&foreign),
            404,
        ),
        ("a foreign token", Client::new(&here).bearer(&foreign), 401),
    ];
    for (who, client, status) in callers {
        for method in ["POST", "GET", "DELETE"] {
            let mut faces = Vec::new();
            for id in [&id, &made_up] {
                let client = client.clone().header("mcp-session-id", id);
                let reply = match method {
                    "POST" => client.post(&ping()).await,
                    method => client.request(method).await,
                };
                assert_eq!(reply.status, status, "{who} {method}");
                faces.push(face(&reply));
            }
            assert_eq!(faces[0], faces[1], "{who} {method}");
        }
    }
    assert_eq!(owner.post(&ping()).await.status, 200, "its owner's still");
}

/// byterover-cli 329: a request without a session was given the only one there was.
#[tokio::test]
async fn s43_byterover_cli_329_nobody_is_given_the_only_session_there_is() {
    let setup = Setup::new().await;
    let mut owner = setup.client();
    owner.initialize_as("2025-11-25", &json!({})).await;
    let stranger = setup.client().header("mcp-protocol-version", "2025-11-25");
    let reply = stranger.post(&ping()).await;
    assert_ne!(reply.status, 200, "{:?}", reply.body);
    assert_eq!(stranger.request("GET").await.status, 405);
    assert_eq!(stranger.request("DELETE").await.status, 405);
    assert_eq!(owner.post(&ping()).await.status, 200);
}

/// A session dies with its token, and what was opened for it at servers does too.
#[tokio::test]
async fn s43_a_session_dies_with_its_token() {
    let setup = Setup::new().await;
    let server = Server::new().streams().tool("look", "seen").start().await;
    setup.link("s", &server).await;
    let scope = setup.scope("default");
    let (text, token) = setup.token(&scope, |_| {}).await;
    let mut client = Client::new(&setup.url("default")).bearer(&text);
    client.initialize().await;
    assert_eq!(client.call("s__look", json!({})).await.text(), "seen");
    let deleted = |seen: &[toolgate_testkit::Recorded]| seen.iter().any(|r| r.method == "DELETE");
    assert!(!deleted(&server.requests()));
    setup.revoke(&scope, &token).await;
    soon("its upstream session ends", server.until_requests(deleted)).await;
}

/// A clock that a test can put ahead.
fn clock() -> (Arc<AtomicU64>, WallClock) {
    let ahead = Arc::new(AtomicU64::new(0));
    let by = ahead.clone();
    let clock = WallClock::new(move || {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        u64::try_from(now.as_millis()).unwrap() + by.load(Ordering::SeqCst)
    });
    (ahead, clock)
}

const MINUTE: u64 = 60_000;

#[track_caller]
fn refused(reply: &Reply, what: &str) {
    assert_eq!(
        reply.message()["error"]["code"],
        -32602,
        "{what}: {:?}",
        reply.body
    );
}

/// One bit of each of some characters.
fn flipped(handle: &str) -> Vec<String> {
    [0, 1, handle.len() / 2, handle.len() - 2]
        .into_iter()
        .map(|at| {
            let mut bytes = handle.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            String::from_utf8(bytes).unwrap()
        })
        .chain([handle[1..].to_owned(), format!("{handle}A"), "x".to_owned()])
        .collect()
}

/// Cursors: another token, another workspace, another list, a flipped bit, too late.
#[tokio::test]
async fn s44_handle_replay_cursors() {
    let (ahead, wall) = clock();
    let setup = Setup::with(|config| config.clock = wall).await;
    let resource = |n: usize| json!({"uri": format!("one://{n}"), "name": "x"});
    let all: Vec<Value> = (0..1200).map(resource).collect();
    let server = Server::new()
        .capabilities(json!({"resources": {}}))
        .page("resources/list", None, json!({"resources": all}))
        .page(
            "resources/templates/list",
            None,
            json!({"resourceTemplates": []}),
        )
        .start()
        .await;
    setup.link("s", &server).await;
    let elsewhere = setup.workspace("elsewhere");
    setup
        .add(&elsewhere, &setup.spec(&elsewhere, "s", server.url()))
        .await;
    let (other, _) = setup.token(&setup.scope("default"), |_| {}).await;
    let (foreign, _) = setup.token(&elsewhere, |_| {}).await;
    let mut owner = setup.client();
    owner.initialize().await;
    let first = owner.rpc("resources/list", &json!({})).await;
    let cursor = first.message()["result"]["nextCursor"]
        .as_str()
        .unwrap()
        .to_owned();
    let params = json!({"cursor": cursor});

    let mut client = Client::new(&setup.url("default")).bearer(&other);
    client.initialize().await;
    refused(
        &client.rpc("resources/list", &params).await,
        "another token's",
    );
    let mut client = Client::new(&setup.url("elsewhere")).bearer(&foreign);
    client.initialize().await;
    refused(
        &client.rpc("resources/list", &params).await,
        "another workspace's",
    );
    refused(
        &owner.rpc("resources/templates/list", &params).await,
        "another list's",
    );
    for changed in flipped(&cursor) {
        let reply = owner
            .rpc("resources/list", &json!({"cursor": changed}))
            .await;
        refused(&reply, &changed);
    }
    ahead.store(9 * MINUTE, Ordering::SeqCst);
    let page = owner.rpc("resources/list", &params).await;
    assert_eq!(
        page.message()["result"]["resources"]
            .as_array()
            .unwrap()
            .len(),
        200
    );
    ahead.store(10 * MINUTE, Ordering::SeqCst);
    refused(&owner.rpc("resources/list", &params).await, "too late");
}

/// Request states, of which the rest is proven in `interaction::states`: too late, and for another method.
#[tokio::test]
async fn s44_handle_replay_states_expire_and_are_for_one_method() {
    let (ahead, wall) = clock();
    let setup = Setup::with(|config| config.clock = wall).await;
    let asks = || {
        let form = json!({"message": "?", "requestedSchema": {"type": "object", "properties": {}}});
        Script::new().ask("elicitation/create", form).echo()
    };
    let server = Server::new()
        .modern()
        .capabilities(json!({"tools": {}, "prompts": {}}))
        .tool("ask", asks())
        .page("prompts/list", None, json!({"prompts": [{"name": "ask"}]}))
        .method("prompts/get", json!({"messages": []}))
        .start()
        .await;
    setup.link("new", &server).await;
    let mut client = setup.client();
    let claim = json!({"io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}});
    let params = json!({"name": "new__ask", "arguments": {}, "_meta": claim});
    let asked = client.modern("tools/call", params.clone()).await;
    let state = asked.message()["result"]["requestState"].clone();
    assert!(state.is_string(), "{:?}", asked.body);
    let mut retry = params.clone();
    retry["requestState"] = state;
    let prompt = client.modern("prompts/get", retry.clone()).await;
    refused(&prompt, "another method's");
    ahead.store(10 * MINUTE + 1, Ordering::SeqCst);
    let before = server.calls("ask");
    refused(&client.modern("tools/call", retry).await, "too late");
    assert_eq!(server.calls("ask"), before);
}

/// Sessions: idle for an hour, or open for a day.
#[tokio::test]
async fn s44_handle_replay_sessions_expire() {
    let (ahead, wall) = clock();
    let setup = Setup::with(|config| config.clock = wall).await;
    let mut client = setup.client();
    client.initialize().await;
    for changed in flipped(client.session().unwrap()) {
        let reply = setup
            .client()
            .header("mcp-session-id", &changed)
            .post(&ping())
            .await;
        assert_eq!(reply.status, 404, "{changed}");
    }
    ahead.store(59 * MINUTE, Ordering::SeqCst);
    assert_eq!(client.post(&ping()).await.status, 200);
    ahead.store(120 * MINUTE, Ordering::SeqCst);
    assert_eq!(client.post(&ping()).await.status, 404);
}
