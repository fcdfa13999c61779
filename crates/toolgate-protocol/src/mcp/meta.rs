//! The members of `_meta` that the protocol reserves (P9.67, P9.68).

/// What all reserved names begin with.
pub(crate) const RESERVED: &str = "io.modelcontextprotocol/";
/// The revision a modern request is written in.
pub(crate) const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// What the client of a modern request can do.
pub(crate) const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// Who the client of a modern request is.
pub(crate) const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
/// The least severe level of log a modern request wants.
pub(crate) const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
/// Who made a modern result.
pub(crate) const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
/// Relates a message of 2025-11-25 to a core task.
pub(crate) const RELATED_TASK: &str = "io.modelcontextprotocol/related-task";
/// W3C baggage, which ends here (P9.69).
pub(crate) const BAGGAGE: &str = "baggage";
/// The token of progress notifications, in every revision.
pub(crate) const PROGRESS_TOKEN: &str = "progressToken";
