//! Clients that are asked something before they get their answer.

use serde_json::{Value, json};

use crate::client::{Client, EventStream};

impl Client {
    /// POSTs a request and follows its stream to the end, answering what the server asks on it. `say` makes the
    /// rest of the response from a question: `{"result": …}` or `{"error": …}`; `Null` leaves it unanswered.
    ///
    /// Returns every message of the stream, questions included, the response last.
    pub async fn post_answering(
        &self,
        message: &Value,
        say: impl FnMut(&Value) -> Value,
    ) -> Vec<Value> {
        let stream = self.post_stream(message).await;
        self.answer_all(stream, say).await
    }

    /// Follows a stream to its end, as [`Client::post_answering`] does.
    pub async fn answer_all(
        &self,
        mut stream: EventStream,
        mut say: impl FnMut(&Value) -> Value,
    ) -> Vec<Value> {
        let mut messages = Vec::new();
        while let Some(message) = stream.next().await {
            if message["method"].is_string() && !message["id"].is_null() {
                let said = say(&message);
                if !said.is_null() {
                    self.respond(&message["id"], said).await;
                }
            }
            messages.push(message);
        }
        messages
    }

    /// POSTs a response: `{"result": …}` or `{"error": …}` under this id. Returns the HTTP status.
    pub async fn respond(&self, id: &Value, mut said: Value) -> u16 {
        said["jsonrpc"] = json!("2.0");
        said["id"] = id.clone();
        self.post(&said).await.status
    }
}
