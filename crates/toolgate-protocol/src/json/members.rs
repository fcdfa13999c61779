//! The members of the objects that are open while a text is scanned, and what becomes of them: a member that
//! is named twice is found, at any depth and without allocating per object (P3.7), and the members of the
//! outer objects become the index.
//!
//! The members of all open objects lie on one stack. A small object compares each new name with those
//! before it, by fingerprint; a large one is sorted when it closes. Names are compared decoded, so
//! `"a"` and `"\u0061"` are the same. Fingerprints are not secret and need not be: names that collide on
//! purpose are told apart by their bytes, within the sort's n log n.

use super::index::{Index, Member, Members, offset};

/// Above this many names an object is sorted when it closes.
const LINEAR_MAX: usize = 16;
/// How many members the index holds before objects inside the message's own parts are left out of it.
const DEEP_MAX: usize = 24;
/// How many it holds at most; what is not in it is found by a walk.
const INDEX_MAX: usize = 1024;
/// The levels of objects that a message has by itself: its own, and that of its `params`, `result` or `error`.
const SHALLOW: usize = 2;

/// The members of all open objects, and of the closed ones that are indexed.
#[derive(Debug)]
pub(super) struct OpenMembers {
    /// Innermost last.
    open: Vec<Member>,
    /// Each object's members together, the outermost object's last.
    kept: Members,
    /// Where the outermost object's members begin in the index, if they are there.
    root: Option<usize>,
}

impl OpenMembers {
    pub(super) fn new() -> Self {
        Self {
            open: Vec::with_capacity(LINEAR_MAX),
            kept: Members::new(),
            root: None,
        }
    }

    /// Where the members of an object that opens now begin.
    #[inline]
    pub(super) fn mark(&self) -> u32 {
        // One member takes at least one byte of a text shorter than 4 GiB.
        offset(self.open.len())
    }

    /// Adds a member to the innermost object, whose members begin at `mark`; false when a small object has
    /// that name already.
    #[inline]
    pub(super) fn push(&mut self, text: &[u8], mark: u32, mut member: Member) -> bool {
        member.fingerprint = if member.escaped {
            fingerprint(&member.key_bytes(text))
        } else {
            fingerprint(member.raw_key(text))
        };
        let siblings = &self.open[mark as usize..];
        let fresh = siblings.len() > LINEAR_MAX || !has_name(siblings, &member, text);
        self.open.push(member);
        fresh
    }

    /// The value of the newest member has ended.
    #[inline]
    pub(super) fn value_ends(&mut self, at: usize) {
        if let Some(member) = self.open.last_mut() {
            member.value_end = offset(at);
        }
    }

    /// Closes the innermost object; says where a repeated name of a large one stands. `level` is 1 for the
    /// outermost object, one more for each object inside it, and `None` where the object is not to be indexed.
    #[inline]
    pub(super) fn close(
        &mut self,
        text: &[u8],
        mark: u32,
        level: Option<usize>,
    ) -> Result<(), u32> {
        let mark = mark as usize;
        let count = self.open.len() - mark;
        if count > LINEAR_MAX
            && let Some(place) = find_duplicate(text, &self.open[mark..])
        {
            return Err(place);
        }
        if let Some(level) = level {
            self.keep(mark, level);
        }
        self.open.truncate(mark);
        Ok(())
    }

    /// Moves the members from `mark` on to the index, as members of their own object's text.
    fn keep(&mut self, mark: usize, level: usize) {
        let start = self.kept.len();
        let (outer, own) = self.open.split_at_mut(mark);
        let room = if level <= SHALLOW {
            INDEX_MAX
        } else {
            DEEP_MAX
        };
        let (Ok(inner_start), Ok(inner_len)) = (u16::try_from(start), u8::try_from(own.len()))
        else {
            return;
        };
        if start + own.len() > room {
            return;
        }
        let mut shift = 0;
        if let Some(parent) = outer.last_mut() {
            (parent.inner_start, parent.inner_len) = (inner_start, inner_len);
            shift = parent.value_start;
        } else {
            self.root = Some(start);
        }
        self.kept.extend_from_slice(own);
        for member in &mut self.kept[start..] {
            member.shift(shift);
        }
    }

    /// The index of a text that was scanned, if it was to be indexed.
    pub(super) fn take_index(&mut self) -> Index {
        let kept = std::mem::take(&mut self.kept);
        self.root
            .map(|start| Index::from(kept, start))
            .unwrap_or_default()
    }

    /// The first `count` of the open members.
    pub(super) fn first(&self, count: usize) -> &[Member] {
        self.open.get(..count).unwrap_or(&self.open)
    }
}

#[inline]
fn has_name(members: &[Member], wanted: &Member, text: &[u8]) -> bool {
    members
        .iter()
        .any(|member| member.fingerprint == wanted.fingerprint && same_name(member, wanted, text))
}

/// Called for a name that is there already, and for few others.
#[cold]
fn same_name(one: &Member, other: &Member, text: &[u8]) -> bool {
    one.key_bytes(text) == other.key_bytes(text)
}

fn find_duplicate(text: &[u8], members: &[Member]) -> Option<u32> {
    let mut sorted: Vec<(u32, &Member)> = members
        .iter()
        .map(|member| (member.fingerprint, member))
        .collect();
    sorted.sort_unstable_by(|(one, a), (other, b)| {
        one.cmp(other)
            .then_with(|| a.key_bytes(text).cmp(&b.key_bytes(text)))
    });
    sorted
        .windows(2)
        .find(|pair| {
            pair[0].0 == pair[1].0 && pair[0].1.key_bytes(text) == pair[1].1.key_bytes(text)
        })
        .map(|pair| pair[0].1.key_start.max(pair[1].1.key_start))
}

/// A cheap mix of the length and both ends; names of up to eight bytes are covered whole.
#[inline]
fn fingerprint(name: &[u8]) -> u32 {
    let (head, tail) = match (name.first_chunk(), name.last_chunk()) {
        (Some(head), Some(tail)) => (u32::from_le_bytes(*head), u32::from_le_bytes(*tail)),
        _ => match *name {
            [a, b, c] => (u32::from_le_bytes([a, b, c, 0]), 0),
            [a, b] => (u32::from_le_bytes([a, b, 0, 0]), 0),
            [a] => (a.into(), 0),
            _ => (0, 0),
        },
    };
    // Lengths above 4 GiB were refused before.
    head.wrapping_mul(0x9e37_79b1) ^ tail.rotate_left(13) ^ u32::try_from(name.len()).unwrap_or(0)
}
