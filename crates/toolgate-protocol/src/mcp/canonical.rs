//! One spelling for equal values: what a pin hashes (S-50), what sessions are told apart by (P11.2), what a
//! `requestState` is bound to (P11.9).

use crate::Json;
use crate::json::{Decimal, JsonKind, quote_into};

/// How numbers are spelled.
#[derive(Clone, Copy)]
enum Numbers {
    AsWritten,
    ByValue,
}

/// The canonical form of a value: members sorted by name, no white space, strings with one spelling, numbers as
/// they are written.
pub(crate) fn canonical(value: &Json) -> Vec<u8> {
    spelled(value, Numbers::AsWritten)
}

/// A spelling of a value in which order of members, escapes and the way numbers are written do not matter:
/// what a `requestState` is bound to (P11.9), since clients serialise again.
///
/// Numbers keep their value at any size: 1, 1.0 and 1e0 are one, 2^53 and 2^53+1 are two.
pub fn canonical_by_value(value: &Json) -> Vec<u8> {
    spelled(value, Numbers::ByValue)
}

fn spelled(value: &Json, numbers: Numbers) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.bytes().len());
    push(&mut out, value, numbers);
    out
}

/// Recursion is bounded by the depth the scanner allows.
fn push(out: &mut Vec<u8>, value: &Json, numbers: Numbers) {
    match value.kind() {
        JsonKind::Object => push_object(out, value, numbers),
        JsonKind::Array => {
            out.push(b'[');
            for (at, element) in value.array().unwrap_or_default().iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                push(out, element, numbers);
            }
            out.push(b']');
        }
        JsonKind::String => quote_into(out, &value.text().unwrap_or_default()),
        JsonKind::Number => push_number(out, value, numbers),
        JsonKind::Null | JsonKind::Bool => out.extend_from_slice(value.bytes()),
    }
}

fn push_number(out: &mut Vec<u8>, value: &Json, numbers: Numbers) {
    match numbers {
        Numbers::ByValue if let Some(decimal) = Decimal::of(value.as_str()) => {
            decimal.write_into(out);
        }
        // An exponent beyond counting equals itself only, and no decimal is spelled like it.
        Numbers::ByValue | Numbers::AsWritten => out.extend_from_slice(value.bytes()),
    }
}

fn push_object(out: &mut Vec<u8>, value: &Json, numbers: Numbers) {
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
        push(out, value, numbers);
    }
    out.push(b'}');
}
