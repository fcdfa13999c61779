use std::io;
use std::net::TcpListener;
use std::os::fd::{FromRawFd, RawFd};

use crate::outcome::outcome;

/// The first descriptor that is passed on, as `sd_listen_fds(3)` has it.
const FIRST: RawFd = 3;
/// More sockets than anybody passes; a larger number is a mistake.
const MOST: RawFd = 64;

/// The listening TCP sockets that whoever started this process passed on: systemd's socket activation,
/// `LISTEN_PID` and `LISTEN_FDS`. Empty when nothing was passed, or to another process.
///
/// Call it once, early, before anything else opens descriptors: the sockets become the caller's own, and are not
/// inherited by children. Descriptors that are no TCP sockets are an error.
pub fn passed_listeners() -> io::Result<Vec<TcpListener>> {
    let said = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let for_us = said("LISTEN_PID") == Some(i64::from(std::process::id()));
    let count: RawFd = match said("LISTEN_FDS") {
        Some(count) if for_us => count.try_into().unwrap_or(0),
        _ => return Ok(Vec::new()),
    };
    if count > MOST {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    (FIRST..FIRST + count.max(0)).map(adopt).collect()
}

fn adopt(fd: RawFd) -> io::Result<TcpListener> {
    #[expect(unsafe_code, reason = "fcntl has no safe wrapper in std")]
    // SAFETY: this operation takes one integer, touches no memory of ours and fails if nothing is open there.
    outcome(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    #[expect(unsafe_code, reason = "std cannot know what was passed on")]
    // SAFETY: the descriptor is open, as fcntl just said; it was passed to this process by number and nothing
    // else here owns it, which is what the protocol of `sd_listen_fds` promises.
    let listener = unsafe { TcpListener::from_raw_fd(fd) };
    // What is no TCP socket has no such address.
    listener.local_addr()?;
    Ok(listener)
}
