//! Finding a member that is named twice, at any depth, without allocating per object (P3.7).
//!
//! The names of all open objects lie on one stack. A small object compares each new name with those
//! before it, by fingerprint; a large one is sorted when it closes. Names are compared decoded, so
//! `"a"` and `"\u0061"` are the same. Fingerprints are not secret and need not be: names that collide on
//! purpose are told apart by their bytes, within the sort's n log n.

use std::borrow::Cow;

use super::string;

/// Above this many names an object is sorted when it closes.
const LINEAR_MAX: usize = 16;

/// A name on the stack.
#[derive(Debug, Clone, Copy)]
struct Key {
    fingerprint: u64,
    /// Where the raw name stands between its quotes.
    start: u32,
    end: u32,
}

/// The names of all open objects, innermost last.
#[derive(Debug)]
pub(super) struct KeyStack {
    keys: Vec<Key>,
}

impl KeyStack {
    pub(super) fn new() -> Self {
        Self {
            keys: Vec::with_capacity(2 * LINEAR_MAX),
        }
    }

    /// Where the names of an object that opens now begin.
    pub(super) fn mark(&self) -> u32 {
        // One key takes at least one byte of a text shorter than 4 GiB.
        u32::try_from(self.keys.len()).expect("fewer keys than bytes")
    }

    /// Adds a name to the innermost object, whose names begin at `mark`; false when a small object has it already.
    #[inline]
    pub(super) fn push(&mut self, text: &[u8], mark: u32, span: (u32, u32), escaped: bool) -> bool {
        let raw = &text[span.0 as usize..span.1 as usize];
        let fingerprint = if escaped {
            fingerprint(&string::decode_bytes(raw))
        } else {
            fingerprint(raw)
        };
        let key = Key {
            fingerprint,
            start: span.0,
            end: span.1,
        };
        let siblings = &self.keys[mark as usize..];
        let fresh = siblings.len() > LINEAR_MAX
            || !siblings
                .iter()
                .any(|other| other.fingerprint == fingerprint && other.same(&key, text));
        self.keys.push(key);
        fresh
    }

    /// Closes the innermost object; says where a repeated name of a large one stands.
    #[inline]
    pub(super) fn close(&mut self, text: &[u8], mark: u32) -> Result<(), u32> {
        let mark = mark as usize;
        let duplicate = if self.keys.len() - mark > LINEAR_MAX {
            find_duplicate(text, &mut self.keys[mark..])
        } else {
            None
        };
        self.keys.truncate(mark);
        duplicate.map_or(Ok(()), Err)
    }
}

impl Key {
    fn decoded<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        string::decode_bytes(&text[self.start as usize..self.end as usize])
    }

    fn same(&self, other: &Self, text: &[u8]) -> bool {
        self.decoded(text) == other.decoded(text)
    }
}

fn find_duplicate(text: &[u8], keys: &mut [Key]) -> Option<u32> {
    keys.sort_unstable_by(|a, b| {
        a.fingerprint
            .cmp(&b.fingerprint)
            .then_with(|| a.decoded(text).cmp(&b.decoded(text)))
    });
    keys.windows(2)
        .find(|pair| pair[0].fingerprint == pair[1].fingerprint && pair[0].same(&pair[1], text))
        .map(|pair| pair[0].start.max(pair[1].start))
}

/// A cheap mix of the length and both ends; names up to 16 bytes are covered whole.
#[inline]
fn fingerprint(name: &[u8]) -> u64 {
    let (head, tail) = match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        (Some(head), Some(tail)) => (u64::from_le_bytes(*head), u64::from_le_bytes(*tail)),
        _ => match (name.first_chunk::<4>(), name.last_chunk::<4>()) {
            (Some(head), Some(tail)) => (
                u64::from(u32::from_le_bytes(*head)),
                u64::from(u32::from_le_bytes(*tail)),
            ),
            _ => (
                name.iter().fold(0, |mix, &byte| mix << 8 | u64::from(byte)),
                0,
            ),
        },
    };
    (head ^ tail.rotate_left(29) ^ name.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
