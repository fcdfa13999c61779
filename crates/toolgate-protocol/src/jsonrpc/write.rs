//! Messages to bytes: the envelope is written anew, the payload is copied as it is (S-31).

use bytes::Bytes;

use super::{Outcome, RequestId, RpcError};
use crate::Era;
use crate::json::Parts;

/// A response with a result; `result` is the text of a value.
pub fn result(id: &RequestId, result: &[u8]) -> Bytes {
    let mut parts = Parts::default();
    push_result_head(&mut parts, id);
    parts.raw(result).raw(b"}").join()
}

/// The same in three parts, the middle one being `result` itself: a large result is not copied.
pub fn result_parts(id: &RequestId, result: &Bytes) -> [Bytes; 3] {
    let mut head = Parts::default();
    push_result_head(&mut head, id);
    [head.join(), result.clone(), Bytes::from_static(b"}")]
}

/// A response with an error. Without an id, legacy peers get `"id":null` and modern ones no member (P3.4).
pub fn error(id: Option<&RequestId>, error: &RpcError, era: Era) -> Bytes {
    let mut code = itoa::Buffer::new();
    let mut parts = Parts::default();
    match (id, era) {
        (Some(id), _) => push_id(&mut parts, id),
        (None, Era::Legacy) => parts.raw(br#"{"jsonrpc":"2.0","id":null"#),
        (None, Era::Modern) => parts.raw(br#"{"jsonrpc":"2.0""#),
    };
    parts
        .raw(br#","error":{"code":"#)
        .raw(code.format(error.code).as_bytes())
        .raw(br#","message":"#);
    // A message that was changed since, to hide a secret in it, is spelt anew.
    let spelt = error.spelt.as_ref();
    match spelt.filter(|spelt| spelt.text().as_deref() == Some(&*error.message)) {
        Some(spelt) => parts.raw(spelt.bytes()),
        None => parts.text(&error.message),
    };
    if let Some(data) = &error.data {
        parts.raw(br#","data":"#).raw(data.bytes());
    }
    parts.raw(b"}}").join()
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
    let mut parts = Parts::default();
    push_call(&mut parts, Some(id), method);
    if let Some(params) = params {
        parts.raw(PARAMS).raw(params);
    }
    parts.raw(b"}").join()
}

/// A notification; `params` is the text of an object.
pub fn notification(method: &str, params: Option<&[u8]>) -> Bytes {
    let mut parts = Parts::default();
    push_call(&mut parts, None, method);
    if let Some(params) = params {
        parts.raw(PARAMS).raw(params);
    }
    parts.raw(b"}").join()
}

/// A batch of messages that are already written (P3.8).
pub fn batch(messages: &[Bytes]) -> Bytes {
    let mut parts = Parts::default();
    parts.raw(b"[");
    let mut first = true;
    for message in messages {
        parts.next(&mut first).raw(message);
    }
    parts.raw(b"]").join()
}

/// What stands between the method and the params.
pub(crate) const PARAMS: &[u8] = br#","params":"#;

/// The beginning of a request or, without an id, of a notification.
pub(crate) fn push_call<'p>(parts: &mut Parts<'p>, id: Option<&'p RequestId>, method: &'p str) {
    match id {
        Some(id) => push_id(parts, id),
        None => parts.raw(br#"{"jsonrpc":"2.0""#),
    };
    parts.raw(br#","method":"#).text(method);
}

fn push_result_head<'p>(parts: &mut Parts<'p>, id: &'p RequestId) {
    push_id(parts, id).raw(br#","result":"#);
}

fn push_id<'a, 'p>(parts: &'a mut Parts<'p>, id: &'p RequestId) -> &'a mut Parts<'p> {
    parts.raw(br#"{"jsonrpc":"2.0","id":"#).raw(id.as_bytes())
}
