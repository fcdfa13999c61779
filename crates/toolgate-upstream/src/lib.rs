//! Holds one live conversation with one MCP server, over stdio or Streamable HTTP.
//!
//! [`Upstream`] is one server of one workspace, with everything needed to talk to it: the era it
//! speaks (found out once and remembered as a [`Verdict`]), its sessions or child processes, and the
//! [`Credentials`] that are asked for secrets at the last moment. [`Upstream::call`] starts one
//! request and returns an [`Exchange`], which is polled for [`Event`]s until `Done` or `Failed`.
//! Dropping an unfinished exchange cancels the request at the server.
//!
//! What a server says outside any call goes through one switchboard a session, which finds the call it is
//! meant for, or tells it as a [`Notice`] with its [`Origin`], or puts it to the client as a [`Question`].
//! [`Upstream::watch`] and [`Upstream::watch_lists`] wish for changes to be heard; one keeper a session sees
//! to it, and again whenever the session, child or stream had to be replaced.
//!
//! Who waits, retries and merges is decided above, in `toolgate-router`; which bytes mean what is
//! decided below, in `toolgate-protocol`.

mod background;
mod book;
mod built_in;
mod call;
mod channel;
mod clock;
mod credentials;
mod detect;
mod dialogue;
mod error;
mod exchange;
mod flight;
mod http;
mod inbox;
mod level;
mod list;
mod notice;
mod pool;
mod retry;
mod route;
mod session;
mod shared;
mod stdio;
mod switchboard;
mod upstream;
mod watch;

pub use built_in::{BuiltIn, BuiltInCall};
pub use call::{Answer, Ask, AskId, Call, Event, IsolationKey, Origin};
pub use credentials::{CredentialError, Credentials, Injected, OutputMask};
pub use error::{Delivery, UpstreamError, UpstreamErrorKind};
pub use exchange::Exchange;
pub use list::ListKind;
pub use notice::{Notice, Question, Verdict};
pub use stdio::{ChildConfig, Crash, Hold, StderrLine, keep_child};
pub use upstream::{Counters, Upstream, UpstreamConfig};
pub use watch::{Watch, WatchError};

/// The way out that an [`UpstreamConfig`] needs.
pub use toolgate_http::{Egress, EgressConfig};
