//! Error codes: the protocol's (4.1) and our own (4.2).

use crate::Era;

/// The body is not JSON (P3.9).
pub const PARSE_ERROR: i64 = -32700;
/// The body is JSON but no message, or one that we refuse (P3.1, P3.7, P3.15).
pub const INVALID_REQUEST: i64 = -32600;
/// The method is not served (P3.10).
pub const METHOD_NOT_FOUND: i64 = -32601;
/// The params are wrong; also an unknown tool or prompt, and towards modern clients an unknown resource.
pub const INVALID_PARAMS: i64 = -32602;
/// Something failed inside.
pub const INTERNAL_ERROR: i64 = -32603;
/// Legacy: a session id was needed and is missing; HTTP 400.
pub const SESSION_NEEDED: i64 = -32000;
/// Legacy: the session is unknown or has ended; HTTP 404.
pub const SESSION_UNKNOWN: i64 = -32001;
/// Legacy: the resource is unknown; modern clients get [`INVALID_PARAMS`] with `data.uri`.
pub const RESOURCE_NOT_FOUND: i64 = -32002;
/// 2025-11-25 only: the call needs a URL elicitation first.
pub const URL_ELICITATION_REQUIRED: i64 = -32042;
/// Modern: header and body differ, or a header is missing or malformed; HTTP 400 (S-32).
pub const HEADER_MISMATCH: i64 = -32020;
/// Modern: the request needs a client capability that it did not declare; HTTP 400.
pub const MISSING_CAPABILITY: i64 = -32021;
/// Modern: the version is not served; HTTP 400.
pub const UNSUPPORTED_VERSION: i64 = -32022;

/// The gateway's own failures (table 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GatewayFault {
    /// No, bad, expired, revoked or foreign token, or unknown slug; HTTP 401.
    Unauthorized,
    /// Too many requests; HTTP 429 with `Retry-After`.
    RateLimited,
    /// The quota is used up; HTTP 429.
    Quota,
    /// The server cannot be reached or answered nonsense; `data.server`.
    UpstreamUnreachable,
    /// The server took too long; `data.outcome` is `not_sent` or `unknown`.
    UpstreamTimedOut,
    /// A secret the server needs is not set; the name only.
    SecretMissing,
    /// The circuit is open or the gateway is full; `retry_after_ms`.
    Overloaded,
}

impl GatewayFault {
    /// Every fault, in the order of the table.
    pub const ALL: [Self; 7] = [
        Self::Unauthorized,
        Self::RateLimited,
        Self::Quota,
        Self::UpstreamUnreachable,
        Self::UpstreamTimedOut,
        Self::SecretMissing,
        Self::Overloaded,
    ];

    /// The code towards a client of that era: modern clients get 1000 less, which lies outside the
    /// range that 2026-07-28 closes (P4.1).
    pub const fn code(self, era: Era) -> i64 {
        let legacy = match self {
            Self::Unauthorized => -32001,
            Self::RateLimited => -32029,
            Self::Quota => -32030,
            Self::UpstreamUnreachable => -32010,
            Self::UpstreamTimedOut => -32011,
            Self::SecretMissing => -32012,
            Self::Overloaded => -32013,
        };
        match era {
            Era::Legacy => legacy,
            Era::Modern => legacy - 1000,
        }
    }
}
