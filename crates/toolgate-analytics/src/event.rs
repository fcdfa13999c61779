//! One call, as remembered: metadata, never payload (S-23).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use toolgate_namespace::{ServerId, ServerSlug, WorkspaceId};

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CallStatus {
    /// The server answered with a result.
    Ok,
    /// The tool reported a failure (`isError`).
    ToolError,
    /// The server answered with a JSON-RPC error.
    RpcError,
    /// Policy refused it: unknown tool, role or rules.
    Refused,
    /// Over the rate limit.
    RateLimited,
    /// The client went away or cancelled.
    Cancelled,
    /// The token was revoked or expired while it ran.
    Revoked,
    /// No answer in time.
    TimedOut,
    /// The server could not be reached or answered nonsense.
    Unreachable,
    /// The gateway failed.
    Internal,
    /// The server asked the client something first; the call went on in another request.
    Asked,
    /// Not tried: a circuit was open, a queue was full, or the gateway was overloaded.
    Overloaded,
    /// A writing call of a workspace with strict records was about to be sent; how it ended is not known.
    Begun,
}

/// Which door a call came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// An MCP client.
    #[default]
    Gateway,
}

/// One `tools/call`, as remembered.
///
/// There is no field that could hold arguments or results; a tool no server has is recorded
/// without its name, since the client chose that text (S-23). Every text is shared with whoever
/// has it anyway, so that making a record copies none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// Its number among the calls of this process run; see [`call_id`].
    pub number: u64,
    /// Arrival, unix milliseconds.
    pub time_ms: u64,
    /// The workspace called.
    pub workspace: WorkspaceId,
    /// The server that owned the tool; `None` when none did.
    pub server: Option<ServerId>,
    /// The server's slug at that time.
    pub server_slug: Option<ServerSlug>,
    /// The tool's own name; `None` when it is unknown.
    pub tool: Option<Arc<str>>,
    /// Public id of the token.
    pub token_id: Arc<str>,
    /// How it ended.
    pub status: CallStatus,
    /// JSON-RPC code of the error, if one was answered.
    pub error_code: Option<i64>,
    /// From arrival to the last byte handed over, milliseconds.
    pub duration_ms: u64,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the answer.
    pub bytes_out: u64,
    /// Revision the client spoke, such as `2025-11-25`.
    pub revision: &'static str,
    /// Which door it came through.
    pub source: Source,
    /// Its intent was recorded before it was sent, and is replaced by this record.
    pub intended: bool,
}

/// Identity of a call (`call_…`), also in errors that clients see: the process run, and the call's number in it.
pub fn call_id(boot: &str, number: u64) -> String {
    format!("call_{boot}{number:x}")
}
