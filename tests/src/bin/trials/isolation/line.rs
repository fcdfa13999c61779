//! What of an answer a stranger can tell.

use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::Request;

use super::places::Ask;
use crate::connection::Connection;

/// A stream that says nothing for so long has said all it says for now.
const SILENCE: Duration = Duration::from_millis(60);

/// How much of a name an error repeats.
const SHOWN: usize = 128;

/// One connection.
pub(super) struct Line {
    connection: Connection,
}

/// What a stranger can tell of an answer, without the name that was asked for.
#[derive(Debug)]
pub(super) struct Face {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    pub(super) micros: u64,
}

impl Face {
    pub(super) fn same(one: &Self, other: &Self) -> bool {
        (one.status, &one.headers, &one.body) == (other.status, &other.headers, &other.body)
    }
}

impl Line {
    pub(super) fn new(authority: &str) -> Self {
        Self {
            connection: Connection::new(authority),
        }
    }

    /// Asks with this name in its place.
    pub(super) async fn ask(&mut self, ask: &Ask, name: &str) -> Face {
        loop {
            let asked = tokio::time::timeout(Duration::from_secs(30), self.send(ask, name));
            let face = asked
                .await
                .unwrap_or_else(|_| panic!("no answer: {}", ask.what));
            if face.status != 429 {
                return face;
            }
            // All guesses together are bounded (S-37); this one is made again.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn send(&mut self, ask: &Ask, name: &str) -> Face {
        let wire = (ask.build)(name);
        let mut request = Request::builder()
            .method(wire.method.as_str())
            .uri(wire.path);
        for (header, value) in wire.headers {
            request = request.header(header, value);
        }
        let request = request
            .body(Full::new(wire.body.into()))
            .expect("a request");
        let began = Instant::now();
        let (response, sender) = self.connection.send(request).await;
        let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let (parts, mut body) = response.into_parts();
        let text = |value: &hyper::header::HeaderValue| {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        };
        let headers = parts.headers.iter();
        let headers =
            headers.filter(|(name, _)| !["date", "content-length"].contains(&name.as_str()));
        let headers: Vec<_> = headers
            .map(|(header, value)| {
                // Every session is another one.
                let value = if header == "mcp-session-id" {
                    "SESSION".into()
                } else {
                    text(value)
                };
                (header.to_string(), value.replace(name, "NAME"))
            })
            .collect();
        let is_stream = headers
            .iter()
            .any(|(_, value)| value == "text/event-stream");
        let mut bytes = Vec::new();
        let mut is_whole = true;
        loop {
            let frame = if is_stream {
                tokio::time::timeout(SILENCE, body.frame()).await
            } else {
                Ok(body.frame().await)
            };
            match frame {
                Ok(Some(frame)) => {
                    bytes.extend(frame.expect("a whole body").into_data().unwrap_or_default());
                }
                Ok(None) => break,
                Err(_) => {
                    is_whole = false;
                    break;
                }
            }
        }
        if is_whole {
            self.connection.keep(sender).await;
        }
        Face {
            status: parts.status.as_u16(),
            headers,
            body: normal(&String::from_utf8_lossy(&bytes), name),
            micros,
        }
    }
}

/// The body without the name and without ids of calls; what is in a stream is sorted, since notices and answers come
/// in either order.
fn normal(body: &str, name: &str) -> String {
    let escaped = serde_json::Value::from(name).to_string();
    let body = body
        .replace(escaped.trim_matches('"'), "NAME")
        .replace(name, "NAME");
    // Long names are cut where they are repeated.
    let body = match name.get(..SHOWN) {
        Some(cut) => body.replace(cut, "NAME"),
        None => body,
    };
    let mut text = String::new();
    let mut rest = body.as_str();
    while let Some(at) = rest.find("call_") {
        let (head, tail) = rest.split_at(at);
        text.push_str(head);
        text.push_str("CALL");
        let id = tail["call_".len()..].find(|c: char| !c.is_ascii_alphanumeric());
        rest = id.map_or("", |end| &tail["call_".len() + end..]);
    }
    text.push_str(rest);
    text
}
