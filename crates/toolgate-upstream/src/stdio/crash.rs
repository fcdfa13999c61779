//! How a child ended.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use super::keeper::{BY_SIGNAL, NOT_STARTED};

/// Why a child is not there any more, or did not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// It exited with this code.
    Exited(i32),
    /// A signal ended it: 9 is also what the system sends when memory runs out.
    Killed(i32),
    /// Its program could not be started.
    NotStarted,
    /// It closed its output and went on.
    Mute,
    /// It wrote too many lines that are no messages.
    Garbled,
    /// It did not answer `initialize` in time.
    Silent,
    /// It answered `initialize` with something else than a handshake.
    Refused,
}

impl Crash {
    /// What a status says; `kept` if it is a keeper's, which tells signals as shells do.
    pub(super) fn of(status: ExitStatus, kept: bool) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) if kept && code == i32::from(NOT_STARTED) => Self::NotStarted,
            (Some(code), _) if kept && code > BY_SIGNAL => Self::Killed(code - BY_SIGNAL),
            (Some(code), _) => Self::Exited(code),
            (None, signal) => Self::Killed(signal.unwrap_or_default()),
        }
    }
}

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "its process ended with code {code}"),
            Self::Killed(signal) => write!(f, "signal {signal} ended its process"),
            Self::NotStarted => f.write_str("its program could not be started"),
            Self::Mute => f.write_str("its process closed its output"),
            Self::Garbled => f.write_str("its process wrote too many lines that are no messages"),
            Self::Silent => f.write_str("its process did not answer in time"),
            Self::Refused => f.write_str("its process refused the handshake"),
        }
    }
}
