//! Results of servers, carried to clients of another revision.

use bytes::Bytes;

use super::{content, meta};
use crate::json::JsonKind;
use crate::{Era, Json, Object, ObjectEdit, Revision};

/// What `resultType` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultType {
    /// The answer; also when the member is absent, as it is before 2026-07-28.
    Complete,
    /// The server asks the client something first (MRTR).
    InputRequired,
    /// The answer will come from a task.
    Task,
    /// Something the specification does not define: an upstream-protocol error (P3.13).
    Unknown,
}

/// Reads `resultType`.
pub fn result_type(result: &Json) -> ResultType {
    match result.object() {
        Some(members) => type_of(&members),
        None => ResultType::Unknown,
    }
}

/// Whether a tool result says that the tool failed (P4.6).
pub fn is_error(result: &Json) -> bool {
    result.raw("isError") == Some(b"true")
}

/// The result as a client of revision `to` may see it (P5.18, P6.15, P9.11, P9.12, P9.60–P9.62, P9.68).
///
/// The same bytes come back, uncopied, when there is nothing to change. `server_info` is the gateway's own.
pub fn adapt_result(
    method: &str,
    result: &Json,
    from: Revision,
    to: Revision,
    server_info: &Json,
) -> Bytes {
    match adapted(method, result, from, to, server_info) {
        Some(edit) => edit.finish(),
        None => result.bytes().clone(),
    }
}

/// The same in parts that, strung together, are the result: what is not changed is not copied.
pub fn adapt_result_parts(
    method: &str,
    result: &Json,
    from: Revision,
    to: Revision,
    server_info: &Json,
) -> Vec<Bytes> {
    match adapted(method, result, from, to, server_info) {
        Some(edit) => edit.finish_parts(),
        None => vec![result.bytes().clone()],
    }
}

fn adapted(
    method: &str,
    result: &Json,
    from: Revision,
    to: Revision,
    server_info: &Json,
) -> Option<ObjectEdit> {
    let members = result.object()?;
    Some(match to.era() {
        Era::Modern => for_modern(method, &members, from.era(), server_info),
        Era::Legacy => for_legacy(method, &members, from, to),
    })
}

fn type_of(result: &Object) -> ResultType {
    match (
        result.contains("resultType"),
        result.text_ref("resultType").as_deref(),
    ) {
        (false, _) | (_, Some("complete")) => ResultType::Complete,
        (_, Some("input_required")) => ResultType::InputRequired,
        (_, Some("task")) => ResultType::Task,
        _ => ResultType::Unknown,
    }
}

// === towards modern clients ===

fn for_modern(method: &str, result: &Object, from: Era, server_info: &Json) -> ObjectEdit {
    let mut edit = result.edit();
    // Before 2026-07-28 the member means nothing, so a legacy server cannot ask or promise by it.
    let kind = match from {
        Era::Legacy => ResultType::Complete,
        Era::Modern => type_of(result),
    };
    if is_cacheable(method) && kind == ResultType::Complete {
        // Lists differ by token, so what a server calls public is private here (P9.62).
        if result.text_ref("cacheScope").as_deref() != Some("private") {
            edit = edit.put_first("cacheScope", Json::known(br#""private""#));
        }
        if result.get("ttlMs").and_then(|ttl| ttl.as_u64()).is_none() {
            edit = edit.put_first("ttlMs", Json::known(b"0"));
        }
    }
    let own_meta = result.object("_meta");
    if own_meta
        .as_ref()
        .is_none_or(|members| !members.contains(meta::SERVER_INFO))
    {
        let members = own_meta.unwrap_or_default().edit();
        let members = members.put_first(meta::SERVER_INFO, server_info.clone());
        edit = edit.put_first("_meta", members.json());
    }
    if from == Era::Legacy || !result.contains("resultType") {
        edit = edit.put_first("resultType", Json::known(br#""complete""#));
    }
    edit
}

/// The six methods whose results carry caching hints (P9.60).
fn is_cacheable(method: &str) -> bool {
    matches!(
        method,
        "server/discover"
            | "tools/list"
            | "prompts/list"
            | "resources/list"
            | "resources/templates/list"
            | "resources/read"
    )
}

// === towards legacy clients ===

fn for_legacy(method: &str, result: &Object, from: Revision, to: Revision) -> ObjectEdit {
    let mut edit = result.edit().without(&[
        "resultType",
        "ttlMs",
        "cacheScope",
        "inputRequests",
        "requestState",
    ]);
    if let Some(own_meta) = result.object("_meta") {
        edit = with_legacy_meta(edit, &own_meta, to);
    }
    match method {
        "tools/call" => tool_result_for_legacy(edit, result, from, to),
        "prompts/get" if content::needs_conversion(from, to) => {
            let messages = result.get("messages");
            match messages.and_then(|messages| content::convert_messages(&messages, to)) {
                Some(messages) => edit.set("messages", messages),
                None => edit,
            }
        }
        _ => edit,
    }
}

/// Takes the reserved names out that the revision does not know (P6.15, P9.68); what is empty then goes too.
fn with_legacy_meta(edit: ObjectEdit, own_meta: &Object, to: Revision) -> ObjectEdit {
    let known = |name: &str| {
        !name.starts_with(meta::RESERVED)
            || (name == meta::RELATED_TASK && to == Revision::V2025_11_25)
    };
    let kept = own_meta.edit().retain(known);
    if kept.is_unchanged() {
        return edit;
    }
    if kept.is_empty() {
        edit.remove("_meta")
    } else {
        edit.set("_meta", kept.json())
    }
}

fn tool_result_for_legacy(
    mut edit: ObjectEdit,
    result: &Object,
    from: Revision,
    to: Revision,
) -> ObjectEdit {
    let convert = content::needs_conversion(from, to);
    let dropped = result.get("structuredContent").filter(|structured| {
        // Structured results came with 2025-06-18 and are objects before 2026-07-28 (P9.11).
        to <= Revision::V2025_03_26 || structured.kind() != JsonKind::Object
    });
    if !convert && dropped.is_none() {
        return edit;
    }
    let given = result.get("content");
    let converted = given
        .as_ref()
        .filter(|_| convert)
        .and_then(|content| content::convert_blocks(content, to));
    if let Some(structured) = dropped {
        edit = edit.remove("structuredContent");
        if !given.as_ref().is_some_and(content::has_text) {
            let content = converted.or(given);
            let mut blocks = content
                .and_then(|content| content.array())
                .unwrap_or_default();
            blocks.push(content::text_block(structured.as_str()));
            return edit.set("content", Json::list(&blocks));
        }
    }
    match converted {
        Some(converted) => edit.set("content", converted),
        None => edit,
    }
}
