//! Keeps escapes whole at the edges of a replacement.
//!
//! In the JSON text `"\nabcdefgh"` a secret `nabcdefgh` matches behind the backslash, though what is written
//! there is a line break. Replacing it blindly gives `"\[REDACTED]"`, which is no JSON. So what was written is
//! remembered as far as the start of an escape, and the escape is completed first. Text that is no JSON
//! (`C:\nabcdefgh`) gets a second backslash and no harm.

/// What the text so far ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Tail {
    /// No open escape.
    #[default]
    Closed,
    /// A backslash that starts an escape.
    Backslash,
    /// `\u` and this many of its four digits.
    Unicode(usize),
}

impl Tail {
    /// After this much more text. Looks at the last few bytes only.
    pub(super) fn after(self, text: &[u8]) -> Self {
        let Some(before_window) = text.len().checked_sub(LONGEST_OPEN_ESCAPE) else {
            return self.read(text);
        };
        let Some(backslash) = text[before_window..].iter().position(|byte| *byte == b'\\') else {
            return Self::Closed;
        };
        // Whether it starts an escape depends on how many stand before it.
        let others = text[..before_window + backslash]
            .iter()
            .rev()
            .take_while(|byte| **byte == b'\\');
        let run = before_window + backslash - others.count();
        let at_run = if run == 0 { self } else { Self::Closed };
        at_run.read(&text[run..])
    }

    fn read(self, text: &[u8]) -> Self {
        text.iter().fold(self, |tail, byte| match (tail, byte) {
            (Self::Backslash, b'u') => Self::Unicode(0),
            (Self::Backslash, _) => Self::Closed,
            (_, b'\\') => Self::Backslash,
            (Self::Unicode(digits), byte) if byte.is_ascii_hexdigit() && digits < 3 => {
                Self::Unicode(digits + 1)
            }
            _ => Self::Closed,
        })
    }

    /// What completes the open escape: a backslash (`\\`), or the digits of a space (`\u0020`).
    pub(super) fn completion(self) -> &'static str {
        match self {
            Self::Closed => "",
            Self::Backslash => "\\",
            Self::Unicode(digits) => &"0020"[digits..],
        }
    }
}

/// `\uXXX`: an escape that began earlier is complete.
const LONGEST_OPEN_ESCAPE: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    /// Reading from the end gives what reading from the start gives.
    #[track_caller]
    fn check(text: &str, expected: Tail) {
        assert_eq!(Tail::Closed.after(text.as_bytes()), expected, "whole");
        for split in 0..=text.len() {
            let (first, second) = text.as_bytes().split_at(split);
            assert_eq!(
                Tail::Closed.after(first).after(second),
                expected,
                "split at {split}"
            );
        }
        let padded = format!("some text before{text}");
        assert_eq!(Tail::Closed.after(padded.as_bytes()), expected, "padded");
    }

    #[test]
    fn tails() {
        check("", Tail::Closed);
        check("abc", Tail::Closed);
        check(r"\", Tail::Backslash);
        check(r"\\", Tail::Closed);
        check(r"\\\", Tail::Backslash);
        check(r"\\\\\\\\\\", Tail::Closed);
        check(r"\\\\\\\\\\\", Tail::Backslash);
        check(r"\n", Tail::Closed);
        check(r"\u", Tail::Unicode(0));
        check(r"\\u", Tail::Closed);
        check(r"\u00e", Tail::Unicode(3));
        check(r"\u00e9", Tail::Closed);
        check(r"\\\\\u00e", Tail::Unicode(3));
        check(r"\\\\u00e", Tail::Closed);
        check(r"\u0\n", Tail::Closed);
        check(r"\u0\", Tail::Backslash);
    }
}
