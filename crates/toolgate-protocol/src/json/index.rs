//! Which member stands where: made once, by the scan or by a walk, and shared by all values of a message.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use smallvec::SmallVec;

use super::string;

/// Where one member stands in the text of its object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    /// The name, between its quotes.
    pub(super) key_start: u32,
    pub(super) key_end: u32,
    pub(super) value_start: u32,
    pub(super) value_end: u32,
    /// Tells most names apart.
    pub(super) fingerprint: u32,
    /// Where the value's own members are indexed: from `inner_start` on as many as `inner_len` says; none
    /// when they are not.
    pub(super) inner_start: u16,
    pub(super) inner_len: u8,
    /// Whether the name holds escapes.
    pub(super) escaped: bool,
}

impl Member {
    /// A member whose value begins at `value` and has not been read yet.
    #[inline]
    pub(super) fn new(key: Range<usize>, escaped: bool, value: usize) -> Self {
        Self {
            key_start: offset(key.start),
            key_end: offset(key.end),
            value_start: offset(value),
            value_end: 0,
            fingerprint: 0,
            inner_start: 0,
            inner_len: 0,
            escaped,
        }
    }

    pub(super) fn raw_key<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        &text[self.key_start as usize..self.key_end as usize]
    }

    pub(super) fn key<'t>(&self, text: &'t [u8]) -> Cow<'t, str> {
        string::decode(self.raw_key(text))
    }

    /// The decoded name, which need not be UTF-8 yet.
    pub(super) fn key_bytes<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        let raw = self.raw_key(text);
        if self.escaped {
            string::decode_bytes(raw)
        } else {
            Cow::Borrowed(raw)
        }
    }

    pub(super) fn is(&self, key: &str, text: &[u8]) -> bool {
        if self.escaped {
            return self.key(text) == key;
        }
        (self.key_end - self.key_start) as usize == key.len()
            && self.raw_key(text) == key.as_bytes()
    }

    /// The value within the text of the object.
    pub(super) fn value(&self) -> Range<usize> {
        self.value_start as usize..self.value_end as usize
    }

    /// The whole member within the text of the object, from the first quote of the name on.
    pub(super) fn whole(&self) -> Range<usize> {
        self.key_start as usize - 1..self.value_end as usize
    }

    /// Makes the member one of a text that begins `by` bytes later.
    #[inline]
    pub(super) fn shift(&mut self, by: u32) {
        self.key_start -= by;
        self.key_end -= by;
        self.value_start -= by;
        self.value_end -= by;
    }
}

/// How many members lie beside the count of an index's holders; a message seldom has more.
const INLINE: usize = 24;

/// The members of one or more objects, each object's together.
pub(super) type Members = SmallVec<[Member; INLINE]>;

/// The members of one object, in an index that may hold those of others; or none, when they are not known.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    all: Option<Arc<Members>>,
    start: u32,
    len: u32,
}

impl Index {
    /// The members of an object by themselves.
    pub(super) fn of(members: Members) -> Self {
        Self::from(members, 0)
    }

    /// The members from `start` on.
    pub(super) fn from(all: Members, start: usize) -> Self {
        match all.len() - start {
            0 => Self::default(),
            len => Self {
                start: offset(start),
                len: offset(len),
                all: Some(Arc::new(all)),
            },
        }
    }

    /// No object without members is known, as it takes no time to see that it has none.
    pub(super) fn is_known(&self) -> bool {
        self.all.is_some()
    }

    pub(super) fn members(&self) -> &[Member] {
        match &self.all {
            Some(all) => &all[self.start as usize..][..self.len as usize],
            None => &[],
        }
    }

    /// The members of a member's value, where they are known.
    pub(super) fn inner(&self, member: &Member) -> Self {
        if member.inner_len == 0 {
            return Self::default();
        }
        Self {
            all: self.all.clone(),
            start: member.inner_start.into(),
            len: member.inner_len.into(),
        }
    }

    /// The same without what else is in the index.
    pub(super) fn detached(&self) -> Self {
        let bare = |member: &Member| Member {
            inner_len: 0,
            ..*member
        };
        Self::of(self.members().iter().map(bare).collect())
    }
}

/// A place in a text or an index.
pub(super) fn offset(at: usize) -> u32 {
    u32::try_from(at).expect("the scanner refuses texts longer than 4 GiB")
}
