//! The replacement keeps JSON well-formed (S-22): what was JSON before is JSON after.

use proptest::prelude::*;
use serde_json::value::RawValue;
use toolgate_unseal::Masker;

use crate::support::fixed;

#[track_caller]
fn check(secret: &str, document: &str, expected: &str) {
    serde_json::from_str::<&RawValue>(document).expect("the document is JSON to begin with");
    let output = Masker::new([secret]).mask_str(document).into_owned();
    assert_eq!(output, expected);
    serde_json::from_str::<&RawValue>(&output).expect("the output document is JSON");
}

#[test]
fn in_a_string() {
    check(
        "hunter2hunter",
        r#"{"a":"x hunter2hunter"}"#,
        r#"{"a":"x [REDACTED]"}"#,
    );
    check(
        "hunter2hunter",
        r#"{"hunter2hunter":1}"#,
        r#"{"[REDACTED]":1}"#,
    );
    check(
        r#"say "yes" \o/"#,
        r#"["say \"yes\" \\o/"]"#,
        r#"["[REDACTED]"]"#,
    );
}

#[test]
fn a_match_that_begins_inside_an_escape() {
    check("nabcdefgh", r#"["\nabcdefgh"]"#, r#"["\\[REDACTED]"]"#);
    check("nabcdefgh", r#"["\\nabcdefgh"]"#, r#"["\\[REDACTED]"]"#);
    check("nabcdefgh", r#"["\\\nabcdefgh"]"#, r#"["\\\\[REDACTED]"]"#);
    check("u0041abcd", r#"["\u0041abcd"]"#, r#"["\\[REDACTED]"]"#);
    check("0041abcd", r#"["\u0041abcd"]"#, r#"["\u0020[REDACTED]"]"#);
    check(
        "041abcdef",
        r#"["\u0041abcdef"]"#,
        r#"["\u0020[REDACTED]"]"#,
    );
    check(
        "41abcdefg",
        r#"["\u0041abcdefg"]"#,
        r#"["\u0020[REDACTED]"]"#,
    );
    check(
        "1abcdefgh",
        r#"["\u0041abcdefgh"]"#,
        r#"["\u0040[REDACTED]"]"#,
    );
    check(
        "abcdefghi",
        r#"["\u0041abcdefghi"]"#,
        r#"["\u0041[REDACTED]"]"#,
    );
}

#[test]
fn a_match_that_ends_inside_an_escape() {
    check(r"abcdefg\", r#"["abcdefg\\"]"#, r#"["[REDACTED]"]"#);
    check(
        r"abcdefg\",
        r#"["abcdefg\" and"]"#,
        r#"["[REDACTED]\" and"]"#,
    );
    check(
        r"abcdefg\",
        r#"["abcdefg\u00e9"]"#,
        r#"["[REDACTED]\u00e9"]"#,
    );
    check(
        r"abcdefg\u",
        r#"["abcdefg\u00e9"]"#,
        r#"["[REDACTED]00e9"]"#,
    );
}

#[test]
fn a_number() {
    check("12345678", r#"{"n":12345678}"#, r#"{"n":99999999}"#);
    check(
        "12345678",
        r#"{"n":-9912345678.5}"#,
        r#"{"n":-9999999999.5}"#,
    );
    check("12345678", r#"{"n":0.12345678}"#, r#"{"n":0.99999999}"#);
    check("12345678", r#"{"n":1e12345678}"#, r#"{"n":1e99999999}"#);
    check(
        "12345678",
        r#"{"n":"no 12345678"}"#,
        r#"{"n":"no 99999999"}"#,
    );
    check("91234569", r"[91234569]", r"[88888888]");
    check("1234.5678", r"[1234.5678]", r"[99999999]");
}

#[test]
fn a_whole_value() {
    let key = r#"{"type":"service_account","private":"not a real key"}"#;
    check(
        key,
        &format!(r#"{{"echo":{key}}}"#),
        r#"{"echo":"[REDACTED]"}"#,
    );
    check(
        key,
        &serde_json::to_string(&[key]).unwrap(),
        r#"["[REDACTED]"]"#,
    );
    // The reversed spelling ends in `"[`, with which `"[REDACTED]"` begins.
    check(
        r#"["abc","def"]"#,
        r#"{"a":["abc","def"]}"#,
        r#"{"a":"********"}"#,
    );
}

proptest! {
    #![proptest_config(fixed())]

    /// Few characters, the dangerous ones, so that matches begin and end anywhere.
    #[test]
    fn json_stays_json(secret in "[nu0\\\\/a-c]{8,10}", pieces in proptest::collection::vec("[nu01\\\\\"/a-c\n]{0,6}", 1..5)) {
        let text = pieces.join(&secret);
        let document = serde_json::to_string(&[&text]).unwrap();
        let documents = [
            document.clone(),
            document.replace('\u{61}', "\\u0061"),
            document.replace('/', "\\/"),
            serde_json::to_string(&[&document]).unwrap(),
        ];
        let masker = Masker::new([secret.as_str()]);
        for document in documents {
            prop_assume!(serde_json::from_str::<&RawValue>(&document).is_ok());
            let output = masker.mask_str(&document).into_owned();
            prop_assert!(serde_json::from_str::<&RawValue>(&output).is_ok(), "{} became {}", document, output);
        }
    }
}
