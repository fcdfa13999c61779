//! The tools that are known of servers, and an admin's word on them.

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_namespace::ServerSpec;
use toolgate_policy::Classification;
use toolgate_store::{StoreError, ToolState, WorkspaceScope};

use super::review::hex;
use crate::catalog::{Catalog, ClassifiedBy, Entry};
use crate::{Admin, AdminError, GatewayState};

/// A tool in a list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ToolListed {
    /// The name clients see; null when two tools would share one and both are hidden (S-33).
    pub exposed: Option<String>,
    /// Its server.
    pub server: String,
    /// The server's own name for it.
    pub tool: String,
    /// What it does.
    pub classification: Classification,
    /// Who says so.
    pub classified_by: ClassifiedBy,
    /// Whether it is switched on.
    pub enabled: bool,
    /// `approved`; `held`: new or changed, and not served; `changed`: another definition waits for an approval
    /// and the pinned one is served; `gone`: its server does not list it any more (S-50).
    pub state: &'static str,
    /// Why it is held, or what waits.
    pub reason: Option<String>,
    /// Digest of what an approval would approve; of the pinned definition when nothing waits.
    pub hash: String,
    /// What its server says of it.
    pub description: Option<String>,
}

/// A tool that was switched on or off.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ToolSwitched {
    /// Its workspace.
    pub workspace: String,
    /// Its server.
    pub server: String,
    /// The server's own name for it.
    pub tool: String,
    /// Whether it is listed and called now.
    pub enabled: bool,
    /// What became of the change at the gateway.
    pub gateway: GatewayState,
}

/// A tool that an admin classified.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ToolClassified {
    /// Its workspace.
    pub workspace: String,
    /// Its server.
    pub server: String,
    /// The server's own name for it.
    pub tool: String,
    /// What it does.
    pub classification: Classification,
    /// What became of the change at the gateway.
    pub gateway: GatewayState,
}

impl Admin {
    /// The tools known of one server, or of all, in the order clients see.
    pub fn list_tools(
        &self,
        scope: &WorkspaceScope,
        server: Option<&str>,
    ) -> Result<Vec<ToolListed>, AdminError> {
        let only = server.map(|slug| self.server(scope, slug)).transpose()?;
        let is_asked = |entry: &Entry| {
            only.as_ref()
                .is_none_or(|only| entry.server == only.slug.as_str())
        };
        let catalog = Catalog::read(&self.store, scope)?;
        Ok(catalog
            .entries
            .into_iter()
            .filter(is_asked)
            .map(ToolListed::of)
            .collect())
    }

    /// The tools that a token may call, in the order clients see.
    pub fn list_tools_for(
        &self,
        scope: &WorkspaceScope,
        token: &str,
        server: Option<&str>,
    ) -> Result<Vec<ToolListed>, AdminError> {
        let token = self.token(scope, token)?;
        let now = self.judged_ms()?;
        let only = server.map(|slug| self.server(scope, slug)).transpose()?;
        let mut catalog = Catalog::read(&self.store, scope)?;
        let entries = std::mem::take(&mut catalog.entries);
        let of_server = entries.into_iter().filter(|entry| {
            only.as_ref()
                .is_none_or(|only| entry.server == only.slug.as_str())
        });
        Ok(of_server
            .filter(|entry| catalog.may_call(&token, entry, now))
            .map(ToolListed::of)
            .collect())
    }

    /// Switches one tool on or off, by the server's own name for it.
    pub fn switch_tool(
        &self,
        scope: &WorkspaceScope,
        server: &str,
        tool: &str,
        enabled: bool,
    ) -> Result<ToolSwitched, AdminError> {
        let spec = self.server(scope, server)?;
        let switched = self
            .store
            .set_tool_enabled(scope, &self.actor, &spec.id, tool, enabled);
        known(switched, &spec, tool)?;
        Ok(ToolSwitched {
            workspace: scope.slug().to_string(),
            server: spec.slug.to_string(),
            tool: tool.to_owned(),
            enabled,
            gateway: self.knock(),
        })
    }

    /// Says what a tool does, whatever its server's annotations say (S-54).
    pub fn classify_tool(
        &self,
        scope: &WorkspaceScope,
        server: &str,
        tool: &str,
        classification: Classification,
    ) -> Result<ToolClassified, AdminError> {
        let spec = self.server(scope, server)?;
        let word = Some(classification);
        let classified = self
            .store
            .classify_tool(scope, &self.actor, &spec.id, tool, word);
        known(classified, &spec, tool)?;
        Ok(ToolClassified {
            workspace: scope.slug().to_string(),
            server: spec.slug.to_string(),
            tool: tool.to_owned(),
            classification,
            gateway: self.knock(),
        })
    }
}

impl ToolListed {
    fn of(entry: Entry) -> Self {
        Self {
            state: state_of(&entry),
            reason: entry.quarantined.or(entry.row.reason),
            hash: hex(entry
                .row
                .offer
                .as_ref()
                .map_or(&entry.row.hash, |offer| &offer.hash)),
            exposed: entry.exposed,
            server: entry.server,
            tool: entry.row.name,
            classification: entry.classification,
            classified_by: entry.classified_by,
            enabled: entry.row.enabled,
            description: entry.description,
        }
    }
}

/// How a tool stands, in one word.
pub(super) fn state_of(entry: &Entry) -> &'static str {
    let row = &entry.row;
    if !row.present {
        "gone"
    } else if entry.quarantined.is_some() || row.state == ToolState::Held {
        "held"
    } else if row.offer.is_some() {
        "changed"
    } else {
        "approved"
    }
}

/// Names the server in the error for a tool it does not have.
pub(super) fn known(
    done: Result<(), StoreError>,
    spec: &ServerSpec,
    tool: &str,
) -> Result<(), AdminError> {
    match done {
        Err(StoreError::Unknown { .. }) => Err(AdminError::UnknownTool {
            tool: tool.to_owned(),
            server: spec.slug.to_string(),
        }),
        other => Ok(other?),
    }
}
