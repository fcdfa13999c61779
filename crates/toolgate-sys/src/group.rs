use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use crate::outcome::outcome;

/// What to tell a process, or a group of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Asks it to end; a program may clean up or refuse.
    Term,
    /// Ends it without asking.
    Kill,
    /// Halts it without asking: it starts no other process any more.
    Stop,
}

impl Signal {
    fn number(self) -> libc::c_int {
        match self {
            Self::Term => libc::SIGTERM,
            Self::Kill => libc::SIGKILL,
            Self::Stop => libc::SIGSTOP,
        }
    }
}

/// Signals every process of the group that `leader`, a child of ours, leads (S-74).
///
/// A group that is gone already is no error. Group 0, our own, and 1 are refused.
pub fn signal_group(leader: u32, signal: Signal) -> io::Result<()> {
    let group = checked(leader)?;
    #[expect(unsafe_code, reason = "killpg has no safe wrapper in std")]
    // SAFETY: it takes two integers and touches no memory.
    unless_gone(outcome(unsafe { libc::killpg(group, signal.number()) }))
}

/// Signals one process; one that is gone already is no error. Ids 0 and 1 are refused.
///
/// The id must be of a process that nobody can have reaped yet, or the signal may reach a stranger:
/// a child of ours that wasn't waited for, or a child of a process that is halted.
pub fn signal_process(pid: u32, signal: Signal) -> io::Result<()> {
    let pid = checked(pid)?;
    #[expect(unsafe_code, reason = "kill has no safe wrapper in std")]
    // SAFETY: it takes two integers and touches no memory.
    unless_gone(outcome(unsafe { libc::kill(pid, signal.number()) }))
}

fn unless_gone(signalled: io::Result<libc::c_int>) -> io::Result<()> {
    match signalled {
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        other => other.map(drop),
    }
}

/// Waits until a child, adopted or not, has ended, and returns its id; [`reap`] takes it from there.
/// `None` when there is no child left to wait for.
pub fn wait_for_any() -> io::Result<Option<u32>> {
    loop {
        match wait_unreaped() {
            Ok(pid) => return Ok(u32::try_from(pid).ok()),
            Err(error) if error.raw_os_error() == Some(libc::ECHILD) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn wait_unreaped() -> io::Result<libc::pid_t> {
    let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    let options = libc::WEXITED | libc::WNOWAIT;
    #[expect(unsafe_code, reason = "waitid has no safe wrapper in std")]
    // SAFETY: `info` is valid for a siginfo_t and outlives the call, which writes only to it.
    outcome(unsafe { libc::waitid(libc::P_ALL, 0, info.as_mut_ptr(), options) })?;
    #[expect(unsafe_code, reason = "siginfo_t is a C union")]
    // SAFETY: it was zeroed, which is a valid siginfo_t, and may have been filled by the call.
    let info = unsafe { info.assume_init() };
    #[expect(unsafe_code, reason = "siginfo_t is a C union")]
    // SAFETY: waitid fills the members of a child that ended; before that they were zeroed.
    Ok(unsafe { info.si_pid() })
}

/// Reaps one child and tells how it ended; `None` while it runs.
///
/// For children std or tokio started use their own `wait`: a child can be reaped only once.
pub fn reap(pid: u32) -> io::Result<Option<ExitStatus>> {
    let reaped = wait_for(checked(pid)?)?;
    Ok(reaped.map(|(_, status)| status))
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
    children_of(std::process::id())
}

/// The same for another process. Exact while that process is halted; otherwise some may be missed
/// that start or end while we look.
pub fn children_of(pid: u32) -> io::Result<Vec<u32>> {
    let mut pids = Vec::new();
    if cfg!(target_os = "linux") {
        for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
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
fn wait_for(pid: libc::pid_t) -> io::Result<Option<(libc::pid_t, ExitStatus)>> {
    let mut status = 0;
    #[expect(
        unsafe_code,
        reason = "waitpid has no safe wrapper for an adopted child"
    )]
    // SAFETY: `status` is a valid integer that outlives the call, which writes only to it.
    let found = outcome(unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG) })?;
    Ok((found != 0).then(|| (found, ExitStatus::from_raw(status))))
}

/// 0 and the negatives mean groups or everybody, and 1 is not ours to end.
fn checked(pid: u32) -> io::Result<libc::pid_t> {
    let pid = libc::pid_t::try_from(pid).ok().filter(|pid| *pid > 1);
    pid.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not the id of a child"))
}
