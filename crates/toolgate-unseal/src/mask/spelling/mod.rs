//! Every way a server is likely to write a secret it echoes.
//!
//! One function a family; most spellings of an ordinary secret (letters and digits) are the secret itself, and
//! the index keeps one of each.

mod base64;
mod hex;
mod json;
mod percent;

use zeroize::Zeroizing;

/// A spelling of a secret, wiped on drop.
pub(super) type Spelling = Zeroizing<String>;

/// All spellings of one secret, in no order and with repetitions.
pub(super) fn all(secret: &str) -> Vec<Spelling> {
    let mut found = vec![Zeroizing::new(secret.to_owned()), reversed(secret)];
    found.extend(percent::spellings(secret));
    found.extend(base64::spellings(secret.as_bytes()));
    found.extend(hex::spellings(secret.as_bytes()));
    // Each of these may stand in a JSON string, where `/` and `+` have more than one spelling again.
    let in_json: Vec<Spelling> = found
        .iter()
        .flat_map(|text| json::spellings(text).chain(json::nested(text)))
        .collect();
    found.extend(in_json);
    found.extend(json::all_unicode(secret));
    found
}

/// Last character first, as S-19 lists it.
fn reversed(secret: &str) -> Spelling {
    let mut reversed = empty(secret.len());
    reversed.extend(secret.chars().rev());
    reversed
}

/// Room for the whole spelling: a string that grew would leave a piece of the secret in freed memory.
fn empty(capacity: usize) -> Spelling {
    Zeroizing::new(String::with_capacity(capacity))
}

const LOWER_HEX: &[u8; 16] = b"0123456789abcdef";
const UPPER_HEX: &[u8; 16] = b"0123456789ABCDEF";

fn push_hex(text: &mut String, byte: u8, digits: &[u8; 16]) {
    text.push(char::from(digits[usize::from(byte >> 4)]));
    text.push(char::from(digits[usize::from(byte & 0xf)]));
}
