//! Which era is this request? (table 5.2)

use super::{HeaderLookup, Headers, PROTOCOL_VERSION, Rejection};
use crate::mcp::meta;
use crate::{Body, Era, Malformed, Message, Object, Revision, RpcError, codes};

/// How many messages a batch may hold (P3.8).
pub const BATCH_MAX: usize = 32;

/// How a request is to be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientEra {
    /// By section 5.3: [`super::check_modern`] next. A notification is answered 202 and dropped.
    Modern,
    /// By section 6: `initialize`, or a message of a session. The session may still be missing (P6.3), and
    /// a batch is only for sessions of 2025-03-26 (P3.8).
    Legacy,
    /// By P6.21: no session, no version header, no handshake.
    Bare,
}

/// What the version header says.
#[derive(Clone, Copy)]
enum Claim<'h> {
    Nothing,
    Legacy,
    Modern,
    /// A value that we do not know, or a header that is there twice.
    Strange(Option<&'h str>),
}

/// Decides the era of a body by table 5.2; the first row that matches wins.
///
/// `has_session` says whether the request carries an `Mcp-Session-Id`, whatever it is worth.
pub fn decide(
    body: &Body,
    headers: &impl Headers,
    has_session: bool,
) -> Result<ClientEra, Rejection> {
    let claim = Claim::of(headers);
    match body {
        Body::One(message) => decide_one(message, claim, has_session),
        Body::Batch(elements) => decide_batch(elements, claim, has_session),
    }
}

/// The version that answers an `initialize` (P6.1): the client's if it is a legacy one we serve, else
/// our newest legacy one.
pub fn negotiate(requested: &str) -> Revision {
    Revision::parse(requested)
        .filter(|revision| revision.era() == Era::Legacy)
        .unwrap_or(Revision::LATEST_LEGACY)
}

fn decide_one(
    message: &Message,
    claim: Claim<'_>,
    has_session: bool,
) -> Result<ClientEra, Rejection> {
    match message {
        Message::Request(request) if claims_modern(&request.params) => Ok(ClientEra::Modern), // row 2
        Message::Request(request) => match claim {
            Claim::Modern if &*request.method == "initialize" => {
                let what = "initialize belongs to versions before 2026-07-28, the header does not";
                Err(Rejection::header_mismatch(what, Some(request.id.clone()))) // row 3
            }
            Claim::Modern => Ok(ClientEra::Modern), // row 5
            Claim::Legacy => Ok(ClientEra::Legacy), // rows 4 and 6
            Claim::Nothing if &*request.method == "initialize" => Ok(ClientEra::Legacy), // row 4
            Claim::Nothing => Ok(without_header(has_session)), // rows 6 and 7
            Claim::Strange(value) => {
                Err(Rejection::unsupported_version(
                    value,
                    Some(request.id.clone()),
                )) // row 10
            }
        },
        Message::Notification(_) => match claim {
            Claim::Modern => Ok(ClientEra::Modern),            // row 8
            Claim::Legacy => Ok(ClientEra::Legacy),            // row 6
            Claim::Nothing => Ok(without_header(has_session)), // row 6
            Claim::Strange(value) => Err(Rejection::unsupported_version(value, None)), // row 10
        },
        Message::Response(_) => match claim {
            Claim::Modern => {
                let what = "clients of this version send no responses";
                Err(Rejection::invalid_request(what, Era::Modern)) // row 9
            }
            Claim::Legacy => Ok(ClientEra::Legacy), // row 6
            Claim::Nothing if has_session => Ok(ClientEra::Legacy), // row 6
            Claim::Nothing => Err(session_needed()),
            Claim::Strange(value) => Err(Rejection::unsupported_version(value, None)), // row 10
        },
    }
}

/// Row 1, the rules of P3.8 that do not depend on the session, then as any other message.
fn decide_batch(
    elements: &[Result<Message, Malformed>],
    claim: Claim<'_>,
    has_session: bool,
) -> Result<ClientEra, Rejection> {
    let refuse = |what| Err(Rejection::invalid_request(what, Era::Legacy));
    let mut responses = 0;
    for message in elements.iter().flatten() {
        match message {
            Message::Request(request) if claims_modern(&request.params) => {
                let what = "batches are not part of this version";
                return Err(Rejection::invalid_request(what, Era::Modern)); // row 1
            }
            Message::Request(request) if &*request.method == "initialize" => {
                return refuse("initialize must not stand in a batch");
            }
            Message::Response(_) => responses += 1,
            Message::Request(_) | Message::Notification(_) => {}
        }
    }
    // A malformed element is answered like a request.
    let answers_due = |element: &Result<Message, Malformed>| {
        !matches!(element, Ok(Message::Response(_) | Message::Notification(_)))
    };
    if responses > 0 && elements.iter().any(answers_due) {
        return refuse("a batch must not mix requests with responses");
    }
    if elements.len() > BATCH_MAX {
        return refuse("a batch holds at most 32 messages");
    }
    match claim {
        Claim::Modern => {
            let what = "batches are not part of this version";
            Err(Rejection::invalid_request(what, Era::Modern))
        }
        Claim::Legacy => Ok(ClientEra::Legacy),
        Claim::Nothing => Ok(without_header(has_session)),
        Claim::Strange(value) => Err(Rejection::unsupported_version(value, None)), // row 10
    }
}

fn without_header(has_session: bool) -> ClientEra {
    if has_session {
        ClientEra::Legacy
    } else {
        ClientEra::Bare
    }
}

/// A response without a session answers nothing that we asked (table 4.1).
fn session_needed() -> Rejection {
    let error = RpcError::new(codes::SESSION_NEEDED, "a response needs a session id");
    Rejection {
        status: 400,
        error,
        id: None,
        era: Era::Legacy,
    }
}

/// Whether the params carry the version claim of a modern request, well-formed or not.
fn claims_modern(params: &Object) -> bool {
    params
        .get("_meta")
        .is_some_and(|meta| meta.raw(meta::PROTOCOL_VERSION).is_some())
}

impl<'h> Claim<'h> {
    fn of(headers: &'h impl Headers) -> Self {
        let lookup = headers.header(PROTOCOL_VERSION);
        match (lookup, lookup.trimmed().and_then(Revision::parse)) {
            (HeaderLookup::Absent, _) => Self::Nothing,
            (_, Some(revision)) => match revision.era() {
                Era::Legacy => Self::Legacy,
                Era::Modern => Self::Modern,
            },
            (_, None) => Self::Strange(lookup.trimmed()),
        }
    }
}
