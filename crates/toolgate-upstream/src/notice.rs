//! What a server tells without being asked.

use tokio::sync::oneshot;
use toolgate_namespace::HttpKind;
use toolgate_protocol::mcp::ServerSnapshot;
use toolgate_protocol::{Object, Revision};

use crate::call::{Answer, Origin};

/// Something about a server changed, or it said something that belongs to no call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Its list of tools changed.
    ToolsChanged,
    /// Its list of prompts changed.
    PromptsChanged,
    /// Its list of resources changed.
    ResourcesChanged,
    /// One resource changed.
    ResourceUpdated {
        /// Its URI, as the server wrote it.
        uri: String,
        /// In whose session.
        origin: Origin,
    },
    /// It logged something outside a call: the params of `notifications/message` (P9.36). Only from sessions
    /// that were opened for one client session; what comes from others cannot be attributed and is dropped.
    Log {
        /// As they came.
        params: Object,
        /// In whose session.
        origin: Origin,
    },
    /// A URL elicitation was completed: the params of `notifications/elicitation/complete` (P11.24).
    ElicitationComplete {
        /// As they came.
        params: Object,
        /// In whose session.
        origin: Origin,
    },
    /// What it said of itself when it was contacted (P9.30).
    Snapshot(ServerSnapshot),
    /// A session or child was replaced; notices may have been missed (P9.41).
    Reconnected,
    /// It was found to speak this; worth storing (P8.2).
    Verdict(Verdict),
}

/// A question to the client of a session, asked outside any call (P11.10, P11.24).
#[derive(Debug)]
pub struct Question {
    /// The method, such as `roots/list`.
    pub method: Box<str>,
    /// The parameters as they came.
    pub params: Object,
    /// In whose session; always one that was opened for a client session.
    pub origin: Origin,
    /// Takes the client's answer; dropped, the server is told that nobody could be asked.
    pub answer: oneshot::Sender<Answer>,
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
