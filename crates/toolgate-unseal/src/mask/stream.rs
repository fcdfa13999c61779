//! Masks what arrives in chunks.

use std::fmt;
use std::mem;
use std::sync::Arc;

use bytes::Bytes;

use super::masker::{Follows, Kind, Masker, Run};
use super::tail::Tail;

/// Masks a stream; made by [`Masker::stream`].
///
/// What comes out, put together, is what [`Masker::mask`] makes of the whole, however it was cut (F-08). Held
/// back is only what could be the beginning of a secret, at most one byte less than its longest spelling, and
/// usually nothing: an event that ends with a line break goes out at once.
pub struct MaskStream {
    masker: Arc<Masker>,
    text: TextStream,
}

impl MaskStream {
    pub(super) fn new(masker: Arc<Masker>) -> Self {
        Self {
            masker,
            text: TextStream::default(),
        }
    }

    /// Takes a chunk in and gives out what is decided. A clean chunk comes out uncopied, unless a few bytes were
    /// held back before it.
    #[must_use = "what is given out is not given out again"]
    pub fn push(&mut self, chunk: Bytes) -> Bytes {
        self.text.push(&self.masker, chunk).bytes
    }

    /// Gives out the rest, after the last chunk. The stream is then as new.
    #[must_use = "what is given out is not given out again"]
    pub fn finish(&mut self) -> Bytes {
        self.text.finish(&self.masker).bytes
    }
}

impl fmt::Debug for MaskStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaskStream")
            .field("held_bytes", &self.text.held.len())
            .finish_non_exhaustive()
    }
}

/// Where a text in chunks stands; it holds no masker.
#[derive(Default)]
pub(super) struct TextStream {
    held: Vec<u8>,
    tail: Tail,
}

/// What is decided of a text.
pub(super) struct Decided {
    pub(super) bytes: Bytes,
    /// Whether something in it was masked.
    pub(super) is_masked: bool,
}

impl TextStream {
    pub(super) fn push(&mut self, masker: &Masker, chunk: Bytes) -> Decided {
        let text = self.with_held(chunk);
        let run = masker.run(&text, Kind::Text, Follows::More, &mut self.tail);
        self.decided(&text, run)
    }

    /// The same for a part of a message that lies outside of blobs. When one may begin in it, the text comes back with
    /// what was held before it, and nothing of it was taken in.
    pub(super) fn push_outside(&mut self, masker: &Masker, chunk: Bytes) -> Result<Decided, Bytes> {
        let text = self.with_held(chunk);
        let mut tail = self.tail;
        let run = masker.run(&text, Kind::Outside, Follows::More, &mut tail);
        if run.meets_blob {
            return Err(text);
        }
        self.tail = tail;
        Ok(self.decided(&text, run))
    }

    fn decided(&mut self, text: &Bytes, run: Run) -> Decided {
        self.held.extend_from_slice(&text[run.decided..]);
        Decided {
            is_masked: run.masked.is_some(),
            bytes: run
                .masked
                .map_or_else(|| text.slice(..run.decided), Bytes::from),
        }
    }

    pub(super) fn finish(&mut self, masker: &Masker) -> Decided {
        let text = Bytes::from(mem::take(&mut self.held));
        let run = masker.run(&text, Kind::Text, Follows::Nothing, &mut self.tail);
        self.tail = Tail::default();
        Decided {
            is_masked: run.masked.is_some(),
            bytes: run.masked.map_or(text, Bytes::from),
        }
    }

    fn with_held(&mut self, chunk: Bytes) -> Bytes {
        if self.held.is_empty() {
            return chunk;
        }
        let mut text = mem::take(&mut self.held);
        text.extend_from_slice(&chunk);
        text.into()
    }
}
