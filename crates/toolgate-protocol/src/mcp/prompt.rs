//! Prompt definitions as clients see them (P9.23).

use bytes::Bytes;

use super::icons;
use crate::{Json, Object, Revision};

/// The definition under its public name; everything else as it came, apart from what the revision does not
/// know (section 1.1) and unsafe icons (P9.71).
pub fn prompt_for_client(definition: &Json, exposed: &str, to: Revision) -> Bytes {
    let Some(members) = definition.object() else {
        return definition.bytes().clone();
    };
    let mut edit = icons::without_unsafe(&members);
    if members.text_ref("name").as_deref() != Some(exposed) {
        edit = edit.set("name", Json::from_text(exposed));
    }
    if to <= Revision::V2025_03_26 {
        edit = edit.remove("title").remove("icons").remove("_meta");
        if let Some(arguments) = untitled_arguments(&members) {
            edit = edit.set("arguments", arguments);
        }
    }
    edit.finish()
}

/// The arguments without titles; `None` when none has one.
fn untitled_arguments(definition: &Object) -> Option<Json> {
    let arguments = definition.get("arguments")?.array()?;
    let untitled: Vec<Json> = arguments
        .iter()
        .map(|argument| match argument.object() {
            Some(members) => members.edit().remove("title").json(),
            None => argument.clone(),
        })
        .collect();
    (untitled != arguments).then(|| Json::list(&untitled))
}
