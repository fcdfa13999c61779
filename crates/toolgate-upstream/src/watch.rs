//! Watches of resources and lists, counted so that a server is asked once (P9.43, P9.48).

use toolgate_protocol::{Json, RpcError};

use crate::call::IsolationKey;
use crate::error::UpstreamError;
use crate::route::Wayfinder;

/// A resource that is watched; dropped, the watch ends, and with the last one the server's subscription.
#[derive(Debug)]
#[must_use = "dropping it ends the watch"]
pub struct Watch {}

/// Why a resource could not be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The server answered an error, such as -32002 for an unknown URI.
    #[error("watching a resource: the server refused: {}", .0.message)]
    Refused(RpcError),
    /// The server acknowledged the listen without this URI, or has no subscriptions.
    #[error("watching a resource: the server does not offer it")]
    NotOffered,
    /// The server could not be asked.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
}

impl Wayfinder {
    pub(crate) async fn watch_lists(&self) -> Result<(), UpstreamError> {
        Ok(())
    }

    pub(crate) async fn watch(
        &self,
        _uri: &str,
        _who: &IsolationKey,
        _capabilities: &Json,
    ) -> Result<Watch, WatchError> {
        Err(WatchError::NotOffered)
    }
}
