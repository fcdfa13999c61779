//! Opening secret versions.

use std::fmt;

use ring::aead::LessSafeKey;
use toolgate_vault::{SealedSecret, Secret, SecretContext, WorkspaceKey};

use crate::aead;

/// A secret version did not open: another key, another place, or changed bytes. Which one is not told (S-09).
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("opening secret {name}")]
pub struct OpenError {
    /// The secret's name, as the caller gave it.
    pub name: String,
}

impl OpenError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(format!(
            "what the store holds as {} is damaged: set it again with `toolgatectl secrets set`",
            self.name
        ))
    }
}

/// Opens the secret versions of one workspace.
///
/// Holds the expanded AES key for as long as it lives (`ring` cannot wipe it), no plaintext and no lock: share
/// it between threads as it is. It is dropped when the workspace's keys change.
pub struct Opener {
    key: LessSafeKey,
}

impl Opener {
    /// Expands the key schedule once.
    pub fn new(key: &WorkspaceKey) -> Self {
        Self {
            key: aead::prepare(key.dangerous_bytes()),
        }
    }

    /// `open[DEK](format, DEK id, workspace, server, name, version; sealed)`.
    ///
    /// A ciphertext that was moved from another workspace, server, name or version does not open (S-09). The
    /// caller keeps the result no longer than it takes to write the request (S-15).
    pub fn open(
        &self,
        context: SecretContext<'_>,
        sealed: &SealedSecret,
    ) -> Result<Secret<String>, OpenError> {
        let failed = || OpenError {
            name: context.name.to_owned(),
        };
        // The id the row claims: under another key's id the tag does not fit either.
        let associated = context.associated_data(&sealed.key);
        let mut opened =
            aead::open(&self.key, &associated, &sealed.sealed).map_err(|_| failed())?;
        // The buffer itself becomes the secret, so there is one copy. Only text was sealed; if it is not text
        // after all, the bytes go back to where they are wiped.
        match String::from_utf8(std::mem::take(&mut *opened)) {
            Ok(text) => Ok(Secret::new(text)),
            Err(error) => {
                *opened = error.into_bytes();
                Err(failed())
            }
        }
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener").finish_non_exhaustive()
    }
}
