//! A raw MCP client: says exactly what a test tells it to say.

use std::collections::BTreeMap;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::mirrored::mirrored;

/// A raw MCP client over plain HTTP; each request has its own connection.
#[derive(Debug, Clone)]
pub struct Client {
    url: Uri,
    headers: BTreeMap<String, String>,
    next_id: u64,
}

/// One whole HTTP answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Bytes,
}

/// One event of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// Its `id`.
    pub id: Option<String>,
    /// Its type (`event`).
    pub event: Option<String>,
    /// Its `retry`.
    pub retry: Option<String>,
    /// Its `data`; `None` for a comment.
    pub data: Option<String>,
}

/// A body read event by event.
#[derive(Debug)]
pub struct EventStream {
    /// The HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    body: Incoming,
    buffer: Vec<u8>,
}

impl Client {
    /// A client for one URL (`http` only), sending nothing but what MCP demands.
    ///
    /// # Panics
    /// If the URL has no host.
    pub fn new(url: &str) -> Self {
        let url: Uri = url.parse().expect("a test gives a valid URL");
        assert!(url.host().is_some(), "{url} has a host");
        let headers = [
            ("accept", "application/json, text/event-stream"),
            ("content-type", "application/json"),
        ];
        let headers = headers.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        Self {
            url,
            headers,
            next_id: 1,
        }
    }

    /// The same client at another path of the same origin.
    ///
    /// # Panics
    /// If that is no path.
    #[must_use]
    pub fn at(mut self, path_and_query: &str) -> Self {
        let authority = self.url.authority().map_or("", |a| a.as_str());
        let url = format!("http://{authority}{path_and_query}");
        self.url = url.parse().expect("a test gives a valid path");
        self
    }

    /// Where it sends its requests, without the origin.
    pub fn path_and_query(&self) -> &str {
        self.url.path_and_query().map_or("/", |path| path.as_str())
    }

    /// Sends `Authorization: Bearer …`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Sends a header with each request; an empty value removes it.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.set_header(name, value);
        self
    }

    /// Changes a header for later requests; an empty value removes it.
    pub fn set_header(&mut self, name: &str, value: &str) {
        let name = name.to_ascii_lowercase();
        if value.is_empty() {
            self.headers.remove(&name);
        } else {
            self.headers.insert(name, value.to_owned());
        }
    }

    /// What it sends with every request, for requests that are written by hand.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The session id that [`Client::initialize`] was given.
    pub fn session(&self) -> Option<&str> {
        self.headers.get("mcp-session-id").map(String::as_str)
    }

    /// POSTs a JSON value and reads the whole answer.
    pub async fn post(&self, message: &Value) -> Reply {
        self.post_raw(message.to_string()).await
    }

    /// POSTs any bytes and reads the whole answer.
    pub async fn post_raw(&self, body: impl Into<Bytes>) -> Reply {
        Reply::read(self.send("POST", body.into(), &[]).await).await
    }

    /// Sends a JSON value by any method, such as PATCH, and reads the whole answer.
    pub async fn send_json(&self, method: &str, body: &Value) -> Reply {
        Reply::read(self.send(method, body.to_string().into(), &[]).await).await
    }

    /// POSTs a JSON value and reads the answer event by event. Dropping the stream disconnects.
    pub async fn post_stream(&self, message: &Value) -> EventStream {
        EventStream::new(self.send("POST", message.to_string().into(), &[]).await)
    }

    /// Opens a GET stream with extra headers.
    pub async fn get_stream(&self, extra: &[(&str, &str)]) -> EventStream {
        EventStream::new(self.send("GET", Bytes::new(), extra).await)
    }

    /// Sends any other request, such as DELETE.
    pub async fn request(&self, method: &str) -> Reply {
        Reply::read(self.send(method, Bytes::new(), &[]).await).await
    }

    /// Legacy handshake as 2025-11-25 without capabilities; later requests carry session and version.
    pub async fn initialize(&mut self) -> Reply {
        self.initialize_as("2025-11-25", &json!({})).await
    }

    /// Legacy handshake with a revision and client capabilities.
    pub async fn initialize_as(&mut self, version: &str, capabilities: &Value) -> Reply {
        let params = json!({
            "protocolVersion": version,
            "capabilities": capabilities,
            "clientInfo": {"name": "testkit", "version": "1"},
        });
        let reply = self.rpc("initialize", &params).await;
        if let Some(id) = reply.headers.get("mcp-session-id") {
            self.set_header("mcp-session-id", &id.clone());
        }
        if let Some(version) = reply.message()["result"]["protocolVersion"].as_str() {
            self.set_header("mcp-protocol-version", version);
        }
        self.post(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))
            .await;
        reply
    }

    /// A request with the next integer id.
    pub async fn rpc(&mut self, method: &str, params: &Value) -> Reply {
        let message = self.request_message(method, params);
        self.post(&message).await
    }

    /// The message [`Client::rpc`] would send.
    pub fn request_message(&mut self, method: &str, params: &Value) -> Value {
        let id = self.next_id;
        self.next_id += 1;
        json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
    }

    /// A legacy `tools/call`.
    pub async fn call(&mut self, tool: &str, arguments: Value) -> Reply {
        self.rpc("tools/call", &json!({"name": tool, "arguments": arguments}))
            .await
    }

    /// A modern request: builds `_meta` and the mirrored headers around the parameters.
    pub async fn modern(&mut self, method: &str, params: Value) -> Reply {
        let (client, message) = self.modern_message(method, params);
        client.post(&message).await
    }

    /// A modern request read event by event.
    pub async fn modern_stream(&mut self, method: &str, params: Value) -> EventStream {
        let (client, message) = self.modern_message(method, params);
        client.post_stream(&message).await
    }

    /// The message of a modern request, and a client with its headers. A `_meta` in the parameters
    /// is kept and wins over what would be added.
    pub fn modern_message(&mut self, method: &str, mut params: Value) -> (Self, Value) {
        let version = "2026-07-28";
        let mut meta = json!({
            "io.modelcontextprotocol/protocolVersion": version,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "testkit", "version": "1"},
        });
        if let Some(given) = params["_meta"].as_object() {
            for (key, value) in given {
                meta[key] = value.clone();
            }
        }
        params["_meta"] = meta;
        let mut client = self
            .clone()
            .header("mcp-protocol-version", version)
            .header("mcp-method", method);
        let name = params["name"]
            .as_str()
            .or(params["uri"].as_str())
            .unwrap_or_default();
        client.set_header("mcp-name", &mirrored(name));
        (client, self.request_message(method, &params))
    }

    async fn send(&self, method: &str, body: Bytes, extra: &[(&str, &str)]) -> Response<Incoming> {
        let host = self.url.host().expect("checked in new");
        let port = self.url.port_u16().unwrap_or(80);
        let socket = TcpStream::connect((host, port))
            .await
            .expect("the server listens");
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket))
            .await
            .expect("a fresh connection takes a request");
        // Ends with the connection: when the answer was read or dropped.
        tokio::spawn(connection);
        let path = self.url.path_and_query().map_or("/", |p| p.as_str());
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", format!("{host}:{port}"));
        for (name, value) in &self.headers {
            if !extra.iter().any(|(n, _)| n == name) {
                request = request.header(name, value);
            }
        }
        for (name, value) in extra {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Full::new(body))
            .expect("a test gives valid headers");
        sender
            .send_request(request)
            .await
            .expect("the server answers")
    }
}

fn header_map(response: &Response<Incoming>) -> BTreeMap<String, String> {
    let text = |v: &hyper::header::HeaderValue| String::from_utf8_lossy(v.as_bytes()).into_owned();
    response
        .headers()
        .iter()
        .map(|(k, v)| (k.as_str().to_owned(), text(v)))
        .collect()
}

impl Reply {
    async fn read(response: Response<Incoming>) -> Self {
        let (status, headers) = (response.status().as_u16(), header_map(&response));
        let body = response
            .into_body()
            .collect()
            .await
            .expect("the body is whole")
            .to_bytes();
        Self {
            status,
            headers,
            body,
        }
    }

    /// The body as JSON; `Null` when it is not.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The response message, from a JSON body or the last event of a stream.
    pub fn message(&self) -> Value {
        self.messages().pop().unwrap_or(Value::Null)
    }

    /// All messages, from a JSON body or a stream.
    pub fn messages(&self) -> Vec<Value> {
        let stream = self
            .headers
            .get("content-type")
            .is_some_and(|t| t.starts_with("text/event-stream"));
        if !stream {
            return vec![self.json()];
        }
        let text = String::from_utf8_lossy(&self.body).replace("\r\n", "\n");
        text.split("\n\n").filter_map(event_data).collect()
    }

    /// The text of the first content block of a tool result.
    pub fn text(&self) -> String {
        self.message()["result"]["content"][0]["text"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

fn event_data(event: &str) -> Option<Value> {
    let lines: Vec<&str> = event
        .lines()
        .filter_map(|l| l.strip_prefix("data:"))
        .collect();
    serde_json::from_str(lines.join("\n").trim_start()).ok()
}

impl Event {
    fn parse(text: &str) -> Self {
        let mut event = Self::default();
        for line in text.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            match field {
                "id" => event.id = Some(value),
                "event" => event.event = Some(value),
                "retry" => event.retry = Some(value),
                "data" => match &mut event.data {
                    Some(data) => *data = format!("{data}\n{value}"),
                    None => event.data = Some(value),
                },
                _ => {}
            }
        }
        event
    }

    /// The message in the data; `Null` when there is none.
    pub fn message(&self) -> Value {
        let data = self.data.as_deref().unwrap_or_default();
        serde_json::from_str(data).unwrap_or(Value::Null)
    }
}

impl EventStream {
    fn new(response: Response<Incoming>) -> Self {
        let (status, headers) = (response.status().as_u16(), header_map(&response));
        Self {
            status,
            headers,
            body: response.into_body(),
            buffer: Vec::new(),
        }
    }

    /// The next bytes of the body as they come; `None` at its end, an error when it breaks off.
    pub async fn chunk(&mut self) -> Option<Result<Bytes, hyper::Error>> {
        loop {
            match self.body.frame().await? {
                Ok(frame) => {
                    if let Ok(data) = frame.into_data() {
                        return Some(Ok(data));
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// The next message; events without JSON data and comments are skipped. `None` at the end. An answer that
    /// is plain JSON counts as one message.
    pub async fn next(&mut self) -> Option<Value> {
        let kind = self.headers.get("content-type");
        if kind.is_some_and(|kind| kind.starts_with("application/json")) {
            while let Some(Ok(frame)) = self.body.frame().await {
                self.buffer.extend(frame.into_data().unwrap_or_default());
            }
            return serde_json::from_slice(&std::mem::take(&mut self.buffer)).ok();
        }
        loop {
            let event = self.next_event().await?;
            if let Some(value) = event_data(&event) {
                return Some(value);
            }
        }
    }

    /// The next event in its parts; comments are skipped. `None` at the end.
    pub async fn event(&mut self) -> Option<Event> {
        loop {
            let event = Event::parse(&self.next_event().await?);
            if event.data.is_some() {
                return Some(event);
            }
        }
    }

    /// Every event up to the end, comments left out.
    pub async fn rest(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.event().await {
            events.push(event);
        }
        events
    }

    /// The next raw event or comment, without the blank line. `None` at the end.
    pub async fn next_event(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|w| w == b"\n\n") {
                let event: Vec<u8> = self.buffer.drain(..end + 2).collect();
                return Some(String::from_utf8_lossy(&event[..end]).into_owned());
            }
            let frame = self.body.frame().await?.ok()?;
            if let Ok(data) = frame.into_data() {
                self.buffer.extend(data.iter().filter(|b| **b != b'\r'));
            }
        }
    }
}
