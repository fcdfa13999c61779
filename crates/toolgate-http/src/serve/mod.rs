//! HTTP in: listeners with limits, host and origin checks, routes with an access rule, replies.

mod accept;
mod activity;
mod connection;
mod drain;
mod guesses;
mod guests;
mod head_lines;
mod host_policy;
mod limits;
mod linger;
mod listener;
mod proxies;
mod read_body;
mod reply_body;
mod routes;
mod slices;
mod sniff;
mod tls;
mod tls_reload;
mod watched_io;

pub use accept::{Handler, serve};
pub use drain::{Drain, DrainSignal};
pub use guesses::{Guesses, TooMany};
pub use host_policy::{BadHostEntry, HostError, HostPolicy};
pub use limits::ServeLimits;
pub use listener::{Listener, ServeError};
pub use proxies::{BadNetwork, Network, Proxies, one_source};
pub use read_body::{BodyError, BodyPace, content_length, read_body};
pub use reply_body::{BrokenOff, ReplyBody};
pub use routes::{Found, Matched, Params, Routes};
pub use tls::{TlsError, TlsIdentity};
pub use tls_reload::renew;
