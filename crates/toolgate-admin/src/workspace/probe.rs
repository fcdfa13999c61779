//! Asking the servers of a workspace for their tools, now.

use std::thread;

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_namespace::{ServerSlug, ServerSpec};
use toolgate_store::WorkspaceScope;

use crate::{Admin, AdminError, Probe};

/// What a workspace's servers answered when they were asked for their tools.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct WorkspaceTested {
    /// The workspace.
    pub workspace: String,
    /// Whether every enabled server answered.
    pub ok: bool,
    /// How many tools there are in all.
    pub total: usize,
    /// Every tool, in the order clients see.
    pub tools: Vec<ToolTested>,
    /// Every enabled server.
    pub servers: Vec<ServerTested>,
}

/// One tool of a tested workspace.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ToolTested {
    /// The name clients see.
    pub tool: String,
    /// Its server.
    pub server: String,
    /// What its server says of it.
    pub description: Option<String>,
}

/// One server of a tested workspace.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ServerTested {
    /// Its slug.
    pub server: String,
    /// Whether it answered.
    pub ok: bool,
    /// Protocol revision it speaks.
    pub revision: Option<String>,
    /// How many tools it has.
    pub tools: usize,
    /// Why it did not answer.
    pub error: Option<String>,
    /// What to do about that.
    pub hint: Option<String>,
}

impl Admin {
    /// Has the running gateway ask every enabled server of a workspace for its tools, now.
    pub fn test_workspace(&self, scope: &WorkspaceScope) -> Result<WorkspaceTested, AdminError> {
        let mut tested = WorkspaceTested {
            workspace: scope.slug().to_string(),
            ok: true,
            total: 0,
            tools: Vec::new(),
            servers: Vec::new(),
        };
        let mut servers = self.store.servers(scope)?;
        servers.retain(|server| server.enabled);
        for (server, probe) in servers.iter().zip(self.probe_all(scope, &servers)) {
            let (row, tools) = self.tested(&server.slug, probe)?;
            tested.tools.extend(tools);
            tested.ok &= row.ok;
            tested.servers.push(row);
        }
        tested.total = tested.tools.len();
        Ok(tested)
    }

    /// Has the running gateway ask one server for its tools, now.
    pub fn test_server(
        &self,
        scope: &WorkspaceScope,
        server: &str,
    ) -> Result<ServerTested, AdminError> {
        let spec = self.server(scope, server)?;
        let probe = self.probe(scope, &spec.slug);
        self.tested(&spec.slug, probe).map(|(row, _)| row)
    }

    fn tested(
        &self,
        server: &ServerSlug,
        probe: Probe,
    ) -> Result<(ServerTested, Vec<ToolTested>), AdminError> {
        let mut row = ServerTested {
            server: server.to_string(),
            ok: false,
            revision: None,
            tools: 0,
            error: None,
            hint: None,
        };
        let mut found = Vec::new();
        match probe {
            Probe::Ok {
                revision, tools, ..
            } => {
                row.ok = true;
                row.revision = Some(revision);
                row.tools = tools.len();
                found.extend(tools.into_iter().map(|tool| ToolTested {
                    tool: tool.exposed,
                    server: server.to_string(),
                    description: tool.description,
                }));
            }
            Probe::Failed { error, hint } => {
                row.error = Some(error);
                row.hint = hint;
            }
            Probe::GatewayNotRunning | Probe::SecretsMissing => {
                return Err(AdminError::GatewayNeeded {
                    dir: self.dir.path().to_owned(),
                });
            }
        }
        Ok((row, found))
    }

    /// Contacts servers all at once, so that a slow one holds up none; there are at most 50.
    fn probe_all(&self, scope: &WorkspaceScope, servers: &[ServerSpec]) -> Vec<Probe> {
        thread::scope(|threads| {
            let probes: Vec<_> = servers
                .iter()
                .map(|server| threads.spawn(|| self.probe(scope, &server.slug)))
                .collect();
            let joined = probes.into_iter().map(|probe| {
                probe.join().unwrap_or_else(|_| Probe::Failed {
                    error: "asking the gateway broke off".to_owned(),
                    hint: None,
                })
            });
            joined.collect()
        })
    }
}
