//! Raw clients and raw servers, which say exactly what bytes went over the wire.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{HeaderMap, Method, Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use toolgate_http::{
    Drain, DrainSignal, Egress, EgressConfig, Endpoint, Handler, Listener, OutRequest, ReplyBody,
    ServeLimits, serve,
};
use url::Url;

/// No test waits longer than this for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Fails the test rather than hanging it.
pub(crate) async fn soon<F: Future>(what: F) -> F::Output {
    tokio::time::timeout(PATIENCE, what)
        .await
        .expect("it takes too long")
}

pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) signal: DrainSignal,
    pub(crate) task: JoinHandle<()>,
}

struct FnHandler<F>(F);

impl<F, Fut> Handler for FnHandler<F>
where
    F: Fn(Request<Incoming>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Response<ReplyBody>> + Send,
{
    async fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        _: SocketAddr,
    ) -> Response<ReplyBody> {
        (self.0)(request).await
    }
}

/// A served listener on loopback.
pub(crate) fn served<F, Fut>(limits: ServeLimits, handler: F) -> Served
where
    F: Fn(Request<Incoming>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Response<ReplyBody>> + Send + 'static,
{
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    serving(listener, limits, handler)
}

pub(crate) fn serving<F, Fut>(listener: Listener, limits: ServeLimits, handler: F) -> Served
where
    F: Fn(Request<Incoming>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Response<ReplyBody>> + Send + 'static,
{
    let address = listener.local_addr();
    let (signal, drain) = Drain::new();
    let task = tokio::spawn(serve(listener, limits, Arc::new(FnHandler(handler)), drain));
    Served {
        address,
        signal,
        task,
    }
}

/// A handler that answers with the path it was asked for.
pub(crate) async fn echo_path(request: Request<Incoming>) -> Response<ReplyBody> {
    Response::new(ReplyBody::full(Bytes::from(
        request.uri().path().to_owned(),
    )))
}

/// A client that writes raw bytes and reads answers.
pub(crate) struct RawClient {
    pub(crate) stream: TcpStream,
    unread: Vec<u8>,
}

impl RawClient {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = soon(TcpStream::connect(address)).await.unwrap();
        Self {
            stream,
            unread: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.stream.write_all(bytes.as_ref())).await.unwrap();
    }

    pub(crate) async fn get(&mut self, path: &str) -> String {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
            .await;
        self.answer().await
    }

    /// One answer with `Content-Length` or none: head and body as text.
    pub(crate) async fn answer(&mut self) -> String {
        let head = loop {
            if let Some(end) = find(&self.unread, b"\r\n\r\n") {
                break end + 4;
            }
            assert_ne!(
                self.more().await,
                0,
                "closed inside a head: {:?}",
                self.text()
            );
        };
        let text = String::from_utf8_lossy(&self.unread[..head]).to_lowercase();
        let length = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |length| length.parse().unwrap());
        while self.unread.len() < head + length {
            assert_ne!(
                self.more().await,
                0,
                "closed inside a body: {:?}",
                self.text()
            );
        }
        let rest = self.unread.split_off(head + length);
        String::from_utf8(std::mem::replace(&mut self.unread, rest)).unwrap()
    }

    /// Everything up to the end of the connection; a reset counts as its end.
    pub(crate) async fn rest(&mut self) -> String {
        while self.more().await > 0 {}
        self.text()
    }

    async fn more(&mut self) -> usize {
        let mut chunk = vec![0; 16 * 1024];
        let read = soon(self.stream.read(&mut chunk)).await.unwrap_or(0);
        self.unread.extend_from_slice(&chunk[..read]);
        read
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.unread).into_owned()
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

/// A server that runs a script for each connection.
pub(crate) struct RawServer {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl RawServer {
    /// `script` gets the connection's number, from 0, and the connection.
    pub(crate) async fn start<F, Fut>(script: F) -> Self
    where
        F: Fn(usize, RawConnection) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let number = counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(script(
                    number,
                    RawConnection {
                        stream,
                        unread: Vec::new(),
                    },
                ));
            }
        });
        Self {
            address,
            connections,
        }
    }

    /// Answers every request of every connection with this text.
    pub(crate) async fn answering(answer: impl Into<String>) -> Self {
        let answer = answer.into();
        Self::start(move |_, mut connection| {
            let answer = answer.clone();
            async move {
                while connection.request().await.is_some() {
                    connection.send(&answer).await;
                }
            }
        })
        .await
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

pub(crate) struct RawConnection {
    pub(crate) stream: TcpStream,
    unread: Vec<u8>,
}

impl RawConnection {
    /// The next request as text; `None` when the peer closed.
    pub(crate) async fn request(&mut self) -> Option<String> {
        loop {
            if let Some(end) = find(&self.unread, b"\r\n\r\n") {
                let text = String::from_utf8_lossy(&self.unread[..end]).to_lowercase();
                let length = text
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "));
                let length: usize = length.map_or(0, |length| length.parse().unwrap());
                if self.unread.len() >= end + 4 + length {
                    let rest = self.unread.split_off(end + 4 + length);
                    let whole = std::mem::replace(&mut self.unread, rest);
                    return Some(String::from_utf8(whole).unwrap());
                }
            }
            let mut chunk = [0; 4096];
            let read = self.stream.read(&mut chunk).await.unwrap_or(0);
            if read == 0 {
                return None;
            }
            self.unread.extend_from_slice(&chunk[..read]);
        }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // The peer may have gone, which is often the point.
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }
}

pub(crate) fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// An endpoint at a loopback address that is allowed to be one.
pub(crate) fn endpoint(address: SocketAddr) -> Endpoint {
    endpoint_with(EgressConfig::default(), address)
}

pub(crate) fn endpoint_with(config: EgressConfig, address: SocketAddr) -> Endpoint {
    let egress = Egress::new(config).unwrap();
    let url = Url::parse(&format!("http://{address}/mcp?a=1")).unwrap();
    Endpoint::new(&egress, &url, Some(&address.to_string()), PATIENCE).unwrap()
}

pub(crate) fn post(body: &'static str) -> OutRequest {
    OutRequest {
        method: Method::POST,
        path_and_query: None,
        headers: HeaderMap::new(),
        body: Bytes::from_static(body.as_bytes()),
    }
}

/// Sends and reads the answer to its end.
pub(crate) async fn exchange(endpoint: &Endpoint, request: OutRequest) -> (u16, String) {
    let response = soon(endpoint.send(request)).await.unwrap();
    let status = response.status().as_u16();
    let body = soon(response.into_body().collect()).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}
