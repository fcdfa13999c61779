//! A master key as text, and the keys that are none.

use base64::Engine;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ring::digest;
use zeroize::Zeroizing;

use crate::key::{KEY_BYTES, KeyBytes};
use crate::master::{KeyOrigin, MasterKeyError};

/// 64 hex digits, or 32 bytes in either base64 alphabet with or without padding.
pub(super) fn parse(text: &[u8], origin: KeyOrigin) -> Result<KeyBytes, MasterKeyError> {
    let text = text.trim_ascii();
    if text.is_empty() {
        return Err(MasterKeyError::Empty { origin });
    }
    if text.len() > MAX_TEXT_BYTES {
        return Err(MasterKeyError::TooLong { origin });
    }
    let mut buffer = Zeroizing::new([0; MAX_TEXT_BYTES]);
    let Some(length) = decode_hex(text, &mut *buffer).or_else(|| decode_base64(text, &mut *buffer))
    else {
        return Err(MasterKeyError::Encoding { origin });
    };
    if length != KEY_BYTES {
        return Err(MasterKeyError::Length {
            origin,
            bytes: length,
        });
    }
    let (key, _) = buffer
        .split_first_chunk()
        .expect("the buffer is longer than a key");
    if is_placeholder(key) {
        return Err(MasterKeyError::Placeholder { origin });
    }
    Ok(KeyBytes::copy_of(key))
}

/// 64 hex digits and a line break, as a key file holds them.
pub(super) fn format(key: &KeyBytes) -> Zeroizing<Vec<u8>> {
    let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
    let mut text = Zeroizing::new(Vec::with_capacity(2 * KEY_BYTES + 1));
    for byte in key.expose() {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 0xf));
    }
    text.push(b'\n');
    text
}

/// How many bytes it was; `None` if it is no hex. A key of the right length in base64 is never all hex digits
/// (about 1 in 10^19), so the two spellings do not meet.
fn decode_hex(text: &[u8], into: &mut [u8]) -> Option<usize> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let nibble = |digit: u8| {
        char::from(digit)
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok())
    };
    for (pair, byte) in text.chunks_exact(2).zip(into) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(text.len() / 2)
}

fn decode_base64(text: &[u8], into: &mut [u8]) -> Option<usize> {
    [STANDARD, URL_SAFE]
        .iter()
        .find_map(|alphabet| forgiving(alphabet).decode_slice(text, into).ok())
}

fn forgiving(alphabet: &Alphabet) -> GeneralPurpose {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(alphabet, config)
}

/// Whether nobody drew these bytes at random (S-04).
///
/// A random key is taken for a placeholder less than once in 10^13 times.
fn is_placeholder(key: &[u8; KEY_BYTES]) -> bool {
    has_low_variety(key) || is_typed(key) || is_hash_of_a_common_word(key)
}

/// Repetition (all zeros, `deadbeef` eight times) or a pattern (`00 01 02 …`): 32 random bytes hold about 30
/// different values, and so do their differences.
fn has_low_variety(key: &[u8; KEY_BYTES]) -> bool {
    let differences = key.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
    distinct(key.iter().copied()) < MIN_DISTINCT_BYTES || distinct(differences) < MIN_DISTINCT_BYTES
}

fn distinct(bytes: impl Iterator<Item = u8>) -> usize {
    let mut seen = [false; 256];
    bytes.for_each(|byte| seen[usize::from(byte)] = true);
    seen.iter().filter(|seen| **seen).count()
}

/// Readable text, such as `please-change-me-before-you-run!` put through base64.
fn is_typed(key: &[u8; KEY_BYTES]) -> bool {
    key.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

/// What `echo -n changeme | sha256sum` gives.
fn is_hash_of_a_common_word(key: &[u8; KEY_BYTES]) -> bool {
    COMMON_WORDS
        .iter()
        .flat_map(|word| [word.to_string(), format!("{word}\n")])
        .any(|word| digest::digest(&digest::SHA256, word.as_bytes()).as_ref() == key)
}

/// Longest text that is looked at: the longest spelling of a key has 64 characters.
pub(super) const MAX_TEXT_BYTES: usize = 256;
const MIN_DISTINCT_BYTES: usize = 16;
const COMMON_WORDS: [&str; 16] = [
    "",
    "admin",
    "changeme",
    "change-me",
    "default",
    "demo",
    "dev",
    "example",
    "key",
    "master",
    "master-key",
    "password",
    "placeholder",
    "secret",
    "test",
    "toolgate",
];
