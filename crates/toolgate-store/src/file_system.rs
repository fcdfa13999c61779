//! Whether a path is on this machine's own disk.

use std::fs;
use std::path::{Path, PathBuf};

use crate::StoreError;

/// File systems whose locks and syncs another machine answers for.
const NETWORK: &[&str] = &[
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "fuse.s3fs",
    "fuse.sshfs",
    "glusterfs",
    "lustre",
    "nfs",
    "nfs4",
    "smb3",
    "smbfs",
];

/// Refuses a file on a network file system, where the system tells what is mounted.
pub(crate) fn check_local(path: &Path) -> Result<(), StoreError> {
    let Ok(mounts) = fs::read_to_string("/proc/self/mountinfo") else {
        return Ok(());
    };
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    match kind(&mounts, &real) {
        Some(kind) if NETWORK.contains(&kind) => Err(StoreError::NetworkFileSystem {
            path: path.to_owned(),
            kind: kind.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// The type of the file system that `path` is on: that of the longest mount point above it, the last
/// mounted where several share one.
fn kind<'a>(mounts: &'a str, path: &Path) -> Option<&'a str> {
    mounts
        .lines()
        .filter_map(|line| {
            let (mount, about) = line.split_once(" - ")?;
            let point = PathBuf::from(mount.split(' ').nth(4)?.replace("\\040", " "));
            let depth = point.components().count();
            let above = path.starts_with(point);
            above.then_some((depth, about.split(' ').next()?))
        })
        .max_by_key(|(depth, _)| *depth)
        .map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /srv rw - nfs4 store.example.com:/export rw
31 30 8:2 / /srv/local rw - xfs /dev/sdb1 rw
32 22 0:41 / /mnt/my\\040disk rw - cifs //store.example.com/x rw";

    #[test]
    fn r02_network_file_systems_are_known_by_their_mount() {
        for (path, expected) in [
            ("/var/lib/toolgate", "ext4"),
            ("/srv/toolgate/control.db", "nfs4"),
            ("/srvx/control.db", "ext4"),
            ("/srv/local/control.db", "xfs"),
            ("/mnt/my disk/control.db", "cifs"),
        ] {
            assert_eq!(kind(MOUNTS, Path::new(path)), Some(expected), "{path}");
        }
    }
}
