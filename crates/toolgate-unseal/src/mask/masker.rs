//! Masks a whole buffer.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use toolgate_vault::MIN_SECRET_BYTES;

use super::blob::{self, Blob};
use super::index::{Found, Index};
use super::replacement::{Replacements, Shape};
use super::spelling;
use super::stream::MaskStream;
use super::tail::Tail;

/// Finds the secrets of one server in all that it sends, and puts `[REDACTED]` in their place (S-22).
///
/// # What is found
///
/// A secret as it is; reversed; in a JSON string, with every escape that common encoders choose, and in JSON
/// inside JSON; percent-encoded by the usual rules, in either case; in base64 at any of the three offsets in
/// both alphabets, padded or not; in hex of either case. Of matches that overlap, the first counts, of those
/// that start together the longest.
///
/// # What is promised
///
/// - Clean bytes come back as the very same [`Bytes`], uncopied.
/// - What comes out holds no secret in any of these spellings: the replacement is chosen so that no text around
///   it can complete it to one. (Two exceptions, which no ordinary secret meets: secrets that use up every
///   replacement there is, and one that ends in the backslashes or digits which complete an escape.)
/// - JSON stays well-formed, also where a match begins inside an escape, and where the secret is a number, or is
///   itself a JSON object, array or string. It can break where a secret holds a quotation mark and is none of these.
///
/// # What is not
///
/// This catches echoes, not malice: a server that compresses, encrypts, spells, splits or encodes twice what it
/// was given gets it past. Base64 that is broken into lines is found in blobs only. At the edges of a
/// match in base64 up to four bits of the secret's first and last byte stay, and the base64 around it no
/// longer decodes.
///
/// # What stays in memory
///
/// A masker holds the secrets it looks for, in all spellings, so keep one no longer than a minute (S-15). They
/// are wiped when it is dropped. Not wiped: the first six bytes of each spelling inside the search automata,
/// which offer no way to (for a secret made of repetitions, like `aaaaaaaa…`, all of its bytes); what the
/// allocator kept of the text that was searched; and the bytes held back by a [`MaskStream`].
pub struct Masker {
    index: Index,
    replacements: Replacements,
}

impl Masker {
    /// For the values injected into one server.
    ///
    /// Values under 8 bytes are no secrets (S-18: they are refused when saved) and are not looked for: masking
    /// them would shred every answer.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let spellings = secrets
            .into_iter()
            .filter(|secret| secret.len() >= MIN_SECRET_BYTES)
            .flat_map(spelling::all)
            .collect();
        let index = Index::new(spellings);
        Self {
            replacements: index.replacements(),
            index,
        }
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Masks a whole buffer. A clean one comes back as it is.
    #[must_use = "the bytes that went in still hold the secret"]
    pub fn mask(&self, bytes: Bytes) -> Bytes {
        self.mask_all(&bytes).map_or(bytes, Bytes::from)
    }

    /// Masks a JSON message, and in it also what its blobs hold: the strings of members `blob` and `data` are
    /// decoded, and stay base64 that decodes. A clean message comes back as it is.
    #[must_use = "the bytes that went in still hold the secret"]
    pub fn mask_message(&self, message: Bytes) -> Bytes {
        self.run(
            &message,
            Kind::Message,
            Follows::Nothing,
            &mut Tail::default(),
        )
        .masked
        .map_or(message, Bytes::from)
    }

    /// Masks text, such as an error message or a header.
    #[must_use = "the text that went in still holds the secret"]
    pub fn mask_str<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.mask_all(text.as_bytes()) {
            None => Cow::Borrowed(text),
            // Patterns and replacements begin and end with whole characters, so nothing is lost.
            Some(masked) => Cow::Owned(String::from_utf8_lossy(&masked).into_owned()),
        }
    }

    /// A masker for what arrives in chunks.
    pub fn stream(self: &Arc<Self>) -> MaskStream {
        MaskStream::new(Arc::clone(self))
    }

    fn mask_all(&self, text: &[u8]) -> Option<Vec<u8>> {
        self.run(text, Kind::Text, Follows::Nothing, &mut Tail::default())
            .masked
    }

    /// Masks as much of `text` as what follows cannot change; `tail` is what was released before it ends with.
    pub(super) fn run(&self, text: &[u8], kind: Kind, follows: Follows, tail: &mut Tail) -> Run {
        let decided_to = |from| match follows {
            Follows::Nothing => text.len(),
            Follows::More => self.index.unfinished(text, from),
        };
        let mut scan = self.index.scan(text);
        let mut masked = None;
        let (mut done, mut from) = (0, 0);
        let mut decided = decided_to(done);
        // A match that starts behind `decided` may yet turn out to be a longer one.
        while let Some(found) = scan.next(from).filter(|found| found.start < decided) {
            if found.shape == Shape::Key {
                // A secret may begin inside a key.
                from = found.start + 1;
                if kind == Kind::Outside && blob::may_begin(text, found.start) {
                    return Run {
                        masked: None,
                        decided: 0,
                        meets_blob: true,
                    };
                }
                if kind == Kind::Message
                    && let Some((blob, clean)) = self.masked_blob(text, found.start)
                {
                    let masked = masked.get_or_insert_with(|| Vec::with_capacity(text.len()));
                    masked.extend_from_slice(&text[done..blob.start]);
                    masked.extend_from_slice(&clean);
                    (done, from, *tail) = (blob.end, blob.end, Tail::Closed);
                }
                continue;
            }
            let masked = masked.get_or_insert_with(|| Vec::with_capacity(text.len()));
            self.replace(masked, text, done, found, tail);
            (done, from) = (found.end, found.end);
            if done > decided {
                decided = decided_to(done);
            }
        }
        let rest = &text[done..decided];
        *tail = tail.after(rest);
        if let Some(masked) = &mut masked {
            masked.extend_from_slice(rest);
        }
        Run {
            masked,
            decided,
            meets_blob: false,
        }
    }

    /// The blob behind a key and what it becomes; `None` if it is clean, or none at all.
    fn masked_blob<'t>(&self, text: &'t [u8], key: usize) -> Option<(Blob<'t>, Vec<u8>)> {
        let blob = Blob::at(text, key)?;
        let clean = self.mask_all(&blob.decode()?)?;
        let encoded = blob.encode(&clean).into_bytes();
        // The base64 of something else may be a secret's by chance.
        let encoded = self.mask_all(&encoded).unwrap_or(encoded);
        Some((blob, encoded))
    }

    /// Writes what is before the match, and the replacement.
    fn replace(
        &self,
        masked: &mut Vec<u8>,
        text: &[u8],
        done: usize,
        found: Found,
        tail: &mut Tail,
    ) {
        let before = &text[done..found.start];
        masked.extend_from_slice(before);
        let at_start = tail.after(before);
        masked.extend_from_slice(at_start.completion().as_bytes());
        masked.extend_from_slice(self.replacements.of(found.shape).as_bytes());
        // A match that ends with a backslash took it from an escape that goes on behind.
        let at_end = at_start.after(&text[found.start..found.end]);
        *tail = if at_end == Tail::Backslash {
            masked.push(b'\\');
            Tail::Backslash
        } else {
            Tail::Closed
        };
    }
}

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Any bytes.
    Text,
    /// JSON, whose blobs are looked into.
    Message,
    /// A part of JSON in which no blob begins; where one may, the run is given up.
    Outside,
}

/// What comes after a text.
#[derive(Debug, Clone, Copy)]
pub(super) enum Follows {
    Nothing,
    More,
}

/// What became of a text.
pub(super) struct Run {
    /// `None` if it was clean.
    pub(super) masked: Option<Vec<u8>>,
    /// As far as it was masked; the rest waits for what follows.
    pub(super) decided: usize,
    /// It was given up, and `tail` is of no use, because a blob may begin in it.
    pub(super) meets_blob: bool,
}

/// Says nothing of what is inside: the automata's own `Debug` prints their needles.
impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Masker").finish_non_exhaustive()
    }
}
