//! Base64, wherever in the encoded text the secret stands.

use base64::Engine;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::{Spelling, empty};

/// Both alphabets at each of the three offsets a secret can have in a group of three bytes.
pub(super) fn spellings(secret: &[u8]) -> impl Iterator<Item = Spelling> {
    [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD]
        .into_iter()
        .flat_map(move |engine| [0, 1, 2].map(|offset| core(secret, engine, offset)))
}

/// The characters that depend on the secret alone.
///
/// A character at either end may hold bits of the neighbour too. It cannot be searched for and stays in the
/// text, with at most four bits of the secret's first and last byte.
fn core(secret: &[u8], engine: &GeneralPurpose, offset: usize) -> Spelling {
    let mut shifted = Zeroizing::new(Vec::with_capacity(offset + secret.len()));
    shifted.resize(offset, 0);
    shifted.extend_from_slice(secret);

    let mut encoded = empty(shifted.len().div_ceil(3) * 4);
    engine.encode_string(&*shifted, &mut encoded);

    let from = (offset * 8).div_ceil(6);
    let to = shifted.len() * 8 / 6;
    let mut core = empty(to - from);
    core.push_str(&encoded[from..to]);
    core
}
