//! What to answer: handshakes, lists and scripts.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::Speaks;
use super::play::{Stream, ending_message, play, run, with_id};
use super::serve::{Dropped, error};
use super::state::{Chunk, State, session_of};
use super::watched;
use crate::mirrored::mirrored;
use crate::recorded::Recorded;
use crate::script::{Ending, Piece, Script, Step};

const CLAIM: &str = "io.modelcontextprotocol/protocolVersion";

/// What goes back for a POST.
#[derive(Debug)]
pub(super) enum Answered {
    Whole {
        status: u16,
        content_type: String,
        body: Bytes,
        session: Option<String>,
    },
    Stream {
        chunks: mpsc::Receiver<Chunk>,
        session: Option<String>,
    },
    Pieces {
        content_type: &'static str,
        chunks: mpsc::Receiver<Chunk>,
    },
    Dropped,
}

impl Answered {
    fn json(status: u16, message: &Value) -> Self {
        let content_type = "application/json".to_owned();
        Self::Whole {
            status,
            content_type,
            body: message.to_string().into(),
            session: None,
        }
    }

    fn empty(status: u16) -> Self {
        let content_type = "text/plain".to_owned();
        Self::Whole {
            status,
            content_type,
            body: Bytes::new(),
            session: None,
        }
    }
}

/// Counts an answer that its client did not wait for.
pub(super) struct AbortGuard<'a> {
    state: &'a State,
    armed: bool,
}

impl<'a> AbortGuard<'a> {
    pub(super) fn new(state: &'a State) -> Self {
        Self { state, armed: true }
    }

    pub(super) fn disarm(mut self) {
        self.armed = false;
    }
}

impl Drop for AbortGuard<'_> {
    fn drop(&mut self) {
        if self.armed {
            self.state.update(|inner| inner.aborted += 1);
        }
    }
}

pub(super) async fn post(state: Arc<State>, request: Recorded) -> Result<Answered, Dropped> {
    if let Some(reply) = not_a_request(&state, &request) {
        return Ok(reply);
    }
    if let Some(limit) = state.server.disconnect_after
        && state.update(|inner| {
            inner.answered += 1;
            inner.answered > limit
        })
    {
        return Err(Dropped);
    }
    tokio::time::sleep(state.server.delay).await;
    let modern = request.body["params"]["_meta"][CLAIM].is_string();
    if let Some(reply) = check_era(&state, &request, modern) {
        return Ok(reply);
    }
    if request.rpc() == "initialize" {
        return Ok(initialize(&state, &request));
    }
    if let Some(reply) = check_session(&state, &request, modern) {
        return Ok(reply);
    }
    if modern && state.server.listens && request.rpc() == "subscriptions/listen" {
        return Ok(watched::listen(&state, &request));
    }
    let script = script_for(&state, &request, modern);
    if let Some(Step::End(Ending::Pieces {
        content_type,
        pieces,
    })) = script.steps.last()
    {
        return Ok(in_pieces(state, &request, content_type, pieces.clone()));
    }
    if state.server.streams {
        return Ok(streamed(state, request, script, modern));
    }
    let ending = run(&state, &request, &script, modern, None).await;
    Ok(whole(&request, ending))
}

/// Takes notifications and responses; requests go on.
fn not_a_request(state: &State, request: &Recorded) -> Option<Answered> {
    let body = &request.body;
    if !body.is_object() {
        return Some(Answered::json(
            400,
            &error(&Value::Null, -32700, "not JSON", &Value::Null),
        ));
    }
    if body["method"].is_string() && !body["id"].is_null() {
        return None;
    }
    if !body["method"].is_string() {
        let asked = (session_of(request).to_owned(), body["id"].to_string());
        let waiting = state.update(|inner| inner.asked.remove(&asked));
        if let Some(sender) = waiting {
            let _ = sender.send(body.clone());
        }
    }
    let (status, body) = &state.server.taken_with;
    Some(Answered::Whole {
        status: *status,
        content_type: "text/plain".to_owned(),
        body: body.clone().into(),
        session: None,
    })
}

fn check_era(state: &State, request: &Recorded, modern: bool) -> Option<Answered> {
    let id = &request.body["id"];
    match state.server.speaks {
        Speaks::Legacy | Speaks::HttpSse if modern => Some(if state.server.sessions {
            let text = "Bad Request: no valid session ID provided";
            Answered::json(400, &error(&Value::Null, -32000, text, &Value::Null))
        } else {
            Answered::json(200, &error(id, -32601, "Method not found", &Value::Null))
        }),
        Speaks::Modern if !modern => {
            let data =
                json!({"supported": state.server.modern_versions, "requested": "2025-11-25"});
            Some(Answered::json(
                400,
                &error(id, -32022, "Unsupported protocol version", &data),
            ))
        }
        _ => None,
    }
    .or_else(|| {
        if modern {
            check_modern(state, request)
        } else {
            None
        }
    })
}

/// The modern ladder: version, method and name must stand in headers as in the body.
fn check_modern(state: &State, request: &Recorded) -> Option<Answered> {
    let body = &request.body;
    let claimed = body["params"]["_meta"][CLAIM].as_str().unwrap_or_default();
    let refuse =
        |code, text, data: &Value| Some(Answered::json(400, &error(&body["id"], code, text, data)));
    if !state.server.modern_versions.iter().any(|v| v == claimed) {
        let data = json!({"supported": state.server.modern_versions, "requested": claimed});
        return refuse(-32022, "Unsupported protocol version", &data);
    }
    let name = &body["params"]["name"];
    let agrees = request.header("mcp-protocol-version") == Some(claimed)
        && request.header("mcp-method") == Some(request.rpc())
        && (!name.is_string()
            || request.header("mcp-name") == name.as_str().map(mirrored).as_deref());
    if !agrees {
        return refuse(-32020, "Header mismatch", &Value::Null);
    }
    check_param_headers(state, request)
        .then(|| refuse(-32020, "Header mismatch", &Value::Null))
        .flatten()
}

/// Whether a top-level `x-mcp-header` argument of the called tool is missing in the headers.
fn check_param_headers(state: &State, request: &Recorded) -> bool {
    let body = &request.body;
    let inner = state.lock();
    let Some((tool, _)) = inner
        .tools
        .iter()
        .find(|(t, _)| t["name"] == body["params"]["name"])
    else {
        return false;
    };
    let Some(properties) = tool["inputSchema"]["properties"].as_object() else {
        return false;
    };
    properties.iter().any(|(name, schema)| {
        let Some(header) = schema["x-mcp-header"].as_str() else {
            return false;
        };
        let value = &body["params"]["arguments"][name];
        let header = format!("mcp-param-{}", header.to_ascii_lowercase());
        let given = request.header(&header);
        match value {
            Value::Null => false,
            Value::String(text) => given != Some(&mirrored(text)),
            // Integers are compared as numbers.
            Value::Number(number) => {
                let given: Option<Value> = given.and_then(|text| serde_json::from_str(text).ok());
                given.as_ref() != Some(value) && given.and_then(|g| g.as_f64()) != number.as_f64()
            }
            other => given != Some(&other.to_string()),
        }
    })
}

fn initialize(state: &State, request: &Recorded) -> Answered {
    let message =
        json!({"jsonrpc": "2.0", "id": request.body["id"], "result": initialize_result(state)});
    let mut answered = Answered::json(200, &message);
    if state.server.sessions
        && let Answered::Whole { session, .. } = &mut answered
    {
        *session = Some(state.update(|inner| {
            inner.last_session += 1;
            let id = format!("session-{}", inner.last_session);
            inner.sessions.insert(id.clone(), None);
            id
        }));
    }
    answered
}

fn initialize_result(state: &State) -> Value {
    let mut result = json!({
        "protocolVersion": state.server.version,
        "capabilities": state.server.capabilities,
        "serverInfo": {"name": "testkit", "version": "1"},
    });
    if let Some(info) = &state.lock().server_info {
        result["serverInfo"] = info.clone();
    }
    if let Some(text) = &state.server.instructions {
        result["instructions"] = json!(text);
    }
    result
}

fn check_session(state: &State, request: &Recorded, modern: bool) -> Option<Answered> {
    if modern || !state.server.sessions {
        return None;
    }
    let session = request.header("mcp-session-id").unwrap_or_default();
    if state.lock().sessions.contains_key(session) {
        return None;
    }
    let status = state.server.session_loss_status;
    let (status, code) = if session.is_empty() {
        (400, -32000)
    } else {
        (status, -32001)
    };
    Some(Answered::json(
        status,
        &error(&Value::Null, code, "Session not found", &Value::Null),
    ))
}

/// The script that answers a request.
fn script_for(state: &State, request: &Recorded, modern: bool) -> Script {
    let body = &request.body;
    let method = body["method"].as_str().unwrap_or_default();
    if let Some((first, script)) = &state.server.first
        && first == method
        && state
            .lock()
            .requests
            .iter()
            .filter(|r| r.rpc() == method)
            .count()
            == 1
    {
        return script.clone();
    }
    if let Some(script) = scripted(state, method, &body["params"]["cursor"]) {
        return script;
    }
    match method {
        "tools/call" => {
            let name = &body["params"]["name"];
            let tool = state
                .lock()
                .tools
                .iter()
                .find(|(t, _)| t["name"] == *name)
                .cloned();
            let number = state.update(|inner| {
                let served = inner.served.entry(name.to_string()).or_default();
                *served += 1;
                *served - 1
            });
            tool.map_or_else(
                || Script::new().error(-32602, "Unknown tool"),
                |(_, script)| script.of_call(number),
            )
        }
        "tools/list" => Script::new().result(tools_page(state, &body["params"]["cursor"])),
        "resources/subscribe" | "resources/unsubscribe" => watched::subscribe(state, request),
        "server/discover" if modern => Script::new().result(discover_result(state)),
        "ping" | "logging/setLevel" => Script::new().result(json!({})),
        _ => Script::new().error(-32601, "Method not found"),
    }
}

/// What the test says about a method, the last word first.
fn scripted(state: &State, method: &str, cursor: &Value) -> Option<Script> {
    if let Some(script) = state.lock().methods.get(method) {
        return Some(script.clone());
    }
    let mut pages = state.server.pages.iter().filter(|(m, _, _)| m == method);
    if pages.clone().next().is_some() {
        let page = pages.find(|(_, at, _)| at.as_deref() == cursor.as_str());
        let unknown = || Script::new().error(-32602, "Unknown cursor");
        return Some(page.map_or_else(unknown, |(_, _, script)| script.clone()));
    }
    let mut methods = state.server.methods.iter();
    methods.find(|(m, _)| m == method).map(|(_, s)| s.clone())
}

fn discover_result(state: &State) -> Value {
    let mut result = initialize_result(state);
    result["supportedVersions"] = json!(state.server.modern_versions);
    result["ttlMs"] = json!(0);
    result["cacheScope"] = json!("private");
    result
}

fn tools_page(state: &State, cursor: &Value) -> Value {
    let inner = state.lock();
    let start: usize = cursor.as_str().and_then(|c| c.parse().ok()).unwrap_or(0);
    let start = if state.server.endless_pages { 0 } else { start };
    let end = start
        .saturating_add(state.server.page_size)
        .min(inner.tools.len());
    let tools: Vec<&Value> = inner.tools[start.min(end)..end]
        .iter()
        .map(|(t, _)| t)
        .collect();
    let mut result = json!({"tools": tools});
    if state.server.endless_pages {
        result["nextCursor"] = json!("again");
    } else if end < inner.tools.len() {
        result["nextCursor"] = json!(end.to_string());
    }
    result
}

fn streamed(state: Arc<State>, request: Recorded, script: Script, modern: bool) -> Answered {
    let (chunks, receiver) = mpsc::channel(64);
    let ids = (state.server.event_ids && !modern).then(|| {
        let n = state.update(|inner| {
            inner.last_stream += 1;
            inner.last_stream
        });
        (format!("s{n}"), AtomicU64::new(1))
    });
    if let Some((name, _)) = &ids {
        let priming = format!("id: {name}.0\nretry: 100\ndata:\n\n");
        chunks
            .try_send(Ok(priming.into()))
            .expect("the channel is empty");
    }
    let stream = Stream {
        chunks,
        ids,
        named: false,
    };
    // Ends with its script, or when the client goes away.
    tokio::spawn(async move { play(&state, &request, &script, modern, &stream).await });
    Answered::Stream {
        chunks: receiver,
        session: None,
    }
}

fn in_pieces(
    state: Arc<State>,
    request: &Recorded,
    content_type: &'static str,
    pieces: Vec<Piece>,
) -> Answered {
    let (sender, chunks) = mpsc::channel(1);
    let request = request.clone();
    // Ends with its pieces, or when the client goes away.
    tokio::spawn(async move {
        for piece in pieces {
            let chunk = match piece {
                Piece::Bytes(bytes) => Ok(with_id(&bytes, &request).into()),
                Piece::Cut => Err(std::io::Error::other("the script cuts")),
                Piece::Wait(word) => {
                    tokio::select! {
                        () = state.until(|inner| inner.signals.contains(word)) => continue,
                        () = sender.closed() => break,
                    }
                }
            };
            if sender.send(chunk).await.is_err() {
                break;
            }
        }
        if sender.is_closed() {
            state.update(|inner| inner.aborted += 1);
        }
    });
    Answered::Pieces {
        content_type,
        chunks,
    }
}

/// 2024-11-05: answers a posted message on the session's stream.
pub(super) async fn on_stream(state: Arc<State>, request: Recorded, chunks: mpsc::Sender<Chunk>) {
    let stream = Stream {
        chunks,
        ids: None,
        named: true,
    };
    if not_a_request(&state, &request).is_some() {
        if let Some(greeting) = &state.server.greeting
            && request.rpc() == "notifications/initialized"
        {
            stream.send(greeting).await;
        }
        return;
    }
    if request.rpc() == "initialize" {
        stream.send(&json!({"jsonrpc": "2.0", "id": request.body["id"], "result": initialize_result(&state)})).await;
        return;
    }
    let script = script_for(&state, &request, false);
    play(&state, &request, &script, false, &stream).await;
}

fn whole(request: &Recorded, ending: Ending) -> Answered {
    match ending {
        Ending::Disconnect | Ending::Reconnect { .. } => Answered::Dropped,
        Ending::Raw {
            status,
            content_type,
            body,
        } => Answered::Whole {
            status,
            content_type,
            body: with_id(&body, request).into(),
            session: None,
        },
        Ending::Accepted => Answered::empty(202),
        other => match ending_message(&request.body["id"], &other) {
            Some(message) => Answered::json(200, &message),
            None => Answered::Dropped,
        },
    }
}
