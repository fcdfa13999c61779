//! Masks a JSON message that arrives in chunks.

use std::fmt;

use bytes::Bytes;

use super::blob_stream::BlobStream;
use super::masker::Masker;
use super::stream::TextStream;

/// Masks one message as it comes: everything that [`Masker::mask_message`] finds in the whole is found, however it
/// was cut, blobs included.
///
/// A blob that holds a secret is encoded anew from there on. Where the whole decides by its end whether a string is
/// base64 at all, the stream takes it for base64 until it sees that it is not; so it may mask more, never less.
///
/// It holds no [`Masker`], which may be kept for a minute only (S-15), while a stream may last longer: each call
/// brings one. Held back is what could be the beginning of a secret, and of a blob at most as much again in base64.
#[derive(Default)]
pub struct MessageStream {
    blobs: BlobStream,
    text: TextStream,
}

impl MessageStream {
    /// Takes a chunk in and gives out what is decided. A clean chunk usually comes out uncopied.
    #[must_use = "what is given out is not given out again"]
    pub fn push(&mut self, masker: &Masker, chunk: &Bytes) -> Bytes {
        let mut chunk = chunk.clone();
        // Most chunks name no blob, which the search for secrets tells on its way.
        if self.blobs.begin_outside() {
            match self.text.push_outside(masker, chunk) {
                Ok(decided) => return decided.bytes,
                Err(text) => chunk = text,
            }
        }
        let mut looked_into = self.blobs.push(masker, &chunk);
        let first = looked_into.next().unwrap_or_default();
        let first = self.text.push(masker, first).bytes;
        let rest: Vec<Bytes> = looked_into
            .map(|part| self.text.push(masker, part).bytes)
            .collect();
        joined(first, &rest)
    }

    /// Gives out the rest, after the last chunk. The stream is then as new.
    #[must_use = "what is given out is not given out again"]
    pub fn finish(&mut self, masker: &Masker) -> Bytes {
        let last = self.blobs.finish(masker);
        let last = self.text.push(masker, last).bytes;
        joined(last, &[self.text.finish(masker).bytes])
    }
}

fn joined(first: Bytes, rest: &[Bytes]) -> Bytes {
    if rest.iter().all(Bytes::is_empty) {
        return first;
    }
    let mut text = first.to_vec();
    for part in rest {
        text.extend_from_slice(part);
    }
    text.into()
}

impl fmt::Debug for MessageStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageStream").finish_non_exhaustive()
    }
}
