//! The exit codes of `toolgatectl`: a promise to scripts, written down in docs/toolgatectl.md too.

use std::process::ExitCode;

use toolgate_admin::Fault;

/// How the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It was done.
    Done = 0,
    /// Something broke, a tested server did not answer, or `doctor` found a problem.
    Failed = 1,
    /// What was asked for cannot be meant: unknown flags, invalid names, URLs, patterns. clap uses it too.
    Usage = 2,
    /// The workspace, server, token, tool or secret does not exist.
    NotFound = 3,
    /// A rule or something that exists is in the way, or a question was not answered with yes.
    Refused = 4,
    /// It takes a running gateway, and none is running.
    GatewayNeeded = 5,
    /// The disk is full; nothing was changed.
    NoSpace = 6,
    /// Another process held the store for more than 5 s; nothing was changed.
    Busy = 7,
}

impl From<Fault> for Exit {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Failed => Self::Failed,
            Fault::Invalid => Self::Usage,
            Fault::NotFound => Self::NotFound,
            Fault::Refused => Self::Refused,
            Fault::GatewayNeeded => Self::GatewayNeeded,
            Fault::NoSpace => Self::NoSpace,
            Fault::Busy => Self::Busy,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// The name of a failure in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::NotFound => "not_found",
            Self::Refused => "refused",
            Self::GatewayNeeded => "gateway_needed",
            Self::NoSpace => "no_space",
            Self::Busy => "busy",
        }
    }
}
