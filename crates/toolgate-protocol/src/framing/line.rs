//! One message a line (P8.24).

use bytes::{Buf, Bytes, BytesMut};

/// Splits a stream into lines, however it was cut into chunks. Holds at most one line and one chunk.
#[derive(Debug)]
pub struct LineDecoder {
    max_line: usize,
    /// What was pushed and not looked at yet.
    chunk: Bytes,
    /// The begin of a line whose end has not come.
    partial: BytesMut,
    /// Whether the rest of an overlong line is being skipped.
    skipping: bool,
}

/// A line longer than the limit; it is skipped and the next line is read as usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("reading a line: longer than {max} bytes")]
pub struct LineError {
    /// The limit in bytes.
    pub max: usize,
}

impl LineDecoder {
    /// A decoder that refuses lines longer than `max_line` bytes.
    pub fn new(max_line: usize) -> Self {
        Self {
            max_line,
            chunk: Bytes::new(),
            partial: BytesMut::new(),
            skipping: false,
        }
    }

    /// Bytes of an unfinished line, and of what was not looked at yet.
    pub fn held(&self) -> usize {
        self.partial.len() + self.chunk.len()
    }

    /// Hands bytes in.
    pub fn push(&mut self, bytes: &[u8]) {
        self.push_bytes(Bytes::copy_from_slice(bytes));
    }

    /// Hands bytes in without copying them where a whole line lies in them.
    pub fn push_bytes(&mut self, bytes: Bytes) {
        self.chunk = joined(&self.chunk, bytes);
    }

    /// The next whole line without its end (LF or CR LF); `None` when more bytes are needed. Empty lines
    /// are skipped.
    #[expect(
        clippy::should_implement_trait,
        reason = "a decoder's `next` can fail, and go on after `None`"
    )]
    pub fn next(&mut self) -> Result<Option<Bytes>, LineError> {
        while !self.chunk.is_empty() {
            let end = memchr::memchr(b'\n', &self.chunk);
            let part = self.chunk.split_to(end.unwrap_or(self.chunk.len()));
            if end.is_some() {
                self.chunk.advance(1);
            }
            if self.skipping {
                self.skipping = end.is_none();
                continue;
            }
            if self.partial.len() + part.len() > self.max_line {
                self.partial = BytesMut::new();
                self.skipping = end.is_none();
                return Err(LineError { max: self.max_line });
            }
            if end.is_none() {
                self.partial.extend_from_slice(&part);
                continue;
            }
            let line = without_cr(completed(&mut self.partial, part));
            if !line.is_empty() {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }
}

/// `message` on one line: line ends in valid JSON stand only between its tokens, where a space does as well.
/// The same bytes come back when there are none.
pub fn one_line(message: Bytes) -> Bytes {
    if memchr::memchr2(b'\n', b'\r', &message).is_none() {
        return message;
    }
    let space_for_end = |&byte: &u8| {
        if matches!(byte, b'\n' | b'\r') {
            b' '
        } else {
            byte
        }
    };
    message.iter().map(space_for_end).collect()
}

/// Two pieces in one; copies only when there are two.
pub(super) fn joined(first: &[u8], second: Bytes) -> Bytes {
    if first.is_empty() {
        return second;
    }
    let mut both = BytesMut::with_capacity(first.len() + second.len());
    both.extend_from_slice(first);
    both.extend_from_slice(&second);
    both.freeze()
}

/// The line that `part` completes; `partial` is empty afterwards.
pub(super) fn completed(partial: &mut BytesMut, part: Bytes) -> Bytes {
    if partial.is_empty() {
        return part;
    }
    partial.extend_from_slice(&part);
    partial.split().freeze()
}

fn without_cr(mut line: Bytes) -> Bytes {
    if line.last() == Some(&b'\r') {
        line.truncate(line.len() - 1);
    }
    line
}
