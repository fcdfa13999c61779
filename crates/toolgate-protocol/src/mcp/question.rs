//! Questions of servers to the person or model behind a client, and what they look like in each era
//! (section 11).

use std::borrow::Cow;

use crate::json::JsonKind;
use crate::{Era, Json, Object, ObjectEdit};

/// One question: elicitation, sampling or roots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// `elicitation/create`, `sampling/createMessage` or `roots/list`.
    pub method: Box<str>,
    /// Its parameters as they came.
    pub params: Object,
}

const ELICITATION: &str = "elicitation/create";
const SAMPLING: &str = "sampling/createMessage";
const ROOTS: &str = "roots/list";

/// Whether this is one of the three methods that ask.
pub(super) fn is_question(method: &str) -> bool {
    matches!(method, ELICITATION | SAMPLING | ROOTS)
}

// === what a client must have declared ===

/// A client capability and members of it.
struct Need<'q> {
    kind: &'static str,
    members: Vec<Cow<'q, str>>,
}

impl<'q> Need<'q> {
    /// What a question needs; `None` when it is no question.
    fn of(method: &str, params: &'q Object) -> Option<Self> {
        let (kind, members) = match method {
            ROOTS => ("roots", Vec::new()),
            SAMPLING => ("sampling", sampling_members(params)),
            ELICITATION => ("elicitation", vec![elicitation_mode(params)?]),
            _ => return None,
        };
        Some(Self { kind, members })
    }

    fn is_declared(&self, capabilities: &Object) -> bool {
        let Some(declared) = capabilities.object(self.kind) else {
            return false;
        };
        let has = |member: &str| {
            // Elicitation without modes is that of before there were any: forms only.
            let implied = self.kind == "elicitation" && member == "form";
            declared.contains(member) || (implied && !declared.contains("url"))
        };
        self.members.iter().all(|member| has(member))
    }
}

/// A question without a mode is a form; one whose mode is no text is no question.
fn elicitation_mode(params: &Object) -> Option<Cow<'_, str>> {
    if params.contains("mode") {
        params.text_ref("mode")
    } else {
        Some(Cow::Borrowed("form"))
    }
}

fn sampling_members(params: &Object) -> Vec<Cow<'static, str>> {
    let mut members = Vec::new();
    if params.contains("tools") || params.contains("toolChoice") {
        members.push(Cow::Borrowed("tools"));
    }
    let context = params.text_ref("includeContext");
    if context.is_some_and(|context| context != "none") {
        members.push(Cow::Borrowed("context"));
    }
    members
}

/// Whether the client declared what is asked: kind, mode and members (P11.1, section 10).
pub fn may_ask(capabilities: &Json, method: &str, params: &Object) -> bool {
    let declared = capabilities.object();
    match (Need::of(method, params), declared) {
        (Some(need), Some(declared)) => need.is_declared(&declared),
        _ => false,
    }
}

/// What a question needs that the client must declare, as `data.requiredCapabilities` of -32021 has it, for
/// example `{"elicitation":{"url":{}}}` (table 4.1, P11.23). `{}` for what is no question.
pub fn required_capability(method: &str, params: &Object) -> Json {
    let Some(need) = Need::of(method, params) else {
        return Json::empty_object();
    };
    let members = need.members.iter().fold(ObjectEdit::new(), |edit, member| {
        edit.set(member, Json::empty_object())
    });
    ObjectEdit::new().set(need.kind, members.json()).json()
}

// === from one era to the other ===

/// Members of a question's params that mean nothing after 2025-11-25: there are no core tasks and no
/// `elicitationId` (section 1.1), and a `_meta` speaks of the request that the question no longer is.
const LEGACY_MEMBERS: [&str; 3] = ["elicitationId", "task", "_meta"];

/// The question as a client of era `to` is shown it, coming from a server of era `from`: without the members
/// that its era does not know (`elicitationId`, `task` and `_meta` towards modern clients), with
/// `elicitation_id` invented towards legacy clients where URL mode needs one, and `[slug] ` before an
/// elicitation's message when `slug` is given (P11.6, section 10).
pub fn question_for_client(
    question: &Question,
    from: Era,
    to: Era,
    slug: Option<&str>,
    elicitation_id: &str,
) -> Question {
    let params = &question.params;
    let is_elicitation = &*question.method == ELICITATION;
    let mut edit = params.edit();
    match (from, to) {
        (Era::Legacy, Era::Modern) => {
            edit = LEGACY_MEMBERS.into_iter().fold(edit, ObjectEdit::remove);
        }
        (Era::Modern, Era::Legacy) if is_elicitation && is_url_mode(params) => {
            edit = edit.set("elicitationId", Json::from_text(elicitation_id));
        }
        _ => {}
    }
    if let Some(slug) = slug.filter(|_| is_elicitation)
        && let Some(message) = params.get("message")
        && let Some(message) = message.prefixed(&format!("[{slug}] "))
    {
        edit = edit.set("message", message);
    }
    Question {
        method: question.method.clone(),
        params: edit.object(),
    }
}

fn is_url_mode(params: &Object) -> bool {
    params.text_ref("mode").as_deref() == Some("url")
}

/// The questions that stand for a -32042 error: one URL elicitation for each entry of `data.elicitations`;
/// `None` when there is none (section 11.2).
///
/// Like every question they are as the legacy server wrote them, so [`question_for_client`] comes next.
pub fn url_questions(data: Option<&Json>) -> Option<Vec<(String, Question)>> {
    let entries = data?.object()?.get("elicitations")?.array()?;
    let questions: Vec<(String, Question)> = entries
        .iter()
        .filter_map(url_question)
        .zip(1..)
        .map(|(question, n)| (format!("r{n}"), question))
        .collect();
    (!questions.is_empty()).then_some(questions)
}

/// The entry as a question, if it has a URL and no other mode.
fn url_question(entry: &Json) -> Option<Question> {
    let params = entry.object()?;
    params.text_ref("url")?;
    if params.contains("mode") && !is_url_mode(&params) {
        return None;
    }
    Some(Question {
        method: ELICITATION.into(),
        params: params.edit().set("mode", Json::from_text("url")).object(),
    })
}

// === answers ===

/// Whether an answer has the shape its question needs (P11.7); one that has not counts as missing.
pub fn answer_fits(method: &str, answer: &Json) -> bool {
    let Some(answer) = answer.object() else {
        return false;
    };
    match method {
        ELICITATION => matches!(
            answer.text_ref("action").as_deref(),
            Some("accept" | "decline" | "cancel")
        ),
        SAMPLING => {
            let is_text = |member| answer.text_ref(member).is_some();
            is_text("role") && is_text("model") && answer.contains("content")
        }
        ROOTS => answer
            .get("roots")
            .is_some_and(|roots| roots.kind() == JsonKind::Array),
        _ => false,
    }
}
