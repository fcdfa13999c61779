//! The key files of a rotation. Each step is one rename or link, so there is no moment without a whole key file.
//!
//! | file | holds |
//! |---|---|
//! | `KEY` | the key as configured |
//! | `KEY.next` | its successor, from before the store belongs to it until it is renamed to `KEY` |
//! | `KEY.before` | the key before, from just before that rename until the rotation is complete |

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::StoreError;
use crate::failpoint::step;

/// Where the successor of a key file lies.
pub(super) fn next(path: &Path) -> PathBuf {
    beside(path, ".next")
}

/// Where the key before is kept meanwhile.
fn before(path: &Path) -> PathBuf {
    beside(path, ".before")
}

/// Puts the successor in the place of the key file, keeping the one before; repeating it does no harm.
pub(super) fn install(path: &Path) -> Result<(), StoreError> {
    let next = next(path);
    if !next.exists() {
        return Ok(());
    }
    // A link left over from a rotation that was cut off is of this key already, or of one that is not needed.
    remove(&before(path))?;
    fs::hard_link(path, before(path)).map_err(|error| failed(path, error))?;
    sync_folder(path)?;
    step("master.old_kept");
    match fs::rename(&next, path) {
        // Another process did it.
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        other => other.map_err(|error| failed(path, error))?,
    }
    sync_folder(path)?;
    step("master.renamed");
    Ok(())
}

/// Removes the key before, once the rotation is complete.
pub(super) fn clean_up(path: &Path) -> Result<(), StoreError> {
    if before(path).exists() {
        remove(&before(path))?;
        sync_folder(path)?;
        step("master.cleaned");
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(path, error)),
        _ => Ok(()),
    }
}

/// The names are in the folder, which needs its own sync to survive a power cut.
fn sync_folder(path: &Path) -> Result<(), StoreError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| failed(path, error))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn failed(path: &Path, source: io::Error) -> StoreError {
    StoreError::Io {
        doing: "replacing the key file",
        path: path.to_owned(),
        source,
    }
}
