//! A client that sends bytes over one connection and shows the bytes that come back.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::case::Case;
use crate::json;
use crate::pair::MODERN;

/// One connection to one workspace, and one session where the revision has sessions.
pub(crate) struct Client {
    revision: &'static str,
    authority: String,
    path: String,
    token: String,
    session: Option<String>,
    sender: SendRequest<Full<Bytes>>,
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Whether it came as an event stream.
    pub(crate) streamed: bool,
    pub(crate) messages: Vec<String>,
}

impl Client {
    /// Connects, and makes the handshake of the revision.
    pub(crate) async fn connect(url: &str, token: &str, revision: &'static str) -> Self {
        let (authority, path) = url
            .trim_start_matches("http://")
            .split_once('/')
            .expect("a workspace has a path");
        let mut client = Self {
            revision,
            authority: authority.to_owned(),
            path: format!("/{path}"),
            token: token.to_owned(),
            session: None,
            sender: connection(authority).await,
        };
        if revision != MODERN {
            client.initialize().await;
        }
        client
    }

    async fn initialize(&mut self) {
        let hello = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{{\"protocolVersion\":\"{}\",\
             \"capabilities\":{{}},\"clientInfo\":{{\"name\":\"fidelity\",\"version\":\"1\"}}}}}}",
            self.revision
        );
        let (_, session) = self.post(hello, None).await;
        assert!(session.is_some(), "a session was expected");
        self.session = session;
        let ready = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}";
        self.post(ready.to_owned(), None).await;
    }

    /// A request that the gateway answers; its result.
    pub(crate) async fn ask(&mut self, method: &str) -> String {
        let meta = if self.revision == MODERN {
            format!(
                "\"_meta\":{{\"io.modelcontextprotocol/protocolVersion\":\"{MODERN}\",\
                 \"io.modelcontextprotocol/clientCapabilities\":{{}}}}"
            )
        } else {
            String::new()
        };
        let request = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{method}\",\"params\":{{{meta}}}}}"
        );
        let (reply, _) = self.post(request, Some((method, None))).await;
        let message = reply.messages.concat();
        let result = json::member(&message, "result");
        result
            .unwrap_or_else(|| panic!("{method}: {message}"))
            .to_owned()
    }

    pub(crate) async fn call(&mut self, case: &Case) -> Reply {
        let mirrored = (case.method.as_str(), case.mirrored());
        self.post(case.request.clone(), Some(mirrored)).await.0
    }

    async fn post(
        &mut self,
        body: String,
        mirrored: Option<(&str, Option<&str>)>,
    ) -> (Reply, Option<String>) {
        let mut request = Request::post(&self.path)
            .header("host", &self.authority)
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        if let Some(session) = &self.session {
            request = request
                .header("mcp-session-id", session)
                .header("mcp-protocol-version", self.revision);
        }
        if let Some((method, name)) = mirrored.filter(|_| self.revision == MODERN) {
            request = request
                .header("mcp-protocol-version", MODERN)
                .header("mcp-method", method);
            if let Some(name) = name {
                request = request.header("mcp-name", name);
            }
        }
        let request = request
            .body(Full::new(Bytes::from(body)))
            .expect("its headers are plain");
        if self.sender.ready().await.is_err() {
            self.sender = connection(&self.authority).await;
        }
        let response = self.sender.send_request(request).await;
        let response = response.expect("the gateway answers");
        let header = |name| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let session = header("mcp-session-id");
        let kind = header("content-type").unwrap_or_default();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await;
        let body = body.expect("the answer is whole").to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        let streamed = kind.starts_with("text/event-stream");
        let messages = if streamed { events(&text) } else { vec![text] };
        let reply = Reply {
            status,
            streamed,
            messages,
        };
        (reply, session)
    }
}

async fn connection(authority: &str) -> SendRequest<Full<Bytes>> {
    let socket = TcpStream::connect(authority)
        .await
        .expect("the gateway listens");
    drop(socket.set_nodelay(true));
    let handshake = http1::handshake(TokioIo::new(socket)).await;
    let (sender, connection) = handshake.expect("a fresh connection takes a request");
    tokio::spawn(connection);
    sender
}

/// The messages of a stream; an event without data is none (P7.5).
fn events(text: &str) -> Vec<String> {
    let data = |line: &'_ str| line.strip_prefix("data: ").map(str::to_owned);
    text.split('\n')
        .filter_map(data)
        .filter(|data| !data.is_empty())
        .collect()
}
