//! One page of the resources or templates of a workspace (P9.55).

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use toolgate_namespace::ServerSlug;
use toolgate_protocol::mcp::{ListResult, ResourceDefinition};
use toolgate_protocol::{Json, Revision};
use toolgate_upstream::ListKind;

use crate::catalog::missing_servers;
use crate::link::Link;

/// Where a page begins; what a cursor of the gateway holds, sealed by whoever hands it out (P9.55).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The id of the server whose items come next.
    pub server: String,
    /// That server's own cursor, sent to nobody else (P9.58); `None` at the beginning of its list.
    pub cursor: Option<String>,
    /// Items after the cursor that earlier pages had.
    pub skip: usize,
    /// Pages of that server that came before, so that a server without an end comes to one (P9.56).
    pub pages: usize,
}

/// A position in the list of a server that is gone (P9.57).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("continuing a list: its server is gone")]
pub struct StalePosition;

/// One resource or template as clients see it.
#[derive(Debug, Clone)]
pub struct ResourceItem {
    /// As its server listed it.
    pub definition: Arc<ResourceDefinition>,
    /// The URI or template that clients see: bare, or explicit where it would mean another server's (P9.17).
    pub shown: String,
    /// The server that owns it.
    pub link: Arc<Link>,
}

/// One page of resources or templates.
#[derive(Debug)]
pub struct ResourcePage {
    /// The items, in the order of the links and then each server's own (P9.7).
    pub items: Vec<ResourceItem>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Position>,
    /// Servers whose list could not be read; they contribute what was last known of them, if anything (P9.14).
    pub missing: Vec<ServerSlug>,
    /// How long the page stays good, in milliseconds (P9.61).
    pub ttl_ms: u64,
}

impl ResourcePage {
    /// Writes the page as the result of its list. `next_cursor` is [`next`](Self::next), sealed; `server_info` is
    /// the gateway's own (P5.18).
    pub fn write(
        &self,
        kind: ListKind,
        revision: Revision,
        server_info: &Json,
        next_cursor: Option<&str>,
    ) -> Bytes {
        let items: Vec<Bytes> = self
            .items
            .iter()
            .map(|item| item.definition.for_client(&item.shown, revision))
            .collect();
        let result = ListResult {
            member: kind.member(),
            next_cursor,
            ttl_ms: self.ttl_ms,
            server_info,
            meta: &missing_servers(&self.missing),
        };
        result.write(&items, revision)
    }
}
