//! S-22: what binary data in JSON holds.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use toolgate_unseal::Masker;

const SECRET: &str = "fake/s3cr\\et\"Ab+xyz=0001";

fn masked(message: &str) -> String {
    let masked = Masker::new([SECRET]).mask_message(message.to_owned().into());
    String::from_utf8(masked.to_vec()).unwrap()
}

/// What a blob holds is masked, and it is still a blob of the same alphabet and padding.
#[track_caller]
fn check(engine: &impl Engine, held: &str, expected: &str) {
    for (before, after) in [
        ("{\"blob\":\"", "\"}"),
        ("[{\"x\":1,\"data\" :\n\"", "\",\"y\":[]}]"),
    ] {
        let message = format!("{before}{}{after}", engine.encode(held));
        let expected = format!("{before}{}{after}", engine.encode(expected));
        assert_eq!(masked(&message), expected, "{held}");
    }
}

#[test]
fn secrets_in_blobs_are_found_in_every_spelling() {
    let json = serde_json::Value::from(SECRET).to_string();
    let hex: String = SECRET
        .bytes()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    check(
        &STANDARD,
        &format!("key {SECRET} end"),
        "key [REDACTED] end",
    );
    check(
        &STANDARD,
        &format!("{{\"key\":{json}}}"),
        "{\"key\":\"[REDACTED]\"}",
    );
    check(&STANDARD, &format!("x{hex}"), "x[REDACTED]");
    check(&STANDARD_NO_PAD, &format!("ab{SECRET}"), "ab[REDACTED]");
    check(
        &URL_SAFE,
        &format!("\u{fb}\u{ff}?>{SECRET}"),
        "\u{fb}\u{ff}?>[REDACTED]",
    );
    check(
        &URL_SAFE_NO_PAD,
        &format!("\u{fb}\u{ff}?>{SECRET}."),
        "\u{fb}\u{ff}?>[REDACTED].",
    );
}

#[test]
fn several_blobs_and_what_stands_between() {
    let (secret, clean) = (
        STANDARD.encode(format!("-{SECRET}-")),
        STANDARD.encode("nothing in here"),
    );
    let gone = STANDARD.encode("-[REDACTED]-");
    let message = |blob: &str| {
        format!(
            r#"{{"data":"{blob}","a":{{"blob":"{clean}"}},"blob":"{blob}","data":{{"x":"{SECRET}"}}}}"#
        )
    };
    assert_eq!(
        masked(&message(&secret)),
        message(&gone).replace(SECRET, "[REDACTED]")
    );
}

#[test]
fn base64_that_is_escaped_or_broken_into_lines_is_found() {
    let encoded = STANDARD.encode(format!("???>>>{SECRET}???"));
    let broken: Vec<&str> = encoded
        .as_bytes()
        .chunks(16)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    let clean = format!(r#"{{"blob":"{}"}}"#, STANDARD.encode("???>>>[REDACTED]???"));
    for blob in [
        broken.join("\\r\\n"),
        broken.join("\\n"),
        encoded.replace('/', "\\/"),
    ] {
        assert_eq!(masked(&format!(r#"{{"blob":"{blob}"}}"#)), clean);
    }
}

#[test]
fn what_is_no_blob_is_left_alone() {
    let masker = Masker::new([SECRET]);
    for message in [
        r#"{"blob":null,"data":7,"x":"blob"}"#,
        r#"{"blob":"not base64 at all","data":"cut"#,
        r#"{"data":"hello world!","blob":""}"#,
        r#""blob""#,
        r#""data":"#,
        r#"{"blob" "QUJD"}"#,
        r#"{"data":"QUJDREVGR0hJSktMTU5P\u0051"}"#,
    ] {
        let bytes = bytes::Bytes::from(message);
        let kept = masker.mask_message(bytes.clone());
        assert_eq!(kept.as_ptr(), bytes.as_ptr(), "uncopied: {message}");
        assert_eq!(kept, bytes);
    }
}
