//! Sends a permitted request to the servers that own it and merges their answers.
//!
//! A [`Workspace`] holds the [`Link`]s of one workspace in display order and the [`Catalog`] merged
//! from what of theirs is pinned ([`Pins`]). Listing waits, for a bounded time, only for links that were never seen or whose list
//! is known to have changed ([`Workspace::ready`], [`Workspace::prompts_ready`]); resources come in pages
//! ([`Workspace::resource_page`]), and a URI leads back to the one server it belongs to
//! ([`Workspace::resolve`]). Calling takes a [`Permitted`](toolgate_policy::Permitted) call and hands back the
//! exchange with its server ([`call`]). Nothing here knows HTTP, stdio or SQL.

mod background;
mod breaker;
mod bulkhead;
mod catalog;
mod index;
mod introduction;
mod link;
mod memory;
mod named;
mod page;
mod pins;
mod ready;
mod route;
mod stretch;
mod ui;
mod uris;
mod workspace;

pub use background::Background;
pub use breaker::{Breaker, Circuit, Pass, Verdict};
pub use bulkhead::{Bulkhead, Part, Turn};
pub use catalog::{Catalog, CatalogPrompt, CatalogTool};
pub use introduction::Introduction;
pub use link::{Link, LinkChanges, LinkConfig, Listed, ToolList};
pub use memory::LinkHealth;
pub use page::{Position, ResourceItem, ResourcePage, StalePosition};
pub use pins::{PinnedTool, Pinning, Pins, approve_all};
pub use route::{LinkCall, RouteError, Routed, call};
pub use uris::{LearntUris, Resolved};
pub use workspace::{Roster, Workspace, WorkspaceConfig};
