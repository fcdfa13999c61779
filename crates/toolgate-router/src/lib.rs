//! Sends a permitted request to the servers that own it and merges their answers.
//!
//! A [`Workspace`] holds the [`Link`]s of one workspace in display order and the [`Catalog`] merged
//! from what they offer. Listing waits, for a bounded time, only for links that were never seen
//! ([`Workspace::ready`]); calling takes a [`Permitted`](toolgate_policy::Permitted) tool call and hands back the exchange with
//! the one server that owns the tool ([`call`]). Nothing here knows HTTP, stdio or SQL.

mod background;
mod catalog;
mod introduction;
mod link;
mod page;
mod route;
mod uris;
mod workspace;

pub use background::Background;
pub use catalog::{Catalog, CatalogPrompt, CatalogTool};
pub use introduction::Introduction;
pub use link::{KnownTools, Learnt, Link, LinkConfig, LinkHealth, Listed, ToolOverride};
pub use page::{Position, ResourceItem, ResourcePage, StalePosition};
pub use route::{LinkCall, RouteError, Routed, call};
pub use uris::{LearntUris, Resolved};
pub use workspace::{Workspace, WorkspaceConfig};
