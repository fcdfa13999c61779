//! `scanner_time` (S-53, F-18): eight times the text takes about eight times as long, whatever the text.

use std::time::{Duration, Instant};

use toolgate_protocol::trust::Scanner;
use toolgate_protocol::{Json, JsonLimits};

use crate::effort::Effort;
use crate::score::{Bar, Score};

/// What scanners stumble over: phrases that nearly match, blanks, escapes, invisible characters, markup.
const TEXTS: &[(&str, &str)] = &[
    ("near phrases", "ignore all previous "),
    ("single letters", "a b c d e f "),
    ("blanks", "          x"),
    ("escapes", "%41%42%43 "),
    ("invisible", "\u{200b}\u{202e}a"),
    ("markup", "<[{!--#"),
    ("encoded", "aB3dE5gH"),
];
/// Growth of the text between two measurements.
const TIMES: usize = 8;

pub(crate) fn run(effort: &Effort, score: &mut Score) {
    let size = usize::try_from(effort.size(8 << 10, 64 << 10)).unwrap_or(usize::MAX);
    for (name, text) in TEXTS {
        let short = fastest(text, size);
        let long = fastest(text, size * TIMES);
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let ratio = long.as_secs_f64() / short.as_secs_f64() / TIMES as f64;
        score.figure(
            &format!("{name}: time beyond proportion"),
            ratio,
            "times",
            Bar::AtMost(2.5),
        );
    }
}

/// The least of several runs, which the rest of the machine disturbs least.
fn fastest(text: &str, size: usize) -> Duration {
    let text = Json::from_text(&text.repeat(size / text.len()));
    let definition = format!(r#"{{"name":"a","description":{}}}"#, text.as_str());
    let definition = Json::parse(definition.into(), &JsonLimits::UPSTREAM).expect("it is JSON");
    let scanner = Scanner::beside(["other_tool"]);
    let once = || {
        let begun = Instant::now();
        let found = scanner.scan(&definition);
        (begun.elapsed(), found.len())
    };
    let runs = (0..5).map(|_| once().0);
    runs.min().unwrap_or_default()
}
