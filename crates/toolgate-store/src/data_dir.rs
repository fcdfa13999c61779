//! Where an installation lives on disk.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use directories::ProjectDirs;

use crate::StoreError;

/// The data directory: two databases, the master key and the control socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataDir {
    path: PathBuf,
}

impl DataDir {
    /// Names a directory; nothing is touched.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The platform's place for application data, such as `~/.local/share/toolgate`.
    pub fn default_path() -> Result<PathBuf, StoreError> {
        let dirs = ProjectDirs::from("", "", "toolgate").ok_or(StoreError::NoHome)?;
        Ok(dirs.data_dir().to_owned())
    }

    /// Makes the directory, for its owner only (0700), if it is not there.
    pub fn create(&self) -> Result<(), StoreError> {
        create_private_dir(&self.path).map_err(|source| StoreError::Io {
            doing: "creating the data directory",
            path: self.path.clone(),
            source,
        })
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The control database, the truth about the installation.
    pub fn control_db(&self) -> PathBuf {
        self.path.join("control.db")
    }

    /// The call records.
    pub fn calls_db(&self) -> PathBuf {
        self.path.join("calls.db")
    }

    /// Where heads of the audit chain are kept unless the operator names another file (S-84).
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("audit.checkpoints")
    }

    /// Where backups go that are made without naming a file.
    pub fn backups(&self) -> PathBuf {
        self.path.join("backups")
    }

    /// Where the master key is kept unless it comes from elsewhere.
    pub fn key_file(&self) -> PathBuf {
        self.path.join("master.key")
    }

    /// The gateway's control socket; a path over 100 bytes is too long for the system.
    pub fn socket(&self) -> PathBuf {
        self.path.join("control.sock")
    }

    /// Where child processes have their working directories, each server its own (S-73).
    pub fn children(&self) -> PathBuf {
        self.path.join("children")
    }
}

/// Makes a directory, and those above it, for its owner only (0700).
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes an empty file for its owner only (0600) that survives a power cut; an existing one stays.
///
/// SQLite gives its log and shared-memory files the mode of the database file.
pub(crate) fn create_private_file(path: &Path) -> Result<(), StoreError> {
    let created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match created {
        Ok(file) => file.sync_all().and_then(|()| sync_parent(path)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
    .map_err(|source| StoreError::Io {
        doing: "creating",
        path: path.to_owned(),
        source,
    })
}

/// Makes the entry of a new file durable.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent()
        .map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}
