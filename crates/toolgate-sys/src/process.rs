use std::io;

use crate::outcome::outcome;

/// Keeps this process's memory out of core dumps and away from other processes of the same user
/// (S-15).
///
/// Core files are limited to nothing, for children too. On Linux the process is also marked not
/// dumpable, so that only root can attach to it or read its memory.
pub fn harden_process() -> io::Result<()> {
    set_limit(libc::RLIMIT_CORE, Limit { soft: 0, hard: 0 })?;
    #[cfg(target_os = "linux")]
    {
        #[expect(unsafe_code, reason = "prctl has no safe wrapper in std")]
        // SAFETY: this operation takes one integer and touches no memory of ours.
        outcome(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) })?;
    }
    Ok(())
}

/// Makes orphaned grandchildren ours, so that they can be ended and reaped (S-74).
///
/// Linux only; elsewhere they go to process 1 and this is an `Unsupported` error.
pub fn become_subreaper() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        #[expect(unsafe_code, reason = "prctl has no safe wrapper in std")]
        // SAFETY: this operation takes one integer and touches no memory of ours.
        outcome(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) })?;
        Ok(())
    }
    #[cfg(not(target_os = "linux"))]
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

/// Holds back the signals that ask a process to end, for this thread and those it starts.
///
/// Children would inherit that; [`confine_child`](crate::confine_child) undoes it.
pub fn hold_back_signals() -> io::Result<()> {
    mask_signals(&ENDING)
}

/// The signals that ask a process to end.
const ENDING: [libc::c_int; 4] = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT];

/// Holds no signal back any more and is deaf to none: started with `nohup` or behind a shell's `&`, a program passes
/// on that it ignores some. Allocates nothing, so that it may run between fork and exec.
pub(crate) fn release_signals() -> io::Result<()> {
    for signal in ENDING {
        #[expect(unsafe_code, reason = "dispositions have no safe wrapper in std")]
        // SAFETY: the default disposition runs no code of ours.
        let before = unsafe { libc::signal(signal, libc::SIG_DFL) };
        if before == libc::SIG_ERR {
            return Err(io::Error::last_os_error());
        }
    }
    mask_signals(&[])
}

fn mask_signals(signals: &[libc::c_int]) -> io::Result<()> {
    let mut held = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    #[expect(unsafe_code, reason = "signal sets have no safe wrapper in std")]
    // SAFETY: `held` is valid for a sigset_t and outlives the call, which fills it.
    outcome(unsafe { libc::sigemptyset(held.as_mut_ptr()) })?;
    for signal in signals {
        #[expect(unsafe_code, reason = "signal sets have no safe wrapper in std")]
        // SAFETY: `held` was filled above, and the call only changes it.
        outcome(unsafe { libc::sigaddset(held.as_mut_ptr(), *signal) })?;
    }
    let before = std::ptr::null_mut();
    #[expect(unsafe_code, reason = "signal masks have no safe wrapper in std")]
    // SAFETY: `held` was filled above and is only read; a null pointer asks for nothing back.
    let failed = unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, held.as_ptr(), before) };
    match failed {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// Raises the number of open descriptors to what the system allows and returns what is in force.
///
/// Ten thousand connections don't fit into the usual 1,024.
pub fn raise_fd_limit() -> io::Result<u64> {
    let Limit { soft, hard } = limit(libc::RLIMIT_NOFILE)?;
    // macOS says "unlimited" and then refuses more than this.
    let wanted = if cfg!(target_os = "macos") {
        hard.min(MACOS_OPEN_MAX)
    } else {
        hard
    };
    if wanted > soft {
        set_limit(libc::RLIMIT_NOFILE, Limit { soft: wanted, hard })?;
    }
    Ok(wanted.max(soft))
}

/// How many descriptors this process may have open.
pub fn fd_limit() -> io::Result<u64> {
    limit(libc::RLIMIT_NOFILE).map(|limit| limit.soft)
}

/// The effective user id of this process.
pub fn current_uid() -> u32 {
    #[expect(unsafe_code, reason = "geteuid has no safe wrapper in std")]
    // SAFETY: it takes nothing, touches no memory and can't fail.
    unsafe {
        libc::geteuid()
    }
}

/// `OPEN_MAX` of macOS.
const MACOS_OPEN_MAX: u64 = 10_240;

/// A resource limit: what is enforced, and how far it may be raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) soft: u64,
    pub(crate) hard: u64,
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) type Resource = libc::__rlimit_resource_t;
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) type Resource = libc::c_int;

pub(crate) fn limit(resource: Resource) -> io::Result<Limit> {
    let mut found = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    #[expect(unsafe_code, reason = "getrlimit has no safe wrapper in std")]
    // SAFETY: `found` is a valid rlimit that outlives the call, which writes only to it.
    outcome(unsafe { libc::getrlimit(resource, &raw mut found) })?;
    Ok(Limit {
        soft: found.rlim_cur,
        hard: found.rlim_max,
    })
}

/// Allocates nothing, so that it may run between fork and exec.
pub(crate) fn set_limit(resource: Resource, wanted: Limit) -> io::Result<()> {
    let wanted = libc::rlimit {
        rlim_cur: wanted.soft,
        rlim_max: wanted.hard,
    };
    #[expect(unsafe_code, reason = "setrlimit has no safe wrapper in std")]
    // SAFETY: `wanted` is a valid rlimit that outlives the call, which only reads it.
    outcome(unsafe { libc::setrlimit(resource, &raw const wanted) })?;
    Ok(())
}
