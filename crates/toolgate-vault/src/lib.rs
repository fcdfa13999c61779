//! Seals named secrets under a hierarchy of keys; every AEAD call that seals a stored value is here.
//!
//! Notation: `seal[key](associated data; plaintext)` is AES-256-GCM with a 128-bit tag, `hkdf[key](label)` is
//! HKDF-SHA-256, `mac[key](text)` is HMAC-SHA-256. Associated data and MAC inputs are length-prefixed fields
//! ([`LengthPrefixed`]), so two different inputs are never the same bytes.
//!
//! ```text
//! master key (KEK)     32 random bytes from a key file or the environment, never in the store
//!   ├─ hkdf[KEK]("wrapping")     seals the data keys          ├─ hkdf[KEK]("handles")    sealed handles
//!   ├─ hkdf[KEK]("check value")  is this the right key?       ├─ hkdf[KEK]("audit")      audit rows
//!   ├─ hkdf[KEK]("manifest")     which secrets are live       ├─ hkdf[KEK]("key id")     the public name
//!   └─ hkdf[KEK]("retiring")     seals what a rotation leaves of the key before: its audit and handle keys
//!        │
//!        └─ seal[wrapping](format, KEK id, DEK id, workspace; DEK)            data keys of a workspace
//!             └─ seal[DEK](format, DEK id, workspace, server, name, version; value)
//! ```
//!
//! No key has two uses (S-06), so a blob taken from one place never opens in another. The key file is the one
//! thing this crate reads or writes ([`MasterKey::load`], [`MasterKey::create_file`]); there is no clock and no
//! environment in it.
//!
//! # Why opening is elsewhere
//!
//! The admin binary saves secrets, so it must seal, so it must hold a workspace's data key, so this crate
//! unwraps data keys. It must never read a secret back (S-16): the code that opens a secret version is in
//! `toolgate-unseal`, which the admin binary does not link, and what is not linked cannot be called by mistake.
//! That stops bugs, not somebody who already runs code in the admin process: with the data key they could bring
//! their own AES. Two functions hand out raw keys for that neighbour and start with `dangerous_`.
//!
//! ```
//! use toolgate_vault::{MasterKey, Secret, SecretContext, SecretName};
//!
//! let master = MasterKey::generate()?;
//! let (key, wrapped) = master.new_workspace_key("ws_example")?; // `wrapped` goes to the store
//!
//! let name = SecretName::normalise("github-token")?;
//! let value = Secret::check_value("not-a-real-token".to_owned())?;
//! let context = SecretContext { workspace: "ws_example", server: None, name: name.as_str(), version: 1 };
//! let sealed = key.seal(context, &value)?; // so does this
//! assert_eq!(&sealed.key, key.id());
//!
//! assert_eq!(master.unwrap_workspace_key("ws_example", &wrapped)?.id(), key.id());
//! assert!(master.unwrap_workspace_key("ws_other", &wrapped).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod aead;
mod key;
mod length_prefixed;
mod manifest;
mod master;
mod seal;
mod secret;
mod workspace_key;

pub use aead::SEALED_FORMAT;
pub use key::{KeyError, KeyId};
pub use length_prefixed::LengthPrefixed;
pub use manifest::{ManifestEntry, entry_tag};
pub use master::{
    KeyOrigin, MasterKey, MasterKeyError, MasterKeySource, RetiredKeys, SealedRetiredKeys,
};
pub use seal::{SealError, SealedSecret, SecretContext};
pub use secret::{
    InvalidSecretName, InvalidSecretValue, MAX_SECRET_BYTES, MIN_SECRET_BYTES, Secret, SecretName,
};
pub use workspace_key::{WorkspaceKey, WrappedKey};
