//! Resources and lists that clients watch: subscriptions of legacy sessions, listens of modern clients.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::answer::Answered;
use super::serve::event;
use super::state::{Chunk, Inner, State, session_of};
use crate::recorded::Recorded;
use crate::script::Script;

pub(super) const UPDATED: &str = "notifications/resources/updated";
const ID: &str = "io.modelcontextprotocol/subscriptionId";

/// One open `subscriptions/listen`.
#[derive(Debug)]
pub(super) struct Listen {
    id: Value,
    pub(super) honoured: Value,
    chunks: mpsc::Sender<Chunk>,
}

impl Listen {
    fn send(&self, method: &str, params: &Value) {
        let mut params = params.clone();
        params["_meta"][ID] = self.id.clone();
        let message = json!({"jsonrpc": "2.0", "method": method, "params": params});
        // A full or closed stream is the test's own doing.
        let _ = self.chunks.try_send(Ok(event(&message, None, false)));
    }

    fn wants(&self, method: &str, params: &Value) -> bool {
        let flag = match method {
            "notifications/tools/list_changed" => "toolsListChanged",
            "notifications/prompts/list_changed" => "promptsListChanged",
            "notifications/resources/list_changed" => "resourcesListChanged",
            UPDATED => {
                let uris = self.honoured["resourceSubscriptions"].as_array();
                return uris.is_some_and(|uris| uris.contains(&params["uri"]));
            }
            _ => return false,
        };
        self.honoured[flag] == true
    }
}

/// Opens a listen and acknowledges it.
pub(super) fn listen(state: &Arc<State>, request: &Recorded) -> Answered {
    let (chunks, receiver) = mpsc::channel(64);
    let mut honoured = request.body["params"]["notifications"].clone();
    let uris = honoured.get_mut("resourceSubscriptions");
    if let Some(uris) = uris.and_then(Value::as_array_mut) {
        uris.retain(|uri| uri.as_str() != state.server.unknown_uri.as_deref());
    }
    if let Some(uri) = &state.server.touched_between {
        tell(&state.lock(), UPDATED, &json!({"uri": uri}));
    }
    let id = request.body["id"].clone();
    let listen = Listen {
        id: id.clone(),
        honoured: honoured.clone(),
        chunks: chunks.clone(),
    };
    listen.send(
        "notifications/subscriptions/acknowledged",
        &json!({"notifications": honoured}),
    );
    state.update(|inner| inner.listens.push(listen));
    let state = Arc::clone(state);
    // Ends when the client goes away or the listen is ended.
    tokio::spawn(async move {
        chunks.closed().await;
        state.update(|inner| inner.listens.retain(|listen| listen.id != id));
    });
    Answered::Stream {
        chunks: receiver,
        session: None,
    }
}

/// Tells the listens that asked for it.
pub(super) fn tell(inner: &Inner, method: &str, params: &Value) {
    let wanting = inner.listens.iter().filter(|l| l.wants(method, params));
    wanting.for_each(|listen| listen.send(method, params));
}

/// Ends every listen with its result.
pub(super) fn end(inner: &mut Inner) {
    for listen in inner.listens.drain(..) {
        let result = json!({"resultType": "complete", "_meta": {ID: listen.id}});
        let message = json!({"jsonrpc": "2.0", "id": listen.id, "result": result});
        let _ = listen.chunks.try_send(Ok(event(&message, None, false)));
    }
}

/// Breaks every listen.
pub(super) fn cut(inner: &mut Inner) {
    for listen in inner.listens.drain(..) {
        let broken = std::io::Error::other("the test breaks the listen");
        let _ = listen.chunks.try_send(Err(broken));
    }
}

/// `resources/subscribe` and `resources/unsubscribe` of a legacy session.
pub(super) fn subscribe(state: &State, request: &Recorded) -> Script {
    let uri = request.body["params"]["uri"].as_str().unwrap_or_default();
    let entry = (session_of(request).to_owned(), uri.to_owned());
    if state.server.unknown_uri.as_deref() == Some(uri) {
        let data = json!({"uri": uri});
        return Script::new().error_with(-32002, "Resource not found", data);
    }
    state.update(|inner| {
        inner.subscriptions.retain(|known| *known != entry);
        if request.rpc() == "resources/subscribe" {
            inner.subscriptions.push(entry);
        }
    });
    Script::new().result(json!({}))
}
