//! What children wrote to standard error: the last of it, for admins (S-75).

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use crate::credentials::OutputMask;

/// Bytes kept (security.md section 17).
const KEPT: usize = 256 * 1024;
/// Bytes of one line kept; the rest of it is skipped.
const LINE: usize = 8 * 1024;
/// What a line costs besides its text, so that empty ones are bounded, too.
const ENTRY: usize = 32;

/// The last lines that the children of one server wrote; never inherited, never logged.
#[derive(Debug, Default)]
pub(super) struct StderrRing(Mutex<Ring>);

#[derive(Debug, Default)]
struct Ring {
    lines: VecDeque<(u64, Box<[u8]>)>,
    bytes: usize,
}

/// One line of standard error, safe to show: control characters and direction marks are escaped (S-24).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StderrLine {
    /// When it was read, in milliseconds since 1970.
    pub at_ms: u64,
    /// At most 8 KiB of it before escaping, secrets taken out.
    pub text: String,
}

impl StderrRing {
    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The oldest lines go first, whole.
    fn push(&self, line: &[u8]) {
        let mut ring = self.lock();
        ring.bytes += line.len() + ENTRY;
        ring.lines.push_back((now_ms(), line.into()));
        while ring.bytes > KEPT {
            let Some((_, oldest)) = ring.lines.pop_front() else {
                return;
            };
            ring.bytes -= oldest.len() + ENTRY;
        }
    }

    /// What is kept, oldest first.
    pub(super) fn lines(&self) -> Vec<StderrLine> {
        let ring = self.lock();
        let shown = |(at_ms, line): &(u64, Box<[u8]>)| StderrLine {
            at_ms: *at_ms,
            text: escaped(&String::from_utf8_lossy(line)),
        };
        ring.lines.iter().map(shown).collect()
    }
}

/// Takes one child's standard error apart into lines. Holds at most one line, cut, and what the mask holds back.
pub(super) struct Lines {
    line: Vec<u8>,
    mask: Option<Box<dyn OutputMask>>,
}

impl Lines {
    pub(super) fn new(mask: Option<Box<dyn OutputMask>>) -> Self {
        Self {
            line: Vec::new(),
            mask,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8], ring: &StderrRing) {
        match &mut self.mask {
            None => self.split(bytes, ring),
            Some(mask) => {
                let masked = mask.push(Bytes::copy_from_slice(bytes));
                self.split(&masked, ring);
            }
        }
    }

    /// Gives out what was held back; the last line may still be open.
    pub(super) fn pause(&mut self, ring: &StderrRing) {
        if let Some(mask) = &mut self.mask {
            let rest = mask.pause();
            self.split(&rest, ring);
        }
    }

    /// The child is gone: a last line without an end is one, too.
    pub(super) fn finish(mut self, ring: &StderrRing) {
        self.pause(ring);
        if !self.line.is_empty() {
            ring.push(&self.line);
        }
    }

    fn split(&mut self, bytes: &[u8], ring: &StderrRing) {
        let mut parts = bytes.split(|byte| *byte == b'\n');
        // There is always a last part, which no line end follows.
        let open = parts.next_back().unwrap_or_default();
        for part in parts {
            self.take(part);
            ring.push(self.line.strip_suffix(b"\r").unwrap_or(&self.line));
            self.line.clear();
        }
        self.take(open);
    }

    fn take(&mut self, part: &[u8]) {
        let room = LINE.saturating_sub(self.line.len()).min(part.len());
        self.line.extend_from_slice(&part[..room]);
    }
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\t' || !(c.is_control() || turns_text(c)) {
            safe.push(c);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(safe, "{}", c.escape_unicode());
        }
    }
    safe
}

/// Marks that change the direction of text or cannot be seen, with which a line can look like another.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}')
}

fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(ring: &StderrRing) -> Vec<String> {
        ring.lines().into_iter().map(|line| line.text).collect()
    }

    fn pushed(chunks: &[&[u8]]) -> StderrRing {
        let ring = StderrRing::default();
        let mut lines = Lines::new(None);
        for chunk in chunks {
            lines.push(chunk, &ring);
        }
        lines.finish(&ring);
        ring
    }

    #[test]
    fn s75_a_line_is_cut_at_its_limit() {
        for (length, kept) in [
            (LINE - 1, LINE - 1),
            (LINE, LINE),
            (LINE + 1, LINE),
            (3 * LINE, LINE),
        ] {
            let mut line = vec![b'a'; length];
            line.extend_from_slice(b"\nnext");
            let lines = texts(&pushed(&line.chunks(1000).collect::<Vec<_>>()));
            assert_eq!(lines[0].len(), kept);
            assert_eq!(lines[1..], ["next"]);
        }
    }

    #[test]
    fn s75_the_ring_keeps_the_last_lines_whole() {
        let ring = StderrRing::default();
        let mut lines = Lines::new(None);
        for number in 0..100_000 {
            lines.push(format!("line {number}\n").as_bytes(), &ring);
        }
        let kept = texts(&ring);
        assert_eq!(kept.last().map(String::as_str), Some("line 99999"));
        assert!(kept.iter().all(|line| line.starts_with("line ")));
        let size: usize = kept.iter().map(|line| line.len() + ENTRY).sum();
        assert!(size <= KEPT && size > KEPT - 2 * ENTRY, "{size}");
        (0..KEPT).for_each(|_| lines.push(b"\n", &ring));
        assert!(
            texts(&ring).len() <= KEPT / ENTRY,
            "empty lines are bounded, too"
        );
    }

    #[test]
    fn s24_control_characters_and_direction_marks_are_escaped() {
        let ring = pushed(&[b"\x1b[31mred\xff\r\n", "a\u{202e}b\u{200b}\tc\n".as_bytes()]);
        assert_eq!(
            texts(&ring),
            ["\\u{1b}[31mred\u{fffd}", "a\\u{202e}b\\u{200b}\tc"]
        );
    }

    /// Takes `secret` out, and holds back what could be its beginning, as the gateway's does.
    struct Mask(Vec<u8>);

    impl OutputMask for Mask {
        fn push(&mut self, chunk: Bytes) -> Bytes {
            self.0.extend_from_slice(&chunk);
            let text = String::from_utf8_lossy(&self.0).replace("secret", "***");
            let keep = (1..6)
                .rev()
                .find(|n| text.ends_with(&"secret"[..*n]))
                .unwrap_or(0);
            let (out, held) = text.split_at(text.len() - keep);
            self.0 = held.as_bytes().to_vec();
            Bytes::copy_from_slice(out.as_bytes())
        }

        fn pause(&mut self) -> Bytes {
            std::mem::take(&mut self.0).into()
        }
    }

    #[test]
    fn s75_secrets_are_taken_out_before_a_line_is_cut() {
        let ring = StderrRing::default();
        let mut lines = Lines::new(Some(Box::new(Mask(Vec::new()))));
        let line = [vec![b'a'; LINE - 4], b"secret and se".to_vec()].concat();
        for chunk in line.chunks(3) {
            lines.push(chunk, &ring);
        }
        lines.push(b"cret\n", &ring);
        lines.finish(&ring);
        let kept = texts(&ring);
        assert!(
            kept[0].ends_with("aaa***a") || kept[0].ends_with("a*** "),
            "{}",
            &kept[0][LINE - 20..]
        );
        assert!(!kept.concat().contains("sec"));
    }
}
