//! An injective encoding of fields, for associated data and MAC inputs.

/// Fields, each with its length in front, behind a label that says what they are.
///
/// Plain concatenation would make `("ab", "c")` and `("a", "bc")` the same bytes, and a ciphertext could be
/// moved between the two (S-09). Here a field tells its own length, a label has one fixed list of fields, and
/// so equal bytes mean equal fields.
///
/// Never reuse a label for another list of fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LengthPrefixed(Vec<u8>);

impl LengthPrefixed {
    /// Starts with the label, itself a field.
    #[must_use]
    pub fn new(label: &str) -> Self {
        // Enough for a secret's context in one allocation: it is built for every call.
        Self(Vec::with_capacity(256)).bytes(label.as_bytes())
    }

    /// A field: its length as eight bytes, then the bytes.
    #[must_use]
    pub fn bytes(mut self, field: &[u8]) -> Self {
        self.0
            .extend_from_slice(&(field.len() as u64).to_be_bytes());
        self.0.extend_from_slice(field);
        self
    }

    /// A field of text.
    #[must_use]
    pub fn text(self, field: &str) -> Self {
        self.bytes(field.as_bytes())
    }

    /// A number, as eight bytes.
    #[must_use]
    pub fn number(mut self, field: u64) -> Self {
        self.0.extend_from_slice(&field.to_be_bytes());
        self
    }

    /// A field that may be absent, which is not the same as empty.
    #[must_use]
    pub fn optional(self, field: Option<&str>) -> Self {
        match field {
            None => self.number(0),
            Some(field) => self.number(1).text(field),
        }
    }

    /// The encoding.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}
