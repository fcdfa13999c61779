//! A server that keeps the protocol until it is called, and then writes whatever it is told to.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Listens, and answers a call at the path `/n` with the bytes of behaviour `n`. `$ID` in them becomes the call's id, and
/// `$LEN` in the head the number of bytes after the head.
pub(crate) struct HostileServer {
    pub(crate) origin: String,
}

impl HostileServer {
    pub(crate) async fn start(behaviours: HashMap<String, Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = listener.local_addr().unwrap().to_string();
        let behaviours = Arc::new(behaviours);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&behaviours)));
            }
        });
        Self { origin }
    }
}

async fn serve(mut stream: TcpStream, behaviours: Arc<HashMap<String, Vec<u8>>>) {
    let mut unread = Vec::new();
    while let Some((path, message)) = request(&mut stream, &mut unread).await {
        let id = &message["id"];
        let answer = match message["method"].as_str() {
            Some("initialize") => json(&json!({"jsonrpc": "2.0", "id": id, "result": {
                "protocolVersion": "2025-11-25",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "hostile", "version": "1"},
            }})),
            Some("tools/list") => json(&json!({"jsonrpc": "2.0", "id": id, "result": {
                "tools": [{"name": "t", "inputSchema": {"type": "object"}}],
            }})),
            Some("tools/call") => filled(&behaviours[&path], id),
            Some(method) if method.starts_with("notifications/") => {
                b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n".to_vec()
            }
            _ => json(&json!({"jsonrpc": "2.0", "id": id, "error": {
                "code": -32601, "message": "no such method",
            }})),
        };
        let called = message["method"] == "tools/call";
        if stream.write_all(&answer).await.is_err() || called {
            // What it says in a call is the last it says on that connection.
            return;
        }
    }
}

/// The next request: its path and message.
async fn request(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<(String, Value)> {
    loop {
        let head = unread.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(head) = head {
            let text = String::from_utf8_lossy(&unread[..head]).to_lowercase();
            let length = text
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            if unread.len() >= head + 4 + length {
                let rest = unread.split_off(head + 4 + length);
                let body = serde_json::from_slice(&unread[head + 4..]).unwrap_or_default();
                let path = text.split(' ').nth(1)?.to_owned();
                *unread = rest;
                return Some((path, body));
            }
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => unread.extend_from_slice(&chunk[..read]),
        }
    }
}

fn json(message: &Value) -> Vec<u8> {
    let body = message.to_string();
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

fn filled(script: &[u8], id: &Value) -> Vec<u8> {
    let filled = stretched(replaced(script, b"$ID", id.to_string().as_bytes()));
    let head = filled.windows(4).position(|window| window == b"\r\n\r\n");
    let length = head.map_or(0, |head| filled.len() - head - 4);
    let (head, body) = filled.split_at(head.map_or(filled.len(), |head| head + 4));
    [
        &*replaced(head, b"$LEN", length.to_string().as_bytes()),
        body,
    ]
    .concat()
}

/// Puts spaces for `$TO<n>;`, so many that the body has `n` bytes.
fn stretched(bytes: Vec<u8>) -> Vec<u8> {
    let at = bytes.windows(3).position(|window| window == b"$TO");
    let Some(at) = at else { return bytes };
    let end = at + bytes[at..].iter().position(|byte| *byte == b';').unwrap();
    let wanted: usize = std::str::from_utf8(&bytes[at + 3..end])
        .unwrap()
        .parse()
        .unwrap();
    let head = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap()
        + 4;
    let present = bytes.len() - head - (end + 1 - at);
    let spaces = vec![b' '; wanted - present];
    [&bytes[..at], &spaces, &bytes[end + 1..]].concat()
}

fn replaced(bytes: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(what.len()).position(|window| window == what) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(with);
        rest = &rest[at + what.len()..];
    }
    out.extend_from_slice(rest);
    out
}
