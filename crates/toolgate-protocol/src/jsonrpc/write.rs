//! Messages to bytes: the envelope is written anew, the payload is copied as it is (S-31).

use bytes::Bytes;

use super::{Outcome, RequestId, RpcError};
use crate::Era;
use crate::json::quote_into;

const HEAD: &[u8] = br#"{"jsonrpc":"2.0""#;

/// A response with a result; `result` is the text of a value.
pub fn result(id: &RequestId, result: &[u8]) -> Bytes {
    let mut text = head(id.as_json().len() + result.len() + 20);
    push_id(&mut text, id);
    text.extend_from_slice(b",\"result\":");
    text.extend_from_slice(result);
    finish(text)
}

/// The same in three parts, the middle one being `result` itself: a large result is not copied.
pub fn result_parts(id: &RequestId, result: &Bytes) -> [Bytes; 3] {
    let mut text = head(id.as_json().len() + 20);
    push_id(&mut text, id);
    text.extend_from_slice(b",\"result\":");
    [text.into(), result.clone(), Bytes::from_static(b"}")]
}

/// A response with an error. Without an id, legacy peers get `"id":null` and modern ones no member (P3.4).
pub fn error(id: Option<&RequestId>, error: &RpcError, era: Era) -> Bytes {
    let mut text =
        head(error.message.len() + error.data.as_ref().map_or(0, |data| data.bytes().len()) + 96);
    match (id, era) {
        (Some(id), _) => push_id(&mut text, id),
        (None, Era::Legacy) => text.extend_from_slice(b",\"id\":null"),
        (None, Era::Modern) => {}
    }
    text.extend_from_slice(b",\"error\":{\"code\":");
    text.extend_from_slice(itoa::Buffer::new().format(error.code).as_bytes());
    text.extend_from_slice(b",\"message\":");
    // A message that was changed since, to hide a secret in it, is spelt anew.
    let spelt = error.spelt.as_ref();
    match spelt.filter(|spelt| spelt.text().as_deref() == Some(&*error.message)) {
        Some(spelt) => text.extend_from_slice(spelt.bytes()),
        None => quote_into(&mut text, &error.message),
    }
    if let Some(data) = &error.data {
        text.extend_from_slice(b",\"data\":");
        text.extend_from_slice(data.bytes());
    }
    text.push(b'}');
    finish(text)
}

/// A response with either outcome.
pub fn response(id: &RequestId, outcome: &Outcome, era: Era) -> Bytes {
    match outcome {
        Outcome::Result(value) => result(id, value.bytes()),
        Outcome::Error(failure) => error(Some(id), failure, era),
    }
}

/// A request; `params` is the text of an object.
pub fn request(id: &RequestId, method: &str, params: Option<&[u8]>) -> Bytes {
    let mut text = head(id.as_json().len() + method.len() + params.map_or(0, <[u8]>::len) + 40);
    push_id(&mut text, id);
    push_call(&mut text, method, params);
    finish(text)
}

/// A notification; `params` is the text of an object.
pub fn notification(method: &str, params: Option<&[u8]>) -> Bytes {
    let mut text = head(method.len() + params.map_or(0, <[u8]>::len) + 40);
    push_call(&mut text, method, params);
    finish(text)
}

/// A batch of messages that are already written (P3.8).
pub fn batch(messages: &[Bytes]) -> Bytes {
    let mut text = Vec::with_capacity(
        messages
            .iter()
            .map(|message| message.len() + 1)
            .sum::<usize>()
            + 1,
    );
    for message in messages {
        text.push(if text.is_empty() { b'[' } else { b',' });
        text.extend_from_slice(message);
    }
    if text.is_empty() {
        text.push(b'[');
    }
    text.push(b']');
    text.into()
}

fn head(room: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(HEAD.len() + room);
    text.extend_from_slice(HEAD);
    text
}

fn push_id(text: &mut Vec<u8>, id: &RequestId) {
    text.extend_from_slice(b",\"id\":");
    text.extend_from_slice(id.as_json().as_bytes());
}

fn push_call(text: &mut Vec<u8>, method: &str, params: Option<&[u8]>) {
    text.extend_from_slice(b",\"method\":");
    quote_into(text, method);
    if let Some(params) = params {
        text.extend_from_slice(b",\"params\":");
        text.extend_from_slice(params);
    }
}

fn finish(mut text: Vec<u8>) -> Bytes {
    text.push(b'}');
    text.into()
}
