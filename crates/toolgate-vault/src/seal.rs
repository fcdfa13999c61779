//! Sealing secret versions.

use crate::aead::{self, SEALED_FORMAT};
use crate::key::{KeyId, NO_RANDOMNESS_HINT};
use crate::length_prefixed::LengthPrefixed;
use crate::secret::Secret;
use crate::workspace_key::WorkspaceKey;

/// Why a secret could not be sealed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SealError {
    /// The AEAD or the random generator refused.
    #[error("sealing a secret")]
    Seal,
}

impl SealError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Seal => Some(NO_RANDOMNESS_HINT),
        }
    }
}

/// What a secret version belongs to. All of it is associated data (S-09), so a ciphertext that was moved to
/// another workspace, server, name or version does not open there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretContext<'a> {
    /// The workspace's id (not its slug, which can change hands).
    pub workspace: &'a str,
    /// The server's id; `None` means any server of the workspace.
    pub server: Option<&'a str>,
    /// The normalised name.
    pub name: &'a str,
    /// Counts up from 1; an old version's ciphertext is no valid new one.
    pub version: u64,
}

impl SecretContext<'_> {
    /// Format, data key's id, then all members, in an injective encoding.
    pub fn associated_data(&self, key: &KeyId) -> Vec<u8> {
        LengthPrefixed::new("toolgate secret")
            .number(u64::from(SEALED_FORMAT))
            .text(key.as_str())
            .text(self.workspace)
            .optional(self.server)
            .text(self.name)
            .number(self.version)
            .into_bytes()
    }
}

/// A secret version as stored: `seal[DEK](format, DEK id, workspace, server, name, version; value)`.
///
/// Its length is the value's plus 29 bytes, so a reader of the store learns how long a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// Which data key sealed it.
    pub key: KeyId,
    /// Format byte, nonce, ciphertext, tag.
    pub sealed: Vec<u8>,
}

impl WorkspaceKey {
    /// `seal[DEK](context; value)` under a fresh random nonce.
    pub fn seal(
        &self,
        context: SecretContext<'_>,
        value: &Secret<String>,
    ) -> Result<SealedSecret, SealError> {
        let associated = context.associated_data(self.id());
        let sealed = aead::seal(self.sealing(), &associated, value.expose().as_bytes())
            .map_err(|_| SealError::Seal)?;
        Ok(SealedSecret {
            key: self.id().clone(),
            sealed,
        })
    }
}
