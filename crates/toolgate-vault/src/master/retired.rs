//! What is left of a master key after its rotation (S-12).
//!
//! `seal[retiring key of the successor](format, successor's id, old id, last audit row; audit key, handle key)`
//!
//! Data keys are wrapped anew and manifests authenticated anew, so nothing else of the old key is needed: rows of
//! the audit trail that it authenticated must go on to verify, and handles that clients carry must go on to open.

use std::fmt;

use ring::hmac;
use zeroize::Zeroizing;

use super::derive::fixed;
use crate::aead::{self, SEALED_FORMAT};
use crate::key::{KEY_BYTES, KeyBytes, KeyError, KeyId};
use crate::length_prefixed::LengthPrefixed;
use crate::master::MasterKey;
use crate::secret::Secret;

/// The two keys of a retired master key that are still needed. It cannot unwrap or wrap anything.
pub struct RetiredKeys {
    id: KeyId,
    audit_until: u64,
    mac: hmac::Key,
    audit: KeyBytes,
    handles: KeyBytes,
}

/// [`RetiredKeys`] as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRetiredKeys {
    /// The master key they were derived from.
    pub id: KeyId,
    /// The master key they are sealed under.
    pub master: KeyId,
    /// Sequence of the last audit row that the retired key authenticated; later ones are never its.
    pub audit_until: u64,
    /// Format byte, nonce, ciphertext, tag: 93 bytes.
    pub sealed: Vec<u8>,
}

impl MasterKey {
    /// What is to be kept of this key once another one takes its place.
    pub fn retire(&self, audit_until: u64) -> RetiredKeys {
        RetiredKeys::new(
            self.id().clone(),
            audit_until,
            KeyBytes::copy_of(self.audit_bytes.expose()),
            KeyBytes::copy_of(self.handles.expose()),
        )
    }

    /// Seals what is left of a key before this one.
    pub fn seal_retired(&self, retired: &RetiredKeys) -> Result<SealedRetiredKeys, KeyError> {
        let mut both = Zeroizing::new([0; 2 * KEY_BYTES]);
        both[..KEY_BYTES].copy_from_slice(retired.audit.expose());
        both[KEY_BYTES..].copy_from_slice(retired.handles.expose());
        let associated = associated_data(self.id(), &retired.id, retired.audit_until);
        let sealed = aead::seal(&self.retiring, &associated, &*both).map_err(|_| KeyError::Wrap)?;
        Ok(SealedRetiredKeys {
            id: retired.id.clone(),
            master: self.id().clone(),
            audit_until: retired.audit_until,
            sealed,
        })
    }

    /// Opens what [`seal_retired`](Self::seal_retired) sealed.
    ///
    /// # Errors
    /// [`KeyError::Unwrap`] alike for another master key and a changed row.
    pub fn open_retired(&self, stored: &SealedRetiredKeys) -> Result<RetiredKeys, KeyError> {
        let associated = associated_data(&stored.master, &stored.id, stored.audit_until);
        let both = aead::open(&self.retiring, &associated, &stored.sealed)
            .map_err(|_| KeyError::Unwrap)?;
        let (audit, handles) = both.split_at_checked(KEY_BYTES).ok_or(KeyError::Unwrap)?;
        let key = |bytes: &[u8]| {
            let bytes = bytes.try_into().map_err(|_| KeyError::Unwrap)?;
            Ok(KeyBytes::copy_of(bytes))
        };
        Ok(RetiredKeys::new(
            stored.id.clone(),
            stored.audit_until,
            key(audit)?,
            key(handles)?,
        ))
    }
}

impl RetiredKeys {
    fn new(id: KeyId, audit_until: u64, audit: KeyBytes, handles: KeyBytes) -> Self {
        Self {
            id,
            audit_until,
            mac: hmac::Key::new(hmac::HMAC_SHA256, audit.expose()),
            audit,
            handles,
        }
    }

    /// The master key they were derived from.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// Sequence of the last audit row that this key authenticated.
    pub fn audit_until(&self) -> u64 {
        self.audit_until
    }

    /// `mac[audit key](row)`, to check rows up to [`audit_until`](Self::audit_until).
    pub fn audit_mac(&self, row: &[u8]) -> [u8; 32] {
        fixed(hmac::sign(&self.mac, row))
    }

    /// The key of handles sealed before the rotation, for `toolgate_unseal::Handles` alone.
    pub fn dangerous_handle_key(&self) -> Secret<[u8; KEY_BYTES]> {
        Secret::new(*self.handles.expose())
    }
}

impl fmt::Debug for RetiredKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetiredKeys")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

fn associated_data(master: &KeyId, retired: &KeyId, audit_until: u64) -> Vec<u8> {
    LengthPrefixed::new("toolgate retired keys")
        .number(u64::from(SEALED_FORMAT))
        .text(master.as_str())
        .text(retired.as_str())
        .number(audit_until)
        .into_bytes()
}
