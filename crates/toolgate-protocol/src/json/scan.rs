//! The strict scan: one pass that validates a text and indexes the levels we read.
//!
//! There is no recursion: what is open stands in one bit per level (object or array) and one mark per
//! level into the stack of members. Strings are skipped many bytes at a time. UTF-8 is checked once over the
//! whole text, and only if a byte outside ASCII was seen.

use bytes::Bytes;

use super::blocks::{self, Seen, Stop};
use super::index::Member;
use super::members::OpenMembers;
use super::{Json, JsonError, JsonLimits, string};

/// The deepest nesting that any limit can allow.
const DEPTH_MAX: usize = 64;

/// A scan under way; afterwards it holds what a refused text can still tell.
#[derive(Debug)]
pub(crate) struct Scanner {
    limits: JsonLimits,
    /// How many levels of objects are indexed.
    levels: usize,
    members: OpenMembers,
    seen: Seen,
    /// The text that was refused, and how many members of its outermost object had been met.
    refused: (Bytes, usize),
}

/// The containers that are open.
struct Open {
    depth: usize,
    /// Which of them are objects; bit 0 is the innermost.
    objects: u64,
    /// Whether the innermost is an object whose members are indexed.
    indexed: bool,
    /// Where the members of the innermost begin on the stack.
    mark: u32,
    /// The marks of those outside it, the first being that of none.
    outer: [u32; DEPTH_MAX],
}

impl Open {
    #[inline]
    fn push(&mut self, is_object: bool, mark: u32, levels: usize) {
        self.outer[self.depth] = self.mark;
        self.mark = mark;
        self.depth += 1;
        self.objects = self.objects << 1 | u64::from(is_object);
        self.indexed = self.is_indexed(levels);
    }

    #[inline]
    fn pop(&mut self, levels: usize) {
        self.depth -= 1;
        self.objects >>= 1;
        self.mark = self.outer[self.depth];
        self.indexed = self.is_indexed(levels);
    }

    /// Objects inside one another are, down to some level, if no array is among them.
    #[inline]
    fn is_indexed(&self, levels: usize) -> bool {
        self.depth <= levels && self.objects.trailing_ones() as usize == self.depth
    }

    #[inline]
    fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }
}

impl Scanner {
    /// A scan that indexes the members of so many levels of objects, the outermost being the first.
    pub(crate) fn new(limits: &JsonLimits, levels: usize) -> Self {
        Self {
            limits: *limits,
            levels,
            members: OpenMembers::new(),
            seen: Seen::default(),
            refused: (Bytes::new(), 0),
        }
    }

    /// Validates `text` and returns its one value, without the white space around it.
    pub(crate) fn run(&mut self, text: Bytes) -> Result<Json, JsonError> {
        let text = trimmed(text);
        match self.check(&text) {
            Ok(()) => Ok(Json {
                index: self.members.take_index(),
                text,
            }),
            Err(error) => {
                self.refused.0 = text;
                Err(error)
            }
        }
    }

    /// After a refusal: the value of a member of the outermost object, if the scan had passed it whole
    /// and it was there once.
    pub(crate) fn salvaged(&self, key: &str) -> Option<Json> {
        let (text, met) = &self.refused;
        let mut found = self
            .members
            .first(*met)
            .iter()
            .filter(|member| member.raw_key(text) == key.as_bytes());
        let member = found.next().filter(|member| member.value_end > 0)?;
        let value = text.slice(member.value());
        let unique = found.next().is_none();
        (unique && std::str::from_utf8(&value).is_ok()).then(|| Json::trusted(value))
    }

    fn check(&mut self, text: &[u8]) -> Result<(), JsonError> {
        if u32::try_from(text.len()).is_err() {
            return Err(JsonError::TooLong);
        }
        let mut open = Open {
            depth: 0,
            objects: 0,
            indexed: false,
            mark: 0,
            outer: [0; DEPTH_MAX],
        };
        let end = self.scan(text, &mut open).inspect_err(|_| {
            // What is on the stack from the second level on is not of the outermost object.
            let met = match open.depth {
                0 | 1 => self.members.mark(),
                2 => open.mark,
                _ => open.outer[2],
            };
            self.refused.1 = met as usize;
        })?;
        if end < text.len() {
            return Err(syntax("something after the value", end));
        }
        if self.seen.non_ascii() && simdutf8::basic::from_utf8(text).is_err() {
            let offset =
                std::str::from_utf8(text).map_or_else(|error| error.valid_up_to(), str::len);
            return Err(JsonError::Utf8 { offset });
        }
        Ok(())
    }

    /// Reads one value and says where it ends.
    fn scan(&mut self, text: &[u8], open: &mut Open) -> Result<usize, JsonError> {
        let JsonLimits {
            max_depth,
            max_nodes,
            ..
        } = self.limits;
        let max_depth = max_depth.min(DEPTH_MAX);
        let levels = self.levels;
        let mut nodes = 0;
        let (mut at, mut byte) = next(text, 0);
        loop {
            // A member or an element begins.
            if open.in_object() {
                (at, byte) = self.key(text, (at, byte), open.mark)?;
            }
            nodes += 1;
            if nodes > max_nodes {
                return Err(JsonError::TooManyNodes {
                    max: max_nodes,
                    offset: at,
                });
            }
            at = match byte {
                b'"' => self.string(text, at)?.0,
                b'{' | b'[' => {
                    if open.depth >= max_depth {
                        return Err(JsonError::TooDeep {
                            max: max_depth,
                            offset: at,
                        });
                    }
                    let inside = next(text, at + 1);
                    // Closed at once, or a member or element follows.
                    if inside.1 != byte + 2 {
                        open.push(byte == b'{', self.members.mark(), levels);
                        (at, byte) = inside;
                        continue;
                    }
                    inside.0 + 1
                }
                b'-' | b'0'..=b'9' => number(text, at)?,
                b't' => word(text, at, b"true")?,
                b'f' => word(text, at, b"false")?,
                b'n' => word(text, at, b"null")?,
                _ => return Err(no_value(text, at)),
            };
            // A value has ended, and perhaps with it the containers that it was last in.
            loop {
                if open.depth == 0 {
                    return Ok(at);
                }
                if open.indexed {
                    self.members.value_ends(at);
                }
                (at, byte) = next(text, at);
                match byte {
                    b',' => {
                        (at, byte) = next(text, at + 1);
                        break;
                    }
                    b'}' if open.in_object() => self.close_object(text, open)?,
                    b']' if !open.in_object() => {}
                    _ => return Err(not_closed(text, at)),
                }
                open.pop(levels);
                at += 1;
            }
        }
    }

    /// Reads a member's name and colon; returns where its value begins, and its first byte.
    #[inline]
    fn key(
        &mut self,
        text: &[u8],
        (at, byte): (usize, u8),
        mark: u32,
    ) -> Result<(usize, u8), JsonError> {
        if byte != b'"' {
            return Err(syntax("no member name where one is needed", at));
        }
        let (end, escaped) = self.string(text, at)?;
        let (colon, byte) = next(text, end);
        let value = next(text, colon + 1);
        let member = Member::new(at + 1..end - 1, escaped, value.0);
        let fresh = self.members.push(text, mark, member);
        if fresh && byte == b':' {
            return Ok(value);
        }
        Err(if fresh {
            syntax("no colon after a member name", colon)
        } else {
            JsonError::DuplicateMember { offset: at + 1 }
        })
    }

    #[inline]
    fn close_object(&mut self, text: &[u8], open: &Open) -> Result<(), JsonError> {
        let level = open.indexed.then_some(open.depth);
        self.members
            .close(text, open.mark, level)
            .map_err(|name| JsonError::DuplicateMember {
                offset: name as usize,
            })
    }

    /// Goes from an opening quote past the closing one; says whether there were escapes.
    #[inline]
    fn string(&mut self, text: &[u8], at: usize) -> Result<(usize, bool), JsonError> {
        // Names and most values are short.
        let at = blocks::plain_run(text, at + 1, 1, &mut self.seen);
        if text.get(at) == Some(&b'"') {
            return Ok((at + 1, false));
        }
        self.long_string(text, at)
    }

    /// The same from further inside.
    #[inline(never)]
    fn long_string(&mut self, text: &[u8], at: usize) -> Result<(usize, bool), JsonError> {
        let mut escaped = false;
        let mut at = blocks::plain_run(text, at, 3, &mut self.seen);
        loop {
            match text.get(at) {
                Some(b'"') => return Ok((at + 1, escaped)),
                Some(b'\\') => {
                    escaped = true;
                    // Text outside ASCII may come as one `\u` after the other.
                    while text.get(at) == Some(&b'\\') {
                        at = escape(text, at, self.limits.lone_surrogates)?;
                    }
                }
                Some(0..0x20) => return Err(syntax("a control character inside a string", at)),
                Some(_) => {}
                None => return Err(syntax("the end inside a string", at)),
            }
            at = match blocks::skip_blocks(text, at, &mut escaped, &mut self.seen) {
                Stop::Quote(quote) => return Ok((quote + 1, escaped)),
                Stop::Slow(at) => blocks::plain_run(text, at, 4, &mut self.seen),
            };
        }
    }
}

// === the parts of a text ===

/// The next place that is not white space, and what stands there; 0 at the end.
#[inline]
fn next(text: &[u8], at: usize) -> (usize, u8) {
    match text.get(at) {
        Some(&byte) if byte > b' ' => (at, byte),
        _ => after_space(text, at),
    }
}

#[inline(never)]
fn after_space(text: &[u8], mut at: usize) -> (usize, u8) {
    while let Some(&byte) = text.get(at) {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => at += 1,
            _ => return (at, byte),
        }
    }
    (at, 0)
}

/// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?` (RFC 8259, section 6).
#[inline]
fn number(text: &[u8], at: usize) -> Result<usize, JsonError> {
    let mut at = at + usize::from(text.get(at) == Some(&b'-'));
    at = match text.get(at) {
        Some(b'0') => at + 1,
        _ => some_digits(text, at)?,
    };
    if text.get(at) == Some(&b'.') {
        at = some_digits(text, at + 1)?;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        let signed = matches!(text.get(at + 1), Some(b'+' | b'-'));
        at = some_digits(text, at + 1 + usize::from(signed))?;
    }
    Ok(at)
}

#[inline]
fn some_digits(text: &[u8], from: usize) -> Result<usize, JsonError> {
    let mut at = from;
    while text.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    if at == from {
        Err(syntax("a malformed number", at))
    } else {
        Ok(at)
    }
}

#[inline]
fn word(text: &[u8], at: usize, word: &'static [u8]) -> Result<usize, JsonError> {
    if text[at..].starts_with(word) {
        Ok(at + word.len())
    } else {
        Err(syntax("no value where one is needed", at))
    }
}

/// Goes past an escape.
#[inline]
fn escape(text: &[u8], at: usize, lone_surrogates: bool) -> Result<usize, JsonError> {
    match text.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => unicode_escape(text, at, lone_surrogates),
        _ => Err(syntax("an unknown escape", at)),
    }
}

fn unicode_escape(text: &[u8], at: usize, lone_surrogates: bool) -> Result<usize, JsonError> {
    let unit = |digits: usize| {
        string::hex4(text, digits)
            .ok_or_else(|| syntax("a \\u escape without four hex digits", digits))
    };
    let first = unit(at + 2)?;
    if string::is_high_surrogate(first)
        && text.get(at + 6..at + 8) == Some(b"\\u")
        && string::is_low_surrogate(unit(at + 8)?)
    {
        return Ok(at + 12);
    }
    let lone = string::is_high_surrogate(first) || string::is_low_surrogate(first);
    if lone && !lone_surrogates {
        return Err(JsonError::LoneSurrogate { offset: at });
    }
    Ok(at + 6)
}

#[cold]
fn syntax(what: &'static str, offset: usize) -> JsonError {
    JsonError::Syntax { what, offset }
}

#[cold]
fn no_value(text: &[u8], at: usize) -> JsonError {
    if at >= text.len() {
        syntax("the end instead of a value", at)
    } else if text[at..].starts_with(b"\xef\xbb\xbf") {
        syntax("a byte order mark", at)
    } else {
        syntax("no value where one is needed", at)
    }
}

#[cold]
fn not_closed(text: &[u8], at: usize) -> JsonError {
    if at >= text.len() {
        syntax("the end inside an array or object", at)
    } else {
        syntax("no comma or closing bracket after a value", at)
    }
}

/// `text` without white space around it.
fn trimmed(text: Bytes) -> Bytes {
    let space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let Some(start) = text.iter().position(|byte| !space(byte)) else {
        return Bytes::new();
    };
    let end = text
        .iter()
        .rposition(|byte| !space(byte))
        .map_or(start, |last| last + 1);
    if end - start == text.len() {
        text
    } else {
        text.slice(start..end)
    }
}
