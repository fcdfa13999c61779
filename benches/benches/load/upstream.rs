//! The MCP server behind relay and gateway: answers at once, in both eras, to whoever brings the secret.

use std::cell::RefCell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::net::TcpListener;
use tokio::task::LocalSet;

/// The bearer token it insists on: the relay's clients bring it, the gateway injects it.
pub(crate) const SECRET: &str = "fake-upstream-secret-0123456789";
/// What every answer's text starts with, followed by the call's nonce.
pub(crate) const MARK: &str = "answer to ";

/// What tools really return: JSON inside a JSON string, so about one byte in seven is escaped.
const FILLER: &str =
    "{\\\"id\\\":4711,\\\"name\\\":\\\"the quick brown fox\\\",\\\"ok\\\":true}\\n";

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    method: &'a str,
    params: Option<Params>,
}

#[derive(Deserialize)]
struct Params {
    arguments: Option<Arguments>,
}

#[derive(Deserialize)]
struct Arguments {
    bytes: usize,
    nonce: u64,
    sse: bool,
}

/// Fillers by length, made once.
type Fillers = Rc<RefCell<HashMap<usize, Rc<str>>>>;

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
    println!(
        "ready http://{}/mcp",
        listener.local_addr().expect("it is bound")
    );
    let fillers = Fillers::default();
    while let Ok((socket, _)) = listener.accept().await {
        drop(socket.set_nodelay(true));
        let fillers = Rc::clone(&fillers);
        tokio::task::spawn_local(async move {
            let service = service_fn(move |request| answer(request, Rc::clone(&fillers)));
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
    fillers: Fillers,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let expected = format!("Bearer {SECRET}");
    if request
        .headers()
        .get(AUTHORIZATION)
        .is_none_or(|given| given.as_bytes() != expected.as_bytes())
    {
        return Ok(reply(
            StatusCode::UNAUTHORIZED,
            "application/json",
            "{}".to_owned(),
        ));
    }
    if request.method() != Method::POST {
        return Ok(reply(
            StatusCode::METHOD_NOT_ALLOWED,
            "application/json",
            String::new(),
        ));
    }
    let modern = request
        .headers()
        .get("mcp-protocol-version")
        .is_some_and(|version| version == "2026-07-28");
    let body = request
        .into_body()
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let Ok(message) = serde_json::from_slice::<Message<'_>>(&body) else {
        return Ok(reply(
            StatusCode::BAD_REQUEST,
            "application/json",
            "{}".to_owned(),
        ));
    };
    let Some(id) = message.id else {
        return Ok(reply(
            StatusCode::ACCEPTED,
            "application/json",
            String::new(),
        ));
    };
    let arguments = message.params.and_then(|params| params.arguments);
    let sse = arguments.as_ref().is_some_and(|arguments| arguments.sse);
    let complete = if modern {
        r#","resultType":"complete""#
    } else {
        ""
    };
    let outcome = match (message.method, arguments) {
        ("initialize", _) => r#""result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"load","version":"1"}}"#.to_owned(),
        ("server/discover", _) => format!(r#""result":{{"supportedVersions":["2026-07-28"],"capabilities":{{"tools":{{}}}},"ttlMs":60000,"cacheScope":"private"{complete}}}"#),
        ("tools/list", _) => {
            let hints = if modern { r#","ttlMs":60000,"cacheScope":"private""# } else { "" };
            format!(r#""result":{{"tools":[{{"name":"t0","description":"Returns text","inputSchema":{{"type":"object"}}}}]{hints}{complete}}}"#)
        }
        ("tools/call", Some(arguments)) => {
            let start = format!("{MARK}{};", arguments.nonce);
            let fill = filler(&fillers, arguments.bytes.saturating_sub(start.len()));
            format!(r#""result":{{"content":[{{"type":"text","text":"{start}{fill}"}}],"isError":false{complete}}}"#)
        }
        _ => r#""error":{"code":-32601,"message":"Method not found"}"#.to_owned(),
    };
    let text = format!(r#"{{"jsonrpc":"2.0","id":{},{outcome}}}"#, id.get());
    Ok(if sse {
        reply(
            StatusCode::OK,
            "text/event-stream",
            format!("event: message\ndata: {text}\n\n"),
        )
    } else {
        reply(StatusCode::OK, "application/json", text)
    })
}

fn filler(fillers: &Fillers, length: usize) -> Rc<str> {
    let mut fillers = fillers.borrow_mut();
    Rc::clone(
        fillers
            .entry(length)
            .or_insert_with(|| FILLER.repeat(length / FILLER.len() + 1).into()),
    )
}

fn reply(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
