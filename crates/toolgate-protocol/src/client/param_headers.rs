//! `Mcp-Param-*` against the arguments (P5.13).

use super::{HeaderLookup, Headers};
use crate::json::JsonKind;
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

fn same_number(one: &str, other: &str) -> bool {
    match (Decimal::of(one), Decimal::of(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// A number as digits and a power of ten, so that two spellings of one value are equal at any size.
#[derive(PartialEq, Eq)]
struct Decimal {
    negative: bool,
    /// Without zeros at either end; empty for zero.
    digits: String,
    /// The power of ten of the last digit.
    exponent: i64,
}

impl Decimal {
    /// Reads a JSON number; `None` when its exponent is beyond counting.
    fn of(text: &str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, fraction].concat();
        let significant = all.trim_start_matches('0');
        let digits = significant.trim_end_matches('0');
        if digits.is_empty() {
            return Some(Self {
                negative: false,
                digits: String::new(),
                exponent: 0,
            });
        }
        let trailing_zeros = significant.len() - digits.len();
        let exponent = exponent
            .parse::<i64>()
            .ok()?
            .checked_sub(i64::try_from(fraction.len()).ok()?)?
            .checked_add(i64::try_from(trailing_zeros).ok()?)?;
        Some(Self {
            negative,
            digits: digits.to_owned(),
            exponent,
        })
    }
}
