//! The resource that draws a tool's results: `_meta.ui.resourceUri` of MCP Apps, and its older, flat form.

use toolgate_protocol::{Json, Object, ToolDefinition};

const UI: &str = "ui";
const URI: &str = "resourceUri";
const FLAT: &str = "ui/resourceUri";

/// The URIs that a tool names.
pub(crate) fn ui_uris(tool: &ToolDefinition) -> Vec<String> {
    let Some(meta) = meta_of(tool) else {
        return Vec::new();
    };
    let nested = meta.object(UI).and_then(|ui| ui.text(URI));
    nested.into_iter().chain(meta.text(FLAT)).collect()
}

/// The definition with its URIs replaced where `shown` says so; `None` when nothing is replaced (P9.17).
pub(crate) fn with_ui_uris(
    tool: &ToolDefinition,
    shown: impl Fn(&str) -> Option<String>,
) -> Option<ToolDefinition> {
    let meta = meta_of(tool)?;
    let nested = meta.object(UI);
    let nested_uri = nested.as_ref().and_then(|ui| shown(&ui.text(URI)?));
    let flat_uri = meta.text(FLAT).and_then(|uri| shown(&uri));
    if nested_uri.is_none() && flat_uri.is_none() {
        return None;
    }
    let mut edit = meta.edit();
    if let (Some(ui), Some(uri)) = (nested, nested_uri) {
        edit = edit.set(UI, ui.edit().set(URI, Json::from_text(&uri)).json());
    }
    if let Some(uri) = flat_uri {
        edit = edit.set(FLAT, Json::from_text(&uri));
    }
    let definition = tool.raw.object()?.edit().set("_meta", edit.json());
    Some(tool.with_raw(definition.json()))
}

fn meta_of(tool: &ToolDefinition) -> Option<Object> {
    // Few tools have one, and most definitions are long.
    if !tool.raw.as_str().contains(URI) {
        return None;
    }
    tool.raw.object()?.object("_meta")
}
