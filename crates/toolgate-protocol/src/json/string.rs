//! The insides of JSON strings: finding their end, decoding and writing them.

use std::borrow::Cow;

/// Eight copies of a byte.
const fn splat(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Walks over characters that stand for themselves. Returns where the first other one is (a quote, a
/// backslash, a control character) or the end of `text`; adds bytes on the way to `seen`, which tells by its
/// high bits whether one of them was not ASCII (bytes shortly after the end may count too).
#[inline]
pub(crate) fn plain_run(text: &[u8], mut at: usize, seen: &mut u64) -> usize {
    while let Some(word) = word_at(text, at) {
        *seen |= word;
        let stops = stops_in(word);
        if stops != 0 {
            return at + (stops.trailing_zeros() / 8) as usize;
        }
        at += size_of::<u64>();
    }
    while let Some(&byte) = text.get(at) {
        if byte == b'"' || byte == b'\\' || byte < 0x20 {
            break;
        }
        *seen |= u64::from(byte);
        at += 1;
    }
    at
}

#[inline]
pub(super) fn word_at(text: &[u8], at: usize) -> Option<u64> {
    text.get(at..)?
        .first_chunk()
        .copied()
        .map(u64::from_le_bytes)
}

/// The high bit of each byte that ends a plain run. Bytes above a true one may be marked falsely, as the
/// subtraction borrows; only the lowest mark is used. ("Bit twiddling hacks", determine if a word has a
/// byte less than n.)
#[inline]
pub(super) fn stops_in(word: u64) -> u64 {
    let is_zero = |word: u64| word.wrapping_sub(splat(1)) & !word;
    let below_space = word.wrapping_sub(splat(0x20)) & !word;
    (is_zero(word ^ splat(b'"')) | is_zero(word ^ splat(b'\\')) | below_space) & splat(0x80)
}

/// Whether [`plain_run`] saw a byte that is not ASCII.
pub(crate) fn saw_non_ascii(seen: u64) -> bool {
    seen & splat(0x80) != 0
}

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

/// The same for text that is not known to be UTF-8 yet, for comparing names.
pub(crate) fn decode_bytes(raw: &[u8]) -> Cow<'_, [u8]> {
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
        let stop = plain_run(bytes, from, &mut 0);
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

const HEX: &[u8; 16] = b"0123456789abcdef";
