//! A permitted call on its way to the one server that owns the tool.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use toolgate_namespace::ServerSlug;
use toolgate_policy::{Permitted, Principal};
use toolgate_upstream::{Call, Exchange, UpstreamError};

use crate::link::Link;

/// How long a call waits for its turn at a server.
const MAX_QUEUE_WAIT: Duration = Duration::from_secs(2);

/// A call to one server: which, and what to send.
#[derive(Debug)]
pub struct LinkCall {
    /// The server that owns what is called.
    pub link: Arc<Link>,
    /// What to send.
    pub call: Call,
}

/// A call that is under way.
#[derive(Debug)]
pub struct Routed {
    /// The conversation about it; dropping it cancels the call.
    pub exchange: Exchange,
    /// Who asked.
    pub principal: Principal,
    turn: Option<OwnedSemaphorePermit>,
}

impl Routed {
    /// Gives the turn at the server back while a person is asked; the call goes on without one (R-17, P11.4).
    pub fn yield_turn(&mut self) {
        self.turn = None;
    }
}

/// A call that did not get under way.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// The server has all it can take, and the queue did not move in time.
    #[error("server `{server}` is busy")]
    Overloaded {
        /// Which server.
        server: ServerSlug,
        /// When to try again, milliseconds.
        retry_after_ms: u64,
    },
    /// The server could not be given the call.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
}

/// Sends a permitted call to its server.
///
/// Dropping this future before it resolves abandons the call: nothing more is written, and what was
/// written is cancelled by the exchange.
pub async fn call(permitted: Permitted<LinkCall>) -> Result<Routed, RouteError> {
    let (principal, LinkCall { link, call }) = permitted.into_parts();
    let permits = link.permits.clone();
    let turn = match permits.clone().try_acquire_owned() {
        Ok(turn) => turn,
        Err(_) => tokio::time::timeout(MAX_QUEUE_WAIT, permits.acquire_owned())
            .await
            .ok()
            .and_then(Result::ok)
            .ok_or_else(|| RouteError::Overloaded {
                server: link.spec().slug.clone(),
                retry_after_ms: 1000,
            })?,
    };
    let exchange = link.upstream().call(call).await?;
    Ok(Routed {
        exchange,
        principal,
        turn: Some(turn),
    })
}
