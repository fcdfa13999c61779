//! The key file on disk: the one I/O of this crate.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::key::{KeyBytes, KeyId};
use crate::master::MasterKeyError;
use crate::master::text::{self, MAX_TEXT_BYTES};

/// Whose a file may be, and who else may have which right to it.
pub(super) struct Rights {
    owner: u32,
    by_root: bool,
    mode: u32,
}

impl Rights {
    /// Its owner's alone.
    pub(super) fn of_key_file(owner: u32) -> Self {
        Self {
            owner,
            by_root: false,
            mode: OWNER_READ_WRITE,
        }
    }

    /// As systemd leaves a credential: the user's, or root's and readable through an access list, which shows
    /// as a right of the group.
    pub(super) fn of_credential(owner: u32) -> Self {
        Self {
            owner,
            by_root: true,
            mode: OWNER_READ_WRITE | GROUP_READ,
        }
    }

    fn allow_owner(&self, found: u32) -> bool {
        found == self.owner || (self.by_root && found == 0)
    }
}

/// Checks the file and reads its text (S-07).
pub(super) fn read(path: &Path, rights: &Rights) -> Result<Zeroizing<Vec<u8>>, MasterKeyError> {
    let file = open_regular(path)?;
    let metadata = file
        .metadata()
        .map_err(|source| could_not_open(path, source))?;
    if !rights.allow_owner(metadata.uid()) {
        return Err(MasterKeyError::Owner {
            path: path.to_owned(),
            found: metadata.uid(),
            expected: rights.owner,
        });
    }
    let mode = metadata.mode() & PERMISSION_BITS;
    if mode & !rights.mode != 0 {
        return Err(MasterKeyError::Mode {
            path: path.to_owned(),
            mode,
        });
    }
    // Room for all that is read: a buffer that grew would leave a piece of the key in freed memory.
    let limit = MAX_TEXT_BYTES + 1;
    let mut text = Zeroizing::new(Vec::with_capacity(2 * limit));
    file.take(limit as u64)
        .read_to_end(&mut text)
        .map_err(|source| MasterKeyError::Read {
            path: path.to_owned(),
            source,
        })?;
    Ok(text)
}

/// Opens a regular file without following a link and without waiting for the other end of a pipe.
///
/// The type is looked at before opening; that what was opened is what was looked at shows by its device and
/// inode number. (`O_NOFOLLOW` would do the same but is not in std.)
fn open_regular(path: &Path) -> Result<File, MasterKeyError> {
    let seen = fs::symlink_metadata(path).map_err(|source| could_not_open(path, source))?;
    if seen.is_symlink() {
        return Err(MasterKeyError::Link {
            path: path.to_owned(),
        });
    }
    if !seen.is_file() {
        return Err(MasterKeyError::NotRegular {
            path: path.to_owned(),
        });
    }
    let file = File::open(path).map_err(|source| could_not_open(path, source))?;
    let opened = file
        .metadata()
        .map_err(|source| could_not_open(path, source))?;
    if (opened.dev(), opened.ino()) != (seen.dev(), seen.ino()) {
        return Err(MasterKeyError::Replaced {
            path: path.to_owned(),
        });
    }
    Ok(file)
}

fn could_not_open(path: &Path, source: io::Error) -> MasterKeyError {
    let path = path.to_owned();
    if source.kind() == io::ErrorKind::NotFound {
        MasterKeyError::Missing { path }
    } else {
        MasterKeyError::Open { path, source }
    }
}

/// Writes a new key file: first under a name nobody knows, then linked to its own, which fails if that is taken.
pub(super) fn create(path: &Path, key: &KeyBytes) -> Result<(), MasterKeyError> {
    let failed = |source: io::Error| {
        let path = path.to_owned();
        if source.kind() == io::ErrorKind::AlreadyExists {
            MasterKeyError::Exists { path }
        } else {
            MasterKeyError::Write { path, source }
        }
    };
    let draft = draft_path(path)?;
    let linked = write_draft(&draft, key).and_then(|()| fs::hard_link(&draft, path));
    // Also after a failure: the draft holds the key. That it cannot be removed changes nothing for the caller.
    let removed = fs::remove_file(&draft);
    linked.map_err(failed)?;
    removed.map_err(failed)?;
    // The names are in the directory, which needs its own sync to survive a power cut.
    sync_directory(path).map_err(failed)
}

fn draft_path(path: &Path) -> Result<PathBuf, MasterKeyError> {
    let unique = KeyId::random().map_err(MasterKeyError::Generate)?;
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(unique.as_str());
    Ok(name.into())
}

fn write_draft(draft: &Path, key: &KeyBytes) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(OWNER_READ_WRITE)
        .open(draft)?;
    file.write_all(&text::format(key))?;
    file.sync_all()
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)?.sync_all()
}

const OWNER_READ_WRITE: u32 = 0o600;
const GROUP_READ: u32 = 0o040;
const PERMISSION_BITS: u32 = 0o7777;
