//! What a secret's value may be.

use crate::secret::Secret;

/// The shortest value: a shorter one cannot be masked in answers without masking half the text too (S-18, S-22).
pub const MIN_SECRET_BYTES: usize = 8;
/// The longest value (S-18): it must fit into the headers of one request.
pub const MAX_SECRET_BYTES: usize = 16 * 1024;

/// Which rule a value breaks; never shows the value (S-21).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecretValue {
    /// Under 8 bytes.
    #[error("checking a secret's value: it is shorter than {MIN_SECRET_BYTES} bytes")]
    TooShort,
    /// Over 16 KiB.
    #[error("checking a secret's value: it is longer than {MAX_SECRET_BYTES} bytes")]
    TooLong,
    /// Holds CR, LF, NUL, tab or another control character, and so cannot be a header value.
    #[error("checking a secret's value: it holds a control character")]
    Control,
}

impl InvalidSecretValue {
    /// What a person can do about it.
    pub fn hint(self) -> Option<&'static str> {
        Some(match self {
            Self::TooShort => {
                "a value this short cannot be masked when a server echoes it: \
                 save it as a plain setting if it is not secret, else get a longer one"
            }
            Self::TooLong => "check that this is the secret and not the file it came from",
            Self::Control => {
                "often a line break at the end: `printf %s` adds none; \
                 a value of several lines has to be saved base64 encoded"
            }
        })
    }
}

impl Secret<String> {
    /// Takes in a value that is to be saved: 8 bytes to 16 KiB (S-18), no CR, LF, NUL or other controls, so
    /// that it can be a header (S-26). A value that is refused is wiped too.
    ///
    /// # Errors
    /// Names the rule, never the value.
    pub fn check_value(text: String) -> Result<Self, InvalidSecretValue> {
        let value = Self::new(text);
        let text = value.expose();
        if text.len() < MIN_SECRET_BYTES {
            return Err(InvalidSecretValue::TooShort);
        }
        if text.len() > MAX_SECRET_BYTES {
            return Err(InvalidSecretValue::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidSecretValue::Control);
        }
        Ok(value)
    }
}
