//! The requests of the load: an MCP message and the headers its revision wants.

use std::fmt::Write;

use crate::job::Target;

/// A message on its way to an endpoint.
#[derive(Debug, Clone)]
pub struct Request {
    /// `POST` or `GET`.
    pub(crate) verb: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"load","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}"#;

/// The first request of a session.
pub fn initialize(token: &str) -> Request {
    let body = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"load","version":"1"}}}"#;
    post(token, Vec::new(), body.to_owned())
}

/// The second one.
pub fn initialized(token: &str, session: Option<&str>) -> Request {
    let body = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    post(token, legacy(session), body.to_owned())
}

/// A tool call; `arguments` is the inside of its object.
pub fn call(
    token: &str,
    tool: &str,
    id: u64,
    arguments: &str,
    modern: bool,
    session: Option<&str>,
) -> Request {
    let params = format!(r#""name":"{tool}","arguments":{{{arguments}}}"#);
    message(
        token,
        ("tools/call", Some(tool)),
        id,
        &params,
        modern,
        session,
    )
}

/// A list of tools.
pub fn list(token: &str, id: u64, modern: bool, session: Option<&str>) -> Request {
    message(token, ("tools/list", None), id, "", modern, session)
}

/// A stream that stays open: the session's own, or a listen where there are no sessions.
pub fn listen(token: &str, id: u64, modern: bool, session: Option<&str>) -> Request {
    if modern {
        let params = r#""notifications":{"toolsListChanged":true}"#;
        return message(
            token,
            ("subscriptions/listen", None),
            id,
            params,
            true,
            session,
        );
    }
    let mut headers = legacy(session);
    headers.push(("accept", "text/event-stream".to_owned()));
    headers.push(("authorization", format!("Bearer {token}")));
    Request {
        verb: "GET",
        headers,
        body: String::new(),
    }
}

fn message(
    token: &str,
    (method, name): (&str, Option<&str>),
    id: u64,
    params: &str,
    modern: bool,
    session: Option<&str>,
) -> Request {
    let comma = if modern && !params.is_empty() {
        ","
    } else {
        ""
    };
    let meta = if modern { META } else { "" };
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{params}{comma}{meta}}}}}"#
    );
    if !modern {
        return post(token, legacy(session), body);
    }
    let mut headers = vec![
        ("mcp-protocol-version", "2026-07-28".to_owned()),
        ("mcp-method", method.to_owned()),
    ];
    headers.extend(name.map(|name| ("mcp-name", name.to_owned())));
    post(token, headers, body)
}

fn legacy(session: Option<&str>) -> Vec<(&'static str, String)> {
    let version = ("mcp-protocol-version", "2025-11-25".to_owned());
    let session = session.map(|session| ("mcp-session-id", session.to_owned()));
    [version].into_iter().chain(session).collect()
}

fn post(token: &str, mut headers: Vec<(&'static str, String)>, body: String) -> Request {
    let accept = "application/json, text/event-stream";
    headers.push(("accept", accept.to_owned()));
    headers.push(("content-type", "application/json".to_owned()));
    headers.push(("authorization", format!("Bearer {token}")));
    Request {
        verb: "POST",
        headers,
        body,
    }
}

impl Request {
    /// As HTTP/1.1 writes it.
    pub(crate) fn to_bytes(&self, target: &Target) -> Vec<u8> {
        let (verb, path, host) = (self.verb, &target.path, &target.address);
        let mut text = String::with_capacity(1024 + self.body.len());
        write!(
            text,
            "{verb} {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: load\r\n"
        )
        .expect("a string takes it");
        for (name, value) in &self.headers {
            write!(text, "{name}: {value}\r\n").expect("a string takes it");
        }
        if self.verb == "POST" {
            write!(text, "content-length: {}\r\n", self.body.len()).expect("a string takes it");
        }
        text.push_str("\r\n");
        text.push_str(&self.body);
        text.into_bytes()
    }
}
