//! A server that answers with bytes it was given, and remembers the bytes it got.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Method as HttpMethod, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::case::{CALL, Case, ID, TOKEN};
use crate::json;
use crate::offer::Offer;

/// What the server got for one call, and what it wrote.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) request: String,
    /// `Mcp-Name`, as it came.
    pub(crate) name_header: Option<String>,
    pub(crate) written: Vec<String>,
}

/// The calls that are open, by the number in their params.
#[derive(Debug, Default)]
pub(crate) struct Book {
    calls: Mutex<Calls>,
}

type Calls = HashMap<u64, (Arc<Case>, Vec<Heard>)>;

impl Book {
    pub(crate) fn open(&self, key: u64, case: Arc<Case>) {
        self.with(|calls| calls.insert(key, (case, Vec::new())));
    }

    /// What servers heard of the call; more than once only if it was sent again.
    pub(crate) fn close(&self, key: u64) -> Vec<Heard> {
        let call = self.with(|calls| calls.remove(&key));
        call.map(|(_, heard)| heard).unwrap_or_default()
    }

    fn case(&self, key: u64) -> Option<Arc<Case>> {
        self.with(|calls| calls.get(&key).map(|(case, _)| case.clone()))
    }

    fn hear(&self, key: u64, heard: Heard) {
        self.with(|calls| {
            if let Some((_, all)) = calls.get_mut(&key) {
                all.push(heard);
            }
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut Calls) -> T) -> T {
        act(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Starts a server; its URL. It lives as long as the runtime.
pub(crate) async fn start(offer: Offer, book: Arc<Book>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port of the loopback");
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    let offer = Arc::new(offer);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (offer, book) = (offer.clone(), book.clone());
            let service = service_fn(move |request| handle(offer.clone(), book.clone(), request));
            // Without it small answers wait for the acknowledgement of the ones before.
            drop(socket.set_nodelay(true));
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(socket), service),
            );
        }
    });
    format!("http://{address}/mcp")
}

async fn handle(
    offer: Arc<Offer>,
    book: Arc<Book>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.method() != HttpMethod::POST {
        return Ok(reply(
            StatusCode::METHOD_NOT_ALLOWED,
            "text/plain",
            String::new(),
        ));
    }
    let name_header = request.headers().get("mcp-name");
    let name_header = name_header.and_then(|value| value.to_str().ok().map(str::to_owned));
    let body = request.into_body().collect().await;
    let body = body
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&body).into_owned();
    let called = call_of(&text).and_then(|key| Some((key, book.case(key)?)));
    let Some((key, case)) = called else {
        return Ok(match offer.answer(&text) {
            Some(answer) => reply(StatusCode::OK, "application/json", answer),
            None => reply(StatusCode::ACCEPTED, "text/plain", String::new()),
        });
    };
    let id = json::member(&text, "id").unwrap_or("null");
    let meta = json::member(&text, "params").and_then(|params| json::member(params, "_meta"));
    let token = meta.and_then(|meta| json::member(meta, "progressToken"));
    let fill = |message: &String| {
        let message = message.replacen(ID, id, 1);
        message.replacen(TOKEN, token.unwrap_or("987654"), 1)
    };
    let written: Vec<String> = case.answer.iter().map(fill).collect();
    let answer = if case.streamed {
        let events: String = written.iter().map(|message| event(message)).collect();
        reply(StatusCode::OK, "text/event-stream", events)
    } else {
        reply(StatusCode::OK, "application/json", written.concat())
    };
    let heard = Heard {
        request: text,
        name_header,
        written,
    };
    book.hear(key, heard);
    Ok(answer)
}

/// The number of the call, wherever it stands.
fn call_of(request: &str) -> Option<u64> {
    let (_, rest) = request.split_once(CALL)?;
    let digits = rest.trim_start_matches([':', ' ', '\t', '\r', '\n']);
    let end = digits.find(|c: char| !c.is_ascii_digit())?;
    digits[..end].parse().ok()
}

/// An event; a line end between two tokens makes another line of data.
fn event(message: &str) -> String {
    format!("data: {}\n\n", message.replace('\n', "\ndata: "))
}

fn reply(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let kind = hyper::header::HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
