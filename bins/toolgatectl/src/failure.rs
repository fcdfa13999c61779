//! Why a command failed: one line what, one line what to do.

use std::error::Error;
use std::fmt::Write;
use std::io;
use std::path::PathBuf;

use toolgate_admin::{AdminError, OpenError, StoreError};
use toolgate_api::{ApiError, CallsFileError};
use toolgate_export::ExportError;

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
    /// Bytes that are no text were about to go to a terminal.
    BinaryOnTerminal,
    /// A question was not answered with yes.
    Declined,
    /// There was no value on standard input.
    NoValue,
    /// The value on standard input is no text, or far too long.
    UnreadableValue,
    /// Something outside the installation is in the way.
    Told {
        /// What.
        message: String,
        /// What to do about it.
        hint: String,
    },
    /// A file could not be read or written.
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Standard input or output broke.
    Io(io::Error),
}

impl Failure {
    pub(crate) fn told(message: &str, hint: &str) -> Self {
        Self::Told {
            message: message.to_owned(),
            hint: hint.to_owned(),
        }
    }

    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Admin(error) => error.fault().into(),
            Self::NotAsked { .. }
            | Self::Declined
            | Self::NothingToApprove { .. }
            | Self::Told { .. } => Exit::Refused,
            Self::NoValue
            | Self::UnreadableValue
            | Self::NotATool { .. }
            | Self::BinaryOnTerminal
            | Self::Serve(ApiError::PublicUrl { .. } | ApiError::Host(_)) => Exit::Usage,
            Self::File { source, .. } if source.kind() == io::ErrorKind::NotFound => Exit::NotFound,
            Self::File { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Exit::NoSpace
            }
            // Whoever read our output has had enough of it, such as `head`.
            Self::Io(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            Self::Serve(_) | Self::File { .. } | Self::Io(_) => Exit::Failed,
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
            Self::BinaryOnTerminal => "Parquet is no text for a terminal".to_owned(),
            Self::Declined => "not confirmed, so nothing was changed".to_owned(),
            Self::NoValue => "no value was given".to_owned(),
            Self::UnreadableValue => {
                "the value on standard input is not text of at most 16 KiB".to_owned()
            }
            Self::Told { message, .. } => message.clone(),
            Self::File { path, source } => format!("{}: {source}", path.display()),
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
            Self::BinaryOnTerminal => {
                Some("name a file with --output, or send it on with `> FILE`".to_owned())
            }
            Self::NoValue => Some(
                "pipe it in, such as `… < value.txt`, or run the command on a terminal".to_owned(),
            ),
            Self::UnreadableValue => Some("secrets are single lines of text".to_owned()),
            Self::Told { hint, .. } => Some(hint.clone()),
            Self::Declined | Self::File { .. } | Self::Io(_) => None,
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

impl From<CallsFileError> for Failure {
    fn from(error: CallsFileError) -> Self {
        match error {
            CallsFileError::Read(error) => error.into(),
            CallsFileError::Write(error) => error.into(),
        }
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Io(error) => Self::Io(error),
            ExportError::Parquet(reason) => Self::Io(io::Error::other(reason)),
        }
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
