//! A permitted call on its way to the one server that owns the tool.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use toolgate_namespace::ServerSlug;
use toolgate_policy::{Permitted, Principal};
use toolgate_upstream::{Call, Exchange, UpstreamError};

use crate::catalog::CatalogTool;

/// How long a call waits for its turn at a server.
const MAX_QUEUE_WAIT: Duration = Duration::from_secs(2);

/// A call to one tool: which, and what to send.
#[derive(Debug)]
pub struct ToolCall {
    /// The tool and the server that owns it.
    pub tool: Arc<CatalogTool>,
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
    _turn: OwnedSemaphorePermit,
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

/// Sends a permitted call to the server that owns its tool.
///
/// Dropping this future before it resolves abandons the call: nothing more is written, and what was
/// written is cancelled by the exchange.
pub async fn call(permitted: Permitted<ToolCall>) -> Result<Routed, RouteError> {
    let (principal, ToolCall { tool, call }) = permitted.into_parts();
    let link = &tool.link;
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
        _turn: turn,
    })
}
