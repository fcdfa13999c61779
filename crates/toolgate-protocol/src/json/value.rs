//! The text of one validated value.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use super::index::{Index, Member};
use super::scan::Scanner;
use super::{JsonError, JsonLimits, Object, string, walk};

/// The text of one validated JSON value, a slice of the message it came in.
///
/// Holding a value keeps the whole message in memory; [`Json::detached`] lets go of it.
#[derive(Clone)]
pub struct Json {
    pub(super) text: Bytes,
    /// The members, where the scan that validated this object indexed it.
    pub(super) index: Index,
}

/// The six kinds of JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JsonKind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number, of any size.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl JsonKind {
    /// The kind of a validated value, told by its first byte.
    pub(crate) fn of(text: &[u8]) -> Self {
        match text.first() {
            Some(b'{') => Self::Object,
            Some(b'[') => Self::Array,
            Some(b'"') => Self::String,
            Some(b't' | b'f') => Self::Bool,
            Some(b'n') | None => Self::Null,
            Some(_) => Self::Number,
        }
    }
}

impl Json {
    /// Validates `text` as one value.
    pub fn parse(text: Bytes, limits: &JsonLimits) -> Result<Self, JsonError> {
        Scanner::new(limits, 0).run(text)
    }

    /// A value that a scan has validated, or that this crate wrote.
    pub(crate) fn trusted(text: Bytes) -> Self {
        Self {
            text,
            index: Index::default(),
        }
    }

    /// JSON of this crate's own, without a look at it.
    pub(crate) fn known(text: &'static [u8]) -> Self {
        Self::trusted(Bytes::from_static(text))
    }

    /// The string `text` as a JSON value.
    pub fn from_text(text: &str) -> Self {
        let mut quoted = Vec::new();
        string::quote_into(&mut quoted, text);
        Self::trusted(quoted.into())
    }

    /// The string with `prefix` before it and the rest as it was spelt; `None` when the value is no string.
    pub fn prefixed(&self, prefix: &str) -> Option<Self> {
        let rest = self.text.strip_prefix(b"\"")?;
        let mut quoted = Vec::with_capacity(prefix.len() + self.text.len());
        string::quote_into(&mut quoted, prefix);
        quoted.pop();
        quoted.extend_from_slice(rest);
        Some(Self::trusted(quoted.into()))
    }

    /// A non-negative integer.
    pub fn number(value: u64) -> Self {
        Self::trusted(Bytes::copy_from_slice(
            itoa::Buffer::new().format(value).as_bytes(),
        ))
    }

    /// A signed integer.
    pub fn integer(value: i64) -> Self {
        Self::trusted(Bytes::copy_from_slice(
            itoa::Buffer::new().format(value).as_bytes(),
        ))
    }

    /// `{}`
    pub fn empty_object() -> Self {
        Object::empty().into_json()
    }

    /// A value written in the source, for example `"true"`.
    ///
    /// # Panics
    /// When `text` is not valid JSON, which is a mistake in the source.
    pub fn literal(text: &'static str) -> Self {
        Self::parse(Bytes::from_static(text.as_bytes()), &JsonLimits::CLIENT)
            .expect("the literal is valid JSON")
    }

    /// An array of these values.
    pub fn list<'i>(items: impl IntoIterator<Item = &'i Json>) -> Self {
        let mut text = vec![b'['];
        for item in items {
            if text.len() > 1 {
                text.push(b',');
            }
            text.extend_from_slice(&item.text);
        }
        text.push(b']');
        Self::trusted(text.into())
    }

    /// The text, without white space around it.
    pub fn bytes(&self) -> &Bytes {
        &self.text
    }

    /// The text, without white space around it. Checks UTF-8 again, so it is for small values.
    pub fn as_str(&self) -> &str {
        // The scanner checked UTF-8.
        std::str::from_utf8(&self.text).unwrap_or_default()
    }

    /// The same value in memory of its own, so that it does not keep a large message alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self {
            text: Bytes::copy_from_slice(&self.text),
            index: self.index.detached(),
        }
    }

    /// What kind of value this is.
    pub fn kind(&self) -> JsonKind {
        JsonKind::of(&self.text)
    }

    /// The decoded string; `None` for other kinds.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        string::decode_value(&self.text)
    }

    /// The value of an integer literal in range; `1.0` is none.
    pub fn as_u64(&self) -> Option<u64> {
        self.integer_text()?.parse().ok()
    }

    /// The value of an integer literal in range; `1.0` is none.
    pub fn as_i64(&self) -> Option<i64> {
        self.integer_text()?.parse().ok()
    }

    /// The text of a number without fraction and exponent, of any size.
    pub fn integer_text(&self) -> Option<&str> {
        if is_integer(&self.text) {
            std::str::from_utf8(&self.text).ok()
        } else {
            None
        }
    }

    /// The value of `true` or `false`.
    pub fn as_bool(&self) -> Option<bool> {
        match &*self.text {
            b"true" => Some(true),
            b"false" => Some(false),
            _ => None,
        }
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        *self.text == *b"null"
    }

    /// The members of an object, indexed; nothing is validated again.
    pub fn object(&self) -> Option<Object> {
        self.clone().into_object()
    }

    /// The same value as an object.
    pub fn into_object(self) -> Option<Object> {
        if self.kind() != JsonKind::Object {
            return None;
        }
        let index = if self.index.is_known() {
            self.index
        } else {
            Index::of(walk::members(&self.text))
        };
        Some(Object::indexed(self.text, index))
    }

    /// The text of a member's value, if this is an object that has it: for one look into it.
    pub fn raw(&self, key: &str) -> Option<&[u8]> {
        let find = |members: &[Member]| {
            let member = members.iter().find(|member| member.is(key, &self.text))?;
            Some(member.value())
        };
        let place = match self.kind() {
            JsonKind::Object if self.index.is_known() => find(self.index.members()),
            JsonKind::Object => find(&walk::members(&self.text)),
            _ => None,
        };
        place.map(|place| &self.text[place])
    }

    /// The elements of an array; nothing is validated again.
    pub fn array(&self) -> Option<Vec<Json>> {
        if self.kind() != JsonKind::Array {
            return None;
        }
        let elements = walk::elements(&self.text);
        Some(
            elements
                .into_iter()
                .map(|span| Self::trusted(self.text.slice(span)))
                .collect(),
        )
    }
}

/// Whether the text of a value is a number without fraction and exponent.
pub(crate) fn is_integer(text: &[u8]) -> bool {
    text.strip_prefix(b"-")
        .unwrap_or(text)
        .iter()
        .all(u8::is_ascii_digit)
}

impl PartialEq for Json {
    /// Equal text: `1.0` and `1` differ, and so do two orders of the same members.
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Json {}

impl fmt::Debug for Json {
    /// Kind and size only: what peers sent is never logged whole (S-20).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json({:?}, {} bytes)", self.kind(), self.text.len())
    }
}
