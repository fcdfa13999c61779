//! The text of a token, and of an operator's key: its form, its checksum, its digest (S-34, S-35).
//!
//! ```text
//! token    = prefix body checksum
//! prefix   = "mwt_" of a workspace's token, "ak_" of an operator's key
//! body     = 43 characters: the 32 random bytes as one big-endian number in base 62
//! checksum =  6 characters: CRC-32 (IEEE) of prefix body, in base 62
//! base 62  = 0-9 A-Z a-z, most significant first, padded with 0 to the full width
//! ```
//!
//! Secret scanners find tokens by `(mwt|ak)_[0-9A-Za-z]{49}` and tell them from look-alikes by the
//! checksum; the gateway refuses a mistyped or invented token by it without asking anyone. It is no
//! protection: whoever has a token's body can compute it. What protects is the body's 256 bits.

use std::fmt;
use std::hash::{Hash, Hasher};

use memchr::memmem;
use zeroize::Zeroizing;

/// Text that is not a token: wrong prefix, length, alphabet or checksum.
///
/// It says no more and keeps nothing of the text, which may be a credential of another kind.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
#[error("not a Toolgate token")]
pub struct InvalidToken;

/// The secret text of a token, wiped when dropped.
///
/// It cannot be cloned, displayed or serialised; [`expose`](Self::expose) is the one way out, for
/// the one time it is shown (S-35).
pub struct RawToken(Zeroizing<String>);

impl RawToken {
    /// What every token starts with.
    pub const PREFIX: &'static str = "mwt_";

    /// Length of every token, in bytes.
    pub const LEN: usize = Self::PREFIX.len() + BODY_LEN + CHECKSUM_LEN;

    /// Writes 32 random bytes, drawn by the caller, as a token.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(write(Self::PREFIX, bytes))
    }

    /// Checks form and checksum (S-34).
    pub fn parse(text: &str) -> Result<Self, InvalidToken> {
        check(Self::PREFIX, text).map(|()| Self(Zeroizing::new(text.to_owned())))
    }

    /// The text, to be shown once.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// SHA-256 of the text: all that is ever stored (S-35).
    pub fn digest(&self) -> TokenDigest {
        TokenDigest::of(&self.0)
    }

    /// Whether some token stands in a text of any kind, known here or not (S-25, S-28).
    pub fn is_in(text: &[u8]) -> bool {
        memmem::find_iter(text, Self::PREFIX).any(|at| {
            let token = text.get(at..at + Self::LEN).map(str::from_utf8);
            matches!(token, Some(Ok(token)) if check(Self::PREFIX, token).is_ok())
        })
    }

    /// The digest of a token that a client presented, without a copy of its text.
    pub fn digest_of(text: &str) -> Result<TokenDigest, InvalidToken> {
        check(Self::PREFIX, text).map(|()| TokenDigest::of(text))
    }
}

impl fmt::Debug for RawToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("mwt_…")
    }
}

/// The secret text of an operator's key, which opens the management API; otherwise as [`RawToken`].
pub struct RawKey(Zeroizing<String>);

impl RawKey {
    /// What every key starts with.
    pub const PREFIX: &'static str = "ak_";

    /// Writes 32 random bytes, drawn by the caller, as a key.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(write(Self::PREFIX, bytes))
    }

    /// The text, to be shown once.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// SHA-256 of the text: all that is ever stored.
    pub fn digest(&self) -> TokenDigest {
        TokenDigest::of(&self.0)
    }

    /// The digest of a key that was presented, without a copy of its text.
    pub fn digest_of(text: &str) -> Result<TokenDigest, InvalidToken> {
        check(Self::PREFIX, text).map(|()| TokenDigest::of(text))
    }
}

impl fmt::Debug for RawKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ak_…")
    }
}

/// SHA-256 of a token's whole text; `==` takes the same time wherever two differ (S-35).
#[derive(Clone, Copy, Eq)]
pub struct TokenDigest(pub [u8; 32]);

impl TokenDigest {
    fn of(text: &str) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }
}

impl PartialEq for TokenDigest {
    fn eq(&self, other: &Self) -> bool {
        let pairs = self.0.iter().zip(&other.0);
        let difference = pairs.fold(0, |seen, (a, b)| seen | (a ^ b));
        // The optimiser must produce the sum of all differences, so it cannot stop at the first.
        std::hint::black_box(difference) == 0
    }
}

/// Written by hand because `==` is; equal digests have equal bytes either way.
impl Hash for TokenDigest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(…)")
    }
}

fn write(prefix: &str, random: [u8; 32]) -> Zeroizing<String> {
    // Room for all of it, so that no reallocation leaves a copy behind.
    let room = prefix.len() + BODY_LEN + CHECKSUM_LEN;
    let mut text = Zeroizing::new(String::with_capacity(room));
    text.push_str(prefix);
    text.extend(body_of(random).iter().copied().map(char::from));
    let checksum = checksum_of(text.as_bytes());
    text.extend(checksum.map(char::from));
    text
}

fn check(prefix: &str, text: &str) -> Result<(), InvalidToken> {
    let bytes = text.as_bytes();
    let well_formed = bytes.len() == prefix.len() + BODY_LEN + CHECKSUM_LEN
        && bytes.starts_with(prefix.as_bytes())
        && bytes[prefix.len()..].iter().all(u8::is_ascii_alphanumeric);
    if !well_formed {
        return Err(InvalidToken);
    }
    let (signed, checksum) = bytes.split_at(prefix.len() + BODY_LEN);
    // The alphabet is in the order of its bytes, so numbers of equal width compare as texts do.
    let is_a_number_of_256_bits = &signed[prefix.len()..] <= MAX_BODY.as_slice();
    if is_a_number_of_256_bits && checksum == checksum_of(signed) {
        Ok(())
    } else {
        Err(InvalidToken)
    }
}

/// 256 bits in base 62 by schoolbook division; 43 characters do, since 62^43 is just above 2^256.
fn body_of(random: [u8; 32]) -> Zeroizing<[u8; BODY_LEN]> {
    let mut number = Zeroizing::new(random);
    let mut body = Zeroizing::new([0; BODY_LEN]);
    for character in body.iter_mut().rev() {
        *character = BASE62[divide_by_62(&mut number)];
    }
    body
}

/// Divides a big-endian number in place and returns the remainder.
fn divide_by_62(number: &mut [u8; 32]) -> usize {
    let mut remainder = 0_u16;
    for byte in number {
        let dividend = (remainder << 8) | u16::from(*byte);
        *byte = u8::try_from(dividend / 62)
            .expect("the remainder is below 62, so 61 * 256 + 255 is the most");
        remainder = dividend % 62;
    }
    usize::from(remainder)
}

/// CRC-32 in base 62; 6 characters do, since 62^6 is above 2^32.
fn checksum_of(signed: &[u8]) -> [u8; CHECKSUM_LEN] {
    let mut number = crc32fast::hash(signed);
    let mut checksum = [0; CHECKSUM_LEN];
    for character in checksum.iter_mut().rev() {
        *character = BASE62[(number % 62) as usize];
        number /= 62;
    }
    checksum
}

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 2^256 - 1: what is above it is written in the same letters and is nobody's token.
const MAX_BODY: &[u8; BODY_LEN] = b"yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1";
const BODY_LEN: usize = 43;
const CHECKSUM_LEN: usize = 6;
