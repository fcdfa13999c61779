//! Content blocks newer than the client's revision (P9.12).

use crate::{Json, Object, ObjectEdit, Revision};

/// Whether results for that client have to be looked into: only the two oldest revisions know fewer kinds of
/// block, and what a server of the client's own revision sends is passed as it is (P3.14).
pub(crate) fn needs_conversion(from: Revision, to: Revision) -> bool {
    to <= Revision::V2025_03_26 && from > to
}

/// The `content` of a tool result; `None` when all blocks are known.
pub(super) fn convert_blocks(content: &Json, to: Revision) -> Option<Json> {
    let blocks = content.array()?;
    let converted: Vec<Json> = blocks
        .iter()
        .map(|block| convert_block(block, to))
        .collect();
    (converted != blocks).then(|| Json::list(&converted))
}

/// The `messages` of a prompt, each with one block as `content`; `None` when all are known.
pub(super) fn convert_messages(messages: &Json, to: Revision) -> Option<Json> {
    let messages = messages.array()?;
    let convert = |message: &Json| {
        let members = message.object()?;
        let block = members.get("content")?;
        let converted = convert_block(&block, to);
        (converted != block).then(|| members.edit().set("content", converted).json())
    };
    let converted: Vec<Json> = messages
        .iter()
        .map(|message| convert(message).unwrap_or_else(|| message.clone()))
        .collect();
    (converted != messages).then(|| Json::list(&converted))
}

/// Whether one of the blocks is text.
pub(super) fn has_text(content: &Json) -> bool {
    content.array().unwrap_or_default().iter().any(|block| {
        block
            .object()
            .is_some_and(|block| block.text_ref("type").as_deref() == Some("text"))
    })
}

/// A text block.
pub(super) fn text_block(text: &str) -> Json {
    ObjectEdit::new()
        .set("type", Json::literal("\"text\""))
        .set("text", Json::from_text(text))
        .json()
}

fn convert_block(block: &Json, to: Revision) -> Json {
    let Some(members) = block.object() else {
        return block.clone();
    };
    let kind = members.text("type").unwrap_or_default();
    match kind.as_str() {
        "text" | "image" | "resource" => block.clone(),
        "audio" if to >= Revision::V2025_03_26 => block.clone(),
        "audio" => text_block(&describe_audio(&members)),
        "resource_link" => text_block(&describe_link(&members)),
        _ => text_block(&format!(
            "[{kind}: left out, this protocol version has no such content]"
        )),
    }
}

fn describe_audio(block: &Object) -> String {
    let kind = block
        .text("mimeType")
        .unwrap_or_else(|| "unknown type".to_owned());
    let data = block.text_ref("data").unwrap_or_default();
    let padding = data.bytes().rev().take_while(|&byte| byte == b'=').count();
    let size = (data.len() / 4 * 3).saturating_sub(padding);
    format!("[audio: {kind}, {size} bytes]")
}

fn describe_link(block: &Object) -> String {
    let uri = block.text("uri").unwrap_or_default();
    match block.text("mimeType") {
        Some(kind) => format!("[resource: {uri}, {kind}]"),
        None => format!("[resource: {uri}]"),
    }
}
