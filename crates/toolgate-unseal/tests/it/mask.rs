//! Masking whole buffers (S-22, F-08).

use std::borrow::Cow;

use bytes::Bytes;
use proptest::prelude::*;
use toolgate_unseal::Masker;

use crate::support::fixed;

#[track_caller]
fn check(secrets: &[&str], text: &str, expected: &str) {
    let masker = Masker::new(secrets.iter().copied());
    assert_eq!(masker.mask_str(text), expected);
    assert_eq!(
        masker.mask(Bytes::copy_from_slice(text.as_bytes())),
        expected.as_bytes()
    );
}

#[test]
fn a_secret_is_replaced_wherever_it_stands() {
    check(&["hunter2hunter"], "hunter2hunter", "[REDACTED]");
    check(&["hunter2hunter"], "a hunter2hunter b", "a [REDACTED] b");
    check(
        &["hunter2hunter"],
        "hunter2hunterhunter2hunter",
        "[REDACTED][REDACTED]",
    );
    check(
        &["hunter2hunter"],
        "xhunter2hunterx hunter2hunte",
        "x[REDACTED]x hunter2hunte",
    );
    check(&["hunter2hunter"], "Hunter2hunter", "Hunter2hunter");
    check(
        &["hunter2hunter", "correct horse"],
        "correct horse, hunter2hunter",
        "[REDACTED], [REDACTED]",
    );
    check(&["schlüssel-ß-1"], "é schlüssel-ß-1 é", "é [REDACTED] é");
}

#[test]
fn of_overlapping_secrets_the_leftmost_then_the_longest_goes() {
    check(
        &["abcdefgh", "abcdefghijkl"],
        "abcdefghijkl abcdefghijk",
        "[REDACTED] [REDACTED]ijk",
    );
    check(&["abcdefgh", "efghijkl"], "abcdefghijkl", "[REDACTED]ijkl");
    check(&["bcdefghi", "abcdefghX"], "abcdefghi", "a[REDACTED]");
    check(&["abcdefgh", "abcdefgh"], "abcdefgh", "[REDACTED]");
}

#[test]
fn what_is_no_secret_is_not_looked_for() {
    let masker = Masker::new(["", "short", "1234567"]);
    assert!(masker.is_empty());
    assert_eq!(masker.mask_str("short 1234567"), "short 1234567");
    assert!(Masker::new([]).is_empty());
    assert!(!Masker::new(["12345678"]).is_empty());
}

/// The cost of a clean answer is looking at it: not one byte is copied.
#[test]
fn clean_bytes_come_back_as_they_are() {
    let masker = Masker::new(["hunter2hunter"]);
    let clean = Bytes::from(vec![b'x'; 100_000]);
    assert_eq!(masker.mask(clean.clone()).as_ptr(), clean.as_ptr());
    assert!(matches!(masker.mask_str("clean"), Cow::Borrowed("clean")));
}

#[test]
fn bytes_that_are_no_text_are_masked_too() {
    let masker = Masker::new(["hunter2hunter"]);
    let output = masker.mask(Bytes::from_static(b"\xff\0hunter2hunter\xfe"));
    assert_eq!(output, &b"\xff\0[REDACTED]\xfe"[..]);
}

/// More secrets than one automaton takes, all different from the start, found across its borders in order.
#[test]
fn many_secrets_of_one_server() {
    let secrets: Vec<String> = (0..40)
        .map(|n| format!("{}-secret-{n}", n * 7919 % 101 + 1000))
        .collect();
    let masker = Masker::new(secrets.iter().map(String::as_str));
    let output = masker.mask_str(&secrets.join(", ")).into_owned();
    assert_eq!(output, ["[REDACTED]"; 40].join(", "));
}

/// A secret that repeats itself must not make the search slow: with a comparison at each place this would take
/// minutes.
#[test]
fn repetitive_secrets_are_found_in_linear_time() {
    let secret = "a".repeat(16_000) + "b";
    let masker = Masker::new([secret.as_str()]);
    let text = Bytes::from("a".repeat(4 << 20));
    assert_eq!(masker.mask(text.clone()).as_ptr(), text.as_ptr());
    assert_eq!(masker.mask_str(&format!("aaaa{secret}")), "aaaa[REDACTED]");
    check(
        &["abababab", "babababa"],
        "ababababababababab",
        "[REDACTED][REDACTED]ab",
    );
}

/// The replacement is chosen so that what stays around it cannot complete it to a secret.
#[test]
fn the_replacement_does_not_write_a_secret() {
    check(&["REDACTED"], "say REDACTED", "say ********");
    check(&["]abcdefgh"], "]abcdefghabcdefgh", "<REDACTED>abcdefgh");
    check(&["abcdefg[RED"], "abcdefgabcdefg[RED", "abcdefg<REDACTED>");
}

#[test]
fn debug_shows_no_secret() {
    let masker = std::sync::Arc::new(Masker::new(["hunter2hunter"]));
    let mut stream = masker.stream();
    let _ = stream.push(Bytes::from_static(b"hunter2"));
    assert_eq!(format!("{masker:?}"), "Masker { .. }");
    assert_eq!(format!("{stream:?}"), "MaskStream { held_bytes: 7, .. }");
}

proptest! {
    #![proptest_config(fixed())]

    /// F-08 on whole buffers: secret absent, nothing else changed, and masking twice is masking once.
    #[test]
    fn f08_the_secret_is_absent_and_the_rest_is_kept(
        secret in "[a-c\\]\\[\"]{8,12}",
        pieces in proptest::collection::vec("[a-cRED\\]\\[\" ]{0,9}", 1..6),
    ) {
        let masker = Masker::new([secret.as_str()]);
        let text = pieces.join(&secret);
        let output = masker.mask_str(&text);
        prop_assert!(!output.contains(&secret), "{} in {}", secret, output);
        prop_assert_eq!(masker.mask_str(&output), &*output);
        prop_assert_eq!(*output == text, !text.contains(&secret) && !text.contains(&reversed(&secret)));
    }

    #[test]
    fn f08_clean_text_is_unchanged(text in "\\PC{0,200}") {
        let masker = Masker::new(["hunter2hunter", "correct horse battery"]);
        prop_assert!(matches!(masker.mask_str(&text), Cow::Borrowed(_)));
    }
}

fn reversed(secret: &str) -> String {
    secret.chars().rev().collect()
}
