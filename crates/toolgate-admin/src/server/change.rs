//! Changing a server that is there.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_namespace::Injection;
use toolgate_store::WorkspaceScope;

use super::{ServerListed, header, spec};
use crate::{Admin, AdminError, GatewayState};

/// What to change of a server; `None` and an empty map leave things as they are.
#[derive(Debug, Clone, Default)]
pub struct ServerChange {
    /// Whether it is listed and called.
    pub enabled: Option<bool>,
    /// Headers as `Name: template` that carry secrets, instead of all that do so now, the bearer included.
    pub headers: Option<Vec<String>>,
    /// Longest time a call may take, shorter silence included.
    pub timeout: Option<Duration>,
    /// Tools to switch on or off, by the server's own names.
    pub tools: BTreeMap<String, bool>,
}

/// A server that was changed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ServerChanged {
    /// Its workspace.
    pub workspace: String,
    /// As it is now.
    #[serde(flatten)]
    pub server: ServerListed,
    /// What became of the change at the gateway.
    pub gateway: GatewayState,
}

impl Admin {
    /// Changes a server, one thing after the other; what is wrong with the first keeps the others from being tried.
    pub fn change_server(
        &self,
        scope: &WorkspaceScope,
        server: &str,
        change: &ServerChange,
    ) -> Result<ServerChanged, AdminError> {
        let before = self.server(scope, server)?;
        let mut after = before.clone();
        if let Some(headers) = &change.headers {
            after.injections.retain(|injection| !is_header(injection));
            for text in headers {
                after.injections.push(header::parse(text)?);
            }
            spec::check_headers_differ(&after.injections)?;
        }
        if let Some(timeout) = change.timeout {
            after.timeouts = spec::timeouts(Some(timeout));
        }
        if after != before {
            self.store.update_server(scope, &self.actor, &after)?;
        }
        if let Some(enabled) = change.enabled {
            self.switch_server(scope, server, enabled)?;
        }
        for (tool, enabled) in &change.tools {
            self.switch_tool(scope, server, tool, *enabled)?;
        }
        let gateway = self.knock();
        let listed = self.list_servers(scope)?.into_iter();
        let mut listed = listed.filter(|listed| listed.id == before.id.as_str());
        let server = listed.next().ok_or_else(|| AdminError::UnknownServer {
            slug: server.to_owned(),
            workspace: scope.slug().to_string(),
            known: Vec::new(),
        })?;
        Ok(ServerChanged {
            workspace: scope.slug().to_string(),
            server,
            gateway,
        })
    }
}

fn is_header(injection: &Injection) -> bool {
    matches!(
        injection,
        Injection::Bearer { .. } | Injection::Header { .. }
    )
}
