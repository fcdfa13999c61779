//! What children wrote to standard error: the last of it (S-75).

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes kept (security.md section 17).
const KEPT: usize = 256 * 1024;
/// Bytes of one line kept; the rest of it is skipped.
const LINE: usize = 8 * 1024;

/// The last 256 KiB of standard error; never inherited, never logged.
#[derive(Debug, Default)]
pub(super) struct StderrRing(Mutex<Ring>);

#[derive(Debug, Default)]
struct Ring {
    bytes: VecDeque<u8>,
    line: usize,
}

impl StderrRing {
    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, bytes: &[u8]) {
        let mut ring = self.lock();
        for &byte in bytes {
            ring.line = if byte == b'\n' { 0 } else { ring.line + 1 };
            if ring.line <= LINE {
                ring.bytes.push_back(byte);
            }
        }
        let surplus = ring.bytes.len().saturating_sub(KEPT);
        ring.bytes.drain(..surplus);
    }

    /// As text: bad UTF-8 replaced, control characters escaped (S-24).
    pub(super) fn tail(&self) -> String {
        let bytes: Vec<u8> = self.lock().bytes.iter().copied().collect();
        let mut text = String::with_capacity(bytes.len());
        for c in String::from_utf8_lossy(&bytes).chars() {
            if c.is_control() && c != '\n' {
                text.extend(c.escape_unicode());
            } else {
                text.push(c);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s75_the_ring_keeps_the_last_and_cuts_lines() {
        let ring = StderrRing::default();
        ring.push(&vec![b'a'; LINE + 100]);
        ring.push(b"\nnext\n");
        assert_eq!(ring.tail().len(), LINE + "\nnext\n".len());
        for _ in 0..KEPT / 8 + 10 {
            ring.push(b"1234567\n");
        }
        assert_eq!(ring.tail().len(), KEPT);
        assert!(ring.tail().ends_with("1234567\n"));
    }

    #[test]
    fn s24_control_characters_are_escaped() {
        let ring = StderrRing::default();
        ring.push(b"\x1b[31mred\xff\r\n");
        assert_eq!(ring.tail(), "\\u{1b}[31mred\u{fffd}\\u{d}\n");
    }
}
