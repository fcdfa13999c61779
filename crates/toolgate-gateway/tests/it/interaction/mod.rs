//! Servers that ask the person or model behind a client, and everything that must not get mixed up meanwhile
//! (protocol.md section 11).

mod cancels;
mod crossed;
mod legacy_pairs;
mod links;
mod modern_pairs;
mod parked;
mod parked_ends;
mod parked_many;
mod reissued;
mod rounds;
mod rounds_end;
mod sessions;
mod shared;
mod states;
mod taken_away;

use std::time::Duration;

use serde_json::{Value, json};
use toolgate_namespace::{ChildSettings, EraSetting, Isolation, Prefix, ServerSpec, Transport};
use toolgate_testkit::{Client, Reply, Running, Script};

use crate::setup::Setup;

/// Everything a client can be asked for.
fn everything() -> Value {
    json!({"elicitation": {"form": {}, "url": {}}, "sampling": {}, "roots": {}})
}

/// The parameters of a form elicitation.
fn form(message: &str) -> Value {
    json!({"message": message, "requestedSchema": {"type": "object", "properties": {}}})
}

/// The parameters of a sampling question.
fn sample() -> Value {
    json!({"messages": [], "maxTokens": 1})
}

fn accept(content: Value) -> Value {
    let mut answer = json!({"action": "accept"});
    answer["content"] = content;
    answer
}

/// A tool that asks once and tells what it was asked and answered.
fn asks_once() -> Script {
    Script::new()
        .ask("elicitation/create", form("your name?"))
        .echo()
}

/// What a tool tells that ends with `echo`.
#[track_caller]
fn told(message: &Value) -> Value {
    let text = message["result"]["content"][0]["text"].as_str();
    let text = text.unwrap_or_else(|| panic!("no text in {message}"));
    serde_json::from_str(text).unwrap_or_else(|_| panic!("{text} is no echo"))
}

/// Fails a test that would hang. Generous, since it says nothing about speed.
async fn patient<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), what)
        .await
        .expect("it happens within half a minute")
}

/// What servers were told of cancelled requests.
fn cancels(server: &Running) -> Vec<Value> {
    let notices = server.requests_for("notifications/cancelled");
    let id = |notice: &toolgate_testkit::Recorded| notice.body["params"]["requestId"].clone();
    notices.iter().map(id).collect()
}

/// The ids of the requests that called a tool, as the server saw them.
fn call_ids(server: &Running) -> Vec<Value> {
    let calls = server.requests_for("tools/call");
    calls.into_iter().map(|r| r.body["id"].clone()).collect()
}

/// Waits until the server was told that its only call is cancelled.
async fn until_cancelled(server: &Running) {
    let is_cancel = |r: &toolgate_testkit::Recorded| r.rpc() == "notifications/cancelled";
    patient(server.until_requests(|requests| requests.iter().any(is_cancel))).await;
    assert_eq!(
        cancels(server),
        call_ids(server),
        "with the server's own id"
    );
}

/// Waits until the server has so many answers to its questions.
async fn until_answered(server: &Running, count: usize) -> Vec<Value> {
    let is_answer = |r: &&toolgate_testkit::Recorded| r.rpc().is_empty() && !r.body["id"].is_null();
    let enough = |requests: &[toolgate_testkit::Recorded]| {
        requests.iter().filter(is_answer).count() >= count
    };
    patient(server.until_requests(enough)).await;
    server.answers()
}

/// Adds a server to `default` after changing its settings.
async fn link_as(
    setup: &Setup,
    slug: &str,
    server: &Running,
    shape: impl FnOnce(&mut ServerSpec),
) -> ServerSpec {
    let scope = setup.scope("default");
    let mut spec = setup.spec(&scope, slug, server.url());
    shape(&mut spec);
    setup.add(&scope, &spec).await;
    spec
}

/// Adds the stdio server of the testkit to `default`.
async fn link_stdio(setup: &Setup, slug: &str, isolation: Isolation, args: &[&str]) -> ServerSpec {
    let scope = setup.scope("default");
    let path = toolgate_testkit::stdio_server_path();
    let program = path.to_str().expect("a path in UTF-8");
    let command = std::iter::once(program).chain(args.iter().copied());
    let mut spec = setup.spec(&scope, slug, "http://unused");
    spec.transport = Transport::Stdio {
        argv: command.map(str::to_owned).collect(),
        child: ChildSettings::default(),
    };
    spec.era = EraSetting::Legacy;
    spec.isolation = isolation;
    spec.allowed_origin = None;
    setup.add(&scope, &spec).await;
    spec
}

/// Without `[slug]` before messages and `slug__` before names.
fn bare(spec: &mut ServerSpec) {
    spec.prefix = Prefix::None;
}

/// A client of 2026-07-28 that can be asked.
#[derive(Clone)]
struct Modern {
    client: Client,
    capabilities: Value,
}

impl Modern {
    fn new(setup: &Setup) -> Self {
        Self::with(setup, &setup.admin_token)
    }

    fn with(setup: &Setup, token: &str) -> Self {
        Self::at(&setup.url("default"), token)
    }

    fn at(url: &str, token: &str) -> Self {
        Self {
            client: Client::new(url).bearer(token),
            capabilities: everything(),
        }
    }

    fn params(&self, tool: &str, arguments: Value) -> Value {
        let claim = "io.modelcontextprotocol/clientCapabilities";
        let mut params = json!({"name": tool, "_meta": {claim: self.capabilities}});
        params["arguments"] = arguments;
        params
    }

    async fn call(&mut self, tool: &str, arguments: Value) -> Reply {
        let params = self.params(tool, arguments);
        patient(self.client.modern("tools/call", params)).await
    }

    /// The same call again, with the state of `asked` and these answers; `Null` sends none.
    async fn retry(&mut self, tool: &str, arguments: Value, asked: &Reply, said: Value) -> Reply {
        let params = self.retry_params(tool, arguments, asked, said);
        patient(self.client.modern("tools/call", params)).await
    }

    fn retry_params(&self, tool: &str, arguments: Value, asked: &Reply, said: Value) -> Value {
        let mut params = self.params(tool, arguments);
        let state = &asked.message()["result"]["requestState"];
        if !state.is_null() {
            params["requestState"] = state.clone();
        }
        if !said.is_null() {
            params["inputResponses"] = said;
        }
        params
    }
}

/// The questions of an `input_required` result, by key.
#[track_caller]
fn questions(reply: &Reply) -> serde_json::Map<String, Value> {
    let result = &reply.message()["result"];
    assert_eq!(result["resultType"], "input_required", "{:?}", reply.body);
    result["inputRequests"]
        .as_object()
        .cloned()
        .unwrap_or_default()
}

/// The keys of an `input_required` result, sorted.
#[track_caller]
fn keys(reply: &Reply) -> Vec<String> {
    let mut keys: Vec<String> = questions(reply).keys().cloned().collect();
    keys.sort();
    keys
}

/// The state is refused, in the one way there is (S-44).
#[track_caller]
fn assert_unusable(reply: &Reply, why: &str) {
    let error = &reply.message()["error"];
    assert_eq!(
        (reply.status, &error["code"]),
        (200, &json!(-32602)),
        "{why}: {:?}",
        reply.body
    );
    let one_wording =
        "this `requestState` cannot be used for this request; make the request again without it";
    assert_eq!(error["message"], one_wording, "{why}");
}

/// A client of 2025-11-25 with a session, that can be asked for everything.
async fn legacy(setup: &Setup) -> Client {
    legacy_with(setup, &setup.admin_token, &everything()).await
}

async fn legacy_with(setup: &Setup, token: &str, capabilities: &Value) -> Client {
    let mut client = Client::new(&setup.url("default")).bearer(token);
    let reply = client.initialize_as("2025-11-25", capabilities).await;
    assert_eq!(reply.status, 200, "{:?}", reply.body);
    client
}

/// A `tools/call` of a legacy client.
fn call_message(id: impl Into<Value>, tool: &str, arguments: Value) -> Value {
    let mut message = json!({"jsonrpc": "2.0", "method": "tools/call", "params": {"name": tool}});
    message["id"] = id.into();
    message["params"]["arguments"] = arguments;
    message
}

/// The questions among the messages of a stream.
fn asked_in(messages: &[Value]) -> Vec<Value> {
    let is_question = |m: &&Value| m["method"].is_string() && !m["id"].is_null();
    messages.iter().filter(is_question).cloned().collect()
}

/// Makes a request and answers what is asked on its stream; every message of the stream, the response last.
async fn answering(
    client: &Client,
    message: Value,
    say: impl FnMut(&Value) -> Value,
) -> Vec<Value> {
    client.post_answering(&message, say).await
}
