//! Addresses and invitation codes (S-36, S-77).

use std::collections::HashSet;

use toolgate_policy::{Email, InvitationCode};

#[track_caller]
fn check(text: &str, expected: Option<&str>) {
    let email = text.parse::<Email>();
    assert_eq!(email.as_ref().ok().map(Email::as_str), expected, "{text:?}");
}

#[test]
fn s77_an_address_has_one_spelling() {
    check("alice@example.com", Some("alice@example.com"));
    check(
        "  Alice.B+tag@Example.COM\n",
        Some("alice.b+tag@example.com"),
    );
    check("root@localhost", Some("root@localhost"));
    check(
        "o'neil@xn--bcher-kva.example",
        Some("o'neil@xn--bcher-kva.example"),
    );
    for text in [
        "",
        "alice",
        "@example.com",
        "alice@",
        "alice@@example.com",
        "a@b@c",
        ".alice@example.com",
        "alice.@example.com",
        "a..b@example.com",
        "\"a b\"@example.com",
        "Alice <alice@example.com>",
        "alice@-example.com",
        "alice@example-.com",
        "alice@example..com",
        "alice@example.com.",
        "alice@[127.0.0.1]",
        "alice@example.com\r\nBcc: eve@example.com",
        "аlice@example.com", // its first letter is Cyrillic
        "alice@bücher.example",
    ] {
        check(text, None);
    }
    check(
        &format!("{}@example.com", "a".repeat(64)),
        Some(&*format!("{}@example.com", "a".repeat(64))),
    );
    check(&format!("{}@example.com", "a".repeat(65)), None);
    check(&format!("a@{}", ["b"; 130].join(".")), None);
}

#[test]
fn an_address_that_is_none_says_what_to_write() {
    let error = "alice".parse::<Email>().unwrap_err();
    assert!(error.to_string().contains("`alice`"), "{error}");
    assert!(error.hint().contains("alice@example.com"));
    let error = "alice@bücher.example".parse::<Email>().unwrap_err();
    assert!(error.hint().contains("xn--"));
    let long = "x".repeat(10_000).parse::<Email>().unwrap_err();
    assert!(long.given.len() < 300);
}

#[test]
fn s35_a_code_is_its_random_bytes_and_is_kept_as_a_digest() {
    let mut seen = HashSet::new();
    for n in 0..=255 {
        let code = InvitationCode::from_random([n; 32]);
        let text = code.expose().to_owned();
        assert_eq!(text.len(), InvitationCode::LEN);
        assert!(text.starts_with("inv_"));
        assert!(!format!("{code:?}").contains(&text[4..]));
        assert_eq!(
            InvitationCode::digest_of(&format!(" {text}\n")),
            Some(code.digest()),
            "as it is pasted"
        );
        assert!(seen.insert(text));
    }
}

#[test]
fn what_cannot_be_a_code_has_no_digest() {
    let code = InvitationCode::from_random([7; 32]);
    let text = code.expose();
    for wrong in [
        "",
        "inv_",
        &text[..text.len() - 1],
        &format!("{text}0"),
        &text.replacen("inv_", "mwt_", 1),
        &text.replacen("inv_", "INV_", 1),
        &format!("{}-", &text[..text.len() - 1]),
    ] {
        assert_eq!(InvitationCode::digest_of(wrong), None, "{wrong:?}");
    }
}
