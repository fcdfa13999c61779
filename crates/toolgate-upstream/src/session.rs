//! What the three legacy ways have in common: an open session, whatever carries it.

use std::sync::Arc;

use toolgate_protocol::Outcome;
use toolgate_protocol::mcp::ServerSnapshot;

use crate::channel::Conversation;
use crate::error::UpstreamError;
use crate::http::legacy::{Legacy, Session};
use crate::pool::{Key, Lease};
use crate::switchboard::Switchboard;

/// A session with a legacy server that is in use; over stdio the server may be modern, and the session then
/// is its child.
#[derive(Debug)]
pub(crate) enum OpenSession {
    /// Streamable HTTP.
    Http(Arc<Legacy>, Lease<Session>),
    /// A child, or a stream of 2024-11-05.
    Channel(Lease<Conversation>),
}

impl OpenSession {
    pub(crate) fn key(&self) -> &Key {
        match self {
            Self::Http(_, lease) => &lease.key,
            Self::Channel(lease) => &lease.key,
        }
    }

    /// What the server said when it was opened; modern servers have no such moment.
    pub(crate) fn snapshot(&self) -> Option<&ServerSnapshot> {
        match self {
            Self::Http(_, lease) => Some(&lease.value.snapshot),
            Self::Channel(lease) => lease.value.snapshot.as_ref(),
        }
    }

    pub(crate) fn board(&self) -> &Arc<Switchboard> {
        match self {
            Self::Http(_, lease) => lease.value.board(),
            Self::Channel(lease) => lease.value.channel.board(),
        }
    }

    /// A request of our own, and its outcome.
    pub(crate) async fn request(
        &self,
        method: &str,
        params: &[u8],
    ) -> Result<Outcome, UpstreamError> {
        match self {
            Self::Http(legacy, lease) => legacy.request(&lease.value, method, params).await,
            Self::Channel(lease) => lease.value.channel.request(method, params).await,
        }
    }

    /// Makes the session log as a client of it wants (P9.35).
    pub(crate) async fn set_level(&self, level: Option<&str>) {
        match self {
            Self::Http(legacy, lease) => legacy.set_level(&lease.value, level).await,
            Self::Channel(lease) => lease.value.set_level(level).await,
        }
    }
}
