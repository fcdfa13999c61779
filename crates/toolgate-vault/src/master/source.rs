//! Where the master key comes from, and all that can be wrong with it (S-07).

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::key::{KeyBytes, KeyError};
use crate::master::file::{self, Rights};
use crate::master::{MasterKey, text};
use crate::secret::Secret;

/// Where the master key is. Exactly one (S-07): the binary that finds two configured refuses to start.
#[derive(Debug)]
pub enum MasterKeySource {
    /// A file of 64 hex digits, or of 32 bytes in base64. White space around it is ignored.
    File(PathBuf),
    /// The same text in a file that systemd made for this service (`LoadCredential=`): it belongs to this user
    /// or to root, and root may have given this user's group the right to read it.
    Credential(PathBuf),
    /// The same text, read by the binary from an environment variable, which it then removes.
    Text(Secret<String>),
    /// The same text, as the command that unwraps the key printed it.
    Printed(Secret<String>),
}

impl MasterKey {
    /// Reads, checks and takes in the key.
    ///
    /// A file must be regular and no link, belong to `owner_uid` (the user this process runs as; finding that
    /// out needs a system call, so the caller brings it) and be closed to everybody else: a key that others
    /// could read or replace protects nothing. The key itself must not be a placeholder (S-04).
    pub fn load(source: MasterKeySource, owner_uid: u32) -> Result<Self, MasterKeyError> {
        let key = match source {
            MasterKeySource::File(path) => {
                let text = file::read(&path, &Rights::of_key_file(owner_uid))?;
                text::parse(&text, KeyOrigin::File(path))?
            }
            MasterKeySource::Credential(path) => {
                let text = file::read(&path, &Rights::of_credential(owner_uid))?;
                text::parse(&text, KeyOrigin::File(path))?
            }
            MasterKeySource::Text(text) => text::parse(text.expose().as_bytes(), KeyOrigin::Text)?,
            MasterKeySource::Printed(text) => {
                text::parse(text.expose().as_bytes(), KeyOrigin::Command)?
            }
        };
        Ok(Self::derive(&key))
    }

    /// Makes a key file of mode 0600 and takes in its key.
    ///
    /// The file appears under its name whole and synced, or not at all, and never replaces one that is there:
    /// a lost master key is every secret lost. Of two processes that try at once, one gets
    /// [`Exists`](MasterKeyError::Exists) and can load what the other wrote.
    pub fn create_file(path: &Path) -> Result<Self, MasterKeyError> {
        let key = KeyBytes::random().map_err(MasterKeyError::Generate)?;
        file::create(path, &key)?;
        Ok(Self::derive(&key))
    }
}

/// Where a key came from, as errors name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyOrigin {
    /// This file.
    File(PathBuf),
    /// The environment variable.
    Text,
    /// What the unwrapping command printed.
    Command,
}

impl fmt::Display for KeyOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Text => f.write_str("the environment"),
            Self::Command => f.write_str("the key command"),
        }
    }
}

/// Why there is no master key. One variant for each cause (S-07); none shows any of the key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// No such file.
    #[error("opening master key {path}: there is no such file", path = path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The path is a symbolic link: whoever can change the link chooses the key.
    #[error("opening master key {path}: it is a link", path = path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// A directory, a device, a pipe or a socket.
    #[error("opening master key {path}: it is not a regular file", path = path.display())]
    NotRegular {
        /// What was named.
        path: PathBuf,
    },
    /// Another file took the place of the one that was checked.
    #[error("opening master key {path}: it was replaced meanwhile", path = path.display())]
    Replaced {
        /// The file.
        path: PathBuf,
    },
    /// The file belongs to another user, who could change it.
    #[error("opening master key {path}: it belongs to user {found}, not to {expected}", path = path.display())]
    Owner {
        /// The file.
        path: PathBuf,
        /// The user id it belongs to.
        found: u32,
        /// The user id we run as.
        expected: u32,
    },
    /// Group or others have some right to the file, or it is executable.
    #[error("opening master key {path}: its mode is {mode:04o}", path = path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The operating system refused to look at or open the file.
    #[error("opening master key {path}", path = path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file was opened but not read.
    #[error("reading master key {path}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nothing but white space.
    #[error("reading master key from {origin}: it is empty")]
    Empty {
        /// Where it came from.
        origin: KeyOrigin,
    },
    /// More text than any spelling of 32 bytes needs.
    #[error("reading master key from {origin}: it is longer than any key")]
    TooLong {
        /// Where it came from.
        origin: KeyOrigin,
    },
    /// Neither hex nor base64.
    #[error("reading master key from {origin}: it is neither hex nor base64")]
    Encoding {
        /// Where it came from.
        origin: KeyOrigin,
    },
    /// Hex or base64 of another length.
    #[error("reading master key from {origin}: it has {bytes} bytes, not 32")]
    Length {
        /// Where it came from.
        origin: KeyOrigin,
        /// How many bytes it has.
        bytes: usize,
    },
    /// A key that somebody typed, copied from an example or never filled in (S-04).
    #[error("reading master key from {origin}: it is a placeholder, not random bytes")]
    Placeholder {
        /// Where it came from.
        origin: KeyOrigin,
    },
    /// No random bytes for a new key.
    #[error("making a master key")]
    Generate(#[source] KeyError),
    /// A file of that name is there; it was left alone.
    #[error("writing master key {path}: the file exists", path = path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The new file could not be written or synced.
    #[error("writing master key {path}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl MasterKeyError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Missing { path } => format!(
                "put the key file back from its backup as {}; a new key cannot open what an old one sealed",
                path.display()
            ),
            Self::Link { .. } => "name the file itself, not a link to it".to_owned(),
            Self::NotRegular { .. } => "name a file that holds the key".to_owned(),
            Self::Replaced { .. } => {
                "somebody else writes to this directory: take their right away, then try again"
                    .to_owned()
            }
            Self::Owner { path, expected, .. } => format!(
                "if the file is yours: chown {expected} {path}; else run as the user it belongs to",
                path = path.display()
            ),
            Self::Mode { path, .. } => format!(
                "chmod 600 {}; if others could read it, they may have: rotate the key",
                path.display()
            ),
            Self::Open { .. } | Self::Read { .. } => {
                "check that this user can enter the directory and read the file".to_owned()
            }
            Self::Empty { .. }
            | Self::TooLong { .. }
            | Self::Encoding { .. }
            | Self::Length { .. } => "a master key is 64 hex digits, or 32 bytes in base64; \
                 make one with: openssl rand -hex 32"
                .to_owned(),
            Self::Placeholder { .. } => "make a random key with: openssl rand -hex 32".to_owned(),
            Self::Generate(source) => return source.hint().map(str::to_owned),
            Self::Exists { .. } => "use the key that is there, or choose another path".to_owned(),
            Self::Write { .. } => {
                "check that this user may write to the directory and that the disk has room"
                    .to_owned()
            }
        })
    }
}
