//! Any text as a header value, and back (P5.12, P8.16).

use proptest::prelude::*;
use toolgate_protocol::upstream::{decode_header_value, encode_header_value};

#[track_caller]
fn check(text: &str, value: &str) {
    assert_eq!(encode_header_value(text), value);
    assert_eq!(decode_header_value(value).unwrap(), text);
}

#[test]
fn plain_text_stays_and_the_rest_is_base64() {
    check("", "");
    check("search", "search");
    check("us west 1", "us west 1");
    check(
        "a~!\"#$%&'()*+,-./:;<=>?@[]^_`{|}",
        "a~!\"#$%&'()*+,-./:;<=>?@[]^_`{|}",
    );
    check("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?=");
    check(" padded ", "=?base64?IHBhZGRlZCA=?=");
    check("a\r\nX-Evil: 1", "=?base64?YQ0KWC1FdmlsOiAx?=");
    check("\tindented", "=?base64?CWluZGVudGVk?=");
    check("a\tb", "=?base64?YQli?=");
    check("\u{7f}", "=?base64?fw==?=");
    check("=?base64?YQ==?=", "=?base64?PT9iYXNlNjQ/WVE9PT89?=");
}

#[test]
fn what_does_not_decode_is_refused() {
    for value in [
        "=?base64?SGVsbG8?=",
        "=?base64?SGVs!!!bG8=?=",
        "=?base64?SGVsbG8=\n?=",
        "=?base64?_w==?=",
        "=?base64?/w==?=", // 0xff is not UTF-8.
        "=?base64?YR==?=", // Bits beyond the last byte.
    ] {
        assert!(decode_header_value(value).is_err(), "{value}");
    }
    for literal in [
        "=?base64?SGVsbG8=",
        "SGVsbG8=?=",
        "=?BASE64?SGVsbG8=?=",
        "=?utf-8?q?a?=",
    ] {
        assert_eq!(decode_header_value(literal).unwrap(), literal);
    }
    assert_eq!(decode_header_value(" \t=?base64?YQ==?= ").unwrap(), "a");
}

proptest! {
    /// Any text comes back, and what is sent is safe in a header.
    #[test]
    fn any_text_comes_back(text in any::<String>()) {
        let value = encode_header_value(&text);
        prop_assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        prop_assert_eq!(decode_header_value(&value).unwrap(), text.as_str());
    }

    #[test]
    fn nearly_marked_text_comes_back(text in "(=\\?base64\\?)?[A-Za-z0-9+/= ]{0,12}(\\?=)?") {
        let value = encode_header_value(&text);
        prop_assert_eq!(decode_header_value(&value).unwrap(), text.as_str());
    }
}
