//! Request ids, with the text they came in (P3.2, P3.3).

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::Json;
use crate::json::{decode_value, is_integer};

/// How long a string id may be, decoded (P3.2); the digits of an integer id have the same bound.
const ID_MAX_BYTES: usize = 256;

/// Ids up to this length live inside the value.
const INLINE_MAX: usize = 22;

/// The id of a request. Keeps its JSON text, so `1` and `"1"` differ and come back as they were; two
/// spellings of one string (`"a"`, `"\u0061"`) are equal. Cloning is cheap.
#[derive(Clone)]
pub struct RequestId(Repr);

#[derive(Clone)]
enum Repr {
    Inline { length: u8, text: [u8; INLINE_MAX] },
    Shared(Arc<str>),
}

/// The value is no id: neither an integer nor a string of up to 256 bytes (P3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("reading a request id: neither an integer nor a string of up to 256 bytes")]
pub struct InvalidId;

impl RequestId {
    /// Reads an id: an integer of any size written without fraction or exponent, or a string (P3.2).
    pub fn from_json(value: &Json) -> Result<Self, InvalidId> {
        Self::read(value.bytes()).ok_or(InvalidId)
    }

    /// The same from the text of a validated value.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let fits = match text.first() {
            // No escape is shorter than what it stands for.
            Some(b'"') if text.len() <= ID_MAX_BYTES => true,
            Some(b'"') => decode_value(text).is_some_and(|decoded| decoded.len() <= ID_MAX_BYTES),
            _ => text.len() <= ID_MAX_BYTES && is_integer(text),
        };
        std::str::from_utf8(text)
            .ok()
            .filter(|_| fits)
            .map(Self::of)
    }

    /// An integer id, as the gateway gives to upstream requests (P3.6).
    pub fn number(value: u64) -> Self {
        Self::of(itoa::Buffer::new().format(value))
    }

    /// A string id, as the gateway gives to requests to legacy clients (P3.6).
    pub fn text(value: &str) -> Self {
        Self::of(Json::from_text(value).as_str())
    }

    /// The id as it stands on the wire, quotes included.
    pub fn as_json(&self) -> &str {
        // Made from a whole `str`.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The same as bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { length, text } => &text[..usize::from(*length)],
            Repr::Shared(text) => text.as_bytes(),
        }
    }

    /// The id as a value.
    pub fn to_json(&self) -> Json {
        Json::trusted(bytes::Bytes::copy_from_slice(self.as_bytes()))
    }

    /// The value of an integer id in range; how our own ids are recognised.
    pub fn as_u64(&self) -> Option<u64> {
        self.as_json().parse().ok()
    }

    /// The decoded string of a string id.
    pub fn as_text(&self) -> Option<Cow<'_, str>> {
        decode_value(self.as_bytes())
    }

    fn of(json: &str) -> Self {
        let bytes = json.as_bytes();
        if bytes.len() > INLINE_MAX {
            return Self(Repr::Shared(json.into()));
        }
        let mut text = [0; INLINE_MAX];
        text[..bytes.len()].copy_from_slice(bytes);
        let length = u8::try_from(bytes.len()).expect("at most 22");
        Self(Repr::Inline { length, text })
    }

    /// What is compared: strings decoded and marked apart from numbers, which keep their text.
    fn identity(&self) -> (bool, Cow<'_, str>) {
        match self.as_text() {
            Some(text) => (true, text),
            None => (false, Cow::Borrowed(self.as_json())),
        }
    }
}

impl PartialEq for RequestId {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for RequestId {}

impl Hash for RequestId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({})", self.as_json())
    }
}
