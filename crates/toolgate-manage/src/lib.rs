//! An installation as MCP tools, so that an agent can run its workspace.
//!
//! [`Manage`] is a server that is part of the gateway ([`BuiltIn`]): its tools are listed, named, permitted, limited
//! and recorded by the same code as any server's. Each tool is one row of a table (`table`) over one method of
//! [`Admin`], so that what an agent does is what `toolgatectl` does, audited as the act of the agent's token. Which
//! workspace is acted in is said by the gateway, and never by an argument (S-45).
//!
//! Nothing here returns the value of a secret. The text of a token is in the answer that made it, and nowhere else.

mod acts;
mod answer;
mod desk;
mod params;
mod refusal;
mod table;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use toolgate_admin::{Admin, DataDir, KeySource, Store};
use toolgate_policy::Role;
use toolgate_protocol::ToolDefinition;
use toolgate_upstream::{BuiltIn, BuiltInCall};

use crate::answer::Answer;
use crate::desk::Desk;
use crate::params::Arguments;
use crate::refusal::Refusal;

/// The tools of one installation.
pub struct Manage {
    admin: Admin,
}

impl Manage {
    /// Tools over an installation that is open already.
    pub fn over(dir: DataDir, store: Store, keys: Arc<KeySource>) -> Self {
        Self {
            admin: Admin::over(dir, store, keys),
        }
    }

    /// Every tool as it is listed, with the least role that may have it.
    pub fn tools() -> Vec<(Arc<ToolDefinition>, Role)> {
        let tools = table::TOOLS.iter();
        tools
            .filter_map(|tool| Some((Arc::new(tool.definition()?), tool.least)))
            .collect()
    }

    fn answer(&self, call: &BuiltInCall<'_>) -> Result<Answer, Refusal> {
        let tool = table::find(call.tool).ok_or_else(Refusal::unknown_tool)?;
        let mut arguments = Arguments::read(tool.params, call.arguments)?;
        let desk = Desk::of(&self.admin, call.workspace.as_str(), call.principal)?;
        // The gateway decided already, by what was in force when the call came.
        if !desk.may(tool.least) {
            return Err(Refusal::unknown_tool());
        }
        (tool.act)(&desk, &mut arguments)
    }
}

impl BuiltIn for Manage {
    fn call(&self, call: &BuiltInCall<'_>) -> Bytes {
        match self.answer(call) {
            Ok(answer) => answer.result(),
            Err(refusal) => refusal.result(),
        }
    }
}

impl fmt::Debug for Manage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manage").finish_non_exhaustive()
    }
}
