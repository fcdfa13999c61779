//! What a caller hands over and what it gets back.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use toolgate_protocol::stream::PassEnd;
use toolgate_protocol::{Json, Object, Outcome, RequestId, RpcError, ToolDefinition};

use crate::error::UpstreamError;

/// One request on its way to a server.
#[derive(Debug, Clone)]
pub struct Call {
    /// The method, such as `tools/call`.
    pub method: Cow<'static, str>,
    /// The client's parameters as they came, `_meta` included.
    pub params: Object,
    /// The name the server knows the tool or prompt by; `None` leaves `params.name` untouched.
    pub name: Option<Box<str>>,
    /// The definition of the tool, from which modern servers get their `Mcp-Param-*` headers (P8.17).
    pub tool: Option<Arc<ToolDefinition>>,
    /// What the client can be asked for (an object, P9.29); `{}` when nothing.
    pub capabilities: Json,
    /// The least severe log level wanted; `None` leaves it to the server (P9.35).
    pub log_level: Option<Box<str>>,
    /// Whether the client sent a progress token (P9.38).
    pub wants_progress: bool,
    /// Whose call it is.
    pub isolation: IsolationKey,
    /// When the call ends, whatever happens (P12.1).
    pub deadline: Instant,
    /// Members put at the end of the params: `inputResponses` and `requestState` of a repeated call
    /// (P11.16). Empty for everything else.
    pub extra: Vec<(&'static str, Json)>,
}

impl Call {
    /// The same call with another definition of its tool.
    pub(crate) fn with_tool(&self, tool: Option<Arc<ToolDefinition>>) -> Self {
        Self {
            tool,
            ..self.clone()
        }
    }
}

/// Whose call it is: decides which upstream session or child process carries it (P2.5).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IsolationKey {
    /// Who calls: the id of the token, never the token.
    pub principal: Arc<str>,
    /// The client's own session, when it has one.
    pub session: Option<Arc<str>>,
}

/// Whose upstream session something came from that belongs to no call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The token whose session it is; `None` when everybody shares it, or when it is the gateway's own.
    pub principal: Option<Arc<str>>,
    /// The client session it was opened for; `None` when it was not opened for one.
    pub session: Option<Arc<str>>,
}

/// What happened in an [`Exchange`](crate::Exchange).
#[derive(Debug)]
pub enum Event {
    /// The server made progress: its parameters without the token, which was ours (P9.38).
    Progress(Object),
    /// The server logged something that belongs to this call (P9.36).
    Log(Object),
    /// The server asks the client; [`Exchange::answer`](crate::Exchange::answer) answers.
    Ask(Ask),
    /// The server asked for what this call's client did not declare; it was told that nobody can be asked
    /// (P11.1).
    Undeclared(Ask),
    /// A result has begun that is too large to be waited for. [`Exchange::pass`](crate::Exchange::pass) has it
    /// handed on as it comes; who just goes on listening gets it as [`Event::Done`].
    Large,
    /// A part of the result that is handed on: its secrets are masked, its JSON is well-formed so far.
    Part(Bytes),
    /// The result that was handed on is whole, but for the rest in here. Nothing comes after it.
    Whole(PassEnd),
    /// The server answered. Nothing comes after it.
    Done(Outcome),
    /// There will be no answer. Nothing comes after it.
    Failed(UpstreamError),
}

/// A request of the server to the client behind a call: elicitation, sampling or roots.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Names the question in [`Exchange::answer`](crate::Exchange::answer).
    pub id: AskId,
    /// The method, such as `elicitation/create`.
    pub method: Box<str>,
    /// The parameters as they came.
    pub params: Object,
}

/// The server's own id of a question (P11.8 may show it as a key).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AskId(pub RequestId);

/// What the client said to an [`Ask`].
#[derive(Debug, Clone)]
pub enum Answer {
    /// The result of the question, as it came.
    Result(Json),
    /// The client refused or failed.
    Error(RpcError),
}
