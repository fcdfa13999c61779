//! What many servers are together (section 9.4).

use std::borrow::Cow;
use std::collections::HashSet;

use super::canonical::canonical;
use crate::{Json, Object, ObjectEdit};

/// What one server contributes to the merged capabilities and instructions.
#[derive(Debug, Clone, Copy)]
pub struct Contribution<'a> {
    /// Its slug.
    pub slug: &'a str,
    /// Its capabilities as it declared them.
    pub capabilities: &'a Json,
    /// Its instructions, if it has any.
    pub instructions: Option<&'a str>,
}

// === capabilities ===

/// The extension that the gateway carries through: MCP Apps.
const UI_EXTENSION: &str = "io.modelcontextprotocol/ui";
/// The extension that it does not carry yet (P9.50).
const TASKS_EXTENSION: &str = "io.modelcontextprotocol/tasks";
/// More settings than this are not merged, so that no server makes the others wait; the first's count.
const SETTINGS_MAX: usize = 64;

/// The capabilities of a workspace: the union over its servers and what the gateway does itself (P9.27),
/// `extensions` reduced to those that are carried through (P9.28), `tasks` never (P9.50). `transparent` is a
/// workspace of one server without a prefix, where unknown extensions and `experimental` pass. An empty
/// workspace has `tools` only.
///
/// Both eras' members may be in it; the writers of `initialize` and `server/discover` take out the other's.
pub fn merged_capabilities(servers: &[Contribution<'_>], transparent: bool) -> Json {
    let list_changed = || Json::literal(r#"{"listChanged":true}"#);
    if servers.is_empty() {
        return ObjectEdit::new().set("tools", list_changed()).json();
    }
    let declared: Vec<Object> = servers
        .iter()
        .filter_map(|server| server.capabilities.object())
        .collect();
    let have = |feature: &str| declared.iter().any(|one| one.object(feature).is_some());

    let mut merged = ObjectEdit::new();
    for feature in ["tools", "prompts"] {
        if have(feature) {
            merged = merged.set(feature, list_changed());
        }
    }
    if have("resources") {
        merged = merged.set("resources", resources(&declared));
    }
    for feature in ["logging", "completions"] {
        if have(feature) {
            merged = merged.set(feature, Json::empty_object());
        }
    }
    if transparent && let Some(experimental) = first(&declared, "experimental") {
        merged = merged.set("experimental", experimental.into_json());
    }
    let extensions = if transparent {
        first(&declared, "extensions").map(|all| all.edit().remove(TASKS_EXTENSION))
    } else {
        ui_settings(&declared).map(|settings| ObjectEdit::new().set(UI_EXTENSION, settings))
    };
    if let Some(extensions) = extensions.filter(|extensions| !extensions.is_empty()) {
        merged = merged.set("extensions", extensions.json());
    }
    merged.json()
}

fn first(declared: &[Object], feature: &str) -> Option<Object> {
    declared.iter().find_map(|one| one.object(feature))
}

fn resources(declared: &[Object]) -> Json {
    let can_subscribe = |one: &Object| {
        let resources = one.object("resources");
        resources.is_some_and(|resources| resources.raw("subscribe") == Some(b"true"))
    };
    let features = ObjectEdit::new().set("listChanged", Json::literal("true"));
    if declared.iter().any(can_subscribe) {
        features.set("subscribe", Json::literal("true")).json()
    } else {
        features.json()
    }
}

/// The settings of MCP Apps of all servers that have it.
fn ui_settings(declared: &[Object]) -> Option<Json> {
    declared
        .iter()
        .filter_map(|one| one.object("extensions")?.object(UI_EXTENSION))
        .reduce(|first, second| merged_settings(&first, &second))
        .map(Object::into_json)
}

/// Settings of one extension by two servers: equal values are kept and arrays intersected; where they differ
/// otherwise the first in order counts (P9.28). A setting that only one of them has is kept.
fn merged_settings(first: &Object, second: &Object) -> Object {
    if first.len() + second.len() > SETTINGS_MAX {
        return first.clone();
    }
    let settings = second.iter().fold(first.edit(), |edit, (name, value)| {
        let merged = match first.get(&name) {
            None => value,
            Some(before) => intersection(&before, &value).unwrap_or(before),
        };
        edit.set(&name, merged)
    });
    settings.object()
}

/// The elements of the first array that are in the second too; `None` when these are not two arrays.
fn intersection(first: &Json, second: &Json) -> Option<Json> {
    let (kept, allowed) = (first.array()?, second.array()?);
    let allowed: HashSet<Vec<u8>> = allowed.iter().map(canonical).collect();
    Some(Json::list(
        kept.iter().filter(|one| allowed.contains(&canonical(one))),
    ))
}

// === instructions ===

const PREFACE: &str = "The tools here come from several servers. A tool is named `server__tool`: the part before the first `__` says which server runs it.";
/// The most that one server may say, in bytes (P9.31).
const SERVER_MAX: usize = 4 * 1024;
/// The most that all may say together, in bytes (P9.31).
const WORKSPACE_MAX: usize = 16 * 1024;
/// Stands where something was cut.
const CUT: &str = " [cut]";

/// The instructions of a workspace (P9.31): a preface on the prefix, then each server's own under its slug,
/// 4 KiB each and 16 KiB in all, cuts marked. Of a transparent workspace its one server's, verbatim. `None`
/// when no server has any, but for the preface where names are prefixed.
pub fn merged_instructions(servers: &[Contribution<'_>], transparent: bool) -> Option<String> {
    let mut given = servers.iter().filter_map(|server| {
        let text = server.instructions?;
        (!text.trim().is_empty()).then_some((server.slug, text))
    });
    if transparent {
        return given.next().map(|(_, text)| text.to_owned());
    }
    let merged = given.fold(PREFACE.to_owned(), |merged, (slug, text)| {
        // What is over the limit is cut below, so no more of it is gathered.
        if merged.len() > WORKSPACE_MAX {
            return merged;
        }
        merged + "\n\n## " + slug + "\n\n" + &cut(text.trim(), SERVER_MAX)
    });
    Some(cut(&merged, WORKSPACE_MAX).into_owned())
}

/// At most `max` bytes of the text, the mark included.
fn cut(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(max - CUT.len());
    Cow::Owned([&text[..end], CUT].concat())
}
