//! S-22 `redact_echo`, the masker's part: every encoding of S-19, at every place.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use toolgate_unseal::Masker;

use crate::support::fixed;

/// Letters and digits, and all that encoders treat differently.
const SECRETS: [&str; 6] = [
    "ghp_0123456789notarealtoken",
    "p@ss/w+rd=\"quoted\"\\back",
    "with space & <tags> 'n `ticks`",
    "schlüssel €100 \u{1f511} key",
    "12345678",
    "~!*();,/?:@&=+$#[]-._|^",
];

/// Found with text around it, and not a byte of that text lost.
#[track_caller]
fn check(secret: &str, spelling: &str) {
    let masker = Masker::new([secret]);
    for (before, after) in [("", ""), ("<", ">"), ("key ", " "), ("{\"a\":\"", "\"}")] {
        let output = masker
            .mask_str(&format!("{before}{spelling}{after}"))
            .into_owned();
        let kept = output
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after));
        let kept = kept.unwrap_or_else(|| panic!("{spelling:?} became {output:?}"));
        let is_replaced = kept != spelling && kept.len() <= "[REDACTED]".len();
        assert!(is_replaced, "{spelling:?} became {output:?}");
    }
}

fn each(spell: impl Fn(&str) -> String) {
    for secret in SECRETS {
        check(secret, &spell(secret));
    }
}

fn percent(secret: &str, kept: &str, upper: bool) -> String {
    by_byte(secret, |byte| match byte {
        _ if kept.as_bytes().contains(&byte) => char::from(byte).to_string(),
        _ if upper => format!("%{byte:02X}"),
        _ => format!("%{byte:02x}"),
    })
}

fn by_byte(secret: &str, spell: impl Fn(u8) -> String) -> String {
    secret.bytes().map(spell).collect()
}

fn lower_hex(secret: &str) -> String {
    by_byte(secret, |byte| format!("{byte:02x}"))
}

fn upper_hex(secret: &str) -> String {
    by_byte(secret, |byte| format!("{byte:02X}"))
}

fn unicode(secret: &str, upper: bool) -> String {
    let escape = |unit: u16| {
        if upper {
            format!("\\u{unit:04X}")
        } else {
            format!("\\u{unit:04x}")
        }
    };
    secret.encode_utf16().map(escape).collect()
}

/// What JSON writers put between the quotation marks.
fn json(secret: &str) -> String {
    let quoted = serde_json::to_string(secret).unwrap();
    quoted[1..quoted.len() - 1].to_owned()
}

fn ascii_json(secret: &str) -> String {
    json(secret)
        .chars()
        .map(|c| {
            if c.is_ascii() {
                c.to_string()
            } else {
                unicode(&c.to_string(), false)
            }
        })
        .collect()
}

#[test]
fn raw_and_reversed() {
    each(str::to_owned);
    each(|secret| secret.chars().rev().collect());
}

#[test]
fn hex() {
    each(lower_hex);
    each(upper_hex);
}

#[test]
fn percent_encoded() {
    const ALPHANUMERIC: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let kept = |punctuation: &str| format!("{ALPHANUMERIC}{punctuation}");
    for upper in [false, true] {
        for punctuation in ["-._~", "-._~!'()*", "-._~!'()*;,/?:@&=+$#"] {
            each(|secret| percent(secret, &kept(punctuation), upper));
        }
        each(|secret| percent(secret, &kept("*-._ "), upper).replace(' ', "+"));
        each(|secret| percent(secret, "", upper));
    }
}

#[test]
fn json_strings() {
    each(json);
    each(ascii_json);
    each(|secret| json(secret).replace('/', "\\/"));
    each(|secret| ascii_json(secret).replace('/', "\\/"));
    each(|secret| {
        json(secret)
            .replace('<', "\\u003c")
            .replace('>', "\\u003e")
            .replace('&', "\\u0026")
    });
    each(|secret| unicode(secret, false));
    each(|secret| unicode(secret, true));
}

#[test]
fn json_in_json() {
    each(|secret| json(&json(secret)));
    each(|secret| ascii_json(&ascii_json(secret)));
}

/// Three offsets, two alphabets, with and without padding; only characters that share bits with a neighbour stay.
#[test]
fn base64_at_every_offset() {
    for secret in SECRETS {
        let masker = Masker::new([secret]);
        for (before, after) in (0..6).flat_map(|before| (0..6).map(move |after| (before, after))) {
            let text = format!("{}{secret}{}", "u".repeat(before), ":".repeat(after));
            for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
                let encoded = engine.encode(&text);
                let output = masker.mask_str(&encoded).into_owned();
                let shortened = output.len() + secret.len() * 4 / 3 - 2 - 10 <= encoded.len();
                assert!(
                    output != encoded && shortened,
                    "{text:?}: {encoded} became {output}"
                );
            }
        }
    }
}

/// A user and password as HTTP sends them, as PHP and .NET write that in JSON.
#[test]
fn basic_credentials_in_json() {
    let secret = "not?a>real?secret>>>???";
    let encoded = STANDARD.encode(format!("user:{secret}"));
    assert!(encoded.contains('/') && encoded.contains('+'), "{encoded}");
    let masker = Masker::new([secret]);
    for spelling in [
        encoded.clone(),
        encoded.replace('/', "\\/"),
        encoded.replace('+', "\\u002B"),
    ] {
        assert!(
            masker.mask_str(&spelling).contains("[REDACTED]"),
            "{spelling}"
        );
    }
}

proptest! {
    #![proptest_config(fixed())]

    /// Whatever the secret, whatever the spelling.
    #[test]
    fn every_secret_is_found_in_every_spelling(secret in "\\PC{8,40}", at in 0..12_usize) {
        let spellings = [
            secret.clone(),
            secret.chars().rev().collect(),
            json(&secret),
            ascii_json(&secret),
            json(&json(&secret)),
            unicode(&secret, false),
            unicode(&secret, true),
            percent(&secret, "", true),
            percent(&secret, "", false),
            lower_hex(&secret),
            upper_hex(&secret),
            STANDARD.encode(format!("{}{secret}", "x".repeat(at % 3))),
        ];
        let spelling = &spellings[at];
        let output = Masker::new([secret.as_str()]).mask_str(&format!("({spelling})")).into_owned();
        prop_assert!(!output.contains(spelling), "{} in {}", spelling, output);
    }
}
