//! Finds canaries in anything, however they are written.

use std::collections::HashMap;

/// A value that stands in for a secret, or for something else that must not be found in some places.
#[derive(Debug, Clone)]
pub(super) struct Canary {
    /// What it stands for.
    pub(super) class: &'static str,
    pub(super) value: Vec<u8>,
    /// Where it may be found: the places it is meant for.
    pub(super) allowed: &'static [Channel],
}

/// Where things come out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Channel {
    /// Standard error of the gateway.
    Log,
    /// Standard output of the gateway.
    Stdout,
    /// What clients are answered: status, headers, bodies, streams.
    Client,
    /// Every file in the data directory but the master key's.
    Store,
    /// What `toolgatectl` prints, but for the two commands that show a token once.
    Cli,
    /// Replies on the control socket.
    Socket,
    /// What servers receive.
    Upstream,
    /// The commands that make a token, which show it once; nothing else is exempt.
    ShownOnce,
}

/// Something that came out, and where.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) channel: Channel,
    /// What it is, for whoever has to find the leak.
    pub(super) what: String,
    pub(super) bytes: Vec<u8>,
}

/// A canary in an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) canary: usize,
    pub(super) spelling: &'static str,
    pub(super) at: usize,
}

/// Every spelling of every canary, by its first eight bytes.
pub(super) struct Scanner {
    patterns: HashMap<u64, Vec<Pattern>>,
    /// Whether some pattern begins with these two bytes.
    begins: Vec<bool>,
}

/// One spelling of one canary.
#[derive(PartialEq)]
struct Pattern {
    bytes: Vec<u8>,
    canary: usize,
    spelling: &'static str,
}

/// How many bytes of a canary are enough to be a leak (S-19).
const WINDOW: usize = 8;

impl Scanner {
    pub(super) fn new(canaries: &[Canary]) -> Self {
        let mut scanner = Self {
            patterns: HashMap::new(),
            begins: vec![false; 1 << 16],
        };
        for (number, canary) in canaries.iter().enumerate() {
            for (spelling, pattern) in spellings(&canary.value) {
                scanner.add(number, spelling, pattern);
            }
        }
        scanner
    }

    fn add(&mut self, canary: usize, spelling: &'static str, bytes: Vec<u8>) {
        let Some(first) = head(&bytes) else { return };
        self.begins[usize::from(u16::from_be_bytes([bytes[0], bytes[1]]))] = true;
        let same = self.patterns.entry(first).or_default();
        let pattern = Pattern {
            bytes,
            canary,
            spelling,
        };
        if !same.contains(&pattern) {
            same.push(pattern);
        }
    }

    /// The first hit of each canary and spelling.
    pub(super) fn scan(&self, bytes: &[u8]) -> Vec<Hit> {
        let mut hits: Vec<Hit> = Vec::new();
        for at in 0..bytes.len().saturating_sub(WINDOW - 1) {
            let rest = &bytes[at..];
            if !self.begins[usize::from(u16::from_be_bytes([rest[0], rest[1]]))] {
                continue;
            }
            let Some(patterns) = head(rest).and_then(|first| self.patterns.get(&first)) else {
                continue;
            };
            for Pattern {
                bytes,
                canary,
                spelling,
            } in patterns
            {
                let is_new = !hits
                    .iter()
                    .any(|hit| hit.canary == *canary && hit.spelling == *spelling);
                if is_new && rest.starts_with(bytes) {
                    hits.push(Hit {
                        canary: *canary,
                        spelling,
                        at,
                    });
                }
            }
        }
        hits
    }
}

fn head(bytes: &[u8]) -> Option<u64> {
    let first = bytes.get(..WINDOW)?.try_into().ok()?;
    Some(u64::from_be_bytes(first))
}

/// What S-19 lists, for every piece of eight bytes where an encoding is made byte by byte.
fn spellings(value: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let reversed: Vec<u8> = value.iter().rev().copied().collect();
    let mut all = Vec::new();
    for window in value.windows(WINDOW) {
        all.push(("8 bytes of it", window.to_vec()));
        all.push(("hex", by_byte(window, |byte| format!("{byte:02x}"))));
        all.push(("HEX", by_byte(window, |byte| format!("{byte:02X}"))));
        all.push(("percent", by_byte(window, |byte| format!("%{byte:02x}"))));
        all.push(("PERCENT", by_byte(window, |byte| format!("%{byte:02X}"))));
        all.push((
            "JSON escapes",
            by_byte(window, |byte| format!("\\u{byte:04x}")),
        ));
        all.push((
            "JSON ESCAPES",
            by_byte(window, |byte| format!("\\u{byte:04X}")),
        ));
    }
    all.extend(
        reversed
            .windows(WINDOW)
            .map(|window| ("reversed", window.to_vec())),
    );
    // Base64 at three offsets: of each piece of twelve bytes the characters that depend on nothing else.
    for window in value.windows(12) {
        for (alphabet, spelling) in [(STANDARD, "base64"), (URL_SAFE, "base64url")] {
            for offset in 0..3 {
                all.push((spelling, base64_core(window, alphabet, offset)));
            }
        }
    }
    all
}

fn by_byte(bytes: &[u8], spell: impl Fn(u8) -> String) -> Vec<u8> {
    bytes
        .iter()
        .map(|byte| spell(*byte))
        .collect::<String>()
        .into_bytes()
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The base64 of these bytes behind `offset` others, without the characters that hold bits of the others.
fn base64_core(bytes: &[u8], alphabet: &[u8; 64], offset: usize) -> Vec<u8> {
    let mut bits: Vec<bool> = vec![false; offset * 8];
    bits.extend(
        bytes
            .iter()
            .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)),
    );
    let characters: Vec<u8> = bits
        .chunks_exact(6)
        .map(|six| {
            alphabet[six
                .iter()
                .fold(0, |value, bit| value << 1 | usize::from(*bit))]
        })
        .collect();
    characters[(offset * 8).div_ceil(6)..].to_vec()
}

/// The scanner sees a canary in each spelling in the middle of other text, and none where there is none. Says what
/// it missed.
pub(super) fn self_check(canaries: &[Canary]) -> Vec<String> {
    let scanner = Scanner::new(canaries);
    let mut missed = Vec::new();
    for (number, canary) in canaries.iter().enumerate() {
        for (spelling, pattern) in spellings(&canary.value) {
            let text = [b"2026-01-01 INFO x=".as_slice(), &pattern, b" and so on\n"].concat();
            if !scanner.scan(&text).iter().any(|hit| hit.canary == number) {
                missed.push(format!("{} as {spelling}", canary.class));
            }
        }
    }
    let clean = "A line of a log, as long as it is ordinary, holds nothing: server=github method=tools/list. ".repeat(100);
    if !scanner.scan(clean.as_bytes()).is_empty() {
        missed.push("clean text is taken for a leak".to_owned());
    }
    missed
}
