//! What a secret is called.

use std::fmt;
use std::sync::Arc;

/// A secret's name: `[A-Z][A-Z0-9_]{0,63}` (S-18).
///
/// It becomes a header name (`X-Mcp-Secret-…`, S-26) or an environment variable, and this alphabet is safe in both.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretName(Arc<str>);

impl SecretName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads what a person typed: upper case, every other character an underscore; `github-token` is `GITHUB_TOKEN`.
    ///
    /// Many spellings share a name (`a-b`, `A_B`). The store knows which spelling came first and refuses
    /// another one, so that nobody overwrites a secret they did not mean.
    ///
    /// # Errors
    /// If the result breaks the rule: nothing left, too long, or not a letter in front.
    pub fn normalise(text: &str) -> Result<Self, InvalidSecretName> {
        let normalised: String = text
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_uppercase()
                } else {
                    '_'
                }
            })
            .collect();
        Self::try_from(&*normalised)
    }
}

impl TryFrom<&str> for SecretName {
    type Error = InvalidSecretName;

    /// Takes a name that is already normal, and changes nothing.
    fn try_from(text: &str) -> Result<Self, Self::Error> {
        let first = text.bytes().next().ok_or(InvalidSecretName::Empty)?;
        if text.len() > MAX_BYTES {
            return Err(InvalidSecretName::TooLong);
        }
        if !text
            .bytes()
            .all(|b| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'_'))
        {
            return Err(InvalidSecretName::Character);
        }
        if !first.is_ascii_uppercase() {
            return Err(InvalidSecretName::Start);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which rule a name breaks. The text itself is not here: people paste the value where the name belongs (S-21).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecretName {
    /// No characters.
    #[error("reading a secret's name: it is empty")]
    Empty,
    /// More than 64 characters.
    #[error("reading a secret's name: it is longer than {MAX_BYTES} characters")]
    TooLong,
    /// Starts with a digit or an underscore.
    #[error("reading a secret's name: it does not start with a letter")]
    Start,
    /// Holds something else than `A-Z`, `0-9` and `_`, where normalising was not asked for.
    #[error("reading a secret's name: it holds a character other than A-Z, 0-9 and _")]
    Character,
}

impl InvalidSecretName {
    /// What a person can do about it.
    pub fn hint(self) -> Option<&'static str> {
        Some(match self {
            Self::Empty | Self::Character => "name it like GITHUB_TOKEN",
            Self::TooLong => "choose a shorter name; if this was the value, swap the two arguments",
            Self::Start => "put a letter in front, as in KEY_1",
        })
    }
}

const MAX_BYTES: usize = 64;
