//! S-22 for messages that come in chunks: whatever is found in the whole is found, however it was cut.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use bytes::Bytes;
use proptest::prelude::*;
use toolgate_unseal::{Masker, MessageStream};

use crate::support::fixed;

const SECRET: &str = "fake/s3cr\\et\"Ab+xyz=0001";

fn streamed<'a>(masker: &Masker, chunks: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut stream = MessageStream::default();
    let mut output = Vec::new();
    for chunk in chunks {
        output.extend_from_slice(&stream.push(masker, &Bytes::copy_from_slice(chunk)));
    }
    output.extend_from_slice(&stream.finish(masker));
    String::from_utf8(output).unwrap()
}

/// All splits into two, and byte by byte, give what the whole gives.
#[track_caller]
fn check(message: &str) {
    let masker = Masker::new([SECRET]);
    let whole = masker.mask_message(message.to_owned().into());
    check_against(message, std::str::from_utf8(&whole).unwrap());
}

#[track_caller]
fn check_against(message: &str, expected: &str) {
    let masker = Masker::new([SECRET]);
    for at in 0..=message.len() {
        let (first, second) = message.as_bytes().split_at(at);
        assert_eq!(streamed(&masker, [first, second]), expected, "at {at}");
    }
    let output = streamed(&masker, message.as_bytes().chunks(1));
    assert_eq!(output, expected, "byte by byte");
}

/// The secret, byte by byte.
fn spelt(byte: impl Fn(u8) -> String) -> String {
    SECRET.bytes().map(byte).collect()
}

#[test]
fn s22_a_secret_across_two_chunks_is_masked_in_every_spelling() {
    let json = serde_json::Value::from(SECRET).to_string();
    let nested = serde_json::Value::from(format!("{{\"key\":{json}}}")).to_string();
    let hex = spelt(|byte| format!("{byte:02x}"));
    let percent = spelt(|byte| format!("%{byte:02X}"));
    let unicode = spelt(|byte| format!("\\u{byte:04x}"));
    let reversed: String = SECRET.chars().rev().collect();
    let reversed = serde_json::Value::from(reversed).to_string();
    check(&format!(r#"{{"text":{json},"data":12}}"#));
    check(&format!(r#"{{"text":{nested}}}"#));
    check(&format!(r#"{{"text":"{hex} {percent} {unicode}"}}"#));
    check(&format!(r#"{{"text":{reversed}}}"#));
    for before in ["", "a", "ab"] {
        let encoded = STANDARD.encode(format!("{before}{SECRET}"));
        check(&format!(r#"{{"text":"{encoded}"}}"#));
        let encoded = URL_SAFE.encode(format!("{before}{SECRET}"));
        check(&format!(r#"{{"text":"{encoded}"}}"#));
    }
}

#[test]
fn s22_blobs_are_looked_into_as_they_come() {
    let json = serde_json::Value::from(SECRET).to_string();
    for held in [
        format!("key {SECRET} end"),
        format!("k{SECRET}{SECRET}, and {json}"),
        format!("the secret comes last: {SECRET}"),
        "nothing in it".to_owned(),
        format!("{}{json}", "?>\u{fb}".repeat(40)),
    ] {
        check(&format!(r#"{{"blob":"{}"}}"#, STANDARD.encode(&held)));
        check(&format!(
            "[{{\"x\":1,\"data\" :  \"{}\",\"y\":[]}}, \"{SECRET}\"]",
            STANDARD_NO_PAD.encode(&held)
        ));
        let two = STANDARD.encode(&held);
        check(&format!(r#"[{{"data":"{two}"}},{{"blob":"{two}"}}]"#));
    }
    let url_safe = URL_SAFE.encode(format!("\u{fb}\u{ff}?>{SECRET}"));
    check(&format!(r#"{{"blob":"{url_safe}"}}"#));
}

#[test]
fn s22_base64_with_escapes_is_looked_into() {
    let broken = |text: &str| {
        let slashes = text.replace('/', "\\/");
        let (head, tail) = slashes.split_at(8);
        format!(r#"{{"blob":"{head}\r\n{tail}"}}"#)
    };
    let clean = STANDARD.encode("\u{fb}\u{ff}?>nothing in it at all");
    check_against(&broken(&clean), &broken(&clean));
    let json = serde_json::Value::from(SECRET).to_string();
    let message = broken(&STANDARD.encode(format!("\u{fb}\u{ff}?>{json} end")));
    let masker = Masker::new([SECRET]);
    for size in 1..message.len() {
        let output = streamed(&masker, message.as_bytes().chunks(size));
        let value: serde_json::Value = serde_json::from_str(&output).unwrap();
        let blob = value["blob"].as_str().unwrap().replace(['\r', '\n'], "");
        let held = String::from_utf8(STANDARD.decode(blob).unwrap()).unwrap();
        assert_eq!(held, "\u{fb}\u{ff}?>\"[REDACTED]\" end", "chunks of {size}");
    }
}

#[test]
fn what_is_no_blob_is_left_alone() {
    let encoded = STANDARD.encode("something of several groups");
    check(r#"{"data":"hello, world","blob":null,"data ":"AAAA"}"#);
    check(r#"{"data":{"blob":["AAAABBBBCCCC"]},"x":"data"}"#);
    check(&format!(r#"{{"data":"{encoded} and no base64","y":1}}"#));
    check(&format!(r#"{{"data":"{encoded}\u0041\"x"}}"#));
    check(&format!(r#"{{"data":"{encoded}=A"}}"#));
    check(&format!(r#"{{"data":"AAA-{encoded}BB/B"}}"#));
    check(&format!(r#"{{"blob":"{encoded}"#));
    check(r#"{"data"#);
    check(r#""data"data":"AAAABBBB""#);
}

proptest! {
    #![proptest_config(fixed())]

    /// Few characters, so that beginnings and repetitions are everywhere, in and outside of blobs.
    #[test]
    fn f08_every_split_gives_what_the_whole_gives(
        secret in "[ab\\\\]{8,12}",
        pieces in proptest::collection::vec("[abn\\\\]{0,9}", 1..5),
        cuts in proptest::collection::vec(0..300_usize, 0..8),
        outside in any::<bool>(),
    ) {
        let held = pieces.join(&secret);
        let mut message = format!(r#"{{"blob":"{}","a":"b"}}"#, STANDARD.encode(&held));
        if outside {
            message.push_str(&held);
        }
        let masker = Masker::new([secret.as_str()]);
        let whole = masker.mask_message(message.clone().into());
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % (message.len() + 1)).collect();
        cuts.extend([0, message.len()]);
        cuts.sort_unstable();
        let chunks = cuts.windows(2).map(|pair| &message.as_bytes()[pair[0]..pair[1]]);
        let output = streamed(&masker, chunks);
        prop_assert_eq!(output, std::str::from_utf8(&whole).unwrap());
    }
}
