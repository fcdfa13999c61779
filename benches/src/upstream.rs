//! The MCP server behind relay and gateway: answers at once, in both eras, to whoever brings the secret.
//!
//! Every path is an endpoint of its own with 20 tools, or with N below `/tools/N/`. `GET /delay/MS` makes all of them
//! slow.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::LocalSet;

use crate::outcome::{Answers, Message, TOOLS};

/// The bearer token it insists on: the relay's clients bring it, the gateway injects it.
pub const SECRET: &str = "fake-upstream-secret-0123456789";

type Body = BoxBody<Bytes, Infallible>;

struct State {
    answers: RefCell<Answers>,
    delay: Cell<Duration>,
    expected: String,
}

/// Serves until it is killed, after printing `ready URL`.
pub(crate) fn run() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(LocalSet::new().run_until(serve()));
}

async fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    println!("ready http://{address}");
    let state = Rc::new(State {
        answers: RefCell::new(Answers::default()),
        delay: Cell::default(),
        expected: format!("Bearer {SECRET}"),
    });
    while let Ok((socket, _)) = listener.accept().await {
        drop(socket.set_nodelay(true));
        let state = Rc::clone(&state);
        tokio::task::spawn_local(async move {
            let service = service_fn(move |request| answer(request, Rc::clone(&state)));
            // A client that goes away is no error of ours.
            drop(
                http1::Builder::new()
                    .serve_connection(TokioIo::new(socket), service)
                    .await,
            );
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    state: Rc<State>,
) -> Result<Response<Body>, Infallible> {
    if let Some(delay) = request.uri().path().strip_prefix("/delay/") {
        let delay = Duration::from_millis(delay.parse().unwrap_or_default());
        state.delay.set(delay);
        return Ok(reply(StatusCode::OK, JSON, String::new()));
    }
    let secret = request.headers().get(AUTHORIZATION);
    if secret.is_none_or(|given| given.as_bytes() != state.expected.as_bytes()) {
        return Ok(reply(StatusCode::UNAUTHORIZED, JSON, "{}".to_owned()));
    }
    if request.method() != Method::POST {
        return Ok(reply(StatusCode::METHOD_NOT_ALLOWED, JSON, String::new()));
    }
    let tools = request.uri().path().strip_prefix("/tools/");
    let tools = tools.and_then(|rest| rest.split('/').next()?.parse().ok());
    let tools = tools.unwrap_or(TOOLS);
    let version = request.headers().get("mcp-protocol-version");
    let modern = version.is_some_and(|version| version == "2026-07-28");
    let body = request.into_body().collect().await;
    let body = body
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let Ok(message) = serde_json::from_slice::<Message<'_>>(&body) else {
        return Ok(reply(StatusCode::BAD_REQUEST, JSON, "{}".to_owned()));
    };
    let Some(id) = message.id else {
        return Ok(reply(StatusCode::ACCEPTED, JSON, String::new()));
    };
    if !state.delay.get().is_zero() {
        tokio::time::sleep(state.delay.get()).await;
    }
    let text = (state.answers.borrow_mut()).to(&message, id.get(), tools, modern);
    let (sse, pause) = message
        .arguments()
        .map_or((false, 0), |arguments| (arguments.sse, arguments.pause_ms));
    let (kind, text) = if sse {
        (SSE, format!("event: message\ndata: {text}\n\n"))
    } else {
        (JSON, text)
    };
    Ok(match pause {
        0 => reply(StatusCode::OK, kind, text),
        pause => halved(kind, text, Duration::from_millis(pause)),
    })
}

const JSON: &str = "application/json";
const SSE: &str = "text/event-stream";

fn reply(status: StatusCode, kind: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::from(body)).boxed());
    *response.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// An answer whose second half comes later.
fn halved(kind: &'static str, body: String, pause: Duration) -> Response<Body> {
    let whole = Bytes::from(body);
    let parts = [
        (Duration::ZERO, whole.slice(..whole.len() / 2)),
        (pause, whole.slice(whole.len() / 2..)),
    ];
    let frames = futures::stream::unfold(parts.into_iter(), |mut rest| async {
        let (wait, part) = rest.next()?;
        tokio::time::sleep(wait).await;
        Some((Ok(Frame::data(part)), rest))
    });
    let mut response = Response::new(BodyExt::boxed(StreamBody::new(frames)));
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
