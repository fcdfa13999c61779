//! The headers that mirror a modern request (P8.15–P8.17).

use std::borrow::Cow;

use smallvec::SmallVec;

use super::encode_header_value;
use crate::client::{MCP_METHOD, MCP_NAME, PROTOCOL_VERSION, mirrored_member};
use crate::json::JsonKind;
use crate::mcp::HeaderParam;
use crate::{Object, Revision, ToolDefinition};

/// `MCP-Protocol-Version`, `Mcp-Method`, `Mcp-Name` and `Mcp-Param-*` of a request, names in lower case.
///
/// `bare_name` is the server's own name of the tool or prompt, as given to [`super::call_params`]; without
/// it the name comes from `params` (P8.15). `params.arguments` feed the `Mcp-Param-*` of `tool` (P8.17).
/// Nothing of the client's own headers is looked at.
pub fn modern_headers<'h>(
    method: &'h str,
    params: &'h Object,
    bare_name: Option<&'h str>,
    tool: Option<&ToolDefinition>,
) -> SmallVec<[(Cow<'static, str>, Cow<'h, str>); 4]> {
    let mut headers = SmallVec::new();
    headers.push((PROTOCOL_VERSION.into(), Revision::LATEST.as_str().into()));
    headers.push((MCP_METHOD.into(), encode_header_value(method)));
    if let Some(member) = mirrored_member(method) {
        let bare = bare_name.filter(|_| member == "name").map(Cow::Borrowed);
        if let Some(name) = bare.or_else(|| params.text_ref(member)) {
            headers.push((MCP_NAME.into(), encoded(name)));
        }
    }
    if let Some(tool) = tool.filter(|tool| !tool.header_params.is_empty())
        && let Some(arguments) = params.object("arguments")
    {
        let repeated = |param: &HeaderParam| {
            let value = header_value(param, &arguments)?;
            Some((param.header.to_string().into(), value.into()))
        };
        headers.extend(tool.header_params.iter().filter_map(repeated));
    }
    headers
}

/// The value that mirrors a text.
fn encoded(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => encode_header_value(text),
        Cow::Owned(text) => Cow::Owned(encode_header_value(&text).into_owned()),
    }
}

/// Strings as they are, integers in decimal, booleans in lower case; null and absent omitted (P8.17).
fn header_value(param: &HeaderParam, arguments: &Object) -> Option<String> {
    let value = param.value_in(arguments)?;
    match value.kind() {
        JsonKind::String => Some(encode_header_value(&value.text()?).into_owned()),
        JsonKind::Number => Some(plain_integer(value.as_str())),
        JsonKind::Bool => Some(value.as_str().to_owned()),
        JsonKind::Null | JsonKind::Array | JsonKind::Object => None,
    }
}

/// An integer written as `42.0` loses its fraction of zeros; other spellings stay, since only the server
/// can say what they mean.
fn plain_integer(text: &str) -> String {
    match text.split_once('.') {
        Some((whole, zeros)) if zeros.bytes().all(|digit| digit == b'0') => whole.to_owned(),
        _ => text.to_owned(),
    }
}
