use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

/// A count that outlives its process: kept in a mapped file, so that counting costs what an atomic costs and a
/// process that is killed leaves the last value behind. A power cut may lose it.
///
/// The file is locked as long as the value lives; [`left_count`] reads what a process that ended left.
#[derive(Debug)]
pub struct KeptCount {
    page: NonNull<AtomicU64>,
    /// Holds the lock.
    _file: File,
}

#[expect(unsafe_code, reason = "a raw pointer says nothing about threads")]
// SAFETY: the page is only reached as an `AtomicU64`, and unmapped when nobody has a reference any more.
unsafe impl Send for KeptCount {}
#[expect(unsafe_code, reason = "a raw pointer says nothing about threads")]
// SAFETY: as above; atomics may be shared.
unsafe impl Sync for KeptCount {}

/// Bytes of the file: the count.
const SIZE: usize = size_of::<AtomicU64>();

impl KeptCount {
    /// Makes the file, which must not exist, with a count of 0.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.lock()?;
        // Written, not only sized: a page without a block behind it could not be stored to on a full disk.
        file.write_all(&[0; SIZE])?;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        #[expect(unsafe_code, reason = "mmap has no safe wrapper in std")]
        // SAFETY: a new mapping at an address of the system's choice, of a file that is as long as what is mapped.
        let page = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                SIZE,
                protection,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if page == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let page = NonNull::new(page.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { page, _file: file })
    }

    /// The count.
    pub fn count(&self) -> &AtomicU64 {
        #[expect(unsafe_code, reason = "the page is ours for as long as self lives")]
        // SAFETY: mapped until `drop`, page-aligned, zeroed when made, and only ever used as an atomic here.
        unsafe {
            self.page.as_ref()
        }
    }
}

impl Drop for KeptCount {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "munmap has no safe wrapper in std")]
        // SAFETY: exactly what `create` mapped, and no reference to it outlives self.
        unsafe {
            libc::munmap(self.page.as_ptr().cast(), SIZE);
        }
    }
}

/// The count that a process left in this file; `None` while that process lives.
pub fn left_count(path: &Path) -> io::Result<Option<u64>> {
    let mut file = File::open(path)?;
    match file.try_lock_shared() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let mut bytes = [0; SIZE];
    file.read_exact(&mut bytes)?;
    Ok(Some(u64::from_ne_bytes(bytes)))
}
