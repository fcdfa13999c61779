//! Running scripts, step by step.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::serve::{error, event};
use super::state::{Chunk, State, session_of};
use crate::recorded::Recorded;
use crate::script::{Ending, Manner, Query, Script, Step, text_result};

/// Runs a script to its ending; notices and questions go to `stream`, or nowhere.
pub(super) async fn run(
    state: &State,
    request: &Recorded,
    script: &Script,
    modern: bool,
    stream: Option<&Stream>,
) -> Ending {
    let mut answers = Vec::new();
    let meta = &request.body["params"]["_meta"];
    for step in &script.steps {
        match step {
            Step::Progress { progress, total } if !meta["progressToken"].is_null() => {
                let params = json!({"progressToken": meta["progressToken"], "progress": progress, "total": total});
                notice(stream, "notifications/progress", &params).await;
            }
            Step::Progress { .. } => {}
            Step::Log { level, data } => {
                notice(
                    stream,
                    "notifications/message",
                    &json!({"level": level, "data": data}),
                )
                .await;
            }
            Step::Notify { method, params } => notice(stream, method, params).await,
            Step::General(message) => {
                let session = request.header("mcp-session-id").unwrap_or_default();
                let stream = state.lock().sessions.get(session).cloned().flatten();
                if let Some(stream) = stream {
                    let _ = stream.send(Ok(event(message, None, false))).await;
                }
            }
            Step::Delay(time) => tokio::time::sleep(*time).await,
            Step::WaitFor(word) => {
                if !held(state, word, stream).await {
                    return Ending::Disconnect;
                }
            }
            Step::Ask { queries, .. } if modern => {
                match modern_answers(&request.body["params"], queries, &answers) {
                    Ok(given) => answers.extend(given),
                    Err(input_required) => return Ending::Result(input_required),
                }
            }
            Step::Ask { queries, manner } => {
                answers.extend(ask(state, request, stream, queries, *manner).await);
            }
            Step::End(Ending::Echo) => {
                let (body, headers) = (&request.body, &request.headers);
                let seen = json!({"body": body, "headers": headers, "answers": answers});
                return Ending::Result(text_result(&seen.to_string()));
            }
            Step::End(Ending::Answers) => {
                return Ending::Result(text_result(&Value::from(answers).to_string()));
            }
            Step::End(Ending::Hang) => {
                hang(state, request, stream).await;
                // A stream that carries other calls too stays open.
                let carries_others = stream.is_some_and(|stream| stream.named);
                return if carries_others {
                    Ending::Accepted
                } else {
                    Ending::Disconnect
                };
            }
            Step::End(ending) => return complete(ending.clone(), modern),
        }
    }
    complete(Ending::Result(text_result("ok")), modern)
}

/// Modern results carry their type.
fn complete(ending: Ending, modern: bool) -> Ending {
    match ending {
        Ending::Result(mut result) if modern && result["resultType"].is_null() => {
            result["resultType"] = json!("complete");
            Ending::Result(result)
        }
        other => other,
    }
}

async fn notice(stream: Option<&Stream>, method: &str, params: &Value) {
    if let Some(stream) = stream {
        stream
            .send(&json!({"jsonrpc": "2.0", "method": method, "params": params}))
            .await;
    }
}

/// The answers to one step's questions as a modern request brings them, or the result that asks for them. The
/// state holds the answers of earlier rounds, so that this server needs no memory.
fn modern_answers(
    params: &Value,
    queries: &[Query],
    so_far: &[Value],
) -> Result<Vec<Value>, Value> {
    let known = so_far.len();
    let state = params["requestState"].as_str().unwrap_or("[]");
    let earlier: Vec<Value> = serde_json::from_str(state).unwrap_or_default();
    if let Some(remembered) = earlier.get(known..known + queries.len()) {
        return Ok(remembered.to_vec());
    }
    let key = |(n, query): (usize, &Query)| match &query.id {
        Some(Value::String(id)) => id.clone(),
        _ => format!("q{}", known + n + 1),
    };
    let keys: Vec<String> = queries.iter().enumerate().map(key).collect();
    let given = keys.iter().map(|key| params["inputResponses"][key].clone());
    let given: Vec<Value> = given.collect();
    if !given.iter().any(Value::is_null) {
        return Ok(given);
    }
    let question = |query: &Query| json!({"method": query.method, "params": query.params});
    let requests: serde_json::Map<String, Value> =
        keys.into_iter().zip(queries.iter().map(question)).collect();
    Err(json!({
        "resultType": "input_required",
        "inputRequests": requests,
        "requestState": Value::from(so_far).to_string(),
    }))
}

async fn ask(
    state: &State,
    request: &Recorded,
    stream: Option<&Stream>,
    queries: &[Query],
    manner: Manner,
) -> Vec<Value> {
    let session = session_of(request);
    let general = match manner {
        Manner::OnCall | Manner::Passing => None,
        Manner::OnGeneral => Some(general_stream(state, session).await),
    };
    let Some(stream) = general.as_ref().or(stream) else {
        return vec![Value::Null; queries.len()];
    };
    let mut waiting = Vec::new();
    for query in queries {
        let (sender, answer) = oneshot::channel();
        let id = state.update(|inner| {
            inner.last_ask += 1;
            let made_up = || json!(format!("ask-{}", inner.last_ask));
            let id = query.id.clone().unwrap_or_else(made_up);
            inner
                .asked
                .insert((session.to_owned(), id.to_string()), sender);
            id
        });
        let (method, params) = (&query.method, &query.params);
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        stream.send(&message).await;
        waiting.push(answer);
    }
    if manner == Manner::Passing {
        return Vec::new();
    }
    let mut answers = Vec::new();
    for answer in waiting {
        let message = answer.await.unwrap_or(Value::Null);
        let said = ["error", "result"].map(|member| message[member].clone());
        let said = said.into_iter().find(|said| !said.is_null());
        answers.push(said.unwrap_or(Value::Null));
    }
    answers
}

/// The general stream of a session, once there is one.
async fn general_stream(state: &State, session: &str) -> Stream {
    let of = |inner: &super::state::Inner| inner.sessions.get(session).cloned().flatten();
    state.until(|inner| of(inner).is_some()).await;
    let chunks = of(&state.lock());
    Stream {
        // Closed between the two: nobody hears what is sent.
        chunks: chunks.unwrap_or_else(|| mpsc::channel(1).0),
        ids: None,
        named: false,
    }
}

/// Waits for a word; `false` when the client went away first.
async fn held(state: &State, word: &str, stream: Option<&Stream>) -> bool {
    let released = state.until(|inner| inner.signals.contains(word));
    let Some(stream) = stream else {
        released.await;
        return true;
    };
    tokio::select! {
        () = released => true,
        () = stream.chunks.closed() => false,
    }
}

/// Waits until the client cancels or goes away.
async fn hang(state: &State, request: &Recorded, stream: Option<&Stream>) {
    let id = &request.body["id"];
    let session = request.header("mcp-session-id");
    let cancelled = state.until(|inner| {
        inner.requests.iter().any(|r| {
            r.rpc() == "notifications/cancelled"
                && r.body["params"]["requestId"] == *id
                // The old transport names its session in the path, the newer one in a header.
                && r.path == request.path
                && r.header("mcp-session-id") == session
        })
    });
    match stream {
        Some(stream) => tokio::select! {
            () = cancelled => {}
            () = stream.chunks.closed() => {}
        },
        None => cancelled.await,
    }
}

/// Where the events of one answer go.
pub(super) struct Stream {
    pub(super) chunks: mpsc::Sender<Chunk>,
    /// `<stream>.<seq>` ids are given out of this.
    pub(super) ids: Option<(String, AtomicU64)>,
    pub(super) named: bool,
}

impl Stream {
    pub(super) async fn send(&self, message: &Value) {
        let id = self.ids.as_ref().map(|(name, seq)| {
            let n = seq.fetch_add(1, Ordering::Relaxed);
            format!("{name}.{n}")
        });
        let _ = self
            .chunks
            .send(Ok(event(message, id.as_deref(), self.named)))
            .await;
    }
}

/// Runs a script on a stream, up to its last event.
pub(super) async fn play(
    state: &State,
    request: &Recorded,
    script: &Script,
    modern: bool,
    stream: &Stream,
) {
    let ending = run(state, request, script, modern, Some(stream)).await;
    if stream.chunks.is_closed() {
        state.update(|inner| inner.aborted += 1);
        return;
    }
    match ending {
        Ending::Disconnect => {
            let _ = stream
                .chunks
                .send(Err(std::io::Error::other("the script disconnects")))
                .await;
        }
        Ending::Reconnect { retry_ms, then } => {
            if let Some((name, _)) = &stream.ids {
                let id = request.body["id"].clone();
                state.update(|inner| inner.resumable.insert(name.clone(), (id, *then)));
            }
            let _ = stream
                .chunks
                .send(Ok(format!("retry: {retry_ms}\n\n").into()))
                .await;
        }
        Ending::Raw { body, .. } => {
            let text = with_id(&body, request);
            let _ = stream
                .chunks
                .send(Ok(
                    format!("data: {}\n\n", String::from_utf8_lossy(&text)).into()
                ))
                .await;
        }
        Ending::Accepted => {}
        other => {
            if let Some(message) = ending_message(&request.body["id"], &other) {
                stream.send(&message).await;
            }
        }
    }
}

/// The message an ending stands for, if it is one.
pub(super) fn ending_message(id: &Value, ending: &Ending) -> Option<Value> {
    match ending {
        Ending::Result(result) => Some(json!({"jsonrpc": "2.0", "id": id, "result": result})),
        Ending::Error {
            code,
            message,
            data,
        } => Some(error(id, *code, message, data)),
        Ending::WrongId => {
            Some(json!({"jsonrpc": "2.0", "id": 987_654, "result": text_result("not yours")}))
        }
        _ => None,
    }
}

/// A raw body with `"$ID"` replaced by the id of the request it answers.
pub(super) fn with_id(body: &[u8], request: &Recorded) -> Vec<u8> {
    match std::str::from_utf8(body) {
        Ok(text) => text
            .replace("\"$ID\"", &request.body["id"].to_string())
            .into_bytes(),
        Err(_) => body.to_vec(),
    }
}
