//! Where the master key comes from: exactly one source (S-07).

use std::path::{Path, PathBuf};

use toolgate_vault::{MasterKey, MasterKeyError, MasterKeySource, Secret};

use super::command::{self, KeyCommandError};
use super::files;
use crate::DataDir;
use crate::key_check::KeyCheck;

/// The environment variable that may hold the key itself.
pub const MASTER_KEY_VARIABLE: &str = "TOOLGATE_MASTER_KEY";

/// What flags and environment say, before anybody has checked that it is one source only.
#[derive(Debug, Default)]
pub struct GivenKeySources {
    /// A key file (`--master-key-file`).
    pub file: Option<PathBuf>,
    /// The name of a systemd credential (`--master-key-credential`).
    pub credential: Option<String>,
    /// Where systemd put the credentials of this service (`CREDENTIALS_DIRECTORY`).
    pub credentials_directory: Option<PathBuf>,
    /// The key itself (`TOOLGATE_MASTER_KEY`).
    pub variable: Option<Secret<String>>,
    /// A command that prints the key, a JSON array of program and arguments (`--master-key-command`).
    pub command: Option<String>,
}

/// The one source of the master key.
#[derive(Debug)]
pub enum KeySource {
    /// `master.key` in the data directory, made on first start.
    DataDir(PathBuf),
    /// This file, which has to be there.
    File(PathBuf),
    /// A systemd credential.
    Credential(PathBuf),
    /// The environment variable.
    Variable(Secret<String>),
    /// What this program prints, started without a shell.
    Command(Vec<String>),
}

/// Two or more sources: nobody could say which key counts.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the master key has {} sources: {}", .named.len(), .named.join(", "))]
pub struct SeveralKeySources {
    /// How they are called.
    pub named: Vec<&'static str>,
}

/// Why a configured source is none, or gives no key.
#[derive(Debug, thiserror::Error)]
pub enum KeySourceError {
    /// More than one.
    #[error(transparent)]
    Several(#[from] SeveralKeySources),
    /// A credential was named, but this process was not started by systemd with one.
    #[error("reading the master key from credential `{name}`: CREDENTIALS_DIRECTORY is not set")]
    NoCredentials {
        /// The credential.
        name: String,
    },
    /// The credential's name is a path.
    #[error("reading the master key from a credential: its name is not a plain file name")]
    CredentialName,
    /// The key file or text is wrong.
    #[error(transparent)]
    Key(#[from] MasterKeyError),
    /// The command did not print a key.
    #[error(transparent)]
    Command(#[from] KeyCommandError),
}

impl GivenKeySources {
    /// The one source that was given; `master.key` in the data directory when there is none (S-07).
    ///
    /// # Errors
    /// Two sources, or one that is no source.
    pub fn choose(self, dir: &DataDir) -> Result<KeySource, KeySourceError> {
        let given = [
            (self.file.is_some(), "--master-key-file"),
            (self.credential.is_some(), "--master-key-credential"),
            (self.variable.is_some(), MASTER_KEY_VARIABLE),
            (self.command.is_some(), "--master-key-command"),
        ];
        let named: Vec<_> = given
            .into_iter()
            .filter_map(|(is_given, name)| is_given.then_some(name))
            .collect();
        if named.len() > 1 {
            return Err(SeveralKeySources { named }.into());
        }
        if let Some(path) = self.file {
            return Ok(KeySource::File(path));
        }
        if let Some(name) = self.credential {
            if name.is_empty() || name.contains('/') || name.starts_with('.') {
                return Err(KeySourceError::CredentialName);
            }
            let folder = self.credentials_directory;
            return match folder {
                Some(folder) => Ok(KeySource::Credential(folder.join(name))),
                None => Err(KeySourceError::NoCredentials { name }),
            };
        }
        if let Some(text) = self.variable {
            return Ok(KeySource::Variable(text));
        }
        match self.command {
            Some(text) => Ok(KeySource::Command(command::parse(&text)?)),
            None => Ok(KeySource::DataDir(dir.key_file())),
        }
    }
}

impl KeySource {
    /// The key that the source gives now.
    pub(super) fn load(&self, owner_uid: u32) -> Result<MasterKey, KeySourceError> {
        let source = match self {
            Self::DataDir(path) | Self::File(path) => MasterKeySource::File(path.clone()),
            Self::Credential(path) => MasterKeySource::Credential(path.clone()),
            Self::Variable(text) => MasterKeySource::Text(Secret::new(text.expose().clone())),
            Self::Command(argv) => MasterKeySource::Printed(command::run(argv)?),
        };
        Ok(MasterKey::load(source, owner_uid)?)
    }

    /// The key a store belongs to: what the source gives, or what a rotation that is under way put beside it.
    ///
    /// # Errors
    /// Why the source gives no key; [`None`] inside `Ok` when it gives another one.
    pub(super) fn find(
        &self,
        check: &KeyCheck,
        owner_uid: u32,
    ) -> Result<Option<MasterKey>, KeySourceError> {
        if let Some(key) = self.find_in_files(check, owner_uid) {
            return Ok(Some(key));
        }
        self.load(owner_uid)
            .map(|key| Some(key).filter(|key| check.is(key)))
    }

    /// The same, looking at files only: quick enough for a transaction.
    pub(super) fn find_in_files(&self, check: &KeyCheck, owner_uid: u32) -> Option<MasterKey> {
        // What lies beside a file is looked at first: it is renamed to the file itself, never the other way.
        let file = self.file().into_iter();
        let paths = file.flat_map(|path| [files::next(path), path.to_owned()]);
        paths.chain(check.pending_file.clone()).find_map(|path| {
            let found = MasterKey::load(MasterKeySource::File(path), owner_uid).ok();
            found.filter(|key| check.is(key))
        })
    }

    /// The key file, if the key comes from one that a rotation may replace.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::DataDir(path) | Self::File(path) => Some(path),
            Self::Credential(_) | Self::Variable(_) | Self::Command(_) => None,
        }
    }

    /// What people call it; never shows any of the key.
    pub fn describe(&self) -> String {
        match self {
            Self::DataDir(path) | Self::File(path) => format!("file {}", path.display()),
            Self::Credential(path) => format!("systemd credential {}", path.display()),
            Self::Variable(_) => format!("environment variable {MASTER_KEY_VARIABLE}"),
            Self::Command(argv) => {
                format!("command {}", argv.first().map_or("", String::as_str))
            }
        }
    }
}

impl KeySourceError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Several(_) => Some("leave all but one of them out".to_owned()),
            Self::NoCredentials { name } => Some(format!(
                "start it as a systemd service with LoadCredential={name}:PATH, or name a file with --master-key-file"
            )),
            Self::CredentialName => {
                Some("name it as LoadCredential= does, such as toolgate-master-key".to_owned())
            }
            Self::Key(error) => error.hint(),
            Self::Command(error) => Some(error.hint().to_owned()),
        }
    }
}
