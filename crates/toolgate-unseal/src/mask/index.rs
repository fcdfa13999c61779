//! Finds patterns in a text at memory speed.
//!
//! An automaton over whole patterns would need megabytes for a long secret, would hold copies of it that nobody
//! can wipe, and would lose its vector prefilter as soon as a server has a handful of secrets. So the automata
//! look for the first six bytes of each pattern, in groups small enough for the prefilter, and a hit is
//! compared with the patterns that begin so. That is linear unless patterns repeat themselves (`aaaa…`). Then one
//! automaton reads whole patterns, without the prefilter, which would compare too: slower than memory, but a
//! server that chose its own key cannot make it slower still.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind};

use super::blob::{KEYS, NAME_BYTES};
use super::replacement::{Replacements, Shape};
use super::spelling::Spelling;

/// Patterns, and how to find them.
pub(super) struct Index {
    /// Those that begin alike stand together, the longest first.
    patterns: Vec<Pattern>,
    groups: Vec<Group>,
    /// Whether some pattern starts with this byte.
    starts: [bool; 256],
    longest: usize,
}

struct Pattern {
    text: Spelling,
    shape: Shape,
}

/// Where a pattern was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) shape: Shape,
}

impl Index {
    /// Each spelling has at least eight bytes, as each secret has (S-18).
    ///
    /// Beside the secrets it finds the keys of blobs, which costs nothing in the same pass.
    pub(super) fn new(spellings: Vec<Spelling>) -> Self {
        let patterns = sorted(spellings);
        let mut starts = [false; 256];
        for pattern in &patterns {
            starts[usize::from(pattern.bytes()[0])] = true;
        }
        let longest = patterns
            .iter()
            .map(|pattern| pattern.bytes().len())
            .max()
            .unwrap_or(0);

        let mut groups = groups(&patterns, Needles::Beginnings);
        if is_repetitive(&patterns, &groups) {
            groups = self::groups(&patterns, Needles::Whole);
        }
        Self {
            patterns,
            groups,
            starts,
            longest,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// The replacements that fit these patterns.
    pub(super) fn replacements(&self) -> Replacements {
        let patterns: Vec<&str> = self
            .patterns
            .iter()
            .filter(|pattern| pattern.shape != Shape::Key)
            .map(|pattern| pattern.text.as_str())
            .collect();
        Replacements::avoiding(&patterns)
    }

    pub(super) fn scan<'a>(&'a self, text: &'a [u8]) -> Scan<'a> {
        Scan {
            index: self,
            text,
            ahead: vec![Ahead::Unknown; self.groups.len()],
        }
    }

    /// Where an occurrence could begin that ends only in what follows `text`; at or behind `from`. The end of the
    /// text if nowhere. At most one byte less than the longest pattern is left there.
    pub(super) fn unfinished(&self, text: &[u8], from: usize) -> usize {
        let from = from.max(text.len().saturating_sub(self.longest.saturating_sub(1)));
        (from..text.len())
            .find(|at| self.starts[usize::from(text[*at])] && self.continues(&text[*at..]))
            .unwrap_or(text.len())
    }

    fn continues(&self, text: &[u8]) -> bool {
        self.patterns.iter().any(|pattern| {
            let pattern = pattern.bytes();
            pattern.len() > text.len() && pattern.starts_with(text)
        })
    }
}

impl Pattern {
    fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    fn beginning(&self) -> &[u8] {
        &self.bytes()[..NEEDLE_BYTES]
    }
}

/// One of each, in the order that [`Index::patterns`] wants.
fn sorted(spellings: Vec<Spelling>) -> Vec<Pattern> {
    let keys = if spellings.is_empty() { &[][..] } else { &KEYS };
    let keys = keys.iter().map(|key| Pattern {
        shape: Shape::Key,
        text: Spelling::new((*key).to_owned()),
    });
    let secrets = spellings.into_iter().map(|text| Pattern {
        shape: Shape::of(&text),
        text,
    });
    let mut patterns: Vec<Pattern> = secrets.chain(keys).collect();
    patterns.sort_by(|a, b| {
        let longest_first = b.bytes().len().cmp(&a.bytes().len());
        a.beginning()
            .cmp(b.beginning())
            .then(longest_first)
            .then(a.bytes().cmp(b.bytes()))
    });
    patterns.dedup_by(|a, b| a.text == b.text);
    patterns
}

/// Walks through a text from match to match.
pub(super) struct Scan<'a> {
    index: &'a Index,
    text: &'a [u8],
    /// Each group's next match, so that no group reads the same text twice while another one finds much.
    ahead: Vec<Ahead>,
}

#[derive(Clone, Copy)]
enum Ahead {
    Unknown,
    At(Found),
    Nothing,
}

impl Scan<'_> {
    /// The leftmost match at or behind `from`, of those the longest. `from` never goes back.
    pub(super) fn next(&mut self, from: usize) -> Option<Found> {
        let index = self.index;
        let nexts = index
            .groups
            .iter()
            .zip(&mut self.ahead)
            .filter_map(|(group, ahead)| {
                let is_behind = match ahead {
                    Ahead::Unknown => true,
                    Ahead::At(found) => found.start < from,
                    Ahead::Nothing => false,
                };
                if is_behind {
                    *ahead = match group.find(&index.patterns, self.text, from) {
                        Some(found) => Ahead::At(found),
                        None => Ahead::Nothing,
                    };
                }
                match *ahead {
                    Ahead::At(found) => Some(found),
                    Ahead::Unknown | Ahead::Nothing => None,
                }
            });
        // No two start at one place: what begins alike is in one group.
        nexts.min_by_key(|found| found.start)
    }
}

/// Some needles, and for each the patterns that may stand where it was found.
struct Group {
    automaton: AhoCorasick,
    candidates: Vec<Range<usize>>,
}

impl Group {
    fn find(&self, patterns: &[Pattern], text: &[u8], from: usize) -> Option<Found> {
        let mut from = from;
        loop {
            let needle = self
                .automaton
                .find(Input::new(text).span(from..text.len()))?;
            let start = needle.start();
            let candidates = &patterns[self.candidates[needle.pattern()].clone()];
            if let Some(pattern) = candidates
                .iter()
                .find(|pattern| text[start..].starts_with(pattern.bytes()))
            {
                return Some(Found {
                    start,
                    end: start + pattern.bytes().len(),
                    shape: pattern.shape,
                });
            }
            from = start + 1;
        }
    }

    /// What is left of `allowed` bytes after comparing at each needle inside `text`; `None` if they do not suffice.
    fn compare_inside(&self, patterns: &[Pattern], text: &[u8], allowed: usize) -> Option<usize> {
        let mut left = allowed;
        let mut from = 1;
        while let Some(needle) = self.automaton.find(Input::new(text).span(from..text.len())) {
            for pattern in &patterns[self.candidates[needle.pattern()].clone()] {
                left = left.checked_sub(common_prefix(&text[needle.start()..], pattern.bytes()))?;
            }
            from = needle.start() + 1;
        }
        Some(left)
    }
}

/// What the automata look for.
#[derive(Debug, Clone, Copy)]
enum Needles {
    /// The first bytes, which several patterns may share.
    Beginnings,
    /// Each pattern as it is.
    Whole,
}

impl Needles {
    fn of(self, pattern: &Pattern) -> &[u8] {
        match self {
            Self::Beginnings => pattern.beginning(),
            Self::Whole => pattern.bytes(),
        }
    }

    fn per_group(self) -> usize {
        match self {
            Self::Beginnings => NEEDLES_PER_GROUP,
            Self::Whole => usize::MAX,
        }
    }
}

fn groups(patterns: &[Pattern], needles: Needles) -> Vec<Group> {
    let mut end = 0;
    let candidates: Vec<Range<usize>> = patterns
        .chunk_by(|a, b| needles.of(a) == needles.of(b))
        .map(|alike| {
            let start = end;
            end += alike.len();
            start..end
        })
        .collect();
    // Groups of one size: for a few needles left over the prefilter would look for their rarest bytes one by one, which
    // are not rare in every text.
    let count = candidates.len().div_ceil(needles.per_group()).max(1);
    candidates
        .chunks(candidates.len().div_ceil(count).max(1))
        .map(|candidates| Group {
            automaton: AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostLongest)
                // Compact. What a faster kind would gain, the prefilter has gained already.
                .kind(Some(AhoCorasickKind::ContiguousNFA))
                .prefilter(matches!(needles, Needles::Beginnings))
                .build(
                    candidates
                        .iter()
                        .map(|range| needles.of(&patterns[range.start])),
                )
                .expect("a few megabytes of needles are far below the automaton's limit of states"),
            candidates: candidates.to_vec(),
        })
        .collect()
}

/// Whether text made of these patterns would have to be read several times: each place in it that begins like a
/// pattern is compared as far as it goes on like one.
fn is_repetitive(patterns: &[Pattern], groups: &[Group]) -> bool {
    let bytes: usize = patterns.iter().map(|pattern| pattern.bytes().len()).sum();
    let left = patterns
        .iter()
        .try_fold(MAX_READINGS * bytes, |left, pattern| {
            groups.iter().try_fold(left, |left, group| {
                group.compare_inside(patterns, pattern.bytes(), left)
            })
        });
    left.is_none()
}

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// What every pattern has at least, so all needles are equally long and no two match at one place. Secrets are longer
/// than the names of blobs (S-18).
const NEEDLE_BYTES: usize = NAME_BYTES;
/// The prefilter takes 32 on every processor with vectors (64 on some).
const NEEDLES_PER_GROUP: usize = 32;
const MAX_READINGS: usize = 4;
