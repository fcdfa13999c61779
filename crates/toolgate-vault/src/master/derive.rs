//! Everything a master key does, each with a key of its own (S-06).
//!
//! `hkdf[KEK](label)` with a fixed salt. The master key's own bytes are wiped as soon as the keys below are
//! derived: what stays in memory can do its one job and nothing else.

use std::fmt;

use ring::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use ring::{hkdf, hmac};

use crate::key::{KEY_BYTES, KeyBytes, KeyError, KeyId};
use crate::length_prefixed::LengthPrefixed;
use crate::manifest::{self, ManifestEntry};
use crate::secret::Secret;
use crate::workspace_key::{WorkspaceKey, WrappedKey};

/// The master key (KEK): the one secret outside the store, without which the store is noise.
///
/// Made by [`load`](Self::load) at every start and by [`create_file`](Self::create_file) at the first.
pub struct MasterKey {
    id: KeyId,
    wrapping: LessSafeKey,
    /// Seals what is left of the master keys before this one.
    pub(super) retiring: LessSafeKey,
    check: hmac::Key,
    audit: hmac::Key,
    manifest: hmac::Key,
    pub(super) audit_bytes: KeyBytes,
    pub(super) handles: KeyBytes,
}

impl MasterKey {
    /// 32 fresh random bytes that nobody can find again: for tests, and for stores that live in memory only.
    pub fn generate() -> Result<Self, KeyError> {
        Ok(Self::derive(&KeyBytes::random()?))
    }

    /// The keys below `master`.
    pub(crate) fn derive(master: &KeyBytes) -> Self {
        let labels = hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(master.expose());
        let mac_key = |label| hmac::Key::new(hmac::HMAC_SHA256, expand(&labels, label).expose());
        let aead_key = |label| {
            let unbound = UnboundKey::new(&AES_256_GCM, expand(&labels, label).expose())
                .expect("32 bytes are the length of an AES-256 key");
            LessSafeKey::new(unbound)
        };
        Self {
            id: KeyId::of_master(expand(&labels, Label::KeyId).expose()),
            wrapping: aead_key(Label::Wrapping),
            retiring: aead_key(Label::Retiring),
            check: mac_key(Label::CheckValue),
            audit: mac_key(Label::Audit),
            manifest: mac_key(Label::Manifest),
            audit_bytes: expand(&labels, Label::Audit),
            handles: expand(&labels, Label::Handles),
        }
    }

    /// The public id: `kek_` and 128 derived bits, so that a key file needs to hold nothing but the key.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// `mac[check key]("…", KEK id)`: saved with the id when a store is made, and compared at every start (S-08).
    pub fn check_value(&self) -> [u8; 32] {
        fixed(hmac::sign(&self.check, &self.check_text()))
    }

    /// Whether this key wrote `stored`, in constant time. If not: open no listener, write nothing (S-08).
    #[must_use = "a store must not be used under another key"]
    pub fn matches(&self, stored: &[u8]) -> bool {
        hmac::verify(&self.check, &self.check_text(), stored).is_ok()
    }

    /// A fresh random data key for a workspace, in clear and as it is stored.
    pub fn new_workspace_key(
        &self,
        workspace: &str,
    ) -> Result<(WorkspaceKey, WrappedKey), KeyError> {
        let key = WorkspaceKey::random()?;
        let wrapped = self.wrap_workspace_key(workspace, &key)?;
        Ok((key, wrapped))
    }

    /// Wraps a data key that exists; a rotation of the master key does this to each (S-12).
    pub fn wrap_workspace_key(
        &self,
        workspace: &str,
        key: &WorkspaceKey,
    ) -> Result<WrappedKey, KeyError> {
        WrappedKey::wrap(&self.wrapping, &self.id, workspace, key)
    }

    /// Unwraps a workspace's data key.
    ///
    /// # Errors
    /// [`KeyError::Unwrap`] alike for another master key, another workspace and a changed row.
    pub fn unwrap_workspace_key(
        &self,
        workspace: &str,
        wrapped: &WrappedKey,
    ) -> Result<WorkspaceKey, KeyError> {
        wrapped.unwrap_with(&self.wrapping, workspace)
    }

    /// The key of sealed handles, for `toolgate_unseal::Handles` alone: whoever has it can forge a session id.
    pub fn dangerous_handle_key(&self) -> Secret<[u8; KEY_BYTES]> {
        Secret::new(*self.handles.expose())
    }

    /// `mac[audit key](row)`. The caller chains rows by putting the MAC of the one before into `row`, and makes
    /// `row` injective ([`LengthPrefixed`]).
    pub fn audit_mac(&self, row: &[u8]) -> [u8; 32] {
        fixed(hmac::sign(&self.audit, row))
    }

    /// `mac[manifest key](workspace, entries)`: which secret versions are live (S-17). The order of `entries`
    /// does not matter. Compare it with [`manifest_matches`](Self::manifest_matches).
    pub fn manifest_mac<'a>(
        &self,
        workspace: &str,
        entries: impl IntoIterator<Item = ManifestEntry<'a>>,
    ) -> [u8; 32] {
        fixed(hmac::sign(
            &self.manifest,
            &manifest::encode(workspace, entries),
        ))
    }

    /// Whether `stored` is the manifest of these entries, in constant time. If not, a row was put back or taken away.
    #[must_use = "secrets that are not in the manifest must not be used"]
    pub fn manifest_matches<'a>(
        &self,
        workspace: &str,
        entries: impl IntoIterator<Item = ManifestEntry<'a>>,
        stored: &[u8],
    ) -> bool {
        hmac::verify(
            &self.manifest,
            &manifest::encode(workspace, entries),
            stored,
        )
        .is_ok()
    }

    fn check_text(&self) -> Vec<u8> {
        LengthPrefixed::new("toolgate check value")
            .text(self.id.as_str())
            .into_bytes()
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// What a derived key is for. A label that was released is never given to another use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Label {
    KeyId,
    Wrapping,
    CheckValue,
    Handles,
    Audit,
    Manifest,
    Retiring,
}

impl Label {
    fn as_str(self) -> &'static str {
        match self {
            Self::KeyId => "key id",
            Self::Wrapping => "wrapping",
            Self::CheckValue => "check value",
            Self::Handles => "handles",
            Self::Audit => "audit",
            Self::Manifest => "manifest",
            Self::Retiring => "retiring",
        }
    }
}

/// `hkdf[KEK](label)`.
fn expand(labels: &hkdf::Prk, label: Label) -> KeyBytes {
    let info = [label.as_str().as_bytes()];
    let okm = labels
        .expand(&info, hkdf::HKDF_SHA256)
        .expect("one block of output is always there");
    KeyBytes::filled_by(|bytes| okm.fill(bytes)).expect("SHA-256 gives 32 bytes")
}

pub(super) fn fixed(tag: hmac::Tag) -> [u8; 32] {
    tag.as_ref()
        .try_into()
        .expect("HMAC-SHA-256 gives 32 bytes")
}

/// Separates our derivations from any other use of the same 32 bytes; the number changes with the labels' meaning.
const SALT: &[u8] = b"toolgate master key 1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aead;

    const ALL: [Label; 7] = [
        Label::KeyId,
        Label::Wrapping,
        Label::CheckValue,
        Label::Handles,
        Label::Audit,
        Label::Manifest,
        Label::Retiring,
    ];

    fn derived(label: Label) -> [u8; KEY_BYTES] {
        let labels = hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(&[0x5a; KEY_BYTES]);
        *expand(&labels, label).expose()
    }

    /// S-06 `key_separation`: each derived key differs, and what one sealed no other opens.
    #[test]
    fn key_separation() {
        for sealing in ALL {
            let key =
                |label| LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &derived(label)).unwrap());
            let sealed = aead::seal(&key(sealing), b"", b"plaintext").unwrap();
            let tag = hmac::sign(
                &hmac::Key::new(hmac::HMAC_SHA256, &derived(sealing)),
                b"text",
            );
            for opening in ALL {
                let mac = hmac::Key::new(hmac::HMAC_SHA256, &derived(opening));
                let is_same = sealing == opening;
                assert_eq!(derived(sealing) == derived(opening), is_same);
                assert_eq!(aead::open(&key(opening), b"", &sealed).is_ok(), is_same);
                assert_eq!(hmac::verify(&mac, b"text", tag.as_ref()).is_ok(), is_same);
            }
        }
    }

    /// The derivation must never change: every store ever written depends on it. The values were computed apart,
    /// with another library.
    #[test]
    fn s06_known_answers() {
        let key = MasterKey::derive(&KeyBytes::copy_of(&[0x5a; KEY_BYTES]));
        assert_eq!(key.id().as_str(), "kek_aaa1cd2715989964924a6470f7fc710f");
        assert_eq!(key.check_value()[..4], [0xe1, 0x25, 0xc5, 0xd8]);
        assert_eq!(key.audit_mac(b"row")[..4], [0xe8, 0xd5, 0x12, 0x13]);
        assert_eq!(key.manifest_mac("ws_a", [])[..4], [0x04, 0xd8, 0x95, 0xf9]);
        assert_eq!(
            key.dangerous_handle_key().expose()[..4],
            [0x9c, 0x9e, 0x4d, 0x2d]
        );
    }
}
