//! The gateway as a library: sessions, the request path, replies, wiring, shutdown.
//!
//! [`Gateway::open`] reads the store and is ready to answer; [`Gateway::handle`] answers one HTTP
//! request, so that the whole gateway can live inside another hyper service; [`run`] is the binary:
//! it opens, listens, announces itself and drains.
//!
//! A request goes through the rooms of `ARCHITECTURE.md` in order, and each is a module: `request_path`
//! says who is asking and what, `toolgate_policy` whether they may, `toolgate_router` which server owns
//! it, `reply` what the client sees, `record` what is remembered.

mod alerts;
mod anonymous;
mod bootstrap;
mod checkpoint;
mod clock;
mod config;
mod control;
mod credentials;
mod error;
mod gateway;
mod links;
mod listener;
mod logger;
mod losses;
mod notices;
mod openers;
mod overload;
mod own_tools;
mod quota;
mod record;
mod reply;
mod request_path;
mod reseal;
mod session;
mod snapshot;
mod status;
mod tracer;
mod trial_open;
mod watch;
mod wiring;

pub use alerts::{Alerting, DownServer, HeldTool};
pub use bootstrap::FirstRun;
pub use clock::WallClock;
pub use config::{Config, Demo, TlsFiles};
pub use error::GatewayError;
pub use gateway::Gateway;
pub use listener::{Announce, run};
pub use overload::OverloadLimits;
pub use own_tools::{Home, OwnServer, OwnTools};
pub use reply::mcp_json;
pub use request_path::routes::{AuthPolicy, routes};
pub use toolgate_http::serve::{Network, Proxies};
pub use toolgate_namespace::{WorkspaceId, WorkspaceSlug};
pub use toolgate_store::control::{AlertDelivery, AlertState, GatewayStatus, MonthlyUsage};
pub use toolgate_store::master::{GivenKeySources, MASTER_KEY_VARIABLE};
pub use toolgate_store::{Alert, AlertId, AlertMemory, DataDir, PastCall, StoreError};
pub use toolgate_upstream::keep_child;
pub use toolgate_vault::Secret;

/// Hardens the process before secrets are read: no core dumps, not readable by others of the same user,
/// and as many open files as the system allows. Best effort, since each is a second wall (S-15).
pub fn prepare_process() {
    if toolgate_sys::harden_process().is_err() {
        tracing::warn!("core dumps could not be turned off");
    }
    if toolgate_sys::raise_fd_limit().is_err() {
        tracing::warn!("the limit of open files could not be raised");
    }
}

/// Takes the master key out of the environment of this process, if it is there, so that no child and no look at
/// the environment finds it (S-07). Call it first thing in `main`, before any thread is started.
pub fn take_master_key() -> Option<Secret<String>> {
    toolgate_sys::take_variable(MASTER_KEY_VARIABLE).map(Secret::new)
}
