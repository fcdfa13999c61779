//! Says who is asking and whether they may; mints the [`Permitted`] that opens the router.
//!
//! A client's [`RawToken`] is checked for form and hashed; the gateway finds the [`Token`] of that
//! [`TokenDigest`] in its snapshot and [`Principal::authenticate`] decides whether it still counts.
//! [`permit_call`] weighs the principal's [`Role`] and [`ToolRules`] against one tool's
//! [`Standing`] and [`Classification`] and answers with a [`Permitted`] call, the only thing the router takes. How
//! often a token may ask is up to its [`RateLimiter`].
//!
//! Decisions are data and functions: no clock, no socket, no store. Times arrive as arguments, and
//! nothing built by `Default` allows anything (S-01).
//!
//! ```
//! use std::sync::Arc;
//! use toolgate_namespace::WorkspaceId;
//! use toolgate_policy::{
//!     Classification, Principal, RateLimit, RawToken, Role, Standing, Token, TokenId, ToolAccess,
//!     ToolRules, permit_call,
//! };
//!
//! // What the admin did: make a token, show its text once, store the rest.
//! let raw = RawToken::from_random([42; 32]);
//! let token = Arc::new(Token {
//!     id: TokenId::from_random([1; 16]),
//!     workspace: WorkspaceId::from_random([2; 16]),
//!     name: "contractor".into(),
//!     role: Role::ReadOnly,
//!     rules: ToolRules::parse(["github__*"])?,
//!     rate_limit: RateLimit::default(),
//!     digest: raw.digest(),
//!     member: None,
//!     created_at: 1_000,
//!     expires_at: None,
//!     revoked_at: None,
//!     last_used_at: None,
//! });
//!
//! // What the gateway does on each call.
//! let digest = RawToken::digest_of(raw.expose())?;
//! let principal = Principal::authenticate(&token, &digest, 2_000).expect("active");
//! let tool = ToolAccess {
//!     exposed: "github__search",
//!     full: "github__search",
//!     classification: Classification::ReadOnly,
//!     standing: Standing::Approved,
//!     read_only_may_call_all: false,
//! };
//! let permitted = permit_call(principal, tool, "the call").expect("read-only and in the rules");
//! assert_eq!(permitted.inner(), &"the call");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod access;
mod decide;
mod rate;
mod role;
mod rules;
mod token;
mod token_text;

pub use access::{Classification, Standing, ToolAccess};
pub use decide::{Denied, Permitted, may_see, permit_call, permit_list};
pub use rate::{RateLimit, RateLimiter, RateVerdict};
pub use role::{Role, UnknownRole};
pub use rules::{InvalidRule, ToolRules};
pub use token::{MemberId, OperatorKeyId, Principal, Token, TokenId, TokenStatus};
pub use token_text::{InvalidToken, RawKey, RawToken, TokenDigest};
