//! Opens a secret for one call and takes it back out of whatever returns; only the gateway links it.
//!
//! Notation: `open[key](associated data; sealed)` is the inverse of `seal` as `toolgate-vault` defines it,
//! AES-256-GCM with a 128-bit tag over `format | nonce | ciphertext | tag`.
//!
//! - [`Opener`] opens the secret versions of one workspace, its AES key schedule prepared once: a few hundred
//!   nanoseconds a secret, so that a call opens what it needs and keeps nothing (S-15).
//! - [`Masker`] looks for the secrets that went into one server in all that comes back from it, in every
//!   encoding a server is likely to echo them in (S-22). Clean bytes come back as they are, uncopied.
//! - [`Handles`] seals what the gateway hands to clients and must trust on its return: session ids, request
//!   states, cursors (S-44).
//!
//! # Why opening is here and not in the vault
//!
//! The admin binary saves secrets: it seals, so it holds data keys, so `toolgate-vault` unwraps data keys. It
//! must never read a secret back, for any role (S-16). So the one piece of code that opens a secret version is
//! in a crate that the admin binary does not link: what it cannot link it cannot call, and a dependency test
//! proves it. Whatever needs a value (testing a connection, listing tools) the gateway does when asked.
//!
//! ```
//! use toolgate_unseal::{Masker, Opener};
//! use toolgate_vault::{MasterKey, Secret, SecretContext};
//!
//! let (key, _) = MasterKey::generate()?.new_workspace_key("ws_example")?;
//! let context = SecretContext { workspace: "ws_example", server: None, name: "GITHUB_TOKEN", version: 1 };
//! let sealed = key.seal(context, &Secret::check_value("not-a-real-token".to_owned())?)?;
//!
//! let opened = Opener::new(&key).open(context, &sealed)?;
//! let masker = Masker::new([opened.expose().as_str()]);
//! assert_eq!(masker.mask_str("you sent not-a-real-token"), "you sent [REDACTED]");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod aead;
mod handle;
mod mask;
mod open;

pub use handle::{HandleError, Handles};
pub use mask::{MaskStream, Masker, MessageStream};
pub use open::{OpenError, Opener};
