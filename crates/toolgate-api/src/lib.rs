//! The management API and the dashboard: every administrative act over HTTP.
//!
//! One table ([`routes`]) holds each path with who may use it, what it takes and what it answers; requests are routed
//! by it, and the OpenAPI document at `/openapi.json` is written from it. A handler is one call of
//! [`toolgate_admin::Admin`], which acts as whoever asked ([`Caller`]): a program with an operator's key, the
//! holder of a workspace's token, or somebody who signed in to the dashboard. None has the host, so nobody sets a command or allows a private address here.
//!
//! [`run`] is the process behind `toolgatectl serve`; [`Api`] answers requests of any listener.

mod api;
mod authenticate;
mod caller;
mod calls_file;
mod dashboard;
mod download;
mod fields;
mod handle;
mod input;
mod live;
mod once;
mod open;
mod openapi;
mod operation;
mod page;
mod pool;
mod problem;
mod reply;
mod routes;
mod run;
mod session;

pub use api::{Api, ApiConfig};
pub use caller::Caller;
pub use calls_file::{CallsFileError, write_calls};
pub use openapi::document;
pub use operation::AuthPolicy;
pub use routes::routes;
pub use run::{Announce, ApiError, RunConfig, TlsFiles, run};
pub use toolgate_http::serve::{Network, Proxies};
