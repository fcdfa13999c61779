//! Turns bytes into typed JSON-RPC and MCP messages and back, for every revision we speak.
//!
//! One strict scan ([`json`]) finds what routing needs and refuses what two parsers could read
//! differently; everything else stays the bytes that came (P2.3, S-31). On top of it stand
//! [`jsonrpc`] (envelopes in, envelopes out), [`client`] (we are the server: which era is this
//! request, do its headers agree with its body), [`upstream`] (we are the client: headers, `_meta`,
//! params), [`mcp`] (tools, results, errors and handshakes carried from one revision to another),
//! [`framing`] (server-sent events and lines), [`stream`] (large results, chunk by chunk) and [`trust`] (what changed in a definition, and what is
//! suspicious in one). No socket, clock or task is in here.
//!
//! ```
//! use toolgate_protocol::{Body, JsonLimits, Message, parse_body};
//!
//! let body = r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;
//! let Ok(Body::One(Message::Request(request))) = parse_body(body.into(), &JsonLimits::CLIENT) else {
//!     panic!("a ping is a request");
//! };
//! assert_eq!((&*request.method, request.id.as_json()), ("ping", "7"));
//! ```

pub mod client;
pub mod framing;
pub mod json;
pub mod jsonrpc;
pub mod mcp;
mod revision;
pub mod stream;
pub mod trust;
pub mod upstream;

pub use json::{Json, JsonError, JsonKind, JsonLimits, Object, ObjectEdit};
pub use jsonrpc::{
    Body, GatewayFault, Malformed, Message, Notification, Outcome, Request, RequestId, Response,
    RpcError, codes, parse_body, parse_message, write,
};
pub use mcp::ToolDefinition;
pub use revision::{Era, Revision};
