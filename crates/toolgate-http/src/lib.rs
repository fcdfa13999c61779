//! The one way HTTP comes in and goes out: limits, routes with an access rule, reachable addresses.
//!
//! [`serve()`] runs a [`Listener`] for a [`Handler`]: HTTP/1.1 and 2, every wait and size bounded,
//! [`HostPolicy`] against rebinding, [`Routes`] in which no handler stands without an access rule,
//! [`ReplyBody`] for answers that are never copied together, and [`Drain`] to end in good order.
//!
//! [`Endpoint`] is one server out there, reached through [`Egress`]: each address is checked before
//! it is connected to, connections are kept and reused, redirects are answers, compression is undone
//! within bounds, and a failed [`Endpoint::send`] says whether anything was [`Sent`].
//!
//! It knows nothing of MCP, tokens or roles; the access rule is whatever its user makes it.

pub mod egress;
pub mod serve;

mod gather;
mod tls_provider;

pub use egress::{
    Egress, EgressConfig, EgressError, Endpoint, InBody, OutRequest, SendError, Sent,
};
pub use serve::{
    Drain, DrainSignal, Handler, HostPolicy, Listener, ReplyBody, Routes, ServeError, ServeLimits,
    read_body, serve,
};
