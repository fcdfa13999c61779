//! One spelling for equal values, so that a pin notices changes and nothing else (S-50).

use crate::Json;
use crate::json::{JsonKind, quote_into};

/// The canonical form of a value. Recursion is bounded by the depth the scanner allows.
pub(super) fn canonical(value: &Json) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.bytes().len());
    push(&mut out, value);
    out
}

fn push(out: &mut Vec<u8>, value: &Json) {
    match value.kind() {
        JsonKind::Object => push_object(out, value),
        JsonKind::Array => {
            out.push(b'[');
            for (at, element) in value.array().unwrap_or_default().iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                push(out, element);
            }
            out.push(b']');
        }
        JsonKind::String => quote_into(out, &value.text().unwrap_or_default()),
        JsonKind::Null | JsonKind::Bool | JsonKind::Number => out.extend_from_slice(value.bytes()),
    }
}

fn push_object(out: &mut Vec<u8>, value: &Json) {
    let object = value.object().unwrap_or_default();
    let mut members: Vec<_> = object.iter().collect();
    members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    out.push(b'{');
    for (at, (name, value)) in members.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        quote_into(out, name);
        out.push(b':');
        push(out, value);
    }
    out.push(b'}');
}
