//! F-08: no secret in what comes out, the same for every split, clean text unchanged, blobs still blobs.
#![no_main]

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use toolgate_unseal::Masker;

libfuzzer_sys::fuzz_target!(|input: (String, Vec<(u8, String)>, Vec<u8>)| {
    let (secret, pieces, cuts) = input;
    if !is_ordinary(&secret) {
        return;
    }
    let masker = Arc::new(Masker::new([secret.as_str()]));
    let text: String = pieces
        .iter()
        .map(|(spelling, filler)| format!("{}{filler}", spelt(&secret, *spelling)))
        .collect();

    let masked = masker.mask_str(&text).into_owned();
    for spelling in 0..SPELLINGS {
        let spelt = spelt(&secret, spelling);
        assert!(!masked.contains(&spelt), "{spelt} in {masked}");
    }
    assert_eq!(streamed(&masker, text.as_bytes(), &cuts), masked.as_bytes());

    // No pattern is shorter than eight bytes, and none holds a line end.
    let fillers: Vec<char> = pieces
        .iter()
        .flat_map(|(_, filler)| filler.chars())
        .collect();
    let clean: String = fillers.chunks(1).flat_map(|c| [c[0], '\n']).collect();
    assert_eq!(masker.mask_str(&clean), clean);

    // The base64 of something else can hold the secret by chance, and is then masked as text.
    let encoded = STANDARD.encode(&masked);
    if masker.mask_str(&encoded) != encoded {
        return;
    }
    let message = format!(r#"{{"blob":"{}"}}"#, STANDARD.encode(&text));
    let message = masker.mask_message(message.into());
    let blob = &message[9..message.len() - 2];
    let decoded = STANDARD.decode(blob).expect("a blob is still base64");
    assert_eq!(decoded, masked.as_bytes());
});

const SPELLINGS: u8 = 5;

/// A secret with none of what [`Masker`] makes exceptions for: backslashes, quotation marks, an end that completes an
/// escape.
fn is_ordinary(secret: &str) -> bool {
    let is_fair = |byte: u8| byte.is_ascii_graphic() && !b"\\\"".contains(&byte);
    (8..200).contains(&secret.len())
        && secret.bytes().all(is_fair)
        && secret.bytes().any(|byte| byte.is_ascii_lowercase())
        && !secret.ends_with(|c: char| c.is_ascii_digit())
        && !secret.starts_with(|c: char| c.is_ascii_digit())
}

fn spelt(secret: &str, spelling: u8) -> String {
    match spelling % SPELLINGS {
        0 => secret.to_owned(),
        1 => secret.chars().rev().collect(),
        2 => secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
        3 => secret.bytes().map(|byte| format!("%{byte:02X}")).collect(),
        // Whole groups of three bytes only: another last one may hold bits of what follows.
        _ if secret.len().is_multiple_of(3) => STANDARD.encode(secret),
        _ => secret.to_owned(),
    }
}

fn streamed(masker: &Arc<Masker>, text: &[u8], cuts: &[u8]) -> Vec<u8> {
    let (mut stream, mut output, mut rest) = (masker.stream(), Vec::new(), text);
    for cut in cuts {
        let (chunk, after) = rest.split_at(usize::from(*cut).min(rest.len()));
        output.extend_from_slice(&stream.push(chunk.to_vec().into()));
        rest = after;
    }
    output.extend_from_slice(&stream.push(rest.to_vec().into()));
    output.extend_from_slice(&stream.finish());
    output
}
