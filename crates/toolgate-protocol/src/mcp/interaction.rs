//! Questions of servers to the person or model behind a client, and what they look like in each era
//! (section 11).

use bytes::Bytes;

use crate::{Era, Json, Object, ObjectEdit};

/// One question: elicitation, sampling or roots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// `elicitation/create`, `sampling/createMessage` or `roots/list`.
    pub method: Box<str>,
    /// Its parameters as they came.
    pub params: Object,
}

/// An `input_required` result of a modern server.
#[derive(Debug, Clone)]
pub struct InputRequired {
    /// The questions by their keys, in order; may be empty when there is a state.
    pub requests: Vec<(String, Question)>,
    /// `requestState`, to be echoed byte for byte.
    pub state: Option<String>,
}

impl InputRequired {
    /// Reads the result; `None` when it has neither questions nor state, or a question is no question (P11.22).
    pub fn parse(result: &Json) -> Option<Self> {
        let _ = result;
        None
    }
}

/// Writes an `input_required` result for a modern client. `server_info` is the gateway's own (P5.18).
pub fn input_required_result(
    requests: &[(String, Question)],
    state: Option<&str>,
    server_info: &Json,
) -> Bytes {
    let _ = (requests, state, server_info);
    ObjectEdit::new().finish()
}

/// Whether the client declared what is asked: kind, mode and members (P11.1).
pub fn may_ask(capabilities: &Json, method: &str, params: &Object) -> bool {
    let _ = (capabilities, method, params);
    false
}

/// What a question needs that the client must declare, as `data.requiredCapabilities` of -32021 has it, for
/// example `{"elicitation":{"url":{}}}` (table 4.1, P11.23).
pub fn required_capability(method: &str, params: &Object) -> Json {
    let _ = (method, params);
    Json::empty_object()
}

/// The question as a client of era `to` is shown it, coming from a server of era `from`: without the members
/// that its era does not know (`elicitationId` towards modern clients, `task` and `_meta` of sampling), with
/// `elicitation_id` invented towards legacy clients where URL mode needs one, and `[slug] ` before an
/// elicitation's message when `slug` is given (P11.6, section 10).
pub fn question_for_client(
    question: &Question,
    from: Era,
    to: Era,
    slug: Option<&str>,
    elicitation_id: &str,
) -> Question {
    let _ = (from, to, slug, elicitation_id);
    question.clone()
}

/// Whether an answer has the shape its question needs (P11.7); one that has not counts as missing.
pub fn answer_fits(method: &str, answer: &Json) -> bool {
    let _ = (method, answer);
    true
}

/// The questions that stand for a -32042 error: one URL elicitation for each entry of `data.elicitations`;
/// `None` when there is none (section 11.2).
pub fn url_questions(data: Option<&Json>) -> Option<Vec<(String, Question)>> {
    let _ = data;
    None
}

/// The client's capabilities as far as they can be bridged to a server (P9.29): `roots` (without `listChanged`
/// from modern clients), `sampling` and `elicitation` with their members; nothing else. Canonical text, so
/// that equal capabilities are equal bytes (P11.2).
pub fn forwarded_capabilities(client: &Object, from: Era) -> Json {
    let _ = (client, from);
    Json::empty_object()
}

/// A spelling of a value in which order of members, escapes and the way numbers are written do not matter:
/// what a `requestState` is bound to (P11.9), since clients serialise again.
pub fn canonical_by_value(value: &Json) -> Vec<u8> {
    value.bytes().to_vec()
}
