//! Icons of tools, prompts and resources (P9.71).

use crate::{Json, Object, ObjectEdit};

/// An edit of the definition in which icons have only `https` and `data` addresses.
pub(super) fn without_unsafe(definition: &Object) -> ObjectEdit {
    let edit = definition.edit();
    let Some(icons) = definition.get("icons").and_then(|icons| icons.array()) else {
        return edit;
    };
    let safe: Vec<Json> = icons.iter().filter(|icon| is_safe(icon)).cloned().collect();
    if safe.len() == icons.len() {
        edit
    } else {
        edit.set("icons", Json::list(&safe))
    }
}

fn is_safe(icon: &Json) -> bool {
    let source = icon
        .object()
        .and_then(|icon| icon.text("src"))
        .unwrap_or_default();
    let scheme = source
        .split_once(':')
        .map(|(scheme, _)| scheme.to_ascii_lowercase());
    matches!(scheme.as_deref(), Some("https" | "data"))
}
