//! Random choices that a seed repeats.

use toolgate_policy::RawToken;

/// `SplitMix64`.
#[derive(Debug, Clone)]
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    /// The next 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.bits() % end).unwrap_or_default()
    }

    /// So many lower-case letters.
    pub(crate) fn word(&mut self, length: usize) -> String {
        (0..length).map(|_| self.letter(b'a', 26)).collect()
    }

    /// So many bytes.
    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.bits().to_le_bytes()[0])
    }

    /// A text of the same form that names nothing: the same length, letters for letters and digits for digits, with
    /// the prefix of an id as it is.
    pub(crate) fn like(&mut self, name: &str) -> String {
        // What carries a checksum keeps a right one: a wrong one is another form.
        if RawToken::parse(name).is_ok() {
            return RawToken::from_random(self.bytes()).expose().to_owned();
        }
        let prefix = name.split_once('_').map_or(0, |(head, rest)| {
            if head.len() <= 4 && !rest.starts_with('_') {
                head.len() + 1
            } else {
                0
            }
        });
        let is_hex = name.len() >= 16
            && name
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let (head, rest) = name.split_at(prefix);
        let other = rest.chars().map(|c| match c {
            _ if is_hex => char::from(b"0123456789abcdef"[self.below(16)]),
            'a'..='z' => self.letter(b'a', 26),
            'A'..='Z' => self.letter(b'A', 26),
            '0'..='9' => self.letter(b'0', 10),
            c => c,
        });
        let other: String = other.collect();
        format!("{head}{other}")
    }

    fn letter(&mut self, first: u8, count: usize) -> char {
        char::from(first + u8::try_from(self.below(count)).unwrap_or_default())
    }
}
