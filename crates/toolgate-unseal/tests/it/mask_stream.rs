//! Masking in chunks (S-22, F-08): the same result for every split.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use toolgate_unseal::Masker;

use crate::support::fixed;

/// Masks chunk by chunk, never holding back as much as the longest spelling.
fn streamed<'a>(
    masker: &Arc<Masker>,
    longest: usize,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<u8> {
    let mut stream = masker.stream();
    let (mut output, mut taken, mut given) = (Vec::new(), 0, 0);
    for chunk in chunks {
        let out = stream.push(Bytes::copy_from_slice(chunk));
        taken += chunk.len();
        given += out.len();
        output.extend_from_slice(&out);
        let held: usize = format!("{stream:?}")
            .split(&[' ', ','][..])
            .nth(3)
            .unwrap()
            .parse()
            .unwrap();
        assert!(held < longest, "{held} of {taken} bytes held after {given}");
    }
    output.extend_from_slice(&stream.finish());
    output
}

/// All splits into two, and byte by byte.
#[track_caller]
fn check(secrets: &[&str], text: &str, expected: &str) {
    let masker = Arc::new(Masker::new(secrets.iter().copied()));
    let longest = 6 * secrets.iter().map(|secret| secret.len()).max().unwrap();
    assert_eq!(masker.mask_str(text), expected, "whole");
    for at in 0..=text.len() {
        let (first, second) = text.as_bytes().split_at(at);
        let output = streamed(&masker, longest, [first, second]);
        assert_eq!(
            String::from_utf8(output).unwrap(),
            expected,
            "split at {at}"
        );
    }
    let output = streamed(&masker, longest, text.as_bytes().chunks(1));
    assert_eq!(String::from_utf8(output).unwrap(), expected, "byte by byte");
}

#[test]
fn a_secret_across_chunks_is_masked() {
    check(
        &["hunter2hunter"],
        "a hunter2hunter b hunter2hunter",
        "a [REDACTED] b [REDACTED]",
    );
    check(
        &["hunter2hunter"],
        "hunter2hunte hunter2 hunter2hunte",
        "hunter2hunte hunter2 hunter2hunte",
    );
    check(
        &["hunter2hunter"],
        "68756e7465723268756e746572 x",
        "[REDACTED] x",
    );
    check(
        &["abcdefgh", "abcdefghijkl"],
        "abcdefghijkl abcdefghijk",
        "[REDACTED] [REDACTED]ijk",
    );
    check(
        &["abcdefgh", "efghijklmnop"],
        "abcdefghijklmnop",
        "[REDACTED]ijklmnop",
    );
    check(
        &["abababab", "babababa"],
        "ababababababababab",
        "[REDACTED][REDACTED]ab",
    );
    check(
        &["nabcdefgh"],
        "\\nabcdefgh \\\\nabcdefgh",
        "\\\\[REDACTED] \\\\[REDACTED]",
    );
    check(&["0041abcd"], "\\u0041abcd", "\\u0020[REDACTED]");
}

/// A server-sent event must not wait for the next one: what cannot become a secret is not held.
#[test]
fn the_end_of_an_event_is_not_held_back() {
    let mut stream = Arc::new(Masker::new(["ghp_0123456789notarealtoken"])).stream();
    let event = Bytes::from_static(b"data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n");
    let out = stream.push(event.clone());
    assert_eq!(out.as_ptr(), event.as_ptr(), "uncopied");
    assert_eq!(out, event);
    assert_eq!(stream.push(Bytes::from_static(b"say gh")), "say ");
    assert_eq!(stream.push(Bytes::from_static(b"ost\n")), "ghost\n");
    let secret = Bytes::from_static(b"ghp_0123456789notarealtoken");
    assert_eq!(
        stream.push(secret),
        "[REDACTED]",
        "a whole secret waits for nothing"
    );
    assert!(stream.finish().is_empty());
}

#[test]
fn an_empty_masker_holds_nothing() {
    let mut stream = Arc::new(Masker::new([])).stream();
    assert_eq!(stream.push(Bytes::from_static(b"anything")), "anything");
    assert!(stream.finish().is_empty());
}

/// After `finish` the stream knows nothing of what went before.
#[test]
fn a_finished_stream_is_as_new() {
    let mut stream = Arc::new(Masker::new(["hunter2hunter"])).stream();
    assert_eq!(stream.push(Bytes::from_static(b"hunter2")), "");
    assert_eq!(stream.finish(), "hunter2");
    assert_eq!(stream.push(Bytes::from_static(b"hunter")), "");
    assert_eq!(stream.finish(), "hunter");
}

proptest! {
    #![proptest_config(fixed())]

    /// F-08, split-invariant: few characters, so that beginnings, overlaps and repetitions are everywhere.
    #[test]
    fn f08_every_split_gives_what_the_whole_gives(
        secrets in proptest::collection::vec("[ab\\\\]{8,12}", 1..3),
        pieces in proptest::collection::vec("[abnu\\\\]{0,9}", 1..6),
        spelling in 0..3_usize,
        cuts in proptest::collection::vec(0..100_usize, 0..8),
    ) {
        let spelled = match spelling {
            0 => secrets[0].clone(),
            1 => hex(&secrets[0]),
            _ => secrets[0].replace('\\', "\\\\"),
        };
        let text = pieces.join(&spelled);
        let masker = Arc::new(Masker::new(secrets.iter().map(String::as_str)));
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % (text.len() + 1)).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let chunks = cuts.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]);
        let output = streamed(&masker, 6 * 12 * 2, chunks);
        prop_assert_eq!(String::from_utf8(output).unwrap(), masker.mask_str(&text));
    }
}

fn hex(secret: &str) -> String {
    secret
        .bytes()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
