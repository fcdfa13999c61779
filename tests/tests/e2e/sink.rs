//! Somebody who is sent things: a collector, the receiver of a webhook. It keeps what it was sent and answers as told.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail like the test")]

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use toolgate_tests::eventually;

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Bytes,
}

#[derive(Debug, Default)]
struct Seen {
    sent: Vec<Sent>,
    /// Statuses of the next answers; 200 when there is none.
    statuses: VecDeque<u16>,
    /// Bodies of the answers to what is sent to a path; empty when there is none.
    bodies: BTreeMap<String, VecDeque<Bytes>>,
}

/// Listens on loopback until the test ends.
pub(crate) struct Sink {
    origin: String,
    seen: Arc<Mutex<Seen>>,
}

impl Sink {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let shared = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let seen = shared.clone();
                let service = service_fn(move |request| answer(request, seen.clone()));
                let serving = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(serving);
            }
        });
        Self { origin, seen }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// Answers the next requests with these statuses.
    pub(crate) fn answer_with(&self, statuses: impl IntoIterator<Item = u16>) {
        self.seen.lock().unwrap().statuses.extend(statuses);
    }

    /// Answers what is next sent to a path with this body.
    pub(crate) fn answer_at(&self, path: &str, body: Vec<u8>) {
        let mut seen = self.seen.lock().unwrap();
        let bodies = seen.bodies.entry(path.to_owned()).or_default();
        bodies.push_back(body.into());
    }

    /// Everything that was sent to a path.
    pub(crate) fn sent_to(&self, path: &str) -> Vec<Sent> {
        let seen = self.seen.lock().unwrap();
        let sent = seen.sent.iter().filter(|sent| sent.path == path);
        sent.cloned().collect()
    }

    /// The same once there is so much of it.
    #[track_caller]
    pub(crate) fn until_sent(&self, path: &str, count: usize) -> Vec<Sent> {
        eventually(&format!("{count} requests to {path}"), || {
            let sent = self.sent_to(path);
            (sent.len() >= count).then_some(sent)
        })
    }

    /// Every byte that came, headers included.
    pub(crate) fn everything(&self) -> Vec<u8> {
        let seen = self.seen.lock().unwrap();
        let mut all = Vec::new();
        for sent in &seen.sent {
            all.extend_from_slice(format!("{} {:?}\n", sent.path, sent.headers).as_bytes());
            all.extend_from_slice(&sent.body);
        }
        all
    }
}

async fn answer(
    request: Request<Incoming>,
    seen: Arc<Mutex<Seen>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes);
    let headers = head.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    let mut seen = seen.lock().unwrap();
    seen.sent.push(Sent {
        path: head.uri.path().to_owned(),
        headers: headers.collect(),
        body: body.unwrap_or_default(),
    });
    let body = seen.bodies.get_mut(head.uri.path());
    let body = body.and_then(VecDeque::pop_front).unwrap_or_default();
    let mut response = Response::new(Full::new(body));
    if let Some(status) = seen.statuses.pop_front() {
        *response.status_mut() = status.try_into().unwrap();
    }
    Ok(response)
}
