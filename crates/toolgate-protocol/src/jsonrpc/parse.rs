//! Bytes to messages.
//!
//! [`parse_body`] scans the bytes once: the scan validates the whole text and indexes the envelope and
//! the members of its `params` or `result`. What follows only looks at that index.

use bytes::Bytes;

use super::{
    Body, Malformed, Message, Notification, Outcome, Request, RequestId, Response, RpcError, codes,
};
use crate::json::{JsonKind, MemberRef, Scanner, decode_value};
use crate::{Json, JsonError, JsonLimits, Object};

/// The members of an envelope.
const ENVELOPE: [&str; 6] = ["jsonrpc", "id", "method", "params", "result", "error"];

/// The members of params that routing and policy read.
const PARAMS: [&str; 8] = [
    "_meta",
    "name",
    "uri",
    "arguments",
    "cursor",
    "ref",
    "inputResponses",
    "requestState",
];

/// How deep objects inside one another are indexed: a message, its params, their `_meta`, and what is in that.
const LEVELS: usize = 4;

/// Reads a message or a batch. One pass over the bytes validates and indexes.
pub fn parse_body(bytes: Bytes, limits: &JsonLimits) -> Result<Body, Malformed> {
    let mut scanner = Scanner::new(limits, LEVELS);
    let body = scanner
        .run(bytes)
        .map_err(|error| refused(&error, &scanner))?;
    match body.kind() {
        JsonKind::Object => element(&body).map(Body::One),
        JsonKind::Array => batch(&body).map(Body::Batch),
        JsonKind::Null | JsonKind::Bool | JsonKind::Number | JsonKind::String => {
            Err(invalid("a message must be an object", None))
        }
    }
}

/// Reads one message; a batch is refused with -32600 (P3.8).
pub fn parse_message(bytes: Bytes, limits: &JsonLimits) -> Result<Message, Malformed> {
    match parse_body(bytes, limits)? {
        Body::One(message) => Ok(message),
        Body::Batch(_) => Err(invalid("a batch is not allowed here", None)),
    }
}

fn batch(body: &Json) -> Result<Vec<Result<Message, Malformed>>, Malformed> {
    let elements = body.array().unwrap_or_default();
    if elements.is_empty() {
        return Err(invalid("a batch must not be empty", None));
    }
    Ok(elements.iter().map(element).collect())
}

/// One message; an element of a batch is judged alone (P3.8).
fn element(value: &Json) -> Result<Message, Malformed> {
    let members = value
        .object()
        .ok_or_else(|| invalid("a message must be an object", None))?;
    let mut envelope = Envelope::default();
    for member in members.member_refs() {
        envelope.take(member)?;
    }
    envelope.message()
}

/// The members of a message that JSON-RPC knows; others are not for us.
#[derive(Default)]
struct Envelope<'t> {
    jsonrpc: Option<&'t [u8]>,
    id: Option<&'t [u8]>,
    method: Option<&'t [u8]>,
    params: Option<Json>,
    result: Option<Json>,
    error: Option<Json>,
}

impl<'t> Envelope<'t> {
    fn take(&mut self, member: MemberRef<'t>) -> Result<(), Malformed> {
        match &*member.name() {
            b"jsonrpc" => self.jsonrpc = Some(member.raw()),
            b"id" => self.id = Some(member.raw()),
            b"method" => self.method = Some(member.raw()),
            b"params" => self.params = Some(member.json()),
            b"result" => self.result = Some(member.json()),
            b"error" => self.error = Some(member.json()),
            other => return refuse_misspelt(other, &ENVELOPE, self.readable_id().as_ref()),
        }
        Ok(())
    }

    /// Sorts the message into one of the three kinds (P3.1).
    fn message(self) -> Result<Message, Malformed> {
        let id = self.readable_id();
        let is_two = |version: &[u8]| {
            *version == *br#""2.0""# || decode_value(version).as_deref() == Some("2.0")
        };
        if !self.jsonrpc.is_some_and(is_two) {
            return Err(invalid("jsonrpc must be \"2.0\"", id));
        }
        let has_outcome = self.result.is_some() || self.error.is_some();
        match (self.method, self.id, has_outcome) {
            (Some(method), Some(_), false) => {
                let id = id.ok_or_else(|| {
                    invalid("id must be an integer or a string of up to 256 bytes", None)
                })?;
                let (method, params) = call(method, self.params.as_ref(), Some(&id))?;
                Ok(Message::Request(Request { id, method, params }))
            }
            (Some(method), None, false) => {
                let (method, params) = call(method, self.params.as_ref(), None)?;
                Ok(Message::Notification(Notification { method, params }))
            }
            (None, _, true) => self.response(id).map(Message::Response),
            _ => Err(invalid(
                "a message is a request, a notification or a response",
                id,
            )),
        }
    }

    fn response(self, id: Option<RequestId>) -> Result<Response, Malformed> {
        let unnamed = self.id.is_none_or(|id| id == b"null");
        match (self.result, self.error) {
            (Some(result), None) if id.is_some() => Ok(Response {
                id,
                outcome: Outcome::Result(result),
            }),
            // Only an error may leave the request open: its id could not be read (P3.4).
            (None, Some(error)) if id.is_some() || unnamed => match rpc_error(&error) {
                Some(error) => Ok(Response {
                    id,
                    outcome: Outcome::Error(error),
                }),
                None => Err(invalid(
                    "error must have an integer code and a string message",
                    id,
                )),
            },
            (Some(_), Some(_)) => Err(invalid("a response has either result or error", id)),
            _ => Err(invalid(
                "the id of a response must be that of a request",
                None,
            )),
        }
    }

    fn readable_id(&self) -> Option<RequestId> {
        self.id.and_then(RequestId::read)
    }
}

/// The method and params of a request or notification (P3.9).
fn call(
    method: &[u8],
    params: Option<&Json>,
    id: Option<&RequestId>,
) -> Result<(Box<str>, Object), Malformed> {
    let method =
        decode_value(method).ok_or_else(|| invalid("method must be a string", id.cloned()))?;
    let Some(params) = params else {
        return Ok((method.into(), Object::empty()));
    };
    let params = params
        .object()
        .ok_or_else(|| bad_params("params must be an object", id))?;
    for member in params.member_refs() {
        refuse_misspelt(&member.name(), &PARAMS, id)?;
    }
    Ok((method.into(), params))
}

/// Whether a name at the top of a message is one that [`parse_body`] refuses.
pub(crate) fn is_misspelt(name: &str) -> bool {
    !ENVELOPE.contains(&name) && refuse_misspelt(name.as_bytes(), &ENVELOPE, None).is_err()
}

fn rpc_error(value: &Json) -> Option<RpcError> {
    let members = value.object()?;
    Some(RpcError {
        code: members.get("code")?.as_i64()?,
        message: members.text("message")?,
        data: members.get("data"),
        spelt: members.get("message").map(Box::new),
    })
}

/// Refuses a name that another parser could take for one that we read (S-31; Go's folds ASCII case, the
/// long s and the Kelvin sign).
fn refuse_misspelt(name: &[u8], known: &[&str], id: Option<&RequestId>) -> Result<(), Malformed> {
    if known.iter().any(|known| known.as_bytes() == name) {
        return Ok(());
    }
    let name = String::from_utf8_lossy(name);
    let fold = |c: char| match c {
        'ſ' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    let alike = |known: &&&str| {
        name.len() >= known.len() && name.chars().map(fold).eq(known.chars().map(fold))
    };
    match known.iter().find(alike) {
        Some(known) => Err(Malformed {
            error: RpcError::new(
                codes::INVALID_REQUEST,
                format!("a member is spelt almost like {known}; names are case-sensitive"),
            ),
            id: id.cloned(),
        }),
        None => Ok(()),
    }
}

/// The answer to a text that the scan refused. The id is told where the scan had passed it, so that on a
/// shared channel the one call that the message was for can fail (P3.7).
fn refused(error: &JsonError, scanner: &Scanner) -> Malformed {
    let id = match error.code() {
        codes::PARSE_ERROR => None,
        _ => scanner
            .salvaged("id")
            .and_then(|id| RequestId::from_json(&id).ok()),
    };
    Malformed {
        error: RpcError::new(error.code(), error.to_string()),
        id,
    }
}

fn invalid(what: &str, id: Option<RequestId>) -> Malformed {
    Malformed {
        error: RpcError::new(codes::INVALID_REQUEST, what),
        id,
    }
}

fn bad_params(what: &str, id: Option<&RequestId>) -> Malformed {
    Malformed {
        error: RpcError::new(codes::INVALID_PARAMS, what),
        id: id.cloned(),
    }
}
