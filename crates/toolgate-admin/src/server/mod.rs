//! MCP servers of a workspace: adding, listing, switching, and what is known of their tools.

mod add;
mod address;
mod change;
mod child;
mod command;
mod env;
mod header;
mod invalid;
mod logs;
mod manage;
mod review;
mod spec;
mod tools;

pub use add::ServerAdded;
pub use address::Allowance;
pub use change::{ServerChange, ServerChanged};
pub use invalid::InvalidServer;
pub use logs::ServerLogged;
pub use manage::{ServerHeld, ServerListed, ServerRemoved, ServerSwitched};
pub use review::{Approved, DifferenceShown, FindingShown, PartShown, ServerReview, ToolReview};
pub use spec::{NewServer, NewTransport};
pub use tools::{ToolClassified, ToolListed, ToolSwitched};

pub(crate) use manage::missing_secrets;
