//! A connection that stays open from request to request.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Flags of a gateway that believes this connection when it says on whose behalf it comes.
pub(crate) const BEHIND_PROXY: [&str; 2] = ["--behind-proxy", "127.0.0.1"];

/// One connection, opened anew when it was lost. Each of its requests comes on behalf of another client, since what
/// one address may guess is bounded (S-37).
pub(crate) struct Connection {
    authority: String,
    sender: Option<SendRequest<Full<Bytes>>>,
    client: u32,
}

impl Connection {
    /// To `host:port`.
    pub(crate) fn new(authority: &str) -> Self {
        Self {
            authority: authority.to_owned(),
            sender: None,
            client: 0,
        }
    }

    /// Sends one request; `host` is added. [`keep`](Self::keep) the sender once the body was read.
    pub(crate) async fn send(
        &mut self,
        mut request: Request<Full<Bytes>>,
    ) -> (Response<Incoming>, SendRequest<Full<Bytes>>) {
        let host = self.authority.parse().expect("an authority");
        self.client = self.client.wrapping_add(1);
        let [_, b, c, d] = self.client.to_be_bytes();
        let client = format!("10.{b}.{c}.{d}").parse().expect("an address");
        request.headers_mut().insert("host", host);
        request.headers_mut().insert("x-forwarded-for", client);
        let mut sender = match self.sender.take() {
            Some(sender) => sender,
            None => self.open().await,
        };
        let response = sender.send_request(request).await.expect("an answer");
        (response, sender)
    }

    /// The body was read to its end: the next request may use the connection.
    pub(crate) async fn keep(&mut self, mut sender: SendRequest<Full<Bytes>>) {
        if sender.ready().await.is_ok() {
            self.sender = Some(sender);
        }
    }

    /// Sends one request and reads the whole answer.
    pub(crate) async fn ask(&mut self, request: Request<Full<Bytes>>) -> (Response<()>, Bytes) {
        let (response, sender) = self.send(request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        self.keep(sender).await;
        (Response::from_parts(parts, ()), body)
    }

    async fn open(&self) -> SendRequest<Full<Bytes>> {
        let socket = TcpStream::connect(&self.authority)
            .await
            .expect("it listens");
        let (sender, connection) = handshake(TokioIo::new(socket))
            .await
            .expect("a fresh connection");
        // Ends with the connection.
        tokio::spawn(connection);
        sender
    }
}
