//! What of a server's tools may be had: the definitions that were pinned, not those it lists (S-50).

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use toolgate_policy::{Classification, Role, Standing};
use toolgate_protocol::ToolDefinition;

use crate::link::{Link, ToolList};

/// One tool as it is pinned.
#[derive(Debug, Clone, PartialEq)]
pub struct PinnedTool {
    /// Its pinned definition.
    pub definition: Arc<ToolDefinition>,
    /// Whether it may be had.
    pub standing: Standing,
    /// An admin's word on what it does, which beats its annotations (S-54).
    pub classification: Option<Classification>,
    /// The least role that may have it; read-only but for what is built in.
    pub least: Role,
}

/// The pinned tools of one server that it lists, in its own order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pins {
    /// Number of the change of the store that is in here; older pins do not replace newer ones.
    pub generation: u64,
    /// The tools.
    pub tools: Vec<PinnedTool>,
}

/// Holds a list against the pins, saves what is new, and says what is in force then. Must not block. An error is
/// fit for an admin's eyes, and nothing of the list is served.
pub type Pinning =
    dyn Fn(&Link, &ToolList) -> BoxFuture<'static, Result<Pins, Arc<str>>> + Send + Sync;

impl Pins {
    /// Pins that approve these definitions as they are.
    pub fn approved(tools: &[Arc<ToolDefinition>]) -> Self {
        Self::built_in(tools.iter().map(|tool| (tool.clone(), Role::ReadOnly)))
    }

    /// Pins of what is part of the gateway, and so approved with it: each with the least role that may have it.
    pub fn built_in(tools: impl IntoIterator<Item = (Arc<ToolDefinition>, Role)>) -> Self {
        let tools = tools.into_iter().map(|(definition, least)| PinnedTool {
            definition,
            standing: Standing::Approved,
            classification: None,
            least,
        });
        Self {
            generation: 0,
            tools: tools.collect(),
        }
    }

    /// The same with nothing approved.
    pub(crate) fn held(&self) -> Self {
        let held = |tool: &PinnedTool| PinnedTool {
            standing: match tool.standing {
                Standing::Approved | Standing::Held => Standing::Held,
                Standing::Disabled => Standing::Disabled,
            },
            ..tool.clone()
        };
        Self {
            generation: self.generation,
            tools: self.tools.iter().map(held).collect(),
        }
    }

    /// The definitions alone.
    pub fn definitions(&self) -> ToolList {
        let definitions = self.tools.iter().map(|tool| tool.definition.clone());
        definitions.collect()
    }
}

/// A pinning for routers without a store: every list is approved as it comes.
pub fn approve_all() -> Arc<Pinning> {
    Arc::new(|_, tools| {
        let pins = Pins::approved(tools);
        async move { Ok(pins) }.boxed()
    })
}
