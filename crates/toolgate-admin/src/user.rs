//! Who runs this process.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;

use toolgate_store::{Actor, DataDir};

use crate::OpenError;

/// The operator: whoever runs this process on the host, by user id where the system tells it.
pub fn operator() -> Actor {
    let name = own_process().map_or_else(
        |_| std::env::var("LOGNAME").unwrap_or_else(|_| "unknown".to_owned()),
        |id| format!("uid {id}"),
    );
    Actor::operator(&name)
}

/// The effective user id: the one that the key file must belong to (S-07).
///
/// There is a system call for this, but only `unsafe` code or another crate gets at it, and a file says the
/// same: the one Linux keeps for each process, else a new one of ours.
pub(crate) fn id(dir: &DataDir) -> Result<u32, OpenError> {
    own_process()
        .or_else(|_| own_file(dir))
        .map_err(|source| OpenError::Owner {
            dir: dir.path().to_owned(),
            source,
        })
}

fn own_process() -> io::Result<u32> {
    fs::metadata("/proc/self").map(|entry| entry.uid())
}

fn own_file(dir: &DataDir) -> io::Result<u32> {
    let path = dir.path().join(format!(".owner-{}", std::process::id()));
    let owner = File::create_new(&path)?.metadata().map(|file| file.uid());
    fs::remove_file(&path)?;
    owner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_name_the_same_user() {
        let folder = tempfile::tempdir().unwrap();
        let found = own_file(&DataDir::new(folder.path())).unwrap();
        if let Ok(id) = own_process() {
            assert_eq!(id, found);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
