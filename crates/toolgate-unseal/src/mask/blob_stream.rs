//! What the blobs of a message hold, while the message arrives in chunks.
//!
//! The members `blob` and `data` are looked for wherever their names stand. What follows one is decoded as it comes
//! and searched. As long as nothing is found the characters go on as they came; from a find on the blob is encoded
//! anew. Nothing of a group of four characters goes on before all it holds is decided.

use std::mem;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use memchr::{memchr2, memchr3, memmem};

use super::blob::{KEYS, NAME_BYTES};
use super::masker::Masker;
use super::stream::TextStream;

/// Looks for blobs and into them.
#[derive(Default)]
pub(super) struct BlobStream {
    state: State,
    /// The last bytes outside of blobs, which may be the begin of a name.
    recent: Vec<u8>,
}

#[derive(Default)]
enum State {
    #[default]
    Outside,
    /// A name has passed: white space, a colon, white space and a quotation mark make what follows a blob.
    Named {
        colon: bool,
    },
    Inside(Box<Blob>),
}

impl BlobStream {
    /// Whether what comes next lies outside of blobs. If so, a name that was cut is not waited for here: whoever asks
    /// keeps its begin.
    pub(super) fn begin_outside(&mut self) -> bool {
        let is_outside = matches!(self.state, State::Outside);
        if is_outside {
            self.recent.clear();
        }
        is_outside
    }

    /// What the chunk becomes, in parts.
    pub(super) fn push(
        &mut self,
        masker: &Masker,
        chunk: &Bytes,
    ) -> impl Iterator<Item = Bytes> + use<> {
        let mut parts = Vec::new();
        let mut done = 0;
        let mut at = 0;
        while at < chunk.len() {
            at = match &mut self.state {
                State::Outside => self.look(chunk, at),
                State::Named { colon } => {
                    match chunk[at] {
                        b' ' | b'\t' | b'\r' | b'\n' => {}
                        b':' if !*colon => *colon = true,
                        b'"' if *colon => {
                            parts.push(chunk.slice(done..=at));
                            done = at + 1;
                            self.state = State::Inside(Box::default());
                        }
                        _ => {
                            self.state = State::Outside;
                            continue;
                        }
                    }
                    at + 1
                }
                State::Inside(blob) => {
                    let (taken, is_over) = blob.push(masker, &chunk[at..]);
                    done = at + taken;
                    parts.push(if is_over {
                        blob.finish(masker)
                    } else {
                        mem::take(&mut blob.out).into()
                    });
                    if is_over {
                        self.state = State::Outside;
                        self.recent.clear();
                    }
                    done
                }
            };
        }
        parts.push(chunk.slice(done..));
        parts.into_iter().filter(|part| !part.is_empty())
    }

    /// The message ends, perhaps inside a blob.
    pub(super) fn finish(&mut self, masker: &Masker) -> Bytes {
        self.recent.clear();
        match mem::take(&mut self.state) {
            State::Inside(mut blob) => blob.finish(masker),
            State::Outside | State::Named { .. } => Bytes::new(),
        }
    }

    /// Goes to the end of the next name, or of the chunk.
    fn look(&mut self, chunk: &[u8], from: usize) -> usize {
        let text = &chunk[from..];
        // A name may have begun in the chunk before.
        let before = self.recent.len();
        let ahead = text.len().min(NAME_BYTES - 1);
        self.recent.extend_from_slice(&text[..ahead]);
        let cut = KEYS
            .iter()
            .filter_map(|name| memmem::find(&self.recent, name.as_bytes()))
            .min();
        let found = match cut {
            Some(start) => Some(start + NAME_BYTES - before),
            None => KEYS
                .iter()
                .filter_map(|name| memmem::find(text, name.as_bytes()))
                .min()
                .map(|start| start + NAME_BYTES),
        };
        if let Some(end) = found {
            // The quotation mark may be the first of another name.
            self.recent.clear();
            self.recent.push(b'"');
            self.state = State::Named { colon: false };
            return from + end;
        }
        if text.len() >= NAME_BYTES {
            self.recent.clear();
            self.recent
                .extend_from_slice(&text[text.len() - (NAME_BYTES - 1)..]);
        } else {
            let extra = self.recent.len().saturating_sub(NAME_BYTES - 1);
            self.recent.drain(..extra);
        }
        chunk.len()
    }
}

/// Escapes among the characters.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Escapes {
    #[default]
    None,
    /// The last byte was the backslash of one.
    Open,
    /// There was one.
    Past,
}

/// A string that is taken for base64.
#[derive(Default)]
struct Blob {
    /// The characters that wait, as they came.
    raw: Vec<u8>,
    /// Those among them that are base64 and not decoded yet: less than a group between chunks.
    digits: Vec<u8>,
    /// How many digits there were in all.
    count: usize,
    escapes: Escapes,
    padding: bool,
    url_safe: bool,
    decoded: TextStream,
    /// Decided bytes that do not fill a group.
    group: Vec<u8>,
    /// Something was found: from here on the blob is encoded anew.
    anew: bool,
    out: Vec<u8>,
}

impl Blob {
    /// Takes what belongs to the blob; says how much that was, and whether it is over, or none after all.
    fn push(&mut self, masker: &Masker, text: &[u8]) -> (usize, bool) {
        let end = self.gather(text);
        let taken = end.unwrap_or(text.len());
        self.raw.extend_from_slice(&text[..taken]);
        let whole = self.digits.len() / 4 * 4;
        let rest = self.digits.split_off(whole);
        let groups = mem::replace(&mut self.digits, rest);
        let is_base64 = self.decode(masker, groups);
        (taken, end.is_some() || !is_base64)
    }

    /// Picks the base64 out of the text, up to what ends it. What is no base64 does not decode.
    fn gather(&mut self, text: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < text.len() {
            if self.escapes == Escapes::Open {
                match text[at] {
                    b'/' if !self.padding => self.digits.push(b'/'),
                    b'n' | b'r' => {}
                    _ => return Some(at),
                }
                self.escapes = Escapes::Past;
                at += 1;
                continue;
            }
            let stop = memchr3(b'"', b'\\', b'=', &text[at..]).map_or(text.len(), |run| at + run);
            if stop > at {
                if self.padding {
                    return Some(at);
                }
                let digits = &text[at..stop];
                self.url_safe |= memchr2(b'-', b'_', digits).is_some();
                self.digits.extend_from_slice(digits);
                at = stop;
                continue;
            }
            match text[at] {
                b'\\' => self.escapes = Escapes::Open,
                b'=' => self.padding = true,
                _ => return Some(at),
            }
            at += 1;
        }
        None
    }

    /// Decodes whole groups; false if they are not base64 after all.
    fn decode(&mut self, masker: &Masker, groups: Vec<u8>) -> bool {
        if groups.is_empty() {
            return true;
        }
        let Ok(bytes) = self.engine(false).decode(&groups) else {
            let rest = mem::replace(&mut self.digits, groups);
            self.digits.extend_from_slice(&rest);
            return false;
        };
        self.count += groups.len();
        let decided = self.decoded.push(masker, bytes.into());
        self.go_on(&decided.bytes, decided.is_masked);
        true
    }

    /// Gives out what the decided bytes fill.
    fn go_on(&mut self, bytes: &[u8], is_masked: bool) {
        self.anew |= is_masked;
        let before = self.group.len();
        let whole = (before + bytes.len()) / 3 * 3;
        if !self.anew {
            let characters = self.characters(whole / 3 * 4);
            self.out.extend(self.raw.drain(..characters));
        }
        if whole == 0 {
            self.group.extend_from_slice(bytes);
            return;
        }
        let (full, rest) = bytes.split_at(whole - before);
        if self.anew {
            self.group.extend_from_slice(full);
            let text = self.engine(false).encode(&self.group);
            self.out.extend_from_slice(text.as_bytes());
            self.raw.clear();
        }
        self.group.clear();
        self.group.extend_from_slice(rest);
    }

    /// How many of the waiting characters spell so many digits.
    fn characters(&self, digits: usize) -> usize {
        if self.escapes == Escapes::None {
            return digits;
        }
        let (mut left, mut escape) = (digits, false);
        for (at, byte) in self.raw.iter().enumerate() {
            if left == 0 {
                return at;
            }
            if mem::take(&mut escape) {
                left -= usize::from(*byte == b'/');
            } else if *byte == b'\\' {
                escape = true;
            } else {
                left -= 1;
            }
        }
        self.raw.len()
    }

    /// The blob is over, or none: the rest of it.
    fn finish(&mut self, masker: &Masker) -> Bytes {
        let digits = mem::take(&mut self.digits);
        let (last, unread) = match self.engine(false).decode(&digits) {
            Ok(last) => (last, &[][..]),
            Err(_) => (Vec::new(), &*digits),
        };
        let is_padded = self.padding || (self.count + digits.len()).is_multiple_of(4);
        let decided = self.decoded.push(masker, last.into());
        self.go_on(&decided.bytes, decided.is_masked);
        let decided = self.decoded.finish(masker);
        self.go_on(&decided.bytes, decided.is_masked);
        if self.anew {
            let text = self.engine(is_padded).encode(&self.group);
            self.out.extend_from_slice(text.as_bytes());
            // It was no base64 after all, and goes on as it is.
            self.out.extend_from_slice(unread);
            let is_open = self.escapes == Escapes::Open;
            self.out.extend(is_open.then_some(b'\\'));
        } else {
            self.out.append(&mut self.raw);
        }
        mem::take(&mut self.out).into()
    }

    /// As lenient as clients are.
    fn engine(&self, is_padded: bool) -> GeneralPurpose {
        let alphabet = if self.url_safe { &URL_SAFE } else { &STANDARD };
        let config = GeneralPurposeConfig::new()
            .with_encode_padding(is_padded)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true);
        GeneralPurpose::new(alphabet, config)
    }
}
