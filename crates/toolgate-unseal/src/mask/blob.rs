//! Base64 in JSON: what a blob holds, not how it looks.
//!
//! The search for a secret's own base64 finds it in a blob as well. It does not find a secret that was written in
//! another way before the blob was made (a key file in JSON, its line ends escaped), and what it cuts out leaves
//! base64 that no longer decodes. So the two members that MCP gives to binary data are decoded, masked and encoded
//! again.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use toolgate_vault::MIN_SECRET_BYTES;
use zeroize::Zeroizing;

/// The text with every blob masked by `mask`, which says `None` to clean bytes; `None` if all of them are clean.
pub(super) fn mask(text: &[u8], mask: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    let mut masked = None;
    let (mut written, mut from) = (0, 0);
    while let Some(key) = next_key(text, from) {
        from = key;
        let Some(blob) = Blob::at(text, key) else {
            continue;
        };
        from = blob.end;
        if let Some(clean) = blob.decode().and_then(|bytes| mask(&bytes)) {
            let masked = masked.get_or_insert_with(|| Vec::with_capacity(text.len()));
            masked.extend_from_slice(&text[written..blob.start]);
            masked.extend_from_slice(blob.engine().encode(clean).as_bytes());
            written = blob.end;
        }
    }
    if let Some(masked) = &mut masked {
        masked.extend_from_slice(&text[written..]);
    }
    masked
}

/// Where the next key of a blob ends.
fn next_key(text: &[u8], from: usize) -> Option<usize> {
    static KEYS: LazyLock<AhoCorasick> = LazyLock::new(|| {
        AhoCorasick::new([r#""blob""#, r#""data""#]).expect("two short needles make an automaton")
    });
    KEYS.find(&text[from..]).map(|found| from + found.end())
}

/// A string that may be base64: the place between its quotation marks, and its characters.
struct Blob {
    start: usize,
    end: usize,
    encoded: Zeroizing<Vec<u8>>,
    is_url_safe: bool,
}

impl Blob {
    /// The string value behind a key; `None` if there is none, or if it cannot be base64.
    fn at(text: &[u8], key: usize) -> Option<Self> {
        let colon = skip_space(text, key);
        let quote = skip_space(text, colon + 1);
        if text.get(colon) != Some(&b':') || text.get(quote) != Some(&b'"') {
            return None;
        }
        let start = quote + 1;
        let length = text[start..].iter().position(|byte| *byte == b'"')?;
        let mut encoded = Zeroizing::new(Vec::with_capacity(length));
        let mut is_url_safe = false;
        let mut characters = text[start..start + length].iter();
        while let Some(character) = characters.next() {
            match character {
                // What JSON writers escape in base64 that has a slash or is broken into lines.
                b'\\' => match characters.next()? {
                    b'/' => encoded.push(b'/'),
                    b'n' | b'r' => {}
                    _ => return None,
                },
                b'-' | b'_' => {
                    is_url_safe = true;
                    encoded.push(*character);
                }
                b'+' | b'/' | b'=' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                    encoded.push(*character);
                }
                _ => return None,
            }
        }
        let end = start + length;
        (encoded.len() > MIN_SECRET_BYTES).then_some(Self {
            start,
            end,
            encoded,
            is_url_safe,
        })
    }

    fn decode(&self) -> Option<Zeroizing<Vec<u8>>> {
        let mut decoded = Zeroizing::new(vec![0; base64::decoded_len_estimate(self.encoded.len())]);
        let length = self
            .engine()
            .decode_slice(self.encoded.as_slice(), &mut decoded)
            .ok()?;
        decoded.truncate(length);
        Some(decoded)
    }

    /// As lenient as clients are.
    fn engine(&self) -> GeneralPurpose {
        let alphabet = if self.is_url_safe {
            &URL_SAFE
        } else {
            &STANDARD
        };
        let is_padded = self.encoded.len().is_multiple_of(4);
        let config = GeneralPurposeConfig::new()
            .with_encode_padding(is_padded)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true);
        GeneralPurpose::new(alphabet, config)
    }
}

fn skip_space(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let spaces = rest
        .iter()
        .take_while(|byte| b" \t\r\n".contains(byte))
        .count();
    from + spaces
}
