//! The floor: a reverse proxy on hyper that parses nothing, decides nothing and keeps its connections.
//!
//! What makes it cheap or dear is stated here, since it is what the gateway is compared with: one thread, the last
//! used connection first, the answer's body behind one pointer, as hyper's own examples have it. The path of a
//! request stays; what HTTP/2 brings is sent on as HTTP/1.1.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{HOST, HeaderValue};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response, Uri, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};

/// Idle connections to the server, the last used first.
struct Pool {
    address: String,
    host: HeaderValue,
    idle: Mutex<Vec<SendRequest<Incoming>>>,
}

/// Serves until it is killed, after printing `ready URL`.
pub(crate) fn run(upstream: &str, http2: bool) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(serve(upstream, http2));
}

async fn serve(upstream: &str, http2: bool) {
    let address = upstream.trim_start_matches("http://").to_owned();
    let host = HeaderValue::from_str(&address).expect("an address");
    let pool = Arc::new(Pool {
        address,
        host,
        idle: Mutex::default(),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    println!("ready http://{address}");
    while let Ok((socket, _)) = listener.accept().await {
        drop(socket.set_nodelay(true));
        let (pool, io) = (Arc::clone(&pool), TokioIo::new(socket));
        tokio::spawn(async move {
            let service = service_fn(move |request| forward(Arc::clone(&pool), request));
            // A client that goes away is no error of ours.
            if http2 {
                let builder = http2::Builder::new(TokioExecutor::new());
                drop(builder.serve_connection(io, service).await);
            } else {
                drop(http1::Builder::new().serve_connection(io, service).await);
            }
        });
    }
}

async fn forward(
    pool: Arc<Pool>,
    mut request: Request<Incoming>,
) -> Result<Response<BoxBody<Bytes, hyper::Error>>, hyper::Error> {
    if request.version() == Version::HTTP_2 {
        *request.version_mut() = Version::HTTP_11;
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = path.map_or_else(Uri::default, Uri::from);
    }
    request.headers_mut().insert(HOST, pool.host.clone());
    let mut connection = pool.connection().await?;
    let response = connection.send_request(request).await?;
    let relayed = |body| Relayed {
        body,
        connection: Some(connection),
        pool,
    };
    Ok(response.map(|body| relayed(body).boxed()))
}

impl Pool {
    async fn connection(&self) -> Result<SendRequest<Incoming>, hyper::Error> {
        while let Some(mut connection) = self.take() {
            if connection.is_ready() || connection.ready().await.is_ok() {
                return Ok(connection);
            }
        }
        let socket = TcpStream::connect(&self.address)
            .await
            .expect("the server listens");
        drop(socket.set_nodelay(true));
        let (sender, connection) = handshake(TokioIo::new(socket)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }

    fn take(&self) -> Option<SendRequest<Incoming>> {
        self.idle.lock().expect("nobody panics with it").pop()
    }
}

/// A body that puts its connection back once it has been read to its end.
struct Relayed {
    body: Incoming,
    connection: Option<SendRequest<Incoming>>,
    pool: Arc<Pool>,
}

impl Body for Relayed {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        let ended = matches!(polled, Poll::Ready(None)) || self.body.is_end_stream();
        if let Some(connection) = self.connection.take_if(|_| ended) {
            self.pool
                .idle
                .lock()
                .expect("nobody panics with it")
                .push(connection);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
