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
        let masked = masker
            .mask_str(&format!("{before}{spelling}{after}"))
            .into_owned();
        let kept = masked
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after));
        let kept = kept.unwrap_or_else(|| panic!("{spelling:?} became {masked:?}"));
        let is_replaced = ["[REDACTED]", "99999999", "77777777", "#REDACTED#"]
            .iter()
            .any(|word| kept.contains(word))
            || (kept.len() == 8 && kept.bytes().all(|b| b == kept.as_bytes()[0]));
        assert!(
            is_replaced && !kept.contains(spelling),
            "{spelling:?} became {masked:?}"
        );
    }
}

fn each(spell: impl Fn(&str) -> String) {
    for secret in SECRETS {
        check(secret, &spell(secret));
    }
}

fn percent(secret: &str, kept: &str, upper: bool) -> String {
    secret
        .bytes()
        .map(|byte| match byte {
            _ if byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte) => {
                char::from(byte).to_string()
            }
            _ if upper => format!("%{byte:02X}"),
            _ => format!("%{byte:02x}"),
        })
        .collect()
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
    each(|secret| secret.bytes().map(|byte| format!("{byte:02x}")).collect());
    each(|secret| secret.bytes().map(|byte| format!("{byte:02X}")).collect());
}

#[test]
fn percent_encoded() {
    for upper in [false, true] {
        each(|secret| percent(secret, "-._~", upper));
        each(|secret| percent(secret, "-._~!'()*", upper));
        each(|secret| percent(secret, "-._~!'()*;,/?:@&=+$#", upper));
        each(|secret| percent(secret, "*-._ ", upper).replace(' ', "+"));
        each(|secret| {
            secret
                .bytes()
                .map(|b| {
                    if upper {
                        format!("%{b:02X}")
                    } else {
                        format!("%{b:02x}")
                    }
                })
                .collect()
        });
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
                let masked = masker.mask_str(&encoded).into_owned();
                let shortened = masked.len() + secret.len() * 4 / 3 - 2 - 10 <= encoded.len();
                assert!(
                    masked != encoded && shortened,
                    "{text:?}: {encoded} became {masked}"
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
            percent(&secret, "-._~", true),
            percent(&secret, "-._~", false),
            secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
            secret.bytes().map(|byte| format!("{byte:02X}")).collect(),
            STANDARD.encode(format!("{}{secret}", "x".repeat(at % 3))),
        ];
        let spelling = &spellings[at];
        let masked = Masker::new([secret.as_str()]).mask_str(&format!("({spelling})")).into_owned();
        prop_assert!(!masked.contains(spelling), "{} in {}", spelling, masked);
    }
}
