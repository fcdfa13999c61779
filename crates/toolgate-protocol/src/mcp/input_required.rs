//! The result with which a modern server asks (section 11).

use bytes::Bytes;

use super::meta;
use super::question::{Question, is_question};
use crate::{Json, JsonKind, Object, ObjectEdit};

/// An `input_required` result of a modern server.
#[derive(Debug, Clone)]
pub struct InputRequired {
    /// The questions by their keys, in order; may be empty when there is a state.
    pub requests: Vec<(String, Question)>,
    /// `requestState`, a string as it was spelt: it may have lone surrogates (P3.17), and the server gets it back
    /// byte for byte.
    pub state: Option<Json>,
}

impl InputRequired {
    /// Reads the result; `None` when it has neither questions nor state, or a question is no question (P11.22).
    pub fn parse(result: &Json) -> Option<Self> {
        let members = result.object()?;
        let requests = match members.get("inputRequests") {
            Some(requests) => read_requests(&requests.object()?)?,
            None => Vec::new(),
        };
        let state = match members.get("requestState") {
            Some(state) if state.kind() != JsonKind::String => return None,
            state => state,
        };
        (!requests.is_empty() || state.is_some()).then_some(Self { requests, state })
    }
}

fn read_requests(requests: &Object) -> Option<Vec<(String, Question)>> {
    requests
        .iter()
        .map(|(key, request)| Some((key.into_owned(), read_question(&request)?)))
        .collect()
}

fn read_question(request: &Json) -> Option<Question> {
    let members = request.object()?;
    let method = members.text_ref("method")?;
    let params = match members.get("params") {
        Some(params) => params.object()?,
        None => Object::empty(),
    };
    is_question(&method).then(|| Question {
        method: method.into(),
        params,
    })
}

/// Writes an `input_required` result for a modern client. `server_info` is the gateway's own (P5.18).
///
/// It carries no caching hints (P9.60), and no `inputRequests` when there are none.
pub fn input_required_result(
    requests: &[(String, Question)],
    state: Option<&str>,
    server_info: &Json,
) -> Bytes {
    let mut result = ObjectEdit::new().set("resultType", Json::from_text("input_required"));
    if !requests.is_empty() {
        let requests = requests
            .iter()
            .fold(ObjectEdit::new(), |edit, (key, question)| {
                edit.set(key, written(question))
            });
        result = result.set("inputRequests", requests.json());
    }
    if let Some(state) = state {
        result = result.set("requestState", Json::from_text(state));
    }
    let own_meta = ObjectEdit::new().set(meta::SERVER_INFO, server_info.clone());
    result.set("_meta", own_meta.json()).finish()
}

/// A request without envelope. `params` is always written: two of the three need it, and the third may have it.
fn written(question: &Question) -> Json {
    ObjectEdit::new()
        .set("method", Json::from_text(&question.method))
        .set("params", question.params.json().clone())
        .json()
}
