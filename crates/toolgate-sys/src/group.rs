use std::io;

use crate::outcome::outcome;

/// How to end a process group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Asks; a program may clean up or refuse.
    Term,
    /// Doesn't ask.
    Kill,
}

/// Signals every process of the group that `leader`, a child of ours, leads (S-74).
///
/// A group that is gone already is no error. Group 0, our own, and 1 are refused.
pub fn signal_group(leader: u32, signal: Signal) -> io::Result<()> {
    let signal = match signal {
        Signal::Term => libc::SIGTERM,
        Signal::Kill => libc::SIGKILL,
    };
    let group = checked(leader)?;
    #[expect(unsafe_code, reason = "killpg has no safe wrapper in std")]
    // SAFETY: it takes two integers and touches no memory.
    match outcome(unsafe { libc::killpg(group, signal) }) {
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        other => other.map(drop),
    }
}

/// Reaps one child that was adopted; whether it is gone now.
///
/// For children std or tokio started use their own `wait`: a child can be reaped only once.
pub fn reap(pid: u32) -> io::Result<bool> {
    let pid = checked(pid)?;
    match wait_for(pid) {
        Err(error) if error.raw_os_error() == Some(libc::ECHILD) => Ok(true),
        other => other.map(|reaped| reaped.is_some()),
    }
}

/// Reaps the dead of the group that `leader` led, and returns how many there were.
///
/// They are ours only after [`become_subreaper`](crate::become_subreaper). Call it when the leader
/// itself has been waited for, or the leader's exit status may be lost to this.
pub fn reap_group(leader: u32) -> io::Result<usize> {
    let group = -checked(leader)?;
    let mut reaped = 0;
    loop {
        match wait_for(group) {
            Ok(Some(_)) => reaped += 1,
            Ok(None) => return Ok(reaped),
            Err(error) if error.raw_os_error() == Some(libc::ECHILD) => return Ok(reaped),
            Err(error) => return Err(error),
        }
    }
}

/// All children of this process, adopted ones included; a child that left its group by a session
/// of its own is found here only.
///
/// Linux only, where it reads `/proc`; elsewhere it is empty.
pub fn child_pids() -> io::Result<Vec<u32>> {
    let mut pids = Vec::new();
    if cfg!(target_os = "linux") {
        for thread in std::fs::read_dir("/proc/self/task")? {
            let children = std::fs::read_to_string(thread?.path().join("children"));
            // A thread may end while we look.
            let children = children.unwrap_or_default();
            pids.extend(
                children
                    .split_whitespace()
                    .filter_map(|pid| pid.parse::<u32>().ok()),
            );
        }
    }
    Ok(pids)
}

/// Doesn't wait: `None` means that it still runs.
fn wait_for(pid: libc::pid_t) -> io::Result<Option<libc::pid_t>> {
    let mut status = 0;
    #[expect(
        unsafe_code,
        reason = "waitpid has no safe wrapper for an adopted child"
    )]
    // SAFETY: `status` is a valid integer that outlives the call, which writes only to it.
    let found = outcome(unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG) })?;
    Ok(Some(found).filter(|found| *found != 0))
}

/// 0 and the negatives mean groups or everybody, and 1 is not ours to end.
fn checked(pid: u32) -> io::Result<libc::pid_t> {
    let pid = libc::pid_t::try_from(pid).ok().filter(|pid| *pid > 1);
    pid.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not the id of a child"))
}
