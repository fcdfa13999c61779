//! The code of an invitation: whoever brings it is whom it was sent to.

use std::fmt;

use zeroize::Zeroizing;

use crate::TokenDigest;
use crate::token_text::{BODY_LEN, body_of};

toolgate_namespace::id! {
    /// One invitation that was not accepted yet; no part of its code.
    InvitationId, "ivt_"
}

/// The secret code in an invitation's link, wiped when dropped: `inv_` and 43 characters that say 32 random bytes.
///
/// It works once. Like a token's text it cannot be cloned, displayed or serialised, and only its digest is stored.
///
/// ```
/// use toolgate_policy::InvitationCode;
///
/// let code = InvitationCode::from_random([7; 32]);
/// assert_eq!(InvitationCode::digest_of(code.expose()), Some(code.digest()));
/// assert_eq!(InvitationCode::digest_of("inv_guessed"), None);
/// ```
pub struct InvitationCode(Zeroizing<String>);

impl InvitationCode {
    /// What every code starts with.
    pub const PREFIX: &'static str = "inv_";

    /// Length of every code, in bytes.
    pub const LEN: usize = Self::PREFIX.len() + BODY_LEN;

    /// Writes 32 random bytes, drawn by the caller, as a code.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        // Room for all of it, so that no reallocation leaves a copy behind.
        let mut text = Zeroizing::new(String::with_capacity(Self::LEN));
        text.push_str(Self::PREFIX);
        text.extend(body_of(bytes).iter().copied().map(char::from));
        Self(text)
    }

    /// The text, for the one link it is put into.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// SHA-256 of the text: all that is ever stored.
    pub fn digest(&self) -> TokenDigest {
        TokenDigest::of(&self.0)
    }

    /// The digest of what somebody brings; `None` for what cannot be a code.
    pub fn digest_of(text: &str) -> Option<TokenDigest> {
        let text = text.trim();
        let body = text.strip_prefix(Self::PREFIX)?;
        let is_code = body.len() == BODY_LEN && body.bytes().all(|b| b.is_ascii_alphanumeric());
        is_code.then(|| TokenDigest::of(text))
    }
}

impl fmt::Debug for InvitationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("inv_…")
    }
}
