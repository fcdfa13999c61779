//! Why a conversation with a server failed, and whether the server may have acted.

use toolgate_namespace::ServerSlug;

use crate::stdio::Hold;

/// A request that got no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("calling server `{server}`: {kind}")]
pub struct UpstreamError {
    /// Which server.
    pub server: ServerSlug,
    /// What went wrong.
    pub kind: UpstreamErrorKind,
    /// Whether the server may have acted on the request.
    pub outcome: Delivery,
}

/// What went wrong. Texts never hold URLs, header values or anything the server wrote (S-20, S-21).
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum UpstreamErrorKind {
    /// No connection could be made, or it broke.
    #[error("it cannot be reached ({0})")]
    Unreachable(&'static str),
    /// A time limit passed.
    #[error("it did not answer in time")]
    TimedOut,
    /// It answered something that is not MCP.
    #[error("it broke the protocol ({0})")]
    Protocol(&'static str),
    /// A secret it needs is missing; the name.
    #[error("secret {0} is missing")]
    SecretMissing(String),
    /// Its session was lost twice in one call (P8.8).
    #[error("it lost its session twice")]
    SessionLost,
    /// It refused with an HTTP status.
    #[error("it refused with HTTP status {0}")]
    Refused(u16),
    /// The child process ended.
    #[error("its process ended")]
    Exited,
    /// It crashed and is held back until the next start.
    #[error("{}", held(.0))]
    Held(Hold),
    /// Its program is not the one that was approved (S-52).
    #[error("its program changed since it was approved")]
    Quarantined,
    /// Too many sessions, child processes or calls are under way.
    #[error("too much is under way with it")]
    Busy,
    /// The gateway closed the conversation: the server was changed, removed, or the gateway stops.
    #[error("the conversation was closed")]
    Closed,
}

fn held(hold: &Hold) -> String {
    let Hold { crash, .. } = hold;
    let seconds = hold.retry_after.as_millis().div_ceil(1000);
    let often = if hold.often {
        ", as it did 5 times within a minute,"
    } else {
        ""
    };
    format!("{crash}{often} and is started again in {seconds} s")
}

/// Whether a server may have acted on a request that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It did not: nothing was written, or it said that it refused before acting.
    NotSent,
    /// It may have.
    Unknown,
}

impl UpstreamError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        let server = &self.server;
        match &self.kind {
            UpstreamErrorKind::Unreachable(_) => Some(format!(
                "check that the address of `{server}` is right and that it runs"
            )),
            UpstreamErrorKind::SecretMissing(name) => {
                Some(format!("set it with `toolgatectl secrets set {name}`"))
            }
            UpstreamErrorKind::Refused(401 | 403) => {
                Some(format!("check the secrets that `{server}` is given"))
            }
            UpstreamErrorKind::Refused(404) => {
                Some(format!("check the path in the address of `{server}`"))
            }
            UpstreamErrorKind::Exited | UpstreamErrorKind::Held(_) => Some(format!(
                "see what `{server}` wrote to standard error: `toolgatectl mcp logs {server}`"
            )),
            UpstreamErrorKind::Quarantined => Some(format!(
                "look at it with `toolgatectl mcp list`; if the change is meant, `toolgatectl tools approve {server}`"
            )),
            UpstreamErrorKind::TimedOut
            | UpstreamErrorKind::Protocol(_)
            | UpstreamErrorKind::SessionLost
            | UpstreamErrorKind::Refused(_)
            | UpstreamErrorKind::Busy
            | UpstreamErrorKind::Closed => None,
        }
    }
}

/// A failure inside the crate, before the caller sees it.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// It looks as if the server speaks another era than we thought: probe again (P8.2).
    WrongEra(UpstreamError),
    /// A plain failure.
    Failed(UpstreamError),
}

impl Trouble {
    pub(crate) fn into_error(self) -> UpstreamError {
        match self {
            Self::WrongEra(error) | Self::Failed(error) => error,
        }
    }
}

impl From<UpstreamError> for Trouble {
    fn from(error: UpstreamError) -> Self {
        Self::Failed(error)
    }
}
