//! `completion/complete` (P9.24, P9.25).

use crate::{Json, Object};

/// The most values a completion may hold (P9.25).
const VALUES_MAX: usize = 100;

/// A completion result with at most 100 values, `hasMore` set where it was cut (P9.25).
pub fn cut_completion(result: &Json) -> Json {
    cut(result).unwrap_or_else(|| result.clone())
}

/// `None` when there is nothing to cut.
fn cut(result: &Json) -> Option<Json> {
    let members = result.object()?;
    let completion = members.object("completion")?;
    let values = completion.get("values")?.array()?;
    let kept = values
        .get(..VALUES_MAX)
        .filter(|kept| kept.len() < values.len())?;
    let completion = completion
        .edit()
        .set("values", Json::list(kept))
        .set("hasMore", Json::literal("true"));
    Some(members.edit().set("completion", completion.json()).json())
}

/// What a completion refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompletionRef {
    /// `ref/prompt`: the name of the prompt.
    Prompt(String),
    /// `ref/resource`: the URI, or the text of the template.
    Resource(String),
}

impl CompletionRef {
    /// Reads `params.ref`; `None` when it is neither.
    pub fn parse(params: &Object) -> Option<Self> {
        let reference = params.object("ref")?;
        match &*reference.text_ref("type")? {
            "ref/prompt" => reference.text("name").map(Self::Prompt),
            "ref/resource" => reference.text("uri").map(Self::Resource),
            _ => None,
        }
    }

    /// The params with the reference replaced by the server's own name or URI (P9.24); as they are when there
    /// is no reference to replace.
    pub fn replaced(params: &Object, own: &str) -> Object {
        let member = match Self::parse(params) {
            Some(Self::Prompt(_)) => "name",
            Some(Self::Resource(_)) => "uri",
            None => return params.clone(),
        };
        let reference = params.object("ref").unwrap_or_default();
        let reference = reference.edit().set(member, Json::from_text(own));
        params.edit().set("ref", reference.json()).object()
    }
}
