//! A workspace's data key, in clear and wrapped.

use std::fmt;

use ring::aead::{AES_256_GCM, LessSafeKey, UnboundKey};

use crate::aead::{self, SEALED_FORMAT};
use crate::key::{KEY_BYTES, KeyBytes, KeyError, KeyId};
use crate::length_prefixed::LengthPrefixed;

/// A workspace's data key (DEK) in clear, its AES key schedule prepared once.
///
/// The 32 bytes are wiped on drop. The expanded schedule is not: `ring` keeps it inline and offers no way to
/// wipe it, so hold a `WorkspaceKey` no longer than needed.
pub struct WorkspaceKey {
    id: KeyId,
    bytes: KeyBytes,
    sealing: LessSafeKey,
}

impl WorkspaceKey {
    /// A fresh random key under a fresh random id.
    pub(crate) fn random() -> Result<Self, KeyError> {
        Ok(Self::new(KeyId::random()?, KeyBytes::random()?))
    }

    fn new(id: KeyId, bytes: KeyBytes) -> Self {
        let unbound = UnboundKey::new(&AES_256_GCM, bytes.expose())
            .expect("32 bytes are the length of an AES-256 key");
        Self {
            id,
            bytes,
            sealing: LessSafeKey::new(unbound),
        }
    }

    /// Which key this is; stored with all it seals.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// The raw key, for `toolgate_unseal::Opener` alone: whoever has it can open every secret of the workspace.
    pub fn dangerous_bytes(&self) -> &[u8; KEY_BYTES] {
        self.bytes.expose()
    }

    pub(crate) fn sealing(&self) -> &LessSafeKey {
        &self.sealing
    }
}

impl fmt::Debug for WorkspaceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkspaceKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// A workspace's data key as stored: `seal[wrapping key](format, KEK id, DEK id, workspace; DEK)`.
///
/// The associated data keeps a row from being given another workspace, another id or another master key (S-09).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// Which data key this is.
    pub id: KeyId,
    /// Which master key wraps it; a rotation finds what is left to rewrap by this (S-12).
    pub master: KeyId,
    /// Format byte, nonce, ciphertext, tag: 61 bytes.
    pub sealed: Vec<u8>,
}

impl WrappedKey {
    /// `seal[wrapping](…; key)`.
    pub(crate) fn wrap(
        wrapping: &LessSafeKey,
        master: &KeyId,
        workspace: &str,
        key: &WorkspaceKey,
    ) -> Result<Self, KeyError> {
        let associated = associated_data(master, &key.id, workspace);
        let sealed =
            aead::seal(wrapping, &associated, key.bytes.expose()).map_err(|_| KeyError::Wrap)?;
        Ok(Self {
            id: key.id.clone(),
            master: master.clone(),
            sealed,
        })
    }

    /// Opens it, with the ids it claims and the workspace that asks.
    pub(crate) fn unwrap_with(
        &self,
        wrapping: &LessSafeKey,
        workspace: &str,
    ) -> Result<WorkspaceKey, KeyError> {
        let associated = associated_data(&self.master, &self.id, workspace);
        let opened =
            aead::open(wrapping, &associated, &self.sealed).map_err(|_| KeyError::Unwrap)?;
        let bytes = opened.as_slice().try_into().map_err(|_| KeyError::Unwrap)?;
        Ok(WorkspaceKey::new(self.id.clone(), KeyBytes::copy_of(bytes)))
    }
}

fn associated_data(master: &KeyId, key: &KeyId, workspace: &str) -> Vec<u8> {
    LengthPrefixed::new("toolgate data key")
        .number(u64::from(SEALED_FORMAT))
        .text(master.as_str())
        .text(key.as_str())
        .text(workspace)
        .into_bytes()
}
