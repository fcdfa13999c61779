//! The three kinds of message.

use crate::{Json, Object, RequestId};

/// What one HTTP body, event or line held.
#[derive(Debug, Clone)]
pub enum Body {
    /// One message.
    One(Message),
    /// A batch, each element judged alone (P3.8); never empty.
    Batch(Vec<Result<Message, Malformed>>),
}

/// One message (P3.1).
#[derive(Debug, Clone)]
pub enum Message {
    /// `method` and `id`.
    Request(Request),
    /// `method` without `id`.
    Notification(Notification),
    /// `id` with `result` or `error`.
    Response(Response),
}

/// Somebody asks for something and waits for the answer.
#[derive(Debug, Clone)]
pub struct Request {
    /// The id to answer with.
    pub id: RequestId,
    /// The method, case-sensitive.
    pub method: Box<str>,
    /// The params; empty when absent.
    pub params: Object,
}

/// Somebody says something and expects no answer.
#[derive(Debug, Clone)]
pub struct Notification {
    /// The method, case-sensitive.
    pub method: Box<str>,
    /// The params; empty when absent.
    pub params: Object,
}

/// The answer to a request.
#[derive(Debug, Clone)]
pub struct Response {
    /// The id of the request; absent when the peer could not read it (P3.4).
    pub id: Option<RequestId>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a request.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The result; when it is an object its members are already indexed.
    Result(Json),
    /// The error.
    Error(RpcError),
}

/// A JSON-RPC error object. Two are equal that say the same, however they are spelt.
#[derive(Debug, Clone)]
pub struct RpcError {
    /// The code, see [`crate::codes`].
    pub code: i64,
    /// One sentence.
    pub message: String,
    /// Anything further.
    pub data: Option<Json>,
    /// The message as a peer spelt it. It is written again as long as it says what `message` says, so that
    /// escapes stay, lone surrogates among them (P3.17). Boxed, since few errors come over the wire.
    pub(crate) spelt: Option<Box<Json>>,
}

impl PartialEq for RpcError {
    fn eq(&self, other: &Self) -> bool {
        (self.code, &self.message, &self.data) == (other.code, &other.message, &other.data)
    }
}

impl Eq for RpcError {}

impl RpcError {
    /// An error without data.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: None,
            spelt: None,
        }
    }

    /// The same with data.
    #[must_use]
    pub fn with_data(mut self, data: Json) -> Self {
        self.data = Some(data);
        self
    }
}

/// A text that is no message: what to answer (P3.1–P3.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The error to answer with.
    pub error: RpcError,
    /// The request's id, where it could be read (P3.4).
    pub id: Option<RequestId>,
}
