//! What the tests of streams share: clients that are ready, calls, and waiting that ends.

use std::time::Duration;

use serde_json::{Value, json};
use toolgate_testkit::{Client, Event, EventStream, Running, Server};

use crate::setup::Setup;

/// The revisions with a handshake, oldest first.
pub(crate) const LEGACY: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

/// What `_meta` calls the id of a listen.
pub(crate) const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

/// Waits for something that comes at once or never.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(Duration::from_secs(30), future).await;
    waited.unwrap_or_else(|_| panic!("{what} did not happen"))
}

/// Waits until `done` holds.
pub(crate) async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let polling = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon(what, polling).await;
}

/// Lets so much time pass at once, for everybody in this test.
pub(crate) async fn leap(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// Lets so much time pass again and again until something comes of it.
pub(crate) async fn leaping<T>(
    what: &str,
    time: Duration,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> T {
    for _ in 0..20 {
        leap(time).await;
        if let Some(found) = look().await {
            return found;
        }
    }
    panic!("{what} did not happen");
}

/// What comes within a moment, if anything does.
pub(crate) async fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(Duration::from_millis(200), future)
        .await
        .ok()
}

/// An Admin client of `default` with a session of that revision.
pub(crate) async fn started(setup: &Setup, revision: &str) -> Client {
    let mut client = setup.client();
    let hello = client.initialize_as(revision, &json!({})).await;
    assert_eq!(hello.message()["result"]["protocolVersion"], revision);
    client
}

/// Starts a server and adds it to `default`.
pub(crate) async fn linked(setup: &Setup, slug: &str, server: Server) -> Running {
    let server = server.start().await;
    setup.link(slug, &server).await;
    server
}

/// A call with an id and a progress token of the client's choice.
pub(crate) fn call(id: impl Into<Value>, tool: &str, token: impl Into<Value>) -> Value {
    let (id, token): (Value, Value) = (id.into(), token.into());
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call",
        "params": {"name": tool, "arguments": {}, "_meta": {"progressToken": token}}})
}

/// The general stream of a session.
pub(crate) async fn general(client: &Client) -> EventStream {
    let stream = client.get_stream(&[("accept", "text/event-stream")]).await;
    assert_eq!(stream.status, 200);
    stream
}

/// The next message, which comes at once or never.
pub(crate) async fn next(stream: &mut EventStream) -> Value {
    let message = soon("a message", stream.next()).await;
    message.expect("the stream goes on")
}

/// The next event, which comes at once or never.
pub(crate) async fn event(stream: &mut EventStream) -> Event {
    let event = soon("an event", stream.event()).await;
    event.expect("the stream goes on")
}

/// Names of the notices in order, and `result` or `error` for answers.
pub(crate) fn kinds(messages: &[Value]) -> Vec<&str> {
    let kind = |message: &'_ Value| match message["method"].as_str() {
        Some("notifications/progress") => "progress",
        Some("notifications/message") => "log",
        Some(_) => "other",
        None if message["error"].is_object() => "error",
        None => "result",
    };
    messages.iter().map(kind).collect()
}

/// A server that tells of everything: lists of all kinds, and the resources `test://a` and `test://b` of its own.
pub(crate) fn watchable(scheme: &str) -> Server {
    let uris = [format!("{scheme}://a"), format!("{scheme}://b")];
    let resources: Vec<Value> = uris
        .iter()
        .map(|uri| json!({"uri": uri, "name": uri}))
        .collect();
    Server::new()
        .capabilities(json!({
            "tools": {"listChanged": true},
            "prompts": {"listChanged": true},
            "resources": {"subscribe": true, "listChanged": true},
            "logging": {},
        }))
        .tool("t", "x")
        .method("prompts/list", json!({"prompts": [{"name": "p"}]}))
        .method("resources/list", json!({"resources": resources}))
        .method("resources/templates/list", json!({"resourceTemplates": []}))
        .unknown_uri(&format!("{scheme}://nobody"))
}

/// Opens a listen under an id of the client's choice.
pub(crate) async fn listen(
    client: &Client,
    id: impl Into<Value>,
    notifications: Value,
) -> EventStream {
    let params = json!({"notifications": notifications});
    let (client, mut message) = client
        .clone()
        .modern_message("subscriptions/listen", params);
    message["id"] = id.into();
    client.post_stream(&message).await
}

/// The acknowledgement, which comes first; what is honoured.
pub(crate) async fn acknowledged(stream: &mut EventStream) -> Value {
    let first = next(stream).await;
    assert_eq!(
        first["method"], "notifications/subscriptions/acknowledged",
        "P9.44: {first}"
    );
    first["params"]["notifications"].clone()
}

/// The names of the lists that may change.
pub(crate) const TOOLS_CHANGED: &str = "notifications/tools/list_changed";
pub(crate) const PROMPTS_CHANGED: &str = "notifications/prompts/list_changed";
pub(crate) const RESOURCES_CHANGED: &str = "notifications/resources/list_changed";
pub(crate) const UPDATED: &str = "notifications/resources/updated";
