//! Base64 in JSON: what a blob holds, not how it looks.
//!
//! The search for a secret's own base64 finds it in a blob as well. It does not find a secret that was written in
//! another way before the blob was made (a key file in JSON, its line ends escaped), and what it cuts out leaves
//! base64 that no longer decodes. So the two members that MCP gives to binary data are decoded, masked and encoded
//! again.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use memchr::{memchr, memchr2};
use toolgate_vault::MIN_SECRET_BYTES;

/// The names of members with blobs. Each is as long as a needle of the index.
pub(super) const KEYS: [&str; 2] = [r#""blob""#, r#""data""#];
/// A name with its quotation marks.
pub(super) const NAME_BYTES: usize = 6;

/// A string that may be base64: the place between its quotation marks, and its characters.
pub(super) struct Blob<'t> {
    pub(super) start: usize,
    pub(super) end: usize,
    encoded: Cow<'t, [u8]>,
}

impl<'t> Blob<'t> {
    /// The string behind a key that begins here; `None` if there is none, or if it cannot be base64.
    pub(super) fn at(text: &'t [u8], key: usize) -> Option<Self> {
        let colon = skip_space(text, key + NAME_BYTES);
        let quote = skip_space(text, colon + 1);
        if text.get(colon) != Some(&b':') || text.get(quote) != Some(&b'"') {
            return None;
        }
        let start = quote + 1;
        // Nothing in base64 needs an escaped quotation mark.
        let end = start + memchr(b'"', &text[start..])?;
        let encoded = unescaped(&text[start..end])?;
        (encoded.len() > MIN_SECRET_BYTES).then_some(Self {
            start,
            end,
            encoded,
        })
    }

    pub(super) fn decode(&self) -> Option<Vec<u8>> {
        self.engine().decode(&self.encoded).ok()
    }

    /// In the alphabet and with the padding it had.
    pub(super) fn encode(&self, bytes: &[u8]) -> String {
        self.engine().encode(bytes)
    }

    /// As lenient as clients are.
    fn engine(&self) -> GeneralPurpose {
        let alphabet = match memchr2(b'-', b'_', &self.encoded) {
            Some(_) => &URL_SAFE,
            None => &STANDARD,
        };
        let is_padded = self.encoded.len().is_multiple_of(4);
        let config = GeneralPurposeConfig::new()
            .with_encode_padding(is_padded)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true);
        GeneralPurpose::new(alphabet, config)
    }
}

/// Without the escapes that JSON writers put into base64 that has a slash or is broken into lines; `None` at others.
fn unescaped(string: &[u8]) -> Option<Cow<'_, [u8]>> {
    if memchr(b'\\', string).is_none() {
        return Some(Cow::Borrowed(string));
    }
    let mut plain = Vec::with_capacity(string.len());
    let mut characters = string.iter();
    while let Some(character) = characters.next() {
        match character {
            b'\\' => match characters.next()? {
                b'/' => plain.push(b'/'),
                b'n' | b'r' => {}
                _ => return None,
            },
            other => plain.push(*other),
        }
    }
    Some(Cow::Owned(plain))
}

/// Whether a blob follows the key that stands here, as far as the text shows.
pub(super) fn may_begin(text: &[u8], key: usize) -> bool {
    let colon = skip_space(text, key + NAME_BYTES);
    let quote = skip_space(text, colon + 1);
    let may_be = |at: usize, byte| text.get(at).is_none_or(|found| *found == byte);
    may_be(colon, b':') && may_be(quote, b'"')
}

fn skip_space(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let spaces = rest
        .iter()
        .take_while(|byte| b" \t\r\n".contains(byte))
        .count();
    from + spaces
}
