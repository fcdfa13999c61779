//! What all keys share: a public id, and bytes that are wiped.

use std::fmt;
use std::sync::Arc;

use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

/// Why a key could not be made, named or unwrapped.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// The wrapped key was sealed under another master key, for another workspace, or was changed.
    #[error("opening the data key of a workspace")]
    Unwrap,
    /// The AEAD or the random generator refused.
    #[error("wrapping the data key of a workspace")]
    Wrap,
    /// Not `key_` or `kek_` with 32 lower-case hex digits.
    #[error("reading a key id")]
    Id,
    /// The operating system gave no random bytes.
    #[error("drawing random bytes")]
    Random,
}

impl KeyError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Unwrap => {
                "the store was written with another master key, or this row was changed: \
                 put the right key file back, or restore the store from a backup"
            }
            Self::Wrap | Self::Random => NO_RANDOMNESS_HINT,
            Self::Id => "Toolgate did not write this id: restore the store from a backup",
        })
    }
}

/// Names one key, stored beside what the key sealed. Public: it says nothing about the key.
///
/// `key_` and random digits for a workspace's data key, `kek_` and derived digits for a master key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct KeyId(Arc<str>);

impl KeyId {
    /// The id as it is stored and shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a stored id: `key_` or `kek_`, then 32 lower-case hex digits.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let digits = [DATA_KEY_PREFIX, MASTER_KEY_PREFIX]
            .iter()
            .find_map(|prefix| text.strip_prefix(prefix))
            .ok_or(KeyError::Id)?;
        let is_ours = digits.len() == 2 * ID_BYTES
            && digits
                .bytes()
                .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if is_ours {
            Ok(Self(text.into()))
        } else {
            Err(KeyError::Id)
        }
    }

    /// A new id for a data key.
    pub(crate) fn random() -> Result<Self, KeyError> {
        let mut bytes = [0; ID_BYTES];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| KeyError::Random)?;
        Ok(Self::from_bytes(DATA_KEY_PREFIX, bytes))
    }

    /// The id of a master key, from a key derived from it; half of that key suffices.
    pub(crate) fn of_master(derived: &[u8; KEY_BYTES]) -> Self {
        let (id, _) = derived.split_first_chunk().expect("16 is less than 32");
        Self::from_bytes(MASTER_KEY_PREFIX, *id)
    }

    fn from_bytes(prefix: &str, bytes: [u8; ID_BYTES]) -> Self {
        Self(format!("{prefix}{:032x}", u128::from_be_bytes(bytes)).into())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// 32 key bytes, wiped on drop. On the heap from birth, so that moving the owner copies a pointer and not the key.
pub(crate) struct KeyBytes(Box<Zeroizing<[u8; KEY_BYTES]>>);

impl KeyBytes {
    /// Filled in place.
    pub(crate) fn filled_by<E>(
        fill: impl FnOnce(&mut [u8; KEY_BYTES]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut key = Self(Box::default());
        fill(&mut key.0)?;
        Ok(key)
    }

    /// A second copy, wiped on its own.
    pub(crate) fn copy_of(bytes: &[u8; KEY_BYTES]) -> Self {
        let mut copy = Self(Box::default());
        copy.0.copy_from_slice(bytes);
        copy
    }

    /// Fresh from the operating system's generator.
    pub(crate) fn random() -> Result<Self, KeyError> {
        Self::filled_by(|bytes| SystemRandom::new().fill(bytes)).map_err(|_| KeyError::Random)
    }

    pub(crate) fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

impl fmt::Debug for KeyBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// Length of every key here, AES-256 and HMAC alike.
pub(crate) const KEY_BYTES: usize = 32;
/// Length of an id before it is written in hex; 128 random bits never collide.
const ID_BYTES: usize = 16;

/// What to do when the system's generator refuses; nothing else makes these operations fail.
pub(crate) const NO_RANDOMNESS_HINT: &str =
    "the operating system gives no random bytes: is getrandom blocked for this process?";

const DATA_KEY_PREFIX: &str = "key_";
const MASTER_KEY_PREFIX: &str = "kek_";
