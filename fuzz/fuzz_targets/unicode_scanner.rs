//! F-18: the scanner takes linear time, and what it lets pass has nothing in it that `reveal` would write out.
//!
//! Run with `cargo +nightly fuzz run unicode_scanner`.

#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use toolgate_protocol::Json;
use toolgate_protocol::trust::{Scanner, differences, reveal};

fuzz_target!(|input: &str| {
    let definition = Json::list(&[Json::from_text(input)]);
    let begun = Instant::now();
    let findings = Scanner::beside(["other_tool"]).scan(&definition);
    // A byte may cost a few microseconds, also with every check of a fuzzing build; a square of them may not.
    let allowed = Duration::from_millis(200)
        + Duration::from_micros(20) * u32::try_from(input.len()).unwrap_or(u32::MAX);
    assert!(
        begun.elapsed() < allowed,
        "{} bytes took {:?}",
        input.len(),
        begun.elapsed()
    );

    let shown = reveal(input);
    let plain = |c: char| {
        !c.is_control()
            && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{e0000}'..='\u{e007f}')
    };
    assert!(shown.chars().all(plain), "what is shown hides nothing");
    assert_eq!(reveal(&shown), shown, "what is shown stays as it is");
    let hides = input.chars().any(
        |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{1b}'),
    );
    assert!(!hides || findings.iter().any(|finding| finding.class.quarantines()));
    differences(&definition, &Json::from_text(&shown));
});
