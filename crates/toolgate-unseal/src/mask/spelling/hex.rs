//! Two hex digits a byte.

use super::{LOWER_HEX, Spelling, UPPER_HEX, empty, push_hex};

/// Lower and upper case.
pub(super) fn spellings(secret: &[u8]) -> [Spelling; 2] {
    [LOWER_HEX, UPPER_HEX].map(|digits| {
        let mut text = empty(2 * secret.len());
        for byte in secret {
            push_hex(&mut text, *byte, digits);
        }
        text
    })
}
