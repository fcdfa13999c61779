//! Indexing one level of a text that was validated before; nothing is checked again.

use std::ops::Range;

use super::blocks::{Seen, Stop, plain_run, skip_blocks};
use super::index::{Member, Members, offset};

/// The members of a validated object.
pub(super) fn members(text: &[u8]) -> Members {
    let mut members = Members::new();
    let mut walk = Walk { text, at: 1 };
    while walk.next_is(b'"') {
        let key_start = walk.at + 1;
        let escaped = walk.skip_string();
        let key_end = walk.at - 1;
        walk.skip_space();
        walk.at += 1; // the colon
        walk.skip_space();
        let value_start = walk.at;
        walk.skip_value();
        let mut member = Member::new(key_start..key_end, escaped, value_start);
        member.value_end = offset(walk.at);
        members.push(member);
        walk.skip_comma();
    }
    members
}

/// The elements of a validated array.
pub(super) fn elements(text: &[u8]) -> Vec<Range<usize>> {
    let mut elements = Vec::new();
    let mut walk = Walk { text, at: 1 };
    walk.skip_space();
    while walk.at < text.len() && text[walk.at] != b']' {
        let start = walk.at;
        walk.skip_value();
        elements.push(start..walk.at);
        walk.skip_comma();
        walk.skip_space();
    }
    elements
}

struct Walk<'t> {
    text: &'t [u8],
    at: usize,
}

impl Walk<'_> {
    fn skip_space(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn skip_comma(&mut self) {
        self.skip_space();
        if self.text.get(self.at) == Some(&b',') {
            self.at += 1;
        }
    }

    fn next_is(&mut self, byte: u8) -> bool {
        self.skip_space();
        self.text.get(self.at) == Some(&byte)
    }

    /// Goes from an opening quote past the closing one; says whether there were escapes.
    fn skip_string(&mut self) -> bool {
        let (mut escaped, mut seen) = (false, Seen::default());
        // Names and most values are short.
        self.at = plain_run(self.text, self.at + 1, 2, &mut seen);
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b'"' => {
                    self.at += 1;
                    return escaped;
                }
                b'\\' => {
                    escaped = true;
                    self.at += 2;
                }
                _ => self.at += 1,
            }
            self.at = match skip_blocks(self.text, self.at, &mut escaped, &mut seen) {
                Stop::Quote(quote) => quote,
                Stop::Slow(at) => plain_run(self.text, at, 4, &mut seen),
            };
        }
        self.at = self.text.len();
        escaped
    }

    fn skip_value(&mut self) {
        let mut depth = 0_usize;
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b'"' => self.skip_string(),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                    continue;
                }
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                    false
                }
                _ if depth > 0 => {
                    self.at += 1;
                    continue;
                }
                _ => {
                    self.skip_scalar();
                    false
                }
            };
            if depth == 0 {
                return;
            }
        }
    }

    fn skip_scalar(&mut self) {
        while let Some(byte) = self.text.get(self.at)
            && !matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r')
        {
            self.at += 1;
        }
    }
}
