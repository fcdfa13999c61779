//! JSON strings. The grammar lets an encoder choose, and encoders do.

use super::{LOWER_HEX, Spelling, UPPER_HEX, empty, push_hex};

/// As each of the common encoders writes `text` in a JSON string.
pub(super) fn spellings(text: &str) -> impl Iterator<Item = Spelling> {
    ENCODERS.iter().map(move |encoder| encode(text, encoder))
}

/// Every character as `\u00XX`, in both cases.
pub(super) fn all_unicode(text: &str) -> [Spelling; 2] {
    [LOWER_HEX, UPPER_HEX].map(|digits| {
        let encoder = Encoder {
            unicode: |_| true,
            digits,
            ..PLAIN
        };
        encode(text, &encoder)
    })
}

/// JSON in a string of JSON, as in a tool's text that is itself a JSON document.
pub(super) fn twice(text: &str) -> [Spelling; 3] {
    [PLAIN, ASCII, SLASH].map(|encoder| encode(&encode(text, &encoder), &encoder))
}

fn encode(text: &str, encoder: &Encoder) -> Spelling {
    let mut encoded = empty(LONGEST_ESCAPE * text.len());
    for c in text.chars() {
        if (encoder.unicode)(c) {
            push_unicode(&mut encoded, c, encoder.digits);
        } else if let Some(short) =
            short_escape(c).filter(|short| *short != '/' || encoder.escapes_slash)
        {
            encoded.push('\\');
            encoded.push(short);
        } else if c < ' ' {
            push_unicode(&mut encoded, c, encoder.digits);
        } else {
            encoded.push(c);
        }
    }
    encoded
}

/// What follows the backslash.
fn short_escape(c: char) -> Option<char> {
    Some(match c {
        '"' | '\\' | '/' => c,
        '\u{8}' => 'b',
        '\u{c}' => 'f',
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        _ => return None,
    })
}

/// One escape, or two for a character beyond the basic plane.
fn push_unicode(encoded: &mut Spelling, c: char, digits: &[u8; 16]) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        encoded.push_str("\\u");
        for byte in unit.to_be_bytes() {
            push_hex(encoded, byte, digits);
        }
    }
}

struct Encoder {
    /// Characters written as `\uXXXX` though they need not be, or though there is a short escape.
    unicode: fn(char) -> bool,
    digits: &'static [u8; 16],
    escapes_slash: bool,
}

/// JSON.stringify, serde_json: what must be escaped.
const PLAIN: Encoder = Encoder {
    unicode: |_| false,
    digits: LOWER_HEX,
    escapes_slash: false,
};
/// Python's json.dumps.
const ASCII: Encoder = Encoder {
    unicode: |c| !c.is_ascii(),
    ..PLAIN
};
/// PHP's json_encode with JSON_UNESCAPED_UNICODE.
const SLASH: Encoder = Encoder {
    escapes_slash: true,
    ..PLAIN
};

const ENCODERS: [Encoder; 7] = [
    PLAIN,
    ASCII,
    SLASH,
    // PHP's json_encode.
    Encoder {
        unicode: |c| !c.is_ascii(),
        ..SLASH
    },
    // Encoders with upper-case digits.
    Encoder {
        unicode: |c| !c.is_ascii(),
        digits: UPPER_HEX,
        ..PLAIN
    },
    // Go's encoding/json, safe in HTML.
    Encoder {
        unicode: |c| matches!(c, '<' | '>' | '&'),
        ..PLAIN
    },
    // .NET's System.Text.Json.
    Encoder {
        unicode: |c| !c.is_ascii() || matches!(c, '<' | '>' | '&' | '\'' | '"' | '+' | '`'),
        digits: UPPER_HEX,
        ..PLAIN
    },
];

/// `\u00XX` for one byte; a longer character has at most as many escapes as bytes.
const LONGEST_ESCAPE: usize = 6;
