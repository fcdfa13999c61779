//! A raw client of the 2024-11-05 transport: one stream to read, a second URL to post to.

use serde_json::{Value, json};

use crate::client::{Client, EventStream};

/// A client whose answers all come on one stream. Dropping it closes the stream.
#[derive(Debug)]
pub struct OldClient {
    /// Posts to the URL that the stream named.
    pub poster: Client,
    /// The stream that every answer comes on.
    pub stream: EventStream,
}

impl OldClient {
    /// Opens the stream at `url` (`http` only) and reads where to post.
    ///
    /// # Panics
    /// If the first event is not `endpoint`.
    pub async fn connect(url: &str, bearer: &str) -> Self {
        let reader = Client::new(url).bearer(bearer);
        let accept = [("accept", "text/event-stream")];
        let mut stream = reader.get_stream(&accept).await;
        let first = stream.next_event().await.unwrap_or_default();
        let endpoint = first.strip_prefix("event: endpoint\ndata: ");
        let endpoint = endpoint.unwrap_or_else(|| panic!("no endpoint in {first:?}"));
        let origin: Vec<&str> = url.splitn(4, '/').take(3).collect();
        let url = format!("{}{}", origin.join("/"), endpoint.trim());
        Self {
            poster: Client::new(&url).bearer(bearer),
            stream,
        }
    }

    /// The id of the connection, from the URL to post to.
    pub fn connection(&self) -> &str {
        let query = self.poster.path_and_query();
        query.split_once("session=").map_or("", |(_, id)| id)
    }

    /// The handshake; its answer.
    ///
    /// # Panics
    /// If the stream ends before it.
    pub async fn initialize(&mut self, capabilities: &Value) -> Value {
        let params = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": capabilities,
            "clientInfo": {"name": "testkit", "version": "1"},
        });
        let hello = self.poster.request_message("initialize", &params);
        self.poster.post(&hello).await;
        let answer = self.stream.next().await.expect("the stream goes on");
        let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        self.poster.post(&initialized).await;
        answer
    }

    /// The next message of the stream; `None` at its end.
    pub async fn next(&mut self) -> Option<Value> {
        self.stream.next().await
    }
}
