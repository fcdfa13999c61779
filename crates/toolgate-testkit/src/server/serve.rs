//! Sockets and HTTP around the answers.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::HeaderName;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::answer::{self, AbortGuard, Answered};
use super::state::{Chunk, State};
use super::{Running, Speaks};
use crate::recorded::Recorded;

pub(super) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// The connection is closed without an answer.
#[derive(Debug)]
pub(super) struct Dropped;

impl std::fmt::Display for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the script closes the connection")
    }
}

impl std::error::Error for Dropped {}

pub(super) async fn start(state: Arc<State>) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port of the loopback");
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    let path = if state.server.speaks == Speaks::HttpSse {
        "/sse"
    } else {
        "/mcp"
    };
    let task = tokio::spawn(accept(listener, Arc::clone(&state)));
    Running {
        state,
        address,
        url: format!("http://{address}{path}"),
        task,
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    // Dropped with the task, so that stopping the server breaks its connections.
    let mut connections = JoinSet::new();
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            continue;
        };
        let _ = socket.set_nodelay(true);
        state.update(|inner| inner.connections += 1);
        let state = Arc::clone(&state);
        connections.spawn(async move {
            let service = service_fn(move |request| handle(Arc::clone(&state), request));
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(socket), service);
            // A broken connection is often what the test wants.
            let _ = connection.await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn handle(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Body>, Dropped> {
    let method = request.method().clone();
    let recorded = record(request).await;
    let guard = AbortGuard::new(&state);
    let response = answer_to(&state, &method, recorded).await;
    guard.disarm();
    response.map(|mut response| {
        for (name, value) in &state.server.answer_headers {
            let name: HeaderName = name.parse().expect("the name of a header");
            let value = value.parse().expect("the value of a header");
            response.headers_mut().append(name, value);
        }
        response
    })
}

async fn answer_to(
    state: &Arc<State>,
    method: &Method,
    recorded: Recorded,
) -> Result<Response<Body>, Dropped> {
    state.update(|inner| inner.requests.push(recorded.clone()));
    if let Some((status, body)) = &state.server.refuse {
        return Ok(plain(*status, "application/json", body.clone()));
    }
    if let Some((name, value)) = &state.server.required_header
        && recorded.header(name) != Some(value)
    {
        return Ok(plain(401, "text/plain", "who are you"));
    }
    match (method, state.server.speaks) {
        (&Method::GET, Speaks::HttpSse) if recorded.path == "/sse" => Ok(old_stream(state)),
        (&Method::POST, Speaks::HttpSse) if recorded.path.starts_with("/messages") => {
            Ok(old_post(state, recorded))
        }
        (_, Speaks::HttpSse) => Ok(plain(405, "text/plain", "")),
        (&Method::POST, _) => answer::post(Arc::clone(state), recorded)
            .await
            .and_then(respond),
        (&Method::GET, Speaks::Legacy | Speaks::Both) => Ok(general_stream(state, &recorded)),
        (&Method::DELETE, Speaks::Legacy | Speaks::Both) => Ok(delete(state, &recorded)),
        _ => Ok(plain(405, "text/plain", "")),
    }
}

async fn record(request: Request<Incoming>) -> Recorded {
    let (parts, body) = request.into_parts();
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in &parts.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let slot = headers.entry(name.as_str().to_owned()).or_default();
        if !slot.is_empty() {
            slot.push_str(", ");
        }
        slot.push_str(&value);
    }
    let raw = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default()
        .to_vec();
    Recorded {
        method: parts.method.to_string(),
        path: parts
            .uri
            .path_and_query()
            .map(ToString::to_string)
            .unwrap_or_default(),
        headers,
        body: serde_json::from_slice(&raw).unwrap_or(Value::Null),
        raw,
    }
}

fn respond(answered: Answered) -> Result<Response<Body>, Dropped> {
    match answered {
        Answered::Whole {
            status,
            content_type,
            body,
            session,
        } => {
            let mut response = plain(status, &content_type, body);
            add_session(&mut response, session.as_deref());
            Ok(response)
        }
        Answered::Stream { chunks, session } => {
            let mut response = stream(chunks);
            add_session(&mut response, session.as_deref());
            Ok(response)
        }
        Answered::Pieces {
            content_type,
            chunks,
        } => {
            let mut response = stream(chunks);
            let value = hyper::header::HeaderValue::from_static(content_type);
            response.headers_mut().insert("content-type", value);
            Ok(response)
        }
        Answered::Dropped => Err(Dropped),
    }
}

fn add_session(response: &mut Response<Body>, session: Option<&str>) {
    if let Some(id) = session {
        let value = id.parse().expect("session ids are visible ASCII");
        response.headers_mut().insert("mcp-session-id", value);
    }
}

pub(super) fn plain(status: u16, content_type: &str, body: impl Into<Bytes>) -> Response<Body> {
    let body = body.into();
    let mut response = Response::builder().status(status);
    if !body.is_empty() && !content_type.is_empty() {
        response = response.header("content-type", content_type);
    }
    let body = Full::new(body)
        .map_err(|never: Infallible| match never {})
        .boxed_unsync();
    response
        .body(body)
        .expect("status and content type are valid")
}

fn stream(chunks: mpsc::Receiver<Chunk>) -> Response<Body> {
    let frames = futures::stream::unfold(chunks, |mut chunks| async move {
        let chunk = chunks.recv().await?;
        Some((chunk, chunks))
    });
    let body = StreamBody::new(frames.map(|chunk| chunk.map(Frame::data))).boxed_unsync();
    Response::builder()
        .header("content-type", "text/event-stream")
        .body(body)
        .expect("the header is valid")
}

/// One server-sent event.
pub(super) fn event(message: &Value, id: Option<&str>, named: bool) -> Bytes {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    let name = if named { "event: message\n" } else { "" };
    format!("{id}{name}data: {message}\n\n").into()
}

fn general_stream(state: &State, request: &Recorded) -> Response<Body> {
    if let Some(last) = request.header("last-event-id") {
        return resume(state, last);
    }
    if !state.server.general_stream {
        return plain(405, "text/plain", "");
    }
    let session = request.header("mcp-session-id").unwrap_or_default();
    let (sender, chunks) = mpsc::channel(64);
    if let Some(greeting) = &state.server.greeting {
        let first = event(greeting, None, false);
        sender.try_send(Ok(first)).expect("the channel is empty");
    }
    let known = state.update(|inner| match inner.sessions.get_mut(session) {
        Some(slot) => {
            *slot = Some(sender);
            true
        }
        None => false,
    });
    if known {
        stream(chunks)
    } else {
        plain(404, "text/plain", "")
    }
}

/// Ends a stream that was cut, if the client names an event of it.
fn resume(state: &State, last_event: &str) -> Response<Body> {
    let name = last_event.split('.').next().unwrap_or_default();
    let Some((id, ending)) = state.update(|inner| inner.resumable.remove(name)) else {
        return plain(400, "text/plain", "no such event");
    };
    let (sender, chunks) = mpsc::channel(4);
    if let Some(message) = super::play::ending_message(&id, &ending) {
        let last = format!("{name}.9");
        sender
            .try_send(Ok(event(&message, Some(&last), false)))
            .expect("the channel is empty");
    }
    stream(chunks)
}

fn delete(state: &State, request: &Recorded) -> Response<Body> {
    let session = request.header("mcp-session-id").unwrap_or_default();
    let known = state
        .update(|inner| {
            inner.subscriptions.retain(|(of, _)| of != session);
            inner.sessions.remove(session)
        })
        .is_some();
    plain(if known { 204 } else { 404 }, "text/plain", "")
}

/// 2024-11-05: the stream whose first event says where to POST.
fn old_stream(state: &State) -> Response<Body> {
    let (sender, chunks) = mpsc::channel(64);
    let session = state.update(|inner| {
        inner.last_session += 1;
        let session = format!("old-{}", inner.last_session);
        inner.sessions.insert(session.clone(), Some(sender.clone()));
        session
    });
    let good = format!("/messages?session={session}");
    let endpoint = state.server.endpoint_event.as_ref().unwrap_or(&good);
    let first = format!("event: endpoint\ndata: {endpoint}\n\n");
    sender
        .try_send(Ok(first.into()))
        .expect("the channel is empty");
    stream(chunks)
}

/// 2024-11-05: the answer to a POST is 202, the response an event.
fn old_post(state: &Arc<State>, request: Recorded) -> Response<Body> {
    let session = request
        .path
        .split('=')
        .next_back()
        .unwrap_or_default()
        .to_owned();
    let Some(Some(stream)) = state.lock().sessions.get(&session).cloned() else {
        return plain(404, "text/plain", "");
    };
    let state = Arc::clone(state);
    // Ends with its script or with the stream.
    tokio::spawn(async move { answer::on_stream(state, request, stream).await });
    plain(202, "text/plain", "")
}

/// A JSON-RPC error message.
pub(super) fn error(id: &Value, code: i64, message: &str, data: &Value) -> Value {
    let mut error = json!({"code": code, "message": message});
    if !data.is_null() {
        error["data"] = data.clone();
    }
    json!({"jsonrpc": "2.0", "id": id, "error": error})
}
