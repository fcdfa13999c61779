//! JSON strings. The grammar lets an encoder choose, and encoders do.

use super::{LOWER_HEX, Spelling, UPPER_HEX, empty, push_hex};

/// As each of the common encoders writes `text` in a JSON string, if not as it is.
pub(super) fn spellings(text: &str) -> impl Iterator<Item = Spelling> {
    ENCODERS
        .iter()
        .filter(move |encoder| text.chars().any(|c| encoder.escape(c).is_some()))
        .map(move |encoder| encoder.encode(text))
}

/// Every character as `\u00XX`, in both cases.
pub(super) fn all_unicode(text: &str) -> [Spelling; 2] {
    let lower = Encoder {
        unicode: |_| true,
        ..PLAIN
    };
    let upper = Encoder {
        digits: UPPER_HEX,
        ..lower
    };
    [lower, upper].map(|encoder| encoder.encode(text))
}

/// JSON in a string of JSON, as in a tool's text that is itself a JSON document, or quotes one.
pub(super) fn nested(text: &str) -> impl Iterator<Item = Spelling> {
    [PLAIN, ASCII, SLASH]
        .into_iter()
        .filter(move |encoder| text.chars().any(|c| encoder.escape(c).is_some()))
        .flat_map(move |encoder| {
            let twice = encoder.encode(&encoder.encode(text));
            let thrice = encoder.encode(&twice);
            [twice, thrice]
        })
}

struct Encoder {
    /// Characters written as `\uXXXX` though they need not be, or though there is a short escape.
    unicode: fn(char) -> bool,
    digits: &'static [u8; 16],
    escapes_slash: bool,
}

enum Escape {
    /// A backslash and this.
    Short(char),
    Unicode,
}

impl Encoder {
    fn encode(&self, text: &str) -> Spelling {
        let mut encoded = empty(LONGEST_ESCAPE * text.len());
        for c in text.chars() {
            match self.escape(c) {
                None => encoded.push(c),
                Some(Escape::Short(short)) => encoded.extend(['\\', short]),
                Some(Escape::Unicode) => push_unicode(&mut encoded, c, self.digits),
            }
        }
        encoded
    }

    fn escape(&self, c: char) -> Option<Escape> {
        if (self.unicode)(c) {
            return Some(Escape::Unicode);
        }
        match c {
            '"' | '\\' => Some(Escape::Short(c)),
            '/' if self.escapes_slash => Some(Escape::Short(c)),
            '\u{8}' => Some(Escape::Short('b')),
            '\u{c}' => Some(Escape::Short('f')),
            '\n' => Some(Escape::Short('n')),
            '\r' => Some(Escape::Short('r')),
            '\t' => Some(Escape::Short('t')),
            '\0'..' ' => Some(Escape::Unicode),
            _ => None,
        }
    }
}

/// One escape, or two for a character beyond the basic plane.
fn push_unicode(encoded: &mut String, c: char, digits: &[u8; 16]) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        encoded.push_str("\\u");
        for byte in unit.to_be_bytes() {
            push_hex(encoded, byte, digits);
        }
    }
}

/// What must be escaped: `JSON.stringify`, `serde_json`.
const PLAIN: Encoder = Encoder {
    unicode: |_| false,
    digits: LOWER_HEX,
    escapes_slash: false,
};
/// Python's `json.dumps`.
const ASCII: Encoder = Encoder {
    unicode: |c| !c.is_ascii(),
    ..PLAIN
};
/// PHP's `json_encode` with `JSON_UNESCAPED_UNICODE`.
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
