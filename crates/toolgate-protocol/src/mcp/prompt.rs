//! Prompt definitions as clients see them (P9.23).

use bytes::Bytes;

use super::icons;
use crate::{Json, Revision};

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
    }
    edit.finish()
}
