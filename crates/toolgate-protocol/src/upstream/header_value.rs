//! Any text as a header value, and back (P5.12, P8.16).

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const PREFIX: &str = "=?base64?";
const SUFFIX: &str = "?=";

/// A header value in the base64 form that does not decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("decoding a header value: not padded base64 of UTF-8 between `=?base64?` and `?=`")]
pub struct InvalidHeaderValue;

/// Writes `text` as a header value: as it is where that is safe, else as `=?base64?…?=` (P8.16).
///
/// Safe is visible ASCII with inner spaces that does not begin like the base64 form itself.
pub fn encode_header_value(text: &str) -> Cow<'_, str> {
    let visible = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let padded = text.starts_with(' ') || text.ends_with(' ');
    if visible && !padded && !text.starts_with(PREFIX) {
        return Cow::Borrowed(text);
    }
    let mut value = String::with_capacity(PREFIX.len() + text.len() * 4 / 3 + 4 + SUFFIX.len());
    value.push_str(PREFIX);
    STANDARD.encode_string(text, &mut value);
    value.push_str(SUFFIX);
    Cow::Owned(value)
}

/// Reads a header value: trims white space around it, then decodes the base64 form (P5.12).
///
/// Only the whole form counts. A value that lacks either marker is literal text, as the specification and
/// the conformance suite have it; one that has both must decode.
pub fn decode_header_value(value: &str) -> Result<Cow<'_, str>, InvalidHeaderValue> {
    let value = trim_header_value(value);
    let inner = value
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.strip_suffix(SUFFIX));
    let Some(inner) = inner else {
        return Ok(Cow::Borrowed(value));
    };
    let bytes = STANDARD.decode(inner).map_err(|_| InvalidHeaderValue)?;
    String::from_utf8(bytes)
        .map(Cow::Owned)
        .map_err(|_| InvalidHeaderValue)
}

/// `value` without the optional white space of RFC 9110, section 5.6.3.
pub(crate) fn trim_header_value(value: &str) -> &str {
    value.trim_matches([' ', '\t'])
}
