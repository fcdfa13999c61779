//! `Mcp-Param-*` against the arguments (P5.13).

use super::{HeaderLookup, Headers};
use crate::json::{JsonKind, same_number};
use crate::upstream::decode_header_value;
use crate::{Json, JsonLimits, Object, RpcError, ToolDefinition, codes};

/// Checks that each annotated argument is repeated in its header, and that no header repeats an argument
/// which is absent or null (P5.13). Headers that no annotation names are not looked at.
pub fn check_param_headers(
    tool: &ToolDefinition,
    arguments: Option<&Object>,
    headers: &impl Headers,
) -> Result<(), RpcError> {
    for param in &tool.header_params {
        let value = arguments.and_then(|arguments| param.value_in(arguments));
        if !agrees(value.as_ref(), headers.header(&param.header)) {
            return Err(RpcError::new(
                codes::HEADER_MISMATCH,
                format!(
                    "the {} header must be there once and equal the argument",
                    param.header
                ),
            ));
        }
    }
    Ok(())
}

fn agrees(value: Option<&Json>, header: HeaderLookup<'_>) -> bool {
    let Some(value) = value else {
        return header == HeaderLookup::Absent;
    };
    match value.kind() {
        JsonKind::String => value.text().is_some_and(|text| header.mirrors(&text)),
        JsonKind::Bool => header.mirrors(value.as_str()),
        JsonKind::Number => mirrors_number(value, header),
        // No header repeats these; that the type is wrong is for the server to say (P9.15).
        JsonKind::Null | JsonKind::Array | JsonKind::Object => header == HeaderLookup::Absent,
    }
}

/// Numbers are compared by value, so `42` and `42.0` agree (P5.13).
fn mirrors_number(value: &Json, header: HeaderLookup<'_>) -> bool {
    let HeaderLookup::One(header) = header else {
        return false;
    };
    let Ok(text) = decode_header_value(header) else {
        return false;
    };
    match Json::parse(text.into_owned().into(), &JsonLimits::CLIENT) {
        Ok(number) if number.kind() == JsonKind::Number => {
            same_number(number.as_str(), value.as_str())
        }
        _ => false,
    }
}
