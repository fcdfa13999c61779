//! Addresses by which people are known.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// An e-mail address in the one spelling it has here (S-77): lower case, ASCII, nothing quoted.
///
/// Two spellings of one address are one person, so the case goes; letters that only look alike are not ASCII, so
/// nobody passes for somebody else. An international domain is written as it is sent (`xn--…`).
///
/// ```
/// use toolgate_policy::Email;
///
/// let alice: Email = " Alice@Example.COM ".parse()?;
/// assert_eq!(alice.as_str(), "alice@example.com");
/// assert!("alice".parse::<Email>().is_err());
/// # Ok::<(), toolgate_policy::InvalidEmail>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(Arc<str>);

/// Text that is no address.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("`{given}` is not an e-mail address")]
pub struct InvalidEmail {
    /// What was given.
    pub given: String,
}

impl InvalidEmail {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        if self.given.is_ascii() {
            "write it like alice@example.com, without a name around it"
        } else {
            "use ASCII letters; an international domain is written as xn--…"
        }
    }
}

impl Email {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = InvalidEmail;

    fn from_str(text: &str) -> Result<Self, InvalidEmail> {
        let invalid = || InvalidEmail {
            // What was pasted by mistake need not be repeated in full.
            given: text.trim().chars().take(MAX_LEN).collect(),
        };
        let address = text.trim().to_ascii_lowercase();
        let (local, domain) = address.split_once('@').ok_or_else(invalid)?;
        if address.len() > MAX_LEN || !is_local(local) || !is_domain(domain) {
            return Err(invalid());
        }
        Ok(Self(address.into()))
    }
}

impl TryFrom<String> for Email {
    type Error = InvalidEmail;

    fn try_from(text: String) -> Result<Self, InvalidEmail> {
        text.parse()
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.as_str().to_owned()
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a mail server takes at most (RFC 5321).
const MAX_LEN: usize = 254;
const MAX_LOCAL_LEN: usize = 64;
const MAX_LABEL_LEN: usize = 63;

/// A dot-atom of RFC 5322.
fn is_local(local: &str) -> bool {
    let is_atom = |atom: &str| {
        let mut bytes = atom.bytes();
        !atom.is_empty()
            && bytes.all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
    };
    local.len() <= MAX_LOCAL_LEN && local.split('.').all(is_atom)
}

/// A host name; one label is enough inside a company.
fn is_domain(domain: &str) -> bool {
    domain.split('.').all(|label| {
        (1..=MAX_LABEL_LEN).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    })
}
