//! Sends a permitted request to the servers that own it and merges their answers.
//!
//! A [`Workspace`] holds the [`Link`]s of one workspace in display order and the [`Catalog`] merged
//! from what they offer. Listing waits, for a bounded time, only for links that were never seen
//! ([`Workspace::ready`]); calling takes a [`Permitted`](toolgate_policy::Permitted) tool call and hands back the exchange with
//! the one server that owns the tool ([`call`]). Nothing here knows HTTP, stdio or SQL.

mod background;
mod catalog;
mod link;
mod route;
mod workspace;

pub use background::Background;
pub use catalog::{Catalog, CatalogTool};
pub use link::{KnownTools, Learnt, Link, LinkConfig, LinkHealth, ToolOverride};
pub use route::{RouteError, Routed, ToolCall, call};
pub use workspace::{Workspace, WorkspaceConfig};
