//! Knows the servers and gives each of their tools one public name, with a lossless way back.
//!
//! A [`ServerSpec`] says what one MCP server of one workspace is: where it lives, which secrets it
//! is given, how long it may take. [`ToolName`] is a tool as its server calls it, [`ExposedName`]
//! the same tool as clients see it (`{server}__{tool}`, shortened where clients would refuse it),
//! and [`ToolTable`] the bijection between the two for one workspace. The router asks the table
//! where a call goes, policy matches rules against exposed names, records keep both.
//!
//! ```
//! use toolgate_namespace::{ServerId, ServerSlug, TOOL_NAME_MAX, ToolName, ToolTable};
//!
//! let github = ServerId::from_random([1; 16]);
//! let slug = ServerSlug::try_from("github")?;
//! let tools = [ToolName::try_from("create_issue")?, ToolName::try_from("repo/close")?];
//! let table = ToolTable::build([(github.clone(), Some(&slug), &tools[..])], TOOL_NAME_MAX);
//!
//! let listed: Vec<&str> = table.iter().map(|tool| tool.exposed.as_str()).collect();
//! assert_eq!(listed, ["github__create_issue", "github__repo_close_hs7fqxwc"]);
//!
//! // What is listed can be called, and so can the name the slash was taken out of.
//! let target = table.find("github__repo/close").expect("full names stay callable");
//! assert_eq!((&target.server, target.tool.as_str()), (&github, "repo/close"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod child;
mod exposed_name;
mod id;
mod server;
mod table;
mod tool_name;
mod trust;

pub use child::{ChildSettings, steers};
pub use exposed_name::{ExposedName, SEPARATOR, TOOL_NAME_LIMITS, TOOL_NAME_MAX};
pub use id::{InvalidId, ServerId, WorkspaceId, random_id};
pub use server::{
    EraSetting, HttpKind, Injection, InvalidSlug, Isolation, Prefix, ServerSlug, ServerSpec,
    Timeouts, Transport, WorkspaceSlug, placeholders,
};
pub use table::{Hidden, HiddenReason, ToolTable, ToolTarget};
pub use tool_name::{InvalidToolName, ToolName};
pub use trust::{Baseline, Changes, ServerIdentity, Trust, floating_version};
