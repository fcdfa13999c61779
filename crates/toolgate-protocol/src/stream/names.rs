//! Finding a member that is named twice, when the names themselves are gone with the chunks they stood in.
//!
//! So names are remembered by a hash of 64 bits. Equal names always meet. Different ones that meet are refused
//! too: by chance that does not happen, and a server that makes it happen breaks its own answer.

/// Above this many names an object is sorted when it closes.
const LINEAR_MAX: usize = 16;

/// The names of all open objects, innermost last.
#[derive(Debug, Default)]
pub(super) struct Names {
    hashes: Vec<u64>,
}

impl Names {
    /// Where the names of an object that opens now begin.
    pub(super) fn mark(&self) -> usize {
        self.hashes.len()
    }

    /// Adds a decoded name to the object whose names begin at `mark`; false when a small object has it already.
    pub(super) fn push(&mut self, mark: usize, name: &[u8]) -> bool {
        let hash = hash(name);
        let siblings = &self.hashes[mark..];
        let fresh = siblings.len() > LINEAR_MAX || !siblings.contains(&hash);
        self.hashes.push(hash);
        fresh
    }

    /// Closes the innermost object; false when a large one names a member twice.
    pub(super) fn close(&mut self, mark: usize) -> bool {
        let names = &mut self.hashes[mark..];
        let mut fresh = true;
        if names.len() > LINEAR_MAX {
            names.sort_unstable();
            fresh = names.windows(2).all(|pair| pair[0] != pair[1]);
        }
        self.hashes.truncate(mark);
        fresh
    }
}

/// Eight bytes at a time, each step mixed by a full multiplication.
fn hash(name: &[u8]) -> u64 {
    const KEY: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| {
        let product = u128::from(hash ^ word) * u128::from(KEY | 1);
        #[expect(clippy::cast_possible_truncation, reason = "both halves are used")]
        let (low, high) = (product as u64, (product >> 64) as u64);
        (low ^ high).rotate_left(23).wrapping_add(KEY)
    };
    let (words, rest) = name.as_chunks::<8>();
    let hash = words.iter().fold(name.len() as u64, |hash, word| {
        mix(hash, u64::from_le_bytes(*word))
    });
    let last = rest
        .iter()
        .fold(0, |word, &byte| word << 8 | u64::from(byte));
    mix(mix(hash, last), KEY)
}
