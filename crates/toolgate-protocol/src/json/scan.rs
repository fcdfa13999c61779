//! The strict scan: one pass that validates a text and indexes the levels we read.
//!
//! There is no recursion: what is open stands in one bit per level (object or array) and one mark per
//! level into the stack of names. Strings are skipped block by block. UTF-8 is checked once over the whole
//! text, and only if a byte outside ASCII was seen.

use bytes::Bytes;

use super::blocks::{self, Stop};
use super::keys::KeyStack;
use super::object::{Member, MemberRef};
use super::{Json, JsonError, JsonLimits, string};

/// The deepest nesting that any limit can allow.
const DEPTH_MAX: usize = 64;

/// The levels whose members are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Index {
    /// None.
    Nothing,
    /// Those of the outermost object.
    Root,
    /// Those of the outermost object, and of the first of these members of it that is an object.
    RootAnd(&'static [&'static [u8]]),
}

/// A scan under way; afterwards it holds the index.
#[derive(Debug)]
pub(crate) struct Scanner {
    limits: JsonLimits,
    index: Index,
    keys: KeyStack,
    /// The bytes inside strings, or-ed together: tells whether any was not ASCII.
    seen: u64,
    root: Vec<Member>,
    inner: Inner,
    /// The text that was refused, to salvage from.
    refused: Bytes,
}

/// The recording of one member of the outermost object.
#[derive(Debug)]
enum Inner {
    /// Not met yet.
    Unmet,
    /// Its object is open, or was the last thing closed.
    Open(Vec<Member>),
    /// Recorded, for the root member with this number.
    Done(usize, Vec<Member>),
}

/// The containers that are open.
struct Open {
    depth: usize,
    /// Which of them are objects; bit 0 is the outermost.
    objects: u64,
    /// Where the names of each object begin on the stack.
    marks: [u32; DEPTH_MAX],
}

impl Open {
    fn in_object(&self) -> bool {
        self.objects >> (self.depth - 1) & 1 == 1
    }
}

impl Scanner {
    pub(crate) fn new(limits: &JsonLimits, index: Index) -> Self {
        Self {
            limits: *limits,
            index,
            keys: KeyStack::new(),
            seen: 0,
            root: Vec::with_capacity(if index == Index::Nothing { 0 } else { 8 }),
            inner: Inner::Unmet,
            refused: Bytes::new(),
        }
    }

    /// Validates `text` and returns it without the white space around its one value.
    pub(crate) fn run(&mut self, text: Bytes) -> Result<Bytes, JsonError> {
        let text = trimmed(text);
        match self.check(&text) {
            Ok(()) => Ok(text),
            Err(error) => {
                self.refused = text;
                Err(error)
            }
        }
    }

    /// The index of the outermost object.
    pub(super) fn take_root(&mut self) -> Vec<Member> {
        std::mem::take(&mut self.root)
    }

    /// The members of the outermost object in order, the recorded inner one with its index.
    pub(crate) fn root_members<'t>(
        &mut self,
        text: &'t Bytes,
    ) -> impl Iterator<Item = MemberRef<'t>> {
        let (number, mut inner) = match std::mem::replace(&mut self.inner, Inner::Unmet) {
            Inner::Done(number, members) => (number, Some(members)),
            Inner::Unmet | Inner::Open(_) => (0, None),
        };
        self.take_root()
            .into_iter()
            .enumerate()
            .map(move |(at, member)| {
                let index = if at == number { inner.take() } else { None };
                MemberRef::new(text, member, index)
            })
    }

    /// After a refusal: the value of a member of the outermost object, if the scan had passed it whole
    /// and it was there once.
    pub(crate) fn salvaged(&self, key: &str) -> Option<Json> {
        let mut found = self
            .root
            .iter()
            .filter(|member| member.raw_key(&self.refused) == key.as_bytes());
        let member = found.next().filter(|member| member.value_end > 0)?;
        let value = self.refused.slice(member.value());
        let unique = found.next().is_none();
        (unique && std::str::from_utf8(&value).is_ok()).then(|| Json::trusted(value))
    }

    fn check(&mut self, text: &[u8]) -> Result<(), JsonError> {
        if u32::try_from(text.len()).is_err() {
            return Err(JsonError::TooLong);
        }
        let end = self.scan(text)?;
        if end < text.len() {
            return Err(syntax("something after the value", end));
        }
        if string::saw_non_ascii(self.seen) && simdutf8::basic::from_utf8(text).is_err() {
            let offset =
                std::str::from_utf8(text).map_or_else(|error| error.valid_up_to(), str::len);
            return Err(JsonError::Utf8 { offset });
        }
        Ok(())
    }

    /// Reads one value and says where it ends.
    fn scan(&mut self, text: &[u8]) -> Result<usize, JsonError> {
        let max_depth = self.limits.max_depth.min(DEPTH_MAX);
        let mut open = Open {
            depth: 0,
            objects: 0,
            marks: [0; DEPTH_MAX],
        };
        let mut nodes = 0;
        let mut at = 0;
        loop {
            // A value begins.
            nodes += 1;
            if nodes > self.limits.max_nodes {
                return Err(JsonError::TooManyNodes {
                    max: self.limits.max_nodes,
                    offset: at,
                });
            }
            self.value_begins(open.depth, at);
            match text.get(at) {
                Some(b'"') => (at, _) = self.string(text, at)?,
                Some(&bracket @ (b'{' | b'[')) => {
                    if open.depth >= max_depth {
                        return Err(JsonError::TooDeep {
                            max: max_depth,
                            offset: at,
                        });
                    }
                    let is_object = bracket == b'{';
                    if is_object && open.depth == 1 {
                        self.open_inner(text);
                    }
                    open.marks[open.depth] = self.keys.mark();
                    open.objects &= !(1 << open.depth);
                    open.objects |= u64::from(is_object) << open.depth;
                    open.depth += 1;
                    at = skip_space(text, at + 1);
                    // Closed at once, or a member or element follows.
                    if text.get(at) != Some(&(bracket + 2)) {
                        if is_object {
                            at = self.key(text, at, &open)?;
                        }
                        continue;
                    }
                    open.depth -= 1;
                    at += 1;
                }
                Some(b'-' | b'0'..=b'9') => at = number(text, at)?,
                Some(b't') => at = word(text, at, b"true")?,
                Some(b'f') => at = word(text, at, b"false")?,
                Some(b'n') => at = word(text, at, b"null")?,
                other => return Err(no_value(text, at, other.is_none())),
            }
            // A value has ended, and perhaps with it the containers that it was last in.
            loop {
                self.value_ended(open.depth, at);
                if open.depth == 0 {
                    return Ok(at);
                }
                let in_object = open.in_object();
                at = skip_space(text, at);
                match text.get(at) {
                    Some(b',') => {
                        at = skip_space(text, at + 1);
                        if in_object {
                            at = self.key(text, at, &open)?;
                        }
                        break;
                    }
                    Some(b'}') if in_object => {
                        self.keys
                            .close(text, open.marks[open.depth - 1])
                            .map_err(|key| JsonError::DuplicateMember {
                                offset: key as usize,
                            })?;
                    }
                    Some(b']') if !in_object => {}
                    Some(_) => {
                        return Err(syntax("no comma or closing bracket after a value", at));
                    }
                    None => return Err(syntax("the end inside an array or object", at)),
                }
                open.depth -= 1;
                at += 1;
            }
        }
    }

    /// Reads a member's name and colon; returns where its value begins.
    #[inline]
    fn key(&mut self, text: &[u8], at: usize, open: &Open) -> Result<usize, JsonError> {
        if text.get(at) != Some(&b'"') {
            return Err(syntax("no member name where one is needed", at));
        }
        let (end, escaped) = self.string(text, at)?;
        let span = (offset(at + 1), offset(end - 1));
        self.record_key(open.depth, span, escaped);
        if !self
            .keys
            .push(text, open.marks[open.depth - 1], span, escaped)
        {
            return Err(JsonError::DuplicateMember { offset: at + 1 });
        }
        let colon = skip_space(text, end);
        if text.get(colon) != Some(&b':') {
            return Err(syntax("no colon after a member name", colon));
        }
        Ok(skip_space(text, colon + 1))
    }

    /// Goes from an opening quote past the closing one; says whether there were escapes.
    #[inline]
    fn string(&mut self, text: &[u8], at: usize) -> Result<(usize, bool), JsonError> {
        // Names and most values end within two words.
        let mut at = at + 1;
        for _ in 0..2 {
            let Some(word) = string::word_at(text, at) else {
                break;
            };
            self.seen |= word;
            let stops = string::stops_in(word);
            if stops != 0 {
                at += (stops.trailing_zeros() / 8) as usize;
                break;
            }
            at += size_of::<u64>();
        }
        if text.get(at) == Some(&b'"') {
            return Ok((at + 1, false));
        }
        self.long_string(text, at)
    }

    /// The same from further inside.
    fn long_string(&mut self, text: &[u8], mut at: usize) -> Result<(usize, bool), JsonError> {
        let mut escaped = false;
        loop {
            at = match blocks::skip_blocks(text, at, &mut escaped, &mut self.seen) {
                Stop::Quote(quote) => return Ok((quote + 1, escaped)),
                Stop::Slow(at) => string::plain_run(text, at, &mut self.seen),
            };
            match text.get(at) {
                Some(b'"') => return Ok((at + 1, escaped)),
                Some(b'\\') => {
                    escaped = true;
                    // Text outside ASCII may come as one `\u` after the other.
                    while text.get(at) == Some(&b'\\') {
                        at = escape(text, at, self.limits.lone_surrogates)?;
                    }
                }
                Some(_) => return Err(syntax("a control character inside a string", at)),
                None => return Err(syntax("the end inside a string", at)),
            }
        }
    }

    // === recording ===

    /// The member being read, when its level is recorded.
    #[inline]
    fn open_member(&mut self, depth: usize) -> Option<&mut Member> {
        match depth {
            1 => self.root.last_mut(),
            2 => match &mut self.inner {
                Inner::Open(members) => members.last_mut(),
                Inner::Unmet | Inner::Done(..) => None,
            },
            _ => None,
        }
    }

    #[inline]
    fn record_key(&mut self, depth: usize, (key_start, key_end): (u32, u32), escaped: bool) {
        if depth > 2 {
            return;
        }
        let member = Member {
            key_start,
            key_end,
            value_start: 0,
            value_end: 0,
            escaped,
        };
        match &mut self.inner {
            Inner::Open(members) if depth == 2 => members.push(member),
            _ if depth == 1 && self.index != Index::Nothing => self.root.push(member),
            _ => {}
        }
    }

    #[inline]
    fn value_begins(&mut self, depth: usize, at: usize) {
        if let Some(member) = self.open_member(depth) {
            member.value_start = offset(at);
        }
    }

    /// The value that just ended is the value of the open member, and perhaps the recorded inner object.
    #[inline]
    fn value_ended(&mut self, depth: usize, at: usize) {
        if let Some(member) = self.open_member(depth) {
            member.value_end = offset(at);
        }
        if depth == 1 && matches!(self.inner, Inner::Open(_)) {
            self.close_inner();
        }
    }

    /// An object opens as the value of a root member: is it one to record?
    fn open_inner(&mut self, text: &[u8]) {
        let (Index::RootAnd(names), Inner::Unmet) = (self.index, &self.inner) else {
            return;
        };
        if let Some(member) = self.root.last()
            && names.contains(&member.raw_key(text))
        {
            self.inner = Inner::Open(Vec::with_capacity(8));
        }
    }

    /// The object being recorded has closed; its index becomes relative to its own text.
    fn close_inner(&mut self) {
        if let Inner::Open(members) = &mut self.inner
            && let Some(member) = self.root.last()
        {
            for inner in members.iter_mut() {
                inner.shift(member.value_start);
            }
            self.inner = Inner::Done(self.root.len() - 1, std::mem::take(members));
        }
    }
}

// === the parts of a text ===

#[inline]
fn skip_space(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
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
fn no_value(text: &[u8], at: usize, at_end: bool) -> JsonError {
    if at_end {
        syntax("the end instead of a value", at)
    } else if text[at..].starts_with(b"\xef\xbb\xbf") {
        syntax("a byte order mark", at)
    } else {
        syntax("no value where one is needed", at)
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

fn offset(at: usize) -> u32 {
    u32::try_from(at).expect("texts longer than 4 GiB were refused before")
}
