//! A client that keeps its connection, as fast as one can be and no more patient than others are.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than any answer may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// One client with one connection to one workspace.
pub(crate) struct Caller {
    address: SocketAddr,
    path: String,
    token: String,
    connection: Option<SendRequest<Full<Bytes>>>,
    next_id: u64,
}

/// What a call came to.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// Whether the tool answered.
    pub(crate) fn is_ok(&self) -> bool {
        self.status == StatusCode::OK && self.body["result"].is_object()
    }

    /// Whether the gateway says that the call was not sent.
    pub(crate) fn is_not_sent(&self) -> bool {
        self.body["error"]["data"]["outcome"] == "not_sent"
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) struct Broken(
    #[expect(dead_code, reason = "shown when a trial fails")] pub(crate) String,
);

impl Caller {
    /// `url` is a workspace's, as `http://HOST:PORT/ws/SLUG`.
    pub(crate) fn new(url: &str, token: &str) -> Self {
        let rest = url.strip_prefix("http://").expect("a URL of the gateway");
        let (address, path) = rest.split_once('/').expect("with a path");
        Self {
            address: address.parse().expect("an address"),
            path: format!("/{path}"),
            token: token.to_owned(),
            connection: None,
            next_id: 1,
        }
    }

    /// Calls a tool; a connection that the gateway closed before is replaced, as every client does.
    pub(crate) async fn call(&mut self, tool: &str, arguments: Value) -> Result<Answer, Broken> {
        self.next_id += 1;
        let message = json!({"jsonrpc": "2.0", "id": self.next_id, "method": "tools/call",
            "params": {"name": tool, "arguments": arguments}});
        self.post(&message).await
    }

    /// Lists the tools.
    pub(crate) async fn list(&mut self) -> Result<Answer, Broken> {
        self.next_id += 1;
        let message = json!({"jsonrpc": "2.0", "id": self.next_id, "method": "tools/list"});
        self.post(&message).await
    }

    /// Sends a message as a client without a session does.
    pub(crate) async fn post(&mut self, message: &Value) -> Result<Answer, Broken> {
        let broken = |what: &str, error: &dyn std::fmt::Debug| Broken(format!("{what}: {error:?}"));
        let mut kept = self.connection.take();
        if let Some(connection) = &mut kept
            && connection.ready().await.is_err()
        {
            kept = None;
        }
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let mut request = self.request(message);
        let response = loop {
            let sent = timeout(PATIENCE, connection.try_send_request(request)).await;
            match sent.map_err(|late| broken("no answer", &late))? {
                Ok(response) => break response,
                Err(mut failed) => match failed.take_message() {
                    // Not one byte of it was written.
                    Some(unsent) => {
                        request = unsent;
                        connection = self.connect().await?;
                    }
                    None => return Err(broken("sending", &failed.error())),
                },
            }
        };
        let (head, body) = response.into_parts();
        let body = timeout(PATIENCE, body.collect()).await;
        let body = body
            .map_err(|late| broken("half an answer", &late))?
            .map_err(|error| broken("reading", &error))?
            .to_bytes();
        self.connection = Some(connection);
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: serde_json::from_slice(&body).unwrap_or_default(),
        })
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Broken> {
        let broken = |error: &dyn std::fmt::Debug| Broken(format!("connecting: {error:?}"));
        let socket = TcpStream::connect(self.address).await;
        let socket = socket.map_err(|error| broken(&error))?;
        // Connections of a test's own may be many.
        drop(socket.set_nodelay(true));
        let (connection, driver) = handshake(TokioIo::new(socket))
            .await
            .map_err(|error| broken(&error))?;
        tokio::spawn(driver);
        Ok(connection)
    }

    fn request(&self, message: &Value) -> Request<Full<Bytes>> {
        Request::post(&self.path)
            .header("host", self.address.to_string())
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .body(Full::new(message.to_string().into()))
            .expect("a request")
    }
}
