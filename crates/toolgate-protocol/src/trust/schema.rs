//! Whether calls made by one input schema are taken by another. Errs on the side of "no".

use crate::mcp::canonical::canonical_by_value;
use crate::{Json, JsonKind, Object};

/// How a schema relates to the one before it; the worst part decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    Same,
    /// Only what people and models read differs.
    Words,
    /// It takes everything the old one took, and more.
    Wider,
    /// It may refuse what the old one took, or it cannot be told.
    Narrower,
}

/// What is read and decides nothing.
const WORDS: &[&str] = &[
    "title",
    "description",
    "default",
    "examples",
    "example",
    "$comment",
    "deprecated",
];
/// Limits: without them more is taken.
const LIMITS: &[&str] = &[
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "x-mcp-header",
];

/// Compares two schemas. The depth of recursion is bounded by the depth the scanner allows.
pub(super) fn compare(before: &Json, after: &Json) -> Fit {
    if canonical_by_value(before) == canonical_by_value(after) {
        return Fit::Same;
    }
    match (before.object(), after.object()) {
        (Some(before), Some(after)) => members(&before, &after, keyword),
        _ => Fit::Narrower,
    }
}

fn members(
    before: &Object,
    after: &Object,
    judge: impl Fn(&str, Option<Json>, Option<Json>) -> Fit,
) -> Fit {
    let added = after.keys().filter(|name| !before.contains(name));
    let names = before.keys().chain(added);
    names
        .map(|name| judge(&name, before.get(&name), after.get(&name)))
        .fold(Fit::Same, Ord::max)
}

fn keyword(name: &str, before: Option<Json>, after: Option<Json>) -> Fit {
    if before.as_ref().map(canonical_by_value) == after.as_ref().map(canonical_by_value) {
        return Fit::Same;
    }
    if WORDS.contains(&name) {
        return Fit::Words;
    }
    match (name, before, after) {
        ("properties" | "$defs" | "definitions", Some(before), Some(after)) => {
            maps(&before, &after)
        }
        // Properties that nothing was said of were taken already, or refused by `additionalProperties`.
        ("properties" | "$defs" | "definitions", None, Some(_))
        | ("enum" | "additionalProperties", Some(_), None) => Fit::Wider,
        ("required", before, after) => subset(after.as_ref(), before.as_ref()),
        ("enum" | "type", Some(before), Some(after)) => subset(Some(&before), Some(&after)),
        ("items" | "additionalProperties", Some(before), Some(after)) => {
            if before.as_bool() == Some(false) {
                return Fit::Wider;
            }
            compare(&before, &after)
        }
        (name, Some(_), None) if LIMITS.contains(&name) => Fit::Wider,
        _ => Fit::Narrower,
    }
}

/// Schemas by name: one more is no harm, one less is.
fn maps(before: &Json, after: &Json) -> Fit {
    let (Some(before), Some(after)) = (before.object(), after.object()) else {
        return Fit::Narrower;
    };
    members(&before, &after, |_, before, after| match (before, after) {
        (Some(before), Some(after)) => compare(&before, &after),
        (None, Some(_)) => Fit::Wider,
        (Some(_) | None, None) => Fit::Narrower,
    })
}

/// `Wider` when every element of `few` is one of `many`; a single value counts as a list of one.
fn subset(few: Option<&Json>, many: Option<&Json>) -> Fit {
    let many = elements(many);
    let all = elements(few).iter().all(|one| many.contains(one));
    if all { Fit::Wider } else { Fit::Narrower }
}

fn elements(list: Option<&Json>) -> Vec<Vec<u8>> {
    let list = match list {
        None => Vec::new(),
        Some(list) if list.kind() == JsonKind::Array => list.array().unwrap_or_default(),
        Some(one) => vec![one.clone()],
    };
    list.iter().map(canonical_by_value).collect()
}
