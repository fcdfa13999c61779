//! The crate through its public surface. Rule numbers are those of the protocol brief (P…) and the
//! security brief (S-…).
#![expect(clippy::unwrap_used, reason = "a test's helpers fail like the test")]

mod canonical;
mod codes;
mod edit;
mod envelope;
mod era;
mod framing;
mod handshake;
mod header_values;
mod hostile;
mod json;
mod ladder;
mod merging;
mod mutations;
mod param_headers;
mod questions;
mod resources;
mod results;
mod scan;
mod stream;
mod tools;
mod trust;
mod upstream;

use toolgate_protocol::{Json, JsonLimits, Message, Object, Request, parse_message};

/// A value written in a test.
#[track_caller]
fn json(text: &str) -> Json {
    Json::parse(text.to_owned().into(), &JsonLimits::UPSTREAM).unwrap()
}

/// An object written in a test.
#[track_caller]
fn object(text: &str) -> Object {
    Object::parse(text.to_owned().into(), &JsonLimits::UPSTREAM).unwrap()
}

/// A request with id 1.
#[track_caller]
fn request(method: &str, params: &str) -> Request {
    let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
    match parse_message(text.into(), &JsonLimits::CLIENT).unwrap() {
        Message::Request(request) => request,
        other => panic!("not a request: {other:?}"),
    }
}

/// The text of bytes that this crate wrote.
#[track_caller]
fn text(bytes: impl AsRef<[u8]>) -> String {
    String::from_utf8(bytes.as_ref().to_vec()).unwrap()
}
