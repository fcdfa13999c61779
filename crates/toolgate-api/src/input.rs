//! Queries and bodies, read strictly: nothing unknown, nothing twice, nothing malformed.

use bytes::Bytes;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::error::Category;

use crate::problem::Problem;

/// Where an operation takes nothing.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// Reads a JSON object; an empty body counts as `{}`.
pub(crate) fn body<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, Problem> {
    let text: &[u8] = if bytes.is_empty() { b"{}" } else { bytes };
    // A list of the members' values, in their order, could be read as well and is not meant.
    if first_of(text) == Some(b'[') {
        return Err(Problem::malformed("the body has to be a JSON object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read = serde_path_to_error::deserialize(&mut reader);
    let value = read.map_err(|error| {
        let place = error.path().to_string();
        let inner = error.into_inner();
        match inner.classify() {
            Category::Data => Problem::malformed(in_our_words("body", &place, &inner.to_string())),
            Category::Syntax | Category::Eof | Category::Io => not_json(&inner),
        }
    })?;
    reader.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

/// The first byte that means something.
fn first_of(text: &[u8]) -> Option<u8> {
    let mut bytes = text.iter().copied();
    bytes.find(|byte| !byte.is_ascii_whitespace())
}

/// Reads a query string.
pub(crate) fn query<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    if !is_well_escaped(text) {
        return Err(Problem::malformed(
            "the query has a broken escape or is not UTF-8",
        ));
    }
    let reader = serde_urlencoded::Deserializer::new(url::form_urlencoded::parse(text.as_bytes()));
    serde_path_to_error::deserialize(reader).map_err(|error| {
        let place = error.path().to_string();
        Problem::malformed(in_our_words(
            "query",
            &place,
            &error.into_inner().to_string(),
        ))
    })
}

fn not_json(error: &serde_json::Error) -> Problem {
    Problem::malformed(format!(
        "the body is not JSON from line {}, column {} on",
        error.line(),
        error.column()
    ))
}

/// Names what is wrong without a word of what was given, which may be a secret (S-21).
fn in_our_words(what: &str, place: &str, error: &str) -> String {
    // The parser appends where in the text it was.
    let error = error.split(" at line ").next().unwrap_or_default();
    let of = match place {
        "" | "." | "?" => format!("the {what}"),
        place => format!("`{place}` of the {what}"),
    };
    let kept = ["unknown field", "missing field", "duplicate field"];
    if kept.iter().any(|start| error.starts_with(start)) {
        return format!("the {what} has {}", with_article(error));
    }
    let quotes = [
        "invalid type",
        "invalid value",
        "invalid length",
        "unknown variant",
    ];
    if quotes.iter().any(|start| error.starts_with(start)) {
        let expected = error.rsplit_once("expected ").map(|(_, expected)| expected);
        return match expected {
            Some(expected) => format!("{of} is not right: expected {expected}"),
            None => format!("{of} is not right"),
        };
    }
    format!("{of} is not right: {error}")
}

fn with_article(error: &str) -> String {
    match error.strip_prefix("missing field") {
        Some(name) => format!("no field{name}, which is required"),
        None if error.starts_with("unknown") => format!("an {error}"),
        None => format!("a {error}"),
    }
}

/// Whether every `%` starts an escape and what they spell is UTF-8.
fn is_well_escaped(text: &str) -> bool {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match (digit(bytes.next()), digit(bytes.next())) {
            // Two digits are at most 255.
            (Some(high), Some(low)) => decoded.push(u8::try_from(high * 16 + low).unwrap_or(0)),
            _ => return false,
        }
    }
    std::str::from_utf8(&decoded).is_ok()
}
