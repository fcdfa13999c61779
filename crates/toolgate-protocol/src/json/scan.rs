//! The strict scan: one pass that validates a text and indexes the levels we read.
//!
//! There is no recursion: what is open stands in one bit per level (object or array) and one mark per
//! level into the stack of names. Strings are skipped block by block. UTF-8 is checked once over the whole
//! text, and only if a byte outside ASCII was seen.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use super::keys::KeyStack;
use super::object::Member;
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
    at: usize,
    /// How many containers are open, and which of them are objects (bit 0 is the outermost).
    depth: usize,
    objects: u64,
    marks: [u32; DEPTH_MAX],
    keys: KeyStack,
    nodes: usize,
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

/// What may stand next.
enum Next {
    Value,
    Key,
    AfterValue,
    End,
}

impl Scanner {
    pub(crate) fn new(limits: &JsonLimits, index: Index) -> Self {
        Self {
            limits: *limits,
            index,
            at: 0,
            depth: 0,
            objects: 0,
            marks: [0; DEPTH_MAX],
            keys: KeyStack::default(),
            nodes: 0,
            seen: 0,
            root: Vec::new(),
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
    ) -> impl Iterator<Item = (Cow<'t, str>, Json)> {
        let (number, mut inner) = match std::mem::replace(&mut self.inner, Inner::Unmet) {
            Inner::Done(number, members) => (number, Some(members)),
            Inner::Unmet | Inner::Open(_) => (0, None),
        };
        self.take_root()
            .into_iter()
            .enumerate()
            .map(move |(at, member)| {
                let members = if at == number { inner.take() } else { None };
                let value = text.slice(member.value());
                (
                    member.key(text),
                    Json {
                        text: value,
                        members: members.map(Arc::from),
                    },
                )
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
        self.scan(text)?;
        if string::saw_non_ascii(self.seen) {
            std::str::from_utf8(text).map_err(|error| JsonError::Utf8 {
                offset: error.valid_up_to(),
            })?;
        }
        Ok(())
    }

    fn scan(&mut self, text: &[u8]) -> Result<(), JsonError> {
        let mut next = Next::Value;
        loop {
            self.skip_space(text);
            next = match next {
                Next::Value => self.value(text)?,
                Next::Key => self.key(text)?,
                Next::AfterValue if self.depth > 0 => self.after_value(text)?,
                Next::AfterValue => Next::End,
                Next::End => break,
            };
        }
        if self.at < text.len() {
            return Err(self.syntax("something after the value"));
        }
        Ok(())
    }

    fn value(&mut self, text: &[u8]) -> Result<Next, JsonError> {
        self.nodes += 1;
        if self.nodes > self.limits.max_nodes {
            return Err(JsonError::TooManyNodes {
                max: self.limits.max_nodes,
                offset: self.at,
            });
        }
        let Some(&first) = text.get(self.at) else {
            return Err(self.syntax("the end instead of a value"));
        };
        let start = offset(self.at);
        if let Some(member) = self.open_member() {
            member.value_start = start;
        }
        match first {
            b'"' => {
                self.string(text)?;
            }
            b'{' => return self.open(text, true),
            b'[' => return self.open(text, false),
            b'-' | b'0'..=b'9' => self.number(text)?,
            b't' => self.word(text, b"true")?,
            b'f' => self.word(text, b"false")?,
            b'n' => self.word(text, b"null")?,
            0xef if text[self.at..].starts_with(b"\xef\xbb\xbf") => {
                return Err(self.syntax("a byte order mark"));
            }
            _ => return Err(self.syntax("no value where one is needed")),
        }
        self.value_ended();
        Ok(Next::AfterValue)
    }

    fn open(&mut self, text: &[u8], is_object: bool) -> Result<Next, JsonError> {
        let max = self.limits.max_depth.min(DEPTH_MAX);
        if self.depth >= max {
            return Err(JsonError::TooDeep {
                max,
                offset: self.at,
            });
        }
        if is_object && self.depth == 1 {
            self.open_inner(text);
        }
        self.marks[self.depth] = self.keys.mark();
        let bit = 1 << self.depth;
        self.objects = if is_object {
            self.objects | bit
        } else {
            self.objects & !bit
        };
        self.depth += 1;
        self.at += 1;
        self.skip_space(text);
        let closing = if is_object { b'}' } else { b']' };
        if text.get(self.at) == Some(&closing) {
            return self.close(text);
        }
        Ok(if is_object { Next::Key } else { Next::Value })
    }

    fn key(&mut self, text: &[u8]) -> Result<Next, JsonError> {
        if text.get(self.at) != Some(&b'"') {
            return Err(self.syntax("no member name where one is needed"));
        }
        let start = self.at + 1;
        let escaped = self.string(text)?;
        let span = (offset(start), offset(self.at - 1));
        self.record_key(span, escaped);
        let mark = self.marks[self.depth - 1];
        if !self.keys.push(text, mark, span, escaped) {
            return Err(JsonError::DuplicateMember { offset: start });
        }
        self.skip_space(text);
        if text.get(self.at) != Some(&b':') {
            return Err(self.syntax("no colon after a member name"));
        }
        self.at += 1;
        Ok(Next::Value)
    }

    fn after_value(&mut self, text: &[u8]) -> Result<Next, JsonError> {
        let in_object = self.in_object();
        match text.get(self.at) {
            Some(b',') => {
                self.at += 1;
                Ok(if in_object { Next::Key } else { Next::Value })
            }
            Some(b'}') if in_object => self.close(text),
            Some(b']') if !in_object => self.close(text),
            Some(_) => Err(self.syntax("no comma or closing bracket after a value")),
            None => Err(self.syntax("the end inside an array or object")),
        }
    }

    fn close(&mut self, text: &[u8]) -> Result<Next, JsonError> {
        if self.in_object() {
            self.keys
                .close(text, self.marks[self.depth - 1])
                .map_err(|at| JsonError::DuplicateMember {
                    offset: at as usize,
                })?;
        }
        self.depth -= 1;
        self.at += 1;
        self.value_ended();
        Ok(Next::AfterValue)
    }

    /// Goes from an opening quote past the closing one; says whether there were escapes.
    #[inline]
    fn string(&mut self, text: &[u8]) -> Result<bool, JsonError> {
        let mut escaped = false;
        self.at += 1;
        loop {
            self.at = string::plain_run(text, self.at, &mut self.seen);
            match text.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape(text)?;
                }
                Some(_) => return Err(self.syntax("a control character inside a string")),
                None => return Err(self.syntax("the end inside a string")),
            }
        }
    }

    fn escape(&mut self, text: &[u8]) -> Result<(), JsonError> {
        match text.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(())
            }
            Some(b'u') => self.unicode_escape(text),
            _ => Err(self.syntax("an unknown escape")),
        }
    }

    fn unicode_escape(&mut self, text: &[u8]) -> Result<(), JsonError> {
        let unit = self.hex4(text, self.at + 2)?;
        let mut length = 6;
        if string::is_high_surrogate(unit) {
            let low = if text.get(self.at + 6..self.at + 8) == Some(b"\\u") {
                Some(self.hex4(text, self.at + 8)?)
            } else {
                None
            };
            if low.is_some_and(string::is_low_surrogate) {
                length = 12;
            } else if !self.limits.lone_surrogates {
                return Err(JsonError::LoneSurrogate { offset: self.at });
            }
        } else if string::is_low_surrogate(unit) && !self.limits.lone_surrogates {
            return Err(JsonError::LoneSurrogate { offset: self.at });
        }
        self.at += length;
        Ok(())
    }

    fn hex4(&self, text: &[u8], at: usize) -> Result<u32, JsonError> {
        string::hex4(text, at).ok_or_else(|| self.syntax("a \\u escape without four hex digits"))
    }

    /// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?` (RFC 8259, section 6).
    fn number(&mut self, text: &[u8]) -> Result<(), JsonError> {
        let wrong = "a malformed number";
        if text[self.at] == b'-' {
            self.at += 1;
        }
        match text.get(self.at) {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(text),
            _ => return Err(self.syntax(wrong)),
        }
        if text.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.some_digits(text, wrong)?;
        }
        if matches!(text.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(text.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digits(text, wrong)?;
        }
        Ok(())
    }

    fn digits(&mut self, text: &[u8]) {
        while text.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
    }

    fn some_digits(&mut self, text: &[u8], wrong: &'static str) -> Result<(), JsonError> {
        let from = self.at;
        self.digits(text);
        if self.at == from {
            Err(self.syntax(wrong))
        } else {
            Ok(())
        }
    }

    fn word(&mut self, text: &[u8], word: &'static [u8]) -> Result<(), JsonError> {
        if !text[self.at..].starts_with(word) {
            return Err(self.syntax("no value where one is needed"));
        }
        self.at += word.len();
        Ok(())
    }

    #[inline]
    fn skip_space(&mut self, text: &[u8]) {
        while matches!(text.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn in_object(&self) -> bool {
        self.objects & (1 << (self.depth - 1)) != 0
    }

    fn syntax(&self, what: &'static str) -> JsonError {
        JsonError::Syntax {
            what,
            offset: self.at,
        }
    }

    // === recording ===

    /// The member being read, when its level is recorded.
    #[inline]
    fn open_member(&mut self) -> Option<&mut Member> {
        match self.depth {
            1 => self.root.last_mut(),
            2 => match &mut self.inner {
                Inner::Open(members) => members.last_mut(),
                Inner::Unmet | Inner::Done(..) => None,
            },
            _ => None,
        }
    }

    #[inline]
    fn record_key(&mut self, (key_start, key_end): (u32, u32), escaped: bool) {
        let member = Member {
            key_start,
            key_end,
            value_start: 0,
            value_end: 0,
            escaped,
        };
        match self.depth {
            1 if self.index != Index::Nothing => self.root.push(member),
            2 => {
                if let Inner::Open(members) = &mut self.inner {
                    members.push(member);
                }
            }
            _ => {}
        }
    }

    /// The value that just ended is the value of the open member, and perhaps the recorded inner object.
    #[inline]
    fn value_ended(&mut self) {
        let end = offset(self.at);
        if let Some(member) = self.open_member() {
            member.value_end = end;
        }
        if self.depth == 1
            && let Inner::Open(members) = &mut self.inner
        {
            let number = self.root.len() - 1;
            let by = self.root[number].value_start;
            let members = members.iter().map(|member| member.shifted(by)).collect();
            self.inner = Inner::Done(number, members);
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
