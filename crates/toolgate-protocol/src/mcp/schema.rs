//! `x-mcp-header` in input schemas (P9.9). Schemas are otherwise opaque (P9.10).

use super::tool::{HeaderParam, HeaderParamType};
use crate::json::JsonKind;
use crate::{Json, Object};

/// The annotation that mirrors an argument in a header.
const ANNOTATION: &str = "x-mcp-header";

/// Keywords whose value maps names to schemas.
const SCHEMA_MAPS: [&str; 5] = [
    "properties",
    "patternProperties",
    "$defs",
    "definitions",
    "dependentSchemas",
];

/// Keywords whose value is data, in which an annotation means nothing.
const DATA: [&str; 5] = ["const", "default", "enum", "example", "examples"];

/// The annotated arguments of a definition; an error names what is wrong with an annotation.
pub(super) fn header_params(definition: &Object) -> Result<Vec<HeaderParam>, &'static str> {
    let mut params = Vec::new();
    if let Some(schema) = definition.get("inputSchema").filter(may_be_annotated) {
        read_schema(&schema, Some(&mut Vec::new()), &mut params)?;
    }
    Ok(params)
}

/// The definition without annotations, the same bytes when there are none.
pub(super) fn without_annotations(definition: &Object) -> Json {
    let annotated = definition.get("inputSchema").filter(may_be_annotated);
    let stripped = annotated.and_then(|schema| {
        let bare = strip_schema(&schema);
        (bare != schema).then_some(bare)
    });
    match stripped {
        Some(bare) => definition.edit().set("inputSchema", bare).json(),
        None => definition.json().clone(),
    }
}

/// A cheap look before the schema is read: nearly none is annotated. The name could also be spelt with
/// escapes.
fn may_be_annotated(schema: &Json) -> bool {
    let text = schema.bytes();
    memchr::memmem::find(text, ANNOTATION.as_bytes()).is_some()
        || memchr::memmem::find(text, b"\\u").is_some()
}

/// Reads one schema. `path` leads to the argument it describes, `None` where no chain of `properties`
/// alone leads; recursion is bounded by the depth the scanner allows.
fn read_schema(
    schema: &Json,
    mut path: Option<&mut Vec<Box<str>>>,
    params: &mut Vec<HeaderParam>,
) -> Result<(), &'static str> {
    let Some(members) = schema.object() else {
        let elements = schema.array().unwrap_or_default();
        return elements
            .iter()
            .try_for_each(|element| read_schema(element, None, params));
    };
    if let Some(annotation) = members.get(ANNOTATION) {
        let path = path.as_deref().filter(|path| !path.is_empty());
        let path = path.ok_or("is not reachable through properties only")?;
        let param = header_param(&annotation, &members, path)?;
        if params.iter().any(|other| other.header == param.header) {
            return Err("names one header twice");
        }
        params.push(param);
    }
    for (keyword, value) in members.iter() {
        if DATA.contains(&&*keyword) {
            continue;
        }
        if !SCHEMA_MAPS.contains(&&*keyword) {
            read_schema(&value, None, params)?;
            continue;
        }
        for (name, subschema) in value.object().unwrap_or_default().iter() {
            match path.as_deref_mut().filter(|_| keyword == "properties") {
                Some(path) => {
                    path.push(name.into());
                    read_schema(&subschema, Some(path), params)?;
                    path.pop();
                }
                None => read_schema(&subschema, None, params)?,
            }
        }
    }
    Ok(())
}

fn header_param(
    annotation: &Json,
    schema: &Object,
    path: &[Box<str>],
) -> Result<HeaderParam, &'static str> {
    let name = annotation.text().ok_or("is not a string")?;
    if name.is_empty() || !name.bytes().all(is_token_byte) {
        return Err("is not a header token");
    }
    let kind = match schema.text_ref("type").as_deref() {
        Some("string") => HeaderParamType::String,
        Some("integer") => HeaderParamType::Integer,
        Some("boolean") => HeaderParamType::Boolean,
        _ => return Err("is on a type other than string, integer or boolean"),
    };
    let header = format!("mcp-param-{}", name.to_ascii_lowercase());
    Ok(HeaderParam {
        header: header.into(),
        path: path.to_vec(),
        kind,
    })
}

/// RFC 9110, section 5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The schema without annotations, at any depth.
fn strip_schema(schema: &Json) -> Json {
    match schema.kind() {
        JsonKind::Object => {
            let bare = schema
                .object()
                .unwrap_or_default()
                .edit()
                .remove(ANNOTATION)
                .object();
            change_members(&bare, |keyword, value| match value.object() {
                _ if DATA.contains(&keyword) => value.clone(),
                Some(map) if SCHEMA_MAPS.contains(&keyword) => {
                    change_members(&map, |_, subschema| strip_schema(subschema))
                }
                _ => strip_schema(value),
            })
        }
        JsonKind::Array => {
            let elements = schema.array().unwrap_or_default();
            let stripped: Vec<Json> = elements.iter().map(strip_schema).collect();
            if stripped == elements {
                schema.clone()
            } else {
                Json::list(&stripped)
            }
        }
        JsonKind::Null | JsonKind::Bool | JsonKind::Number | JsonKind::String => schema.clone(),
    }
}

/// The object with each value passed through `change`; the same bytes when none changes.
fn change_members(object: &Object, change: impl Fn(&str, &Json) -> Json) -> Json {
    let mut edit = object.edit();
    for (name, value) in object.iter() {
        let changed = change(&name, &value);
        if changed != value {
            edit = edit.set(&name, changed);
        }
    }
    edit.json()
}
