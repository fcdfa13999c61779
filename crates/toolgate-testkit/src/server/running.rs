//! Steering a server while it runs.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::serve;
use super::state::{Inner, State};
use super::watched;
use crate::recorded::Recorded;
use crate::script::Script;

/// A server that runs until this is dropped or stopped.
#[derive(Debug)]
pub struct Running {
    pub(super) state: Arc<State>,
    pub(super) address: SocketAddr,
    pub(super) url: String,
    pub(super) task: JoinHandle<()>,
}

impl Running {
    /// The MCP endpoint.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `127.0.0.1:<port>`, as an operator would allow it.
    pub fn origin(&self) -> String {
        self.address.to_string()
    }

    /// Everything it saw, in order.
    pub fn requests(&self) -> Vec<Recorded> {
        self.state.lock().requests.clone()
    }

    /// The requests with this JSON-RPC method.
    pub fn requests_for(&self, method: &str) -> Vec<Recorded> {
        self.requests()
            .into_iter()
            .filter(|r| r.rpc() == method)
            .collect()
    }

    /// How often a tool was called.
    pub fn calls(&self, tool: &str) -> usize {
        let is_call = |r: &Recorded| r.rpc() == "tools/call" && r.body["params"]["name"] == tool;
        self.state
            .lock()
            .requests
            .iter()
            .filter(|r| is_call(r))
            .count()
    }

    /// How many answers were dropped because the client went away.
    pub fn aborted(&self) -> usize {
        self.state.lock().aborted
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.state.lock().connections
    }

    /// Replaces the answer to a method, without telling anybody.
    pub fn set_method(&self, method: &str, script: impl Into<Script>) {
        let script = script.into();
        self.state
            .update(|inner| inner.methods.insert(method.to_owned(), script));
    }

    /// Calls itself something else from now on (`serverInfo`), without telling anybody.
    pub fn set_identity(&self, name: &str, version: &str) {
        let info = json!({"name": name, "version": version});
        self.state.update(|inner| inner.server_info = Some(info));
    }

    /// How many sessions are open.
    pub fn sessions(&self) -> usize {
        self.state.lock().sessions.len()
    }

    /// Waits until a request with this JSON-RPC method arrived.
    pub async fn saw(&self, method: &str) {
        self.state
            .until(|inner| inner.requests.iter().any(|r| r.rpc() == method))
            .await;
    }

    /// Waits until requests satisfy a condition.
    pub async fn until_requests(&self, condition: impl Fn(&[Recorded]) -> bool) {
        self.state.until(|inner| condition(&inner.requests)).await;
    }

    /// Waits until this many answers were dropped because the client went away.
    pub async fn until_aborted(&self, count: usize) {
        self.state.until(|inner| inner.aborted >= count).await;
    }

    /// Waits until a general stream is open.
    pub async fn until_listening(&self) {
        self.state.until(listening).await;
    }

    /// Waits until this many general streams are open.
    pub async fn until_listeners(&self, count: usize) {
        let streams = |inner: &Inner| inner.sessions.values().flatten().count();
        self.state.until(|inner| streams(inner) >= count).await;
    }

    /// Waits until this many sessions are open.
    pub async fn until_sessions(&self, count: usize) {
        self.state
            .until(|inner| inner.sessions.len() == count)
            .await;
    }

    /// Lets scripts go on that wait for this signal, now and later.
    pub fn signal(&self, name: &str) {
        self.state
            .update(|inner| inner.signals.insert(name.to_owned()));
    }

    /// What clients answered to questions, in order: the whole messages.
    pub fn answers(&self) -> Vec<Value> {
        let of = |request: Recorded| Some(request.body).filter(is_answer);
        self.requests().into_iter().filter_map(of).collect()
    }

    /// Forgets every session, as a restarted server does.
    pub fn lose_sessions(&self) {
        self.state.update(|inner| {
            inner.subscriptions.clear();
            inner.sessions.clear();
        });
    }

    /// Replaces the tools, without telling anybody.
    pub fn set_tools(&self, tools: impl IntoIterator<Item = (Value, Script)>) {
        let tools = tools.into_iter().collect();
        self.state.update(|inner| inner.tools = tools);
    }

    /// Sends a notice on every general stream, and on the listens that asked for it.
    pub fn notify(&self, method: &str, params: &Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
        watched::tell(&self.state.lock(), method, params);
    }

    /// Sends any message on every general stream.
    pub fn send(&self, message: &Value) {
        let event = serve::event(message, None, false);
        let inner = self.state.lock();
        for stream in inner.sessions.values().flatten() {
            // A full or closed stream is the test's own doing.
            let _ = stream.try_send(Ok(Bytes::clone(&event)));
        }
    }

    /// Tells those who watch a resource that it changed.
    pub fn touch(&self, uri: &str) {
        let params = json!({"uri": uri});
        let message = json!({"jsonrpc": "2.0", "method": watched::UPDATED, "params": params});
        let inner = self.state.lock();
        for (session, _) in inner.subscriptions.iter().filter(|(_, of)| of == uri) {
            if let Some(Some(stream)) = inner.sessions.get(session) {
                let _ = stream.try_send(Ok(serve::event(&message, None, false)));
            }
        }
        watched::tell(&inner, watched::UPDATED, &params);
    }

    /// The URIs that legacy sessions subscribed to, one for each session.
    pub fn subscriptions(&self) -> Vec<String> {
        let inner = self.state.lock();
        inner
            .subscriptions
            .iter()
            .map(|(_, uri)| uri.clone())
            .collect()
    }

    /// What the open listens were acknowledged.
    pub fn listens(&self) -> Vec<Value> {
        let inner = self.state.lock();
        inner
            .listens
            .iter()
            .map(|listen| listen.honoured.clone())
            .collect()
    }

    /// Waits until the open listens, as acknowledged, satisfy a condition.
    pub async fn until_listens(&self, condition: impl Fn(&[Value]) -> bool) {
        let honoured = |inner: &Inner| -> Vec<Value> {
            inner.listens.iter().map(|l| l.honoured.clone()).collect()
        };
        self.state.until(|inner| condition(&honoured(inner))).await;
    }

    /// Ends every listen with its result, as a server does that shuts down.
    pub fn end_listens(&self) {
        self.state.update(watched::end);
    }

    /// Breaks every listen.
    pub fn cut_listens(&self) {
        self.state.update(watched::cut);
    }

    /// Breaks every general stream, and with it every session of the 2024-11-05 transport.
    pub fn close_general_streams(&self) {
        self.state.update(|inner| {
            for stream in inner.sessions.values_mut().filter_map(Option::take) {
                // Tasks of scripts may hold the stream too, so that it must be told.
                let _ = stream.try_send(Err(std::io::Error::other("the test closes the stream")));
            }
        });
    }

    /// Stops listening and breaks all connections.
    pub async fn stop(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

fn is_answer(message: &Value) -> bool {
    message["method"].is_null() && !message["id"].is_null()
}

fn listening(inner: &Inner) -> bool {
    inner.sessions.values().flatten().next().is_some()
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
