//! What stands where a secret stood.
//!
//! Two laws pull at it. The text around must stay what it was, JSON above all: `[REDACTED]` is fine inside a
//! string but not where a number stood. And the replacement must not help to write a secret anew: with the
//! secret `]12345678`, the text `]1234567812345678` would become `[REDACTED]12345678`, which holds it again.

/// Which replacement keeps JSON well-formed where a pattern was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// It can stand in a string only.
    Text,
    /// It can be a number, or digits of one, as well as text.
    Digits,
    /// It is no secret but the key of a blob, and stays.
    Key,
    /// It is a whole JSON value of its own (a service account's key file), quotation marks and all. So it was
    /// not in a string, where those would be escaped.
    Value,
}

impl Shape {
    pub(super) fn of(pattern: &str) -> Self {
        let is_digit = |c: char| c.is_ascii_digit();
        let is_number = pattern.starts_with(is_digit)
            && pattern.ends_with(is_digit)
            && pattern.parse::<f64>().is_ok();
        let has_bare_quote = pattern.starts_with('"')
            || pattern
                .as_bytes()
                .windows(2)
                .any(|pair| pair[0] != b'\\' && pair[1] == b'"');
        let is_enclosed = [('{', '}'), ('[', ']'), ('"', '"')]
            .iter()
            .any(|(open, close)| pattern.starts_with(*open) && pattern.ends_with(*close));
        match () {
            () if is_number => Self::Digits,
            () if is_enclosed && has_bare_quote => Self::Value,
            () => Self::Text,
        }
    }
}

/// The replacements of one masker, one for each shape.
#[derive(Debug, Clone, Copy)]
pub(super) struct Replacements {
    text: &'static str,
    digits: &'static str,
    value: &'static str,
}

impl Replacements {
    /// The first of each shape that cannot become part of any of these patterns.
    ///
    /// A number or value without such a replacement is treated as text, which is safe and may break the JSON.
    /// Were there no such text either (the secrets would have to start and end in all of its characters), the
    /// last is taken.
    pub(super) fn avoiding(patterns: &[&str]) -> Self {
        let first_safe = |choices: &[&'static str]| {
            let is_safe = |choice: &&str| !patterns.iter().any(|pattern| can_join(choice, pattern));
            choices.iter().copied().find(is_safe)
        };
        let text = first_safe(&TEXTS).unwrap_or(LAST_TEXT);
        Self {
            text,
            digits: first_safe(&DIGITS).unwrap_or(text),
            value: first_safe(&VALUES).unwrap_or(text),
        }
    }

    pub(super) fn of(self, shape: Shape) -> &'static str {
        match shape {
            Shape::Text | Shape::Key => self.text,
            Shape::Digits => self.digits,
            Shape::Value => self.value,
        }
    }
}

/// Whether some text around the replacement could make an occurrence of the pattern out of a piece of it.
fn can_join(replacement: &str, pattern: &str) -> bool {
    pattern.contains(replacement)
        || replacement.contains(pattern)
        || ends_with_start_of(replacement, pattern)
        || ends_with_start_of(pattern, replacement)
}

fn ends_with_start_of(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    (1..=a.len().min(b.len())).any(|length| a.ends_with(&b[..length]))
}

const TEXTS: [&str; 8] = [
    "[REDACTED]",
    "<REDACTED>",
    "(REDACTED)",
    "#REDACTED#",
    "********",
    "~~~~~~~~",
    "________",
    LAST_TEXT,
];
const LAST_TEXT: &str = "|REDACTED|";
const VALUES: [&str; 2] = ["\"[REDACTED]\"", "\"********\""];
// Not zero, which no number of several digits starts with.
const DIGITS: [&str; 9] = [
    "99999999", "88888888", "77777777", "66666666", "55555555", "44444444", "33333333", "22222222",
    "11111111",
];
