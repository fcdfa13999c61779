use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::outcome::outcome;

/// Lets the child this command will start have `descriptor` too, under the number that is returned.
///
/// Call it after [`confine_keeper`](crate::confine_keeper), which takes every descriptor above 2
/// away. The command keeps it open until it is dropped.
pub fn hand_down(command: &mut Command, descriptor: OwnedFd) -> RawFd {
    let number = descriptor.as_raw_fd();
    #[expect(unsafe_code, reason = "code between fork and exec is unsafe to add")]
    // SAFETY: `keep_on_exec` makes one system call that is async-signal-safe, on a descriptor that
    // the closure owns.
    unsafe {
        command.pre_exec(move || keep_on_exec(descriptor.as_raw_fd()));
    }
    number
}

/// A descriptor of our own beside one that was [handed down](hand_down) to this process.
///
/// The handed number itself stays open, and is taken from children by their confinement.
pub fn receive(number: RawFd) -> io::Result<OwnedFd> {
    #[expect(unsafe_code, reason = "fcntl has no safe wrapper for a bare number")]
    // SAFETY: it takes integers only, and fails on a number that isn't open.
    let copy = outcome(unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3) })?;
    #[expect(unsafe_code, reason = "the number was made on the line above")]
    // SAFETY: `copy` was opened by that call, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Lets go of standard input, output and error, so that whoever is at their other ends sees only
/// what children do with theirs.
pub fn detach_standard_streams() -> io::Result<()> {
    let nothing = std::fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    for stream in 0..=2 {
        #[expect(unsafe_code, reason = "dup2 has no safe wrapper in std")]
        // SAFETY: both are open or may be opened, and std reaches 0 to 2 by number, never as owner.
        outcome(unsafe { libc::dup2(nothing.as_raw_fd(), stream) })?;
    }
    Ok(())
}

fn keep_on_exec(descriptor: RawFd) -> io::Result<()> {
    #[expect(unsafe_code, reason = "fcntl has no safe wrapper for a bare number")]
    // SAFETY: it sets the flags of an open descriptor and touches no memory.
    outcome(unsafe { libc::fcntl(descriptor, libc::F_SETFD, 0) })?;
    Ok(())
}
