//! What a server tells without being asked.

use toolgate_namespace::HttpKind;
use toolgate_protocol::Revision;

/// Something about a server changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Its list of tools changed.
    ToolsChanged,
    /// Its list of prompts changed.
    PromptsChanged,
    /// Its list of resources changed.
    ResourcesChanged,
    /// One resource changed; its URI.
    ResourceUpdated(String),
    /// A session or child was replaced; notices may have been missed (P9.41).
    Reconnected,
    /// It was found to speak this; worth storing (P8.2).
    Verdict(Verdict),
}

/// What a server was found to speak (P8.1, P8.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The revision that was agreed on.
    pub revision: Revision,
    /// The HTTP shape; `Auto` for stdio.
    pub http: HttpKind,
    /// What it was found for: a verdict for another URL or executable is not used.
    pub fingerprint: String,
}
