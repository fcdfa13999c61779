use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::outcome::outcome;
use crate::process::{Limit, Resource, limit, release_signals, set_limit};

/// Confines the child this command will start (S-73).
///
/// It gets its own session and process group (end it with [`signal_group`](crate::signal_group)),
/// no descriptors but 0–2, umask 077 and no core files. On Linux it also gains no privileges by
/// executing, and is killed when **the thread that spawned it** ends, so spawn from a thread that
/// lives as long as the process: a runtime's worker, not `spawn_blocking`. On macOS a child
/// notices our death by its closed stdin.
///
/// For tokio's `Command`, pass `as_std_mut()`.
pub fn confine_child(command: &mut Command) {
    confine_command(command, Some(std::process::id()));
}

/// The same for a keeper, which outlives us to end what it keeps (S-74): no death signal.
///
/// It learns of our death by a pipe handed to it with [`hand_down`](crate::hand_down), which needs
/// no thread to live on and leaves no moment in which our death goes unnoticed.
pub fn confine_keeper(command: &mut Command) {
    confine_command(command, None);
}

fn confine_command(command: &mut Command, dies_with: Option<u32>) {
    #[expect(unsafe_code, reason = "code between fork and exec is unsafe to add")]
    // SAFETY: `confine` only makes system calls that are async-signal-safe. It takes no lock and
    // allocates nothing, which another thread's state at the fork could make fail.
    unsafe {
        command.pre_exec(move || confine(dies_with));
    }
}

/// Limits a child may be given on top of [`confine_child`]; `None` leaves what it inherits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChildLimits {
    /// Open descriptors.
    pub open_files: Option<u64>,
    /// Processes and threads of the child's user, all programs counted: useful only for a user of
    /// its own.
    pub processes: Option<u64>,
    /// Size of any file it writes.
    pub file_bytes: Option<u64>,
    /// Writable memory of its own (`RLIMIT_DATA`), for each process. What is only reserved doesn't
    /// count, so runtimes that reserve much more than they use (V8, Go) start under it.
    pub memory_bytes: Option<u64>,
}

/// Sets resource limits for the child this command will start (S-73). A limit above what this
/// process may have itself becomes that.
pub fn limit_child(command: &mut Command, limits: ChildLimits) {
    #[expect(unsafe_code, reason = "code between fork and exec is unsafe to add")]
    // SAFETY: as in `confine_child`: system calls only, no lock, no allocation.
    unsafe {
        command.pre_exec(move || apply(limits));
    }
}

/// Runs in the child between fork and exec.
fn confine(dies_with: Option<u32>) -> io::Result<()> {
    own_session()?;
    release_signals()?;
    #[cfg(target_os = "linux")]
    {
        if let Some(parent) = dies_with {
            die_with_parent(parent)?;
        }
        gain_no_privileges()?;
        huge_pages(dies_with.is_some());
    }
    #[cfg(not(target_os = "linux"))]
    let _ = dies_with;
    set_umask();
    set_limit(libc::RLIMIT_CORE, Limit { soft: 0, hard: 0 })?;
    close_descriptors_on_exec();
    Ok(())
}

fn apply(limits: ChildLimits) -> io::Result<()> {
    lower(libc::RLIMIT_NOFILE, limits.open_files)?;
    lower(libc::RLIMIT_NPROC, limits.processes)?;
    lower(libc::RLIMIT_FSIZE, limits.file_bytes)?;
    lower(libc::RLIMIT_DATA, limits.memory_bytes)
}

fn lower(resource: Resource, wanted: Option<u64>) -> io::Result<()> {
    let Some(wanted) = wanted else { return Ok(()) };
    let most = wanted.min(limit(resource)?.hard);
    let lowered = Limit {
        soft: most,
        hard: most,
    };
    set_limit(resource, lowered)
}

fn own_session() -> io::Result<()> {
    #[expect(unsafe_code, reason = "setsid has no safe wrapper in std")]
    // SAFETY: it takes nothing and touches no memory.
    outcome(unsafe { libc::setsid() })?;
    Ok(())
}

#[cfg(target_os = "linux")]
fn die_with_parent(parent: u32) -> io::Result<()> {
    let signal = libc::SIGKILL;
    #[expect(unsafe_code, reason = "prctl has no safe wrapper in std")]
    // SAFETY: this operation takes one integer and touches no memory of ours.
    outcome(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal, 0, 0, 0) })?;
    // The parent may have died before the call; then no signal will come.
    if std::os::unix::process::parent_id() == parent {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(libc::ESRCH))
    }
}

#[cfg(target_os = "linux")]
fn gain_no_privileges() -> io::Result<()> {
    #[expect(unsafe_code, reason = "prctl has no safe wrapper in std")]
    // SAFETY: this operation takes one integer and touches no memory of ours.
    outcome(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
    Ok(())
}

/// A keeper would get 2 MiB for its first few kilobytes. The setting is inherited, so its child's is undone.
///
/// Where the system doesn't know it there is nothing to undo either.
#[cfg(target_os = "linux")]
fn huge_pages(allowed: bool) {
    let disabled = libc::c_ulong::from(!allowed);
    #[expect(unsafe_code, reason = "prctl has no safe wrapper in std")]
    // SAFETY: this operation takes one integer and touches no memory of ours.
    unsafe {
        libc::prctl(libc::PR_SET_THP_DISABLE, disabled, 0, 0, 0);
    }
}

fn set_umask() {
    #[expect(unsafe_code, reason = "umask has no safe wrapper in std")]
    // SAFETY: it takes an integer, touches no memory and can't fail. In the child it can't race
    // with files other threads create.
    unsafe {
        libc::umask(0o077);
    }
}

/// Marks every descriptor above 2 to be closed by exec. Marking keeps std's own pipe usable, on
/// which a failed exec is reported.
fn close_descriptors_on_exec() {
    #[cfg(target_os = "linux")]
    if close_range_on_exec().is_ok() {
        return;
    }
    // Kernels before 5.11, and macOS. std opens everything close-on-exec, so this is for
    // descriptors of C libraries, which are low.
    let open_max = limit(libc::RLIMIT_NOFILE).map_or(FALLBACK_MAX, |limit| limit.soft);
    for descriptor in 3..open_max.min(FALLBACK_MAX) {
        let Ok(descriptor) = libc::c_int::try_from(descriptor) else {
            return;
        };
        #[expect(unsafe_code, reason = "fcntl has no safe wrapper for a bare number")]
        // SAFETY: it sets a flag; on a number that isn't open it fails, which is fine.
        unsafe {
            libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
}

const FALLBACK_MAX: u64 = 65_536;

#[cfg(target_os = "linux")]
fn close_range_on_exec() -> io::Result<()> {
    let first: libc::c_uint = 3;
    let last = libc::c_uint::MAX;
    let flags = libc::CLOSE_RANGE_CLOEXEC;
    // The bare system call, since not every C library has the function.
    #[expect(unsafe_code, reason = "close_range has no safe wrapper in std")]
    // SAFETY: it sets a flag on open descriptors and touches no memory.
    let returned = unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
    if returned == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
