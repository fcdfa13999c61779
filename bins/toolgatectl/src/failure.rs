//! Why a command failed: one line what, one line what to do.

use std::error::Error;
use std::fmt::Write;
use std::io;

use toolgate_admin::{AdminError, OpenError, StoreError};
use toolgate_api::ApiError;

use crate::exit::Exit;

/// A command that failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The act failed.
    Admin(AdminError),
    /// The management API could not be served.
    Serve(ApiError),
    /// A question could not be asked: standard input is no terminal.
    NotAsked {
        /// What the question is about.
        what: String,
        /// What to add instead.
        instead: &'static str,
    },
    /// Not a tool as `SERVER/TOOL`.
    NotATool {
        /// What was given.
        given: String,
    },
    /// There is nothing to approve.
    NothingToApprove {
        /// The server.
        what: String,
    },
    /// A question was not answered with yes.
    Declined,
    /// There was no value on standard input.
    NoValue,
    /// The value on standard input is no text, or far too long.
    UnreadableValue,
    /// Standard input or output broke.
    Io(io::Error),
}

impl Failure {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Admin(error) => error.fault().into(),
            Self::NotAsked { .. } | Self::Declined | Self::NothingToApprove { .. } => Exit::Refused,
            Self::NoValue | Self::UnreadableValue | Self::NotATool { .. } => Exit::Usage,
            // Whoever read our output has had enough of it, such as `head`.
            Self::Io(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            Self::Serve(ApiError::PublicUrl { .. } | ApiError::Host(_)) => Exit::Usage,
            Self::Serve(_) | Self::Io(_) => Exit::Failed,
        }
    }

    /// What failed, causes included, in one line.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Admin(error) => chain(error),
            Self::Serve(error) => chain(error),
            Self::NotATool { given } => format!("`{given}` is not a tool as SERVER/TOOL"),
            Self::NothingToApprove { what } => {
                format!("server `{what}` is who it was; nothing about it waits for an approval")
            }
            Self::NotAsked { what, .. } => {
                format!("{what} needs a yes, and there is no terminal to ask on")
            }
            Self::Declined => "not confirmed, so nothing was changed".to_owned(),
            Self::NoValue => "no value was given".to_owned(),
            Self::UnreadableValue => {
                "the value on standard input is not text of at most 16 KiB".to_owned()
            }
            Self::Io(error) => format!("reading or writing: {error}"),
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Admin(error) => error.hint(),
            Self::Serve(error) => error.hint(),
            Self::NotAsked { instead, .. } => Some((*instead).to_owned()),
            Self::NotATool { .. } => Some(
                "write it like `github/create_issue`; `toolgatectl tools list` has the names"
                    .to_owned(),
            ),
            Self::NothingToApprove { what } => Some(format!(
                "see what waits with `toolgatectl tools review {what}`; tools are approved as SERVER/TOOL"
            )),
            Self::NoValue => Some(
                "pipe it in, such as `… < value.txt`, or run the command on a terminal".to_owned(),
            ),
            Self::UnreadableValue => Some("secrets are single lines of text".to_owned()),
            Self::Declined | Self::Io(_) => None,
        }
    }
}

impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        Self::Admin(error)
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Serve(error)
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::Admin(error.into())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Admin(error.into())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
