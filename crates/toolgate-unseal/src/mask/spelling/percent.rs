//! Percent encoding: `%` and two hex digits.

use super::{LOWER_HEX, Spelling, UPPER_HEX, empty, push_hex};

/// Encoders differ in the punctuation they leave alone; each of theirs, in both cases.
pub(super) fn spellings(secret: &str) -> impl Iterator<Item = Spelling> {
    ENCODERS.iter().flat_map(move |encoder| {
        [LOWER_HEX, UPPER_HEX].map(|digits| encode(secret, encoder, digits))
    })
}

fn encode(secret: &str, encoder: &Encoder, digits: &[u8; 16]) -> Spelling {
    let mut text = empty(3 * secret.len());
    for byte in secret.bytes() {
        if byte == b' ' && encoder.space_is_plus {
            text.push('+');
        } else if (byte.is_ascii_alphanumeric() && encoder.keeps_alphanumeric)
            || encoder.keeps.contains(&byte)
        {
            text.push(char::from(byte));
        } else {
            text.push('%');
            push_hex(&mut text, byte, digits);
        }
    }
    text
}

struct Encoder {
    keeps_alphanumeric: bool,
    /// Punctuation left as it is.
    keeps: &'static [u8],
    space_is_plus: bool,
}

const ENCODERS: [Encoder; 5] = [
    // RFC 3986, all but unreserved characters: most libraries.
    Encoder {
        keeps_alphanumeric: true,
        keeps: b"-._~",
        space_is_plus: false,
    },
    // JavaScript's encodeURIComponent.
    Encoder {
        keeps_alphanumeric: true,
        keeps: b"-._~!'()*",
        space_is_plus: false,
    },
    // JavaScript's encodeURI.
    Encoder {
        keeps_alphanumeric: true,
        keeps: b"-._~!'()*;,/?:@&=+$#",
        space_is_plus: false,
    },
    // HTML forms (WHATWG application/x-www-form-urlencoded).
    Encoder {
        keeps_alphanumeric: true,
        keeps: b"*-._",
        space_is_plus: true,
    },
    // Every byte.
    Encoder {
        keeps_alphanumeric: false,
        keeps: b"",
        space_is_plus: false,
    },
];
