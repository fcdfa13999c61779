//! The insides of JSON strings: finding their end, decoding and writing them.

use std::borrow::Cow;

use super::blocks::{Seen, plain_run};

/// Decodes what stands between the quotes of a validated string. A lone surrogate, which only upstream
/// texts may hold, becomes U+FFFD here; the text itself keeps the escape (P3.17).
pub(super) fn decode(raw: &[u8]) -> Cow<'_, str> {
    match decode_bytes(raw) {
        Cow::Borrowed(plain) => {
            Cow::Borrowed(std::str::from_utf8(plain).expect("the scanner checked UTF-8"))
        }
        Cow::Owned(decoded) => {
            Cow::Owned(String::from_utf8(decoded).expect("the scanner checked UTF-8"))
        }
    }
}

/// Decodes a validated value that is a string.
pub(crate) fn decode_value(text: &[u8]) -> Option<Cow<'_, str>> {
    Some(decode(text.strip_prefix(b"\"")?.strip_suffix(b"\"")?))
}

/// Up to here a string is short.
const SHORT: usize = 64;

/// The same for text that is not known to be UTF-8 yet, for comparing names.
pub(crate) fn decode_bytes(raw: &[u8]) -> Cow<'_, [u8]> {
    // For short strings the jump into the library costs more than the search.
    if raw.len() < SHORT && !raw.contains(&b'\\') {
        return Cow::Borrowed(raw);
    }
    let Some(first) = memchr::memchr(b'\\', raw) else {
        return Cow::Borrowed(raw);
    };
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw;
    let mut next = Some(first);
    while let Some(backslash) = next {
        decoded.extend_from_slice(&rest[..backslash]);
        let (character, length) = unescape(&rest[backslash..]);
        decoded.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        rest = &rest[backslash + length..];
        next = memchr::memchr(b'\\', rest);
    }
    decoded.extend_from_slice(rest);
    Cow::Owned(decoded)
}

/// The character a validated escape stands for, and how many bytes the escape takes.
fn unescape(escape: &[u8]) -> (char, usize) {
    let character = match escape.get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unescape_unicode(escape),
        Some(&byte) => char::from(byte),
        None => char::REPLACEMENT_CHARACTER,
    };
    (character, 2)
}

fn unescape_unicode(escape: &[u8]) -> (char, usize) {
    let unit = hex4(escape, 2).unwrap_or(0xfffd);
    if is_high_surrogate(unit)
        && escape.get(6..8) == Some(b"\\u")
        && let Some(low) = hex4(escape, 8).filter(|&low| is_low_surrogate(low))
    {
        let scalar = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        return (
            char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER),
            12,
        );
    }
    (
        char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER),
        6,
    )
}

/// Four hex digits as a UTF-16 unit.
pub(super) fn hex4(text: &[u8], at: usize) -> Option<u32> {
    text.get(at..at + 4)?.iter().try_fold(0, |unit, &byte| {
        Some(unit * 16 + char::from(byte).to_digit(16)?)
    })
}

pub(super) fn is_high_surrogate(unit: u32) -> bool {
    (0xd800..0xdc00).contains(&unit)
}

pub(super) fn is_low_surrogate(unit: u32) -> bool {
    (0xdc00..0xe000).contains(&unit)
}

/// Appends `text` as a JSON string, quotes included.
pub(crate) fn quote_into(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    let mut from = 0;
    loop {
        let stop = plain_end(bytes, from);
        out.extend_from_slice(&bytes[from..stop]);
        let Some(&byte) = bytes.get(stop) else { break };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 0xf)]);
            }
        }
        from = stop + 1;
    }
    out.push(b'"');
}

/// How long `text` is as a JSON string, quotes included.
pub(super) fn quoted_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let escapes = |byte: &u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 1,
        0..0x20 => 5,
        _ => 0,
    };
    bytes.len() + 2 + bytes.iter().map(escapes).sum::<usize>()
}

/// Whether `text` is a JSON string as it stands, but for the quotes.
pub(super) fn is_plain(text: &str) -> bool {
    plain_end(text.as_bytes(), 0) == text.len()
}

/// Where the first character that must be escaped stands, or the end.
fn plain_end(text: &[u8], from: usize) -> usize {
    plain_run(text, from, usize::MAX, &mut Seen::default())
}

const HEX: &[u8; 16] = b"0123456789abcdef";
