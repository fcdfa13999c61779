//! Clients of the 2024-11-05 transport: one stream, and a second URL to post to (P6.16 to P6.20, P3.5).

use serde_json::{Value, json};
use toolgate_testkit::{Client, EventStream, Running, Script, Server};

use crate::setup::Setup;
use crate::wire::{LEGACY, TOOLS_CHANGED, call, event, soon, until, watchable};

/// An open connection.
struct Connection {
    stream: EventStream,
    poster: Client,
}

impl Connection {
    /// Opens the stream and reads where to post.
    async fn open(client: &Client) -> Self {
        let client = client.clone().at("/ws/default/sse");
        let mut stream = client.get_stream(&[("accept", "text/event-stream")]).await;
        assert_eq!(stream.status, 200);
        let first = event(&mut stream).await;
        assert_eq!(first.event.as_deref(), Some("endpoint"), "P6.16");
        let endpoint = first.data.unwrap();
        assert!(
            endpoint.starts_with("/ws/default/messages?session="),
            "{endpoint}"
        );
        let poster = client.at(&endpoint);
        Self { stream, poster }
    }

    async fn initialized(client: &Client, revision: &str, capabilities: Value) -> Self {
        let mut connection = Self::open(client).await;
        let params = json!({
            "protocolVersion": revision,
            "capabilities": capabilities,
            "clientInfo": {"name": "old", "version": "1"},
        });
        let hello = connection.ask("initialize", params).await;
        assert_eq!(hello["result"]["protocolVersion"], revision, "P6.18");
        let done = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        connection.post(&done).await;
        connection
    }

    /// Posts a message, which is taken with 202 and nothing else (P6.17).
    async fn post(&self, message: &Value) {
        let reply = self.poster.post(message).await;
        assert_eq!((reply.status, reply.body.len()), (202, 0), "P6.17");
    }

    /// The next message on the stream; of the named kind, and without an id.
    async fn next(&mut self) -> Value {
        let event = event(&mut self.stream).await;
        assert_eq!(event.event.as_deref(), Some("message"), "P7.1");
        assert_eq!(event.id, None, "P6.18: no event ids");
        event.message()
    }

    /// Asks and reads up to the answer.
    async fn ask(&mut self, method: &str, params: Value) -> Value {
        let message = self.poster.request_message(method, &params);
        self.post(&message).await;
        loop {
            let answer = self.next().await;
            if answer["id"] == message["id"] {
                return answer;
            }
        }
    }
}

async fn linked(setup: &Setup, server: Server) -> Running {
    let server = server.start().await;
    setup.link("old", &server).await;
    server
}

#[tokio::test]
async fn p6_16_p6_17_answers_come_on_the_stream_in_every_legacy_revision() {
    let setup = Setup::new().await;
    let script = Script::new().progress(1, 2).text("hi");
    let server = linked(&setup, Server::new().streams().tool("hello", script)).await;
    for revision in LEGACY {
        let mut connection = Connection::initialized(&setup.client(), revision, json!({})).await;
        assert_eq!(connection.ask("ping", json!({})).await["result"], json!({}));
        let list = connection.ask("tools/list", json!({})).await;
        assert_eq!(list["result"]["tools"][0]["name"], "old__hello");
        connection.post(&call("x", "old__hello", "mine")).await;
        let progress = loop {
            let message = connection.next().await;
            if message["method"] != TOOLS_CHANGED {
                break message;
            }
        };
        assert_eq!(progress["method"], "notifications/progress");
        assert_eq!(progress["params"]["progressToken"], "mine");
        let answer = connection.next().await;
        assert_eq!(answer["id"], "x");
        assert_eq!(answer["result"]["content"][0]["text"], "hi");
    }
    assert_eq!(server.calls("hello"), LEGACY.len());
}

#[tokio::test]
async fn p6_16_a_question_is_asked_on_the_stream() {
    let setup = Setup::new().await;
    let params =
        json!({"message": "who?", "requestedSchema": {"type": "object", "properties": {}}});
    let script = Script::new().ask("elicitation/create", params).answers();
    let server = linked(&setup, Server::new().streams().tool("ask", script)).await;
    let capabilities = json!({"elicitation": {}});
    let mut connection = Connection::initialized(&setup.client(), "2025-06-18", capabilities).await;
    connection.post(&call(1, "old__ask", 1)).await;
    let question = loop {
        let message = connection.next().await;
        if message["method"] == "elicitation/create" {
            break message;
        }
    };
    assert_eq!(question["params"]["message"], "[old] who?", "P11.6");
    let answer = json!({"action": "accept", "content": {"name": "me"}});
    let answer = json!({"jsonrpc": "2.0", "id": question["id"], "result": answer});
    connection.post(&answer).await;
    let result = connection.next().await;
    let text = result["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("\"name\":\"me\""), "{text}");
    assert_eq!(server.calls("ask"), 1);
}

#[tokio::test]
async fn p6_16_changes_are_told_on_the_stream() {
    let setup = Setup::new().await;
    let server = linked(&setup, watchable("old")).await;
    let mut connection = Connection::initialized(&setup.client(), "2024-11-05", json!({})).await;
    connection.ask("tools/list", json!({})).await;
    soon("the upstream stream", server.until_listening()).await;
    server.notify(TOOLS_CHANGED, &json!({}));
    while connection.next().await["method"] != TOOLS_CHANGED {}
    let params = json!({"uri": "old://a"});
    let answer = connection.ask("resources/subscribe", params.clone()).await;
    assert_eq!(answer["result"], json!({}));
    server.touch("old://a");
    loop {
        let message = connection.next().await;
        if message["method"] == "notifications/resources/updated" {
            assert_eq!(message["params"], params);
            break;
        }
    }
}

#[tokio::test]
async fn p3_5_a_second_call_of_an_id_in_flight_is_refused() {
    let setup = Setup::new().await;
    let script = Script::new().wait_for("end").text("done");
    let server = linked(&setup, Server::new().tool("work", script)).await;
    let mut connection = Connection::initialized(&setup.client(), "2024-11-05", json!({})).await;
    let first = json!({"jsonrpc": "2.0", "id": "same", "method": "tools/call",
        "params": {"name": "old__work", "arguments": {}}});
    connection.post(&first).await;
    until("the call", || server.calls("work") == 1).await;
    connection.post(&first).await;
    let refusal = loop {
        let message = connection.next().await;
        if message["method"].is_null() {
            break message;
        }
    };
    assert_eq!(refusal["id"], "same");
    assert_eq!(refusal["error"]["code"], -32600);
    server.signal("end");
    let answer = connection.next().await;
    assert_eq!(answer["result"]["content"][0]["text"], "done");
    assert_eq!(server.calls("work"), 1);
    connection.post(&first).await;
    let again = connection.next().await;
    assert_eq!(again["id"], "same", "free again");
    assert!(again["result"].is_object());
}

#[tokio::test]
async fn p6_18_the_end_of_the_stream_cancels_its_calls() {
    let setup = Setup::new().await;
    let script = Script::new().progress(1, 2).hang();
    let server = linked(&setup, Server::new().streams().tool("hang", script)).await;
    let mut connection = Connection::initialized(&setup.client(), "2024-11-05", json!({})).await;
    let mut other = Connection::initialized(&setup.client(), "2024-11-05", json!({})).await;
    for connection in [&mut connection, &mut other] {
        connection.post(&call(1, "old__hang", 1)).await;
        while connection.next().await["method"] != "notifications/progress" {}
    }
    let theirs = server.requests_for("tools/call")[0].body["id"].clone();
    let session = server.requests_for("tools/call")[0]
        .header("mcp-session-id")
        .map(str::to_owned);
    let Connection { stream, poster } = connection;
    drop(stream);
    soon("the cancel", server.saw("notifications/cancelled")).await;
    let cancels = server.requests_for("notifications/cancelled");
    assert_eq!(cancels.len(), 1, "of that connection alone");
    assert_eq!(cancels[0].body["params"]["requestId"], theirs);
    assert_eq!(
        cancels[0].header("mcp-session-id").map(str::to_owned),
        session
    );
    let ping = json!({"jsonrpc": "2.0", "id": 2, "method": "ping"});
    assert_eq!(poster.post(&ping).await.status, 404, "the session is over");
    assert_eq!(other.ask("ping", json!({})).await["result"], json!({}));
}

#[tokio::test]
async fn p6_13_a_cancel_notice_cancels_without_an_answer() {
    let setup = Setup::new().await;
    let server = linked(&setup, Server::new().tool("hang", Script::new().hang())).await;
    let mut connection = Connection::initialized(&setup.client(), "2024-11-05", json!({})).await;
    let hang = json!({"jsonrpc": "2.0", "id": "h", "method": "tools/call",
        "params": {"name": "old__hang", "arguments": {}}});
    connection.post(&hang).await;
    until("the call", || server.calls("hang") == 1).await;
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled",
        "params": {"requestId": "h"}});
    connection.post(&cancel).await;
    soon("the cancel", server.saw("notifications/cancelled")).await;
    let message = connection.poster.request_message("ping", &json!({}));
    connection.post(&message).await;
    loop {
        let next = connection.next().await;
        assert_ne!(next["id"], "h", "no response follows a cancel");
        if next["id"] == message["id"] {
            break;
        }
    }
}

#[tokio::test]
async fn p6_17_a_connection_is_its_tokens_own() {
    let setup = Setup::new().await;
    let scope = setup.scope("default");
    let (other, _) = setup.token(&scope, |_| {}).await;
    let connection = Connection::initialized(&setup.client(), "2024-11-05", json!({})).await;
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let foreign = connection.poster.clone().bearer(&other);
    assert_eq!(foreign.post(&ping).await.status, 404);
    let nobody = connection.poster.clone().header("authorization", "");
    assert_eq!(
        nobody.post(&ping).await.status,
        401,
        "the id is no credential"
    );
    let made_up = setup.client().at("/ws/default/messages?session=0123");
    assert_eq!(made_up.post(&ping).await.status, 404);
    connection.post(&ping).await;
}

#[tokio::test]
async fn p6_17_bad_messages_are_refused_where_they_were_posted() {
    let setup = Setup::new().await;
    let mut connection = Connection::open(&setup.client()).await;
    let batch = json!([{"jsonrpc": "2.0", "id": 1, "method": "ping"}]);
    assert_eq!(
        connection.poster.post(&batch).await.status,
        400,
        "P6.17: one message"
    );
    assert_eq!(connection.poster.post_raw("}{").await.status, 400);
    let early = connection.ask("tools/list", json!({})).await;
    assert_eq!(early["error"]["code"], -32000, "`initialize` comes first");
    assert_eq!(connection.ask("ping", json!({})).await["result"], json!({}));
}

#[tokio::test]
async fn p6_19_p6_20_each_url_has_its_own_transport() {
    let setup = Setup::new().await;
    let get = [("accept", "text/event-stream")];
    let streamable = setup.client().get_stream(&get).await;
    assert_eq!(
        streamable.status, 405,
        "P6.20: the old transport is not guessed"
    );
    let mut newer = setup.client().at("/ws/default/sse");
    let hello = newer.initialize().await;
    assert_eq!(hello.status, 200, "P6.19");
    assert!(newer.session().is_some());
    let mut stream = newer.get_stream(&get).await;
    assert_eq!(stream.status, 200);
    let first = soon("a comment", stream.next_event()).await.unwrap();
    assert!(
        first.starts_with(':'),
        "with a session it is no `endpoint`: {first}"
    );
    assert_eq!(newer.request("DELETE").await.status, 204);
    assert!(soon("the end", stream.next()).await.is_none());
    let anonymous = setup
        .client()
        .at("/ws/default/sse")
        .header("authorization", "");
    assert_eq!(anonymous.get_stream(&get).await.status, 401);
}
