//! What the system says of this process: memory and descriptors.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use super::per_mille;

/// Where the limits are, found once.
#[derive(Debug)]
pub(super) struct Readings {
    memory: Option<MemoryLimit>,
    max_descriptors: Option<u64>,
}

#[derive(Debug)]
enum MemoryLimit {
    /// What the operator allows this process.
    Resident(u64),
    /// What the control group in this directory allows.
    Group { dir: PathBuf, max: u64 },
}

impl Readings {
    pub(super) fn new(memory_bytes: Option<u64>) -> Self {
        let memory = memory_bytes.map(MemoryLimit::Resident).or_else(group_limit);
        Self {
            memory,
            max_descriptors: toolgate_sys::fd_limit().ok(),
        }
    }

    /// Thousandths of the memory that may be used.
    pub(super) fn memory(&mut self) -> Option<u32> {
        let (used, max) = match self.memory.as_ref()? {
            MemoryLimit::Resident(max) => (resident_bytes()?, *max),
            MemoryLimit::Group { dir, max } => (group_bytes(dir)?, *max),
        };
        Some(per_mille(used.into(), max.into()))
    }

    /// Thousandths of the descriptors that may be open.
    pub(super) fn descriptors(&self) -> Option<u32> {
        let max = self.max_descriptors?;
        Some(per_mille(open_descriptors(max).into(), max.into()))
    }
}

/// How many descriptors are open. The system gives a new one the lowest free number, so where it cannot be
/// asked, that number says about how many are taken.
fn open_descriptors(max: u64) -> u64 {
    // Newer kernels tell the number as the directory's size; a hardened process may not look.
    if let Ok(listed) = fs::metadata("/proc/self/fd")
        && listed.len() > 0
    {
        return listed.len();
    }
    match File::open("/dev/null") {
        Ok(probe) => u64::try_from(probe.as_raw_fd()).unwrap_or(0),
        // None to be had.
        Err(_) => max,
    }
}

fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

/// The memory limit of our control group (version 2), if it has one.
fn group_limit() -> Option<MemoryLimit> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let dir = Path::new("/sys/fs/cgroup").join(path);
    let max = read_number(&dir.join("memory.max")).ok()?;
    Some(MemoryLimit::Group { dir, max })
}

/// What the group uses and could not give back at once: its files that were not used of late do not count.
fn group_bytes(dir: &Path) -> Option<u64> {
    let current = read_number(&dir.join("memory.current")).ok()?;
    let stat = fs::read_to_string(dir.join("memory.stat")).ok()?;
    let idle = stat
        .lines()
        .find_map(|line| line.strip_prefix("inactive_file "))
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    Some(current.saturating_sub(idle))
}

fn read_number(path: &Path) -> io::Result<u64> {
    let text = fs::read_to_string(path)?;
    text.trim()
        .parse()
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r21_open_descriptors_are_seen() {
        let before = open_descriptors(100_000);
        let held: Vec<_> = (0..200).map(|_| File::open("/dev/null")).collect();
        let after = open_descriptors(100_000);
        assert!(after >= before + 190, "{before} {after}");
        drop(held);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn r21_resident_memory_is_seen() {
        let full = Readings::new(Some(1)).memory();
        assert!(full.is_some_and(|full| full > 1_000));
        let room = Readings::new(Some(1 << 50)).memory();
        assert_eq!(room, Some(0));
    }
}
