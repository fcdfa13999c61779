//! Tool definitions (9.1).

use std::sync::Arc;

use bytes::Bytes;

use super::{canonical, icons, schema};
use crate::json::JsonKind;
use crate::{Era, Json, Object, Revision};

/// A tool as its server defines it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolDefinition {
    /// The server's own name of it.
    pub name: Arc<str>,
    /// The whole definition; from legacy servers without `x-mcp-header` (P9.9).
    pub raw: Json,
    /// `annotations.readOnlyHint`.
    pub read_only_hint: Option<bool>,
    /// `annotations.destructiveHint`.
    pub destructive_hint: Option<bool>,
    /// The arguments that are mirrored in headers; empty from legacy servers.
    pub header_params: Vec<HeaderParam>,
    /// `execution.taskSupport` is `required`; read once, asked at every call.
    requires_task: bool,
}

/// An argument that is mirrored in a header (`x-mcp-header`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderParam {
    /// The header in lower case, for example `mcp-param-region`.
    pub header: Box<str>,
    /// The way to the argument: names of members from `arguments` down (P8.17).
    pub path: Vec<Box<str>>,
    /// The type the schema gives it.
    pub kind: HeaderParamType,
}

/// The types an argument in a header may have (P9.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderParamType {
    /// A string, as it is.
    String,
    /// An integer, in decimal; compared as a number (P5.13).
    Integer,
    /// `true` or `false`.
    Boolean,
}

/// Why a tool is dropped from a list (P9.9).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTool {
    /// The definition is not an object with a name.
    #[error("reading a tool: not an object with a name")]
    NoName,
    /// An `x-mcp-header` annotation is invalid.
    #[error("reading a tool: x-mcp-header {0}")]
    HeaderAnnotation(&'static str),
}

impl ToolDefinition {
    /// Reads a definition from a server of that revision.
    pub fn parse(definition: Json, from: Revision) -> Result<Self, InvalidTool> {
        let members = definition.object().ok_or(InvalidTool::NoName)?;
        let name = members
            .text("name")
            .filter(|name| !name.is_empty())
            .ok_or(InvalidTool::NoName)?;
        let annotations = members.object("annotations");
        let hint = |key| {
            annotations
                .as_ref()
                .and_then(|hints| hints.get(key)?.as_bool())
        };
        let execution = members.object("execution");
        let requires_task = execution.is_some_and(|execution| {
            execution.text_ref("taskSupport").as_deref() == Some("required")
        });
        let (raw, header_params) = match from.era() {
            Era::Modern => {
                let params =
                    schema::header_params(&members).map_err(InvalidTool::HeaderAnnotation)?;
                (definition, params)
            }
            Era::Legacy => (schema::without_annotations(&members), Vec::new()),
        };
        Ok(Self {
            name: name.into(),
            raw,
            read_only_hint: hint("readOnlyHint"),
            destructive_hint: hint("destructiveHint"),
            header_params,
            requires_task,
        })
    }

    /// The same tool with another text, which says the same but for what clients are shown.
    #[must_use]
    pub fn with_raw(&self, raw: Json) -> Self {
        Self {
            raw,
            ..self.clone()
        }
    }

    /// The definition under its public name, as a client of that revision may see it
    /// (P9.8–P9.11, P9.50, P9.71, 6.3).
    pub fn for_client(&self, exposed: &str, to: Revision) -> Bytes {
        let Some(members) = self.raw.object() else {
            return self.raw.bytes().clone();
        };
        let mut edit = icons::without_unsafe(&members).remove("execution");
        if exposed != &*self.name {
            edit = edit.set("name", Json::from_text(exposed));
        }
        if to.era() == Era::Legacy && !has_object_output(&members) {
            edit = edit.remove("outputSchema");
        }
        if to <= Revision::V2025_03_26 {
            edit = edit
                .remove("title")
                .remove("icons")
                .remove("outputSchema")
                .remove("_meta");
        }
        if to == Revision::V2024_11_05 {
            edit = edit.remove("annotations");
        }
        edit.finish()
    }

    /// The canonical form a pin hashes (S-50): members sorted by name, no white space, strings with one
    /// spelling, numbers as they are written. Two definitions have the same form exactly when they differ in
    /// nothing but order, white space and the spelling of strings.
    pub fn canonical(&self) -> Vec<u8> {
        canonical::canonical(&self.raw)
    }

    /// Whether the tool cannot be called but as a task, which the gateway does not carry yet (P9.50).
    pub fn requires_task(&self) -> bool {
        self.requires_task
    }
}

impl HeaderParam {
    /// The argument, by its exact path; `None` when absent.
    pub(crate) fn value_in(&self, arguments: &Object) -> Option<Json> {
        let (last, parents) = self.path.split_last()?;
        let mut object = arguments.clone();
        for parent in parents {
            object = object.object(parent)?;
        }
        object.get(last)
    }
}

/// Whether the `outputSchema` is one that legacy clients accept: an object schema (P9.10).
fn has_object_output(members: &Object) -> bool {
    members.get("outputSchema").is_none_or(|schema| {
        schema.kind() == JsonKind::Object
            && schema
                .object()
                .is_some_and(|schema| schema.text_ref("type").as_deref() == Some("object"))
    })
}
