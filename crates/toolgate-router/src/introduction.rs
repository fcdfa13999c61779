//! What a workspace says of itself, merged from what its servers say of themselves (section 9.4).

use toolgate_protocol::Json;

/// What a workspace is introduced with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introduction {
    /// What its servers can do together, and the gateway by itself (P9.27, P9.28).
    pub capabilities: Json,
    /// How it wants to be used (P9.31).
    pub instructions: Option<String>,
}
