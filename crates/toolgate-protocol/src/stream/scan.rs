//! The strict scan, for text that comes in chunks.
//!
//! It accepts what [`crate::Json::parse`] accepts under [`JsonLimits::UPSTREAM`], however the text was cut. Between
//! chunks it keeps what it expects next, one bit per open container, a hash per name of an open object, and the
//! text of a name or captured string that is not over.

use super::names::Names;
use super::utf8::Utf8;
use crate::json::{Seen, Stop, decode_bytes, plain_run, skip_blocks};
use crate::{JsonError, JsonLimits};

const DEPTH_MAX: usize = 64;
/// Longest captured value; the rest is not kept.
const CAPTURE_MAX: usize = 8 * 1024;

/// Told what the scan passes. Places are counted in the chunk; a name or value may have begun in an earlier one.
/// Depth is how many containers are open.
pub(super) trait Watch {
    /// A name, decoded.
    fn name(&mut self, depth: usize, name: &[u8]);
    /// A value's first byte; whether its text is wanted at its end, if it is a string, and whether what is inside is to
    /// be told, if it is an object or array.
    fn value_begins(&mut self, depth: usize, first: u8, at: usize) -> bool;
    /// A value is over, its last byte before `at`; `text` is what was wanted, as it is spelt.
    fn value_ends(&mut self, depth: usize, at: usize, text: &[u8]);
}

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    ElementOrEnd,
    NameOrEnd,
    Name,
    Colon,
    CommaOrEnd,
    /// White space behind the one value.
    Nothing,
    /// Inside a string, which is a name or a value.
    Text,
    /// Behind a backslash.
    Escape,
    /// So many digits of `\u`.
    Hex(u8),
    Number(Number),
    /// The rest of `true`, `false` or `null`.
    Word(&'static [u8]),
}

/// What was read of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    Minus,
    Zero,
    Integer,
    Dot,
    Fraction,
    E,
    Sign,
    Exponent,
}

/// A scan under way.
#[derive(Debug)]
pub(super) struct Scan {
    limits: JsonLimits,
    expect: Expect,
    depth: usize,
    /// Which of the open containers are objects; bit 0 is the outermost.
    objects: u64,
    /// Where the names of each begin.
    marks: [usize; DEPTH_MAX],
    /// More open containers than this, and nobody is told.
    told_to: usize,
    nodes: usize,
    names: Names,
    /// The string being read is a name.
    in_name: bool,
    /// Its text is kept.
    captures: bool,
    escaped: bool,
    text: Vec<u8>,
    utf8: Utf8,
    /// Bytes of the chunks before.
    passed: usize,
}

impl Scan {
    pub(super) fn new(limits: &JsonLimits) -> Self {
        Self {
            limits: *limits,
            expect: Expect::Value,
            depth: 0,
            objects: 0,
            marks: [0; DEPTH_MAX],
            told_to: usize::MAX,
            nodes: 0,
            names: Names::default(),
            in_name: false,
            captures: false,
            escaped: false,
            text: Vec::new(),
            utf8: Utf8::default(),
            passed: 0,
        }
    }

    /// Reads a chunk. After a failure the scan is of no further use.
    pub(super) fn push(&mut self, chunk: &[u8], watch: &mut impl Watch) -> Result<(), JsonError> {
        let mut seen = Seen::default();
        let mut at = 0;
        while at < chunk.len() {
            at = match self.expect {
                Expect::Text => self.text(chunk, at, &mut seen, watch)?,
                Expect::Escape => self.escape(chunk[at], at)?,
                Expect::Hex(left) => self.hex(chunk[at], left, at)?,
                Expect::Number(number) => self.number(number, chunk, at, watch)?,
                Expect::Word(rest) => self.word(rest, chunk, at, watch)?,
                _ => match chunk[at] {
                    b' ' | b'\t' | b'\n' | b'\r' => at + 1,
                    byte => self.token(byte, at, watch)?,
                },
            };
        }
        if (seen.non_ascii() || self.utf8.is_open())
            && let Err(bad) = self.utf8.push(chunk)
        {
            let offset = self.passed + bad;
            return Err(JsonError::Utf8 { offset });
        }
        self.passed += chunk.len();
        Ok(())
    }

    /// Nothing follows: the text is whole.
    pub(super) fn end(&mut self, watch: &mut impl Watch) -> Result<(), JsonError> {
        if let Expect::Number(number) = self.expect
            && number.is_whole()
        {
            self.value_ended(0, watch);
        }
        if self.utf8.is_open() || self.expect != Expect::Nothing {
            return Err(self.wrong("the end inside a value", 0));
        }
        Ok(())
    }

    fn token(&mut self, byte: u8, at: usize, watch: &mut impl Watch) -> Result<usize, JsonError> {
        let in_object = self.in_object();
        match (self.expect, byte) {
            (Expect::NameOrEnd | Expect::Name, b'"') => {
                self.string(true, true);
            }
            (Expect::CommaOrEnd, b',') if in_object => self.expect = Expect::Name,
            (Expect::Colon, b':') | (Expect::CommaOrEnd, b',') => self.expect = Expect::Value,
            (Expect::NameOrEnd | Expect::CommaOrEnd, b'}') if in_object => {
                if !self.names.close(self.marks[self.depth - 1]) {
                    return Err(self.twice(at));
                }
                self.depth -= 1;
                self.value_ended(at + 1, watch);
            }
            (Expect::ElementOrEnd | Expect::CommaOrEnd, b']') if !in_object => {
                self.depth -= 1;
                self.value_ended(at + 1, watch);
            }
            (Expect::Value | Expect::ElementOrEnd, byte) => self.value(byte, at, watch)?,
            _ => return Err(self.wrong("something unexpected between values", at)),
        }
        Ok(at + 1)
    }

    fn value(&mut self, byte: u8, at: usize, watch: &mut impl Watch) -> Result<(), JsonError> {
        self.nodes += 1;
        if self.nodes > self.limits.max_nodes {
            return Err(JsonError::TooManyNodes {
                max: self.limits.max_nodes,
                offset: self.passed + at,
            });
        }
        let wanted = self.is_told() && watch.value_begins(self.depth, byte, at);
        self.expect = match byte {
            b'"' => {
                self.string(false, wanted);
                return Ok(());
            }
            b'{' | b'[' => {
                if !wanted {
                    self.told_to = self.told_to.min(self.depth);
                }
                return self.open(byte == b'{', at);
            }
            b'-' => Expect::Number(Number::Minus),
            b'0' => Expect::Number(Number::Zero),
            b'1'..=b'9' => Expect::Number(Number::Integer),
            b't' => Expect::Word(b"rue"),
            b'f' => Expect::Word(b"alse"),
            b'n' => Expect::Word(b"ull"),
            _ => return Err(self.wrong("no value where one is needed", at)),
        };
        Ok(())
    }

    fn open(&mut self, is_object: bool, at: usize) -> Result<(), JsonError> {
        let max = self.limits.max_depth.min(DEPTH_MAX);
        if self.depth >= max {
            let offset = self.passed + at;
            return Err(JsonError::TooDeep { max, offset });
        }
        self.marks[self.depth] = self.names.mark();
        self.objects &= !(1 << self.depth);
        self.objects |= u64::from(is_object) << self.depth;
        self.depth += 1;
        self.expect = if is_object {
            Expect::NameOrEnd
        } else {
            Expect::ElementOrEnd
        };
        Ok(())
    }

    /// Whether somebody wants to know of what stands here.
    fn is_told(&self) -> bool {
        self.depth <= self.told_to
    }

    fn in_object(&self) -> bool {
        self.depth > 0 && self.objects >> (self.depth - 1) & 1 == 1
    }

    fn value_ended(&mut self, at: usize, watch: &mut impl Watch) {
        if self.is_told() {
            // Whatever was not told of is over.
            self.told_to = usize::MAX;
            watch.value_ends(self.depth, at, &self.text);
            self.text.clear();
        }
        self.expect = if self.depth == 0 {
            Expect::Nothing
        } else {
            Expect::CommaOrEnd
        };
    }

    // === strings ===

    fn string(&mut self, in_name: bool, captures: bool) {
        self.in_name = in_name;
        self.captures = captures;
        self.escaped = false;
        self.text.clear();
        self.expect = Expect::Text;
    }

    /// Goes on inside a string, to its end or the end of the chunk.
    fn text(
        &mut self,
        chunk: &[u8],
        from: usize,
        seen: &mut Seen,
        watch: &mut impl Watch,
    ) -> Result<usize, JsonError> {
        // Names and most values are short.
        let mut at = plain_run(chunk, from, 1, seen);
        if chunk.get(at) != Some(&b'"') {
            at = match skip_blocks(chunk, at, &mut self.escaped, seen) {
                Stop::Quote(quote) => quote,
                Stop::Slow(at) => plain_run(chunk, at, usize::MAX, seen),
            };
        }
        while chunk.get(at) == Some(&b'\\') {
            self.escaped = true;
            match (chunk.get(at + 1), chunk.get(at + 2..at + 6)) {
                (Some(b'u'), Some(digits)) if digits.iter().all(u8::is_ascii_hexdigit) => at += 6,
                (Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't'), _) => at += 2,
                // Cut, or wrong: the byte behind the backslash decides.
                _ => {
                    self.capture(&chunk[from..=at]);
                    self.expect = Expect::Escape;
                    return Ok(at + 1);
                }
            }
        }
        match chunk.get(at) {
            Some(b'"') => {
                let text = &chunk[from..at];
                if self.in_name && self.text.is_empty() && !self.escaped {
                    self.name_ended(text, at + 1, watch)?;
                } else {
                    self.capture(text);
                    self.text_ended(at + 1, watch)?;
                }
                Ok(at + 1)
            }
            Some(byte) if *byte < 0x20 => {
                Err(self.wrong("a control character inside a string", at))
            }
            // The end of the chunk, or plain text behind an escape.
            _ => {
                self.capture(&chunk[from..at]);
                Ok(at)
            }
        }
    }

    fn text_ended(&mut self, at: usize, watch: &mut impl Watch) -> Result<(), JsonError> {
        if !self.in_name {
            self.value_ended(at, watch);
            return Ok(());
        }
        let mut text = std::mem::take(&mut self.text);
        if self.escaped {
            self.name_ended(&decode_bytes(&text), at, watch)?;
        } else {
            self.name_ended(&text, at, watch)?;
        }
        text.clear();
        self.text = text;
        Ok(())
    }

    fn name_ended(
        &mut self,
        name: &[u8],
        at: usize,
        watch: &mut impl Watch,
    ) -> Result<(), JsonError> {
        if self.is_told() {
            watch.name(self.depth, name);
        }
        if !self.names.push(self.marks[self.depth - 1], name) {
            return Err(self.twice(at));
        }
        self.expect = Expect::Colon;
        Ok(())
    }

    fn capture(&mut self, part: &[u8]) {
        if self.captures && (self.in_name || self.text.len() + part.len() <= CAPTURE_MAX) {
            self.text.extend_from_slice(part);
        } else {
            // Of a value that is too long nothing is kept, rather than its begin.
            self.captures = false;
            self.text.clear();
        }
    }

    fn escape(&mut self, byte: u8, at: usize) -> Result<usize, JsonError> {
        self.capture(&[byte]);
        self.expect = match byte {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Expect::Text,
            b'u' => Expect::Hex(4),
            _ => return Err(self.wrong("an unknown escape", at)),
        };
        Ok(at + 1)
    }

    fn hex(&mut self, byte: u8, left: u8, at: usize) -> Result<usize, JsonError> {
        if !byte.is_ascii_hexdigit() {
            return Err(self.wrong("a \\u escape without four hex digits", at));
        }
        self.capture(&[byte]);
        self.expect = match left {
            1 => Expect::Text,
            _ => Expect::Hex(left - 1),
        };
        Ok(at + 1)
    }

    // === numbers and words ===

    fn number(
        &mut self,
        number: Number,
        chunk: &[u8],
        from: usize,
        watch: &mut impl Watch,
    ) -> Result<usize, JsonError> {
        let mut number = number;
        for (at, byte) in chunk.iter().enumerate().skip(from) {
            match number.then(*byte) {
                Some(next) => number = next,
                None if number.is_whole() => {
                    self.value_ended(at, watch);
                    return Ok(at);
                }
                None => return Err(self.wrong("a malformed number", at)),
            }
        }
        self.expect = Expect::Number(number);
        Ok(chunk.len())
    }

    fn word(
        &mut self,
        rest: &'static [u8],
        chunk: &[u8],
        at: usize,
        watch: &mut impl Watch,
    ) -> Result<usize, JsonError> {
        let here = rest.len().min(chunk.len() - at);
        if chunk[at..at + here] != rest[..here] {
            return Err(self.wrong("no value where one is needed", at));
        }
        if here == rest.len() {
            self.value_ended(at + here, watch);
        } else {
            self.expect = Expect::Word(&rest[here..]);
        }
        Ok(at + here)
    }

    #[cold]
    fn wrong(&self, what: &'static str, at: usize) -> JsonError {
        let offset = self.passed + at;
        JsonError::Syntax { what, offset }
    }

    #[cold]
    fn twice(&self, at: usize) -> JsonError {
        let offset = self.passed + at;
        JsonError::DuplicateMember { offset }
    }
}

impl Number {
    /// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?` (RFC 8259, section 6).
    fn then(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Minus, b'0') => Self::Zero,
            (Self::Minus, b'1'..=b'9') | (Self::Integer, b'0'..=b'9') => Self::Integer,
            (Self::Zero | Self::Integer, b'.') => Self::Dot,
            (Self::Dot | Self::Fraction, b'0'..=b'9') => Self::Fraction,
            (Self::Zero | Self::Integer | Self::Fraction, b'e' | b'E') => Self::E,
            (Self::E, b'+' | b'-') => Self::Sign,
            (Self::E | Self::Sign | Self::Exponent, b'0'..=b'9') => Self::Exponent,
            _ => return None,
        })
    }

    fn is_whole(self) -> bool {
        matches!(
            self,
            Self::Zero | Self::Integer | Self::Fraction | Self::Exponent
        )
    }
}

/// Validates a text that comes in chunks, and does nothing else with it.
#[derive(Debug)]
pub struct StreamScan(Scan);

/// Nothing is watched.
struct Blind;

impl Watch for Blind {
    fn name(&mut self, _: usize, _: &[u8]) {}

    fn value_begins(&mut self, _: usize, _: u8, _: usize) -> bool {
        false
    }

    fn value_ends(&mut self, _: usize, _: usize, _: &[u8]) {}
}

impl StreamScan {
    /// For what servers send: lone surrogates pass whatever the limits say.
    pub fn new(limits: &JsonLimits) -> Self {
        Self(Scan::new(limits))
    }

    /// Reads a chunk.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), JsonError> {
        self.0.push(chunk, &mut Blind)
    }

    /// Nothing follows: the text is whole.
    pub fn end(&mut self) -> Result<(), JsonError> {
        self.0.end(&mut Blind)
    }
}
