//! Sealed handles (S-44): what clients carry for us and cannot read, change or use elsewhere.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::LessSafeKey;
use toolgate_vault::{LengthPrefixed, SEALED_FORMAT, Secret};

use crate::aead;

/// The handle is not ours, was changed, belongs to another purpose or context; or none could be sealed for lack
/// of randomness. Which one is not told: the answer is that of a handle that never existed (S-43, S-46).
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("opening or sealing a handle")]
pub struct HandleError;

/// Seals and opens handles: session ids, request states, cursors, subscription and approval ids.
///
/// A handle is `base64url(seal[handle key](format, purpose, context; plaintext))` without padding: 39 characters
/// and 4 for each 3 bytes of plaintext. Its purpose keeps a cursor from being a session id; its context keeps it
/// from another token, workspace, server, method or argument.
///
/// What it does not do: end. There is no clock here, so put the time of expiry into the plaintext and compare it
/// after opening. And it can be used again; what is for one use only has to be remembered by the caller.
pub struct Handles {
    keys: ArcSwap<Keys>,
}

/// The key that seals, and the ones before it that still open.
struct Keys {
    present: LessSafeKey,
    retired: Vec<LessSafeKey>,
}

impl Handles {
    /// From `MasterKey::dangerous_handle_key`, so that handles outlive a restart.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the key is wiped as soon as its schedule is expanded"
    )]
    pub fn new(key: Secret<[u8; 32]>) -> Self {
        Self {
            keys: ArcSwap::from_pointee(Keys {
                present: aead::prepare(key.expose()),
                retired: Vec::new(),
            }),
        }
    }

    /// Seals with `present` from now on; what a key in `retired` sealed still opens (S-12).
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the keys are wiped as soon as their schedules are expanded"
    )]
    pub fn renew(&self, present: Secret<[u8; 32]>, retired: Vec<Secret<[u8; 32]>>) {
        self.keys.store(Arc::new(Keys {
            present: aead::prepare(present.expose()),
            retired: retired
                .iter()
                .map(|key| aead::prepare(key.expose()))
                .collect(),
        }));
    }

    /// A handle that anybody who has it may use. `purpose` is a constant of the caller's, such as `"session"`.
    pub fn seal(&self, purpose: &str, plaintext: &[u8]) -> Result<String, HandleError> {
        self.seal_bound(purpose, &[], plaintext)
    }

    /// Opens a handle of [`seal`](Self::seal) for the same purpose.
    pub fn open(&self, purpose: &str, handle: &str) -> Result<Vec<u8>, HandleError> {
        self.open_bound(purpose, &[], handle)
    }

    /// A handle bound to `context`: the token's, workspace's and server's ids, the method, the digest of the
    /// arguments, in an order that belongs to the purpose.
    pub fn seal_bound(
        &self,
        purpose: &str,
        context: &[&[u8]],
        plaintext: &[u8],
    ) -> Result<String, HandleError> {
        let associated = associated_data(purpose, context);
        let sealed = aead::seal(&self.keys.load().present, &associated, plaintext)
            .map_err(|_| HandleError)?;
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens a handle of [`seal_bound`](Self::seal_bound) for the same purpose and the same context.
    pub fn open_bound(
        &self,
        purpose: &str,
        context: &[&[u8]],
        handle: &str,
    ) -> Result<Vec<u8>, HandleError> {
        // The decoder refuses padding and stray bits at the end: one handle, one text.
        let sealed = URL_SAFE_NO_PAD.decode(handle).map_err(|_| HandleError)?;
        let associated = associated_data(purpose, context);
        let keys = self.keys.load();
        let mut opened = std::iter::once(&keys.present)
            .chain(&keys.retired)
            .find_map(|key| aead::open(key, &associated, &sealed).ok())
            .ok_or(HandleError)?;
        Ok(std::mem::take(&mut *opened))
    }
}

impl fmt::Debug for Handles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handles").finish_non_exhaustive()
    }
}

fn associated_data(purpose: &str, context: &[&[u8]]) -> Vec<u8> {
    let start = LengthPrefixed::new("toolgate handle")
        .number(u64::from(SEALED_FORMAT))
        .text(purpose)
        .number(context.len() as u64);
    let all = context
        .iter()
        .fold(start, |encoded, member| encoded.bytes(member));
    all.into_bytes()
}
