//! What the ways a call can end come to: which of them count for and against a server, and which have a time.

use crate::{CallStatus, Source};

/// What the end of a call says about how things go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered with a result.
    Good,
    /// A tool, a server or the gateway failed it.
    Failed,
    /// The gateway's rules said no: it counts for nobody's failure.
    Refused,
    /// It did not come to an end of its own: the client left it, or it goes on in another request.
    Open,
}

impl CallStatus {
    /// Every status, in the order in which they are shown.
    pub const ALL: [Self; 13] = [
        Self::Ok,
        Self::ToolError,
        Self::RpcError,
        Self::TimedOut,
        Self::Unreachable,
        Self::Overloaded,
        Self::Internal,
        Self::Refused,
        Self::RateLimited,
        Self::Revoked,
        Self::Cancelled,
        Self::Asked,
        Self::Begun,
    ];

    /// What it says about how things go.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Ok => Outcome::Good,
            Self::ToolError
            | Self::RpcError
            | Self::TimedOut
            | Self::Unreachable
            | Self::Overloaded
            | Self::Internal => Outcome::Failed,
            Self::Refused | Self::RateLimited | Self::Revoked => Outcome::Refused,
            Self::Cancelled | Self::Asked | Self::Begun => Outcome::Open,
        }
    }

    /// Whether such a call was given to a server, so that its duration tells how fast that is. What was turned
    /// away at once would make every server look faster than it is.
    pub fn was_sent(self) -> bool {
        match self {
            Self::Refused | Self::RateLimited | Self::Overloaded | Self::Begun => false,
            Self::Ok
            | Self::ToolError
            | Self::RpcError
            | Self::TimedOut
            | Self::Unreachable
            | Self::Internal
            | Self::Revoked
            | Self::Cancelled
            | Self::Asked => true,
        }
    }

    /// Its name in JSON and in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ToolError => "tool_error",
            Self::RpcError => "rpc_error",
            Self::Refused => "refused",
            Self::RateLimited => "rate_limited",
            Self::Cancelled => "cancelled",
            Self::Revoked => "revoked",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Internal => "internal",
            Self::Asked => "asked",
            Self::Overloaded => "overloaded",
            Self::Begun => "begun",
        }
    }
}

impl Source {
    /// Its name in JSON and in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_status_stands_once_under_its_name_in_json() {
        let known: HashSet<CallStatus> = CallStatus::ALL.into_iter().collect();
        assert_eq!(known.len(), CallStatus::ALL.len());
        for status in CallStatus::ALL {
            let json = serde_json::to_value(status).unwrap();
            assert_eq!(json, status.as_str());
        }
        let source = Source::Gateway;
        assert_eq!(serde_json::to_value(source).unwrap(), source.as_str());
    }
}
