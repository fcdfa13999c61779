//! JSON-RPC envelopes: read strictly, written anew (section 3 of the protocol brief).

pub mod codes;
mod id;
mod message;
mod parse;
pub mod write;

pub use codes::GatewayFault;
pub use id::{InvalidId, RequestId};
pub use message::{Body, Malformed, Message, Notification, Outcome, Request, Response, RpcError};
pub(crate) use parse::is_misspelt;
pub use parse::{parse_body, parse_message};
