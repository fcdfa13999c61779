//! Listing, removing and switching servers.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_namespace::{
    Changes, EraSetting, Injection, Isolation, Prefix, ServerId, ServerSpec, Transport,
};
use toolgate_store::{SecretSummary, WorkspaceScope};

use super::add::check_alone;
use crate::catalog::quarantines;
use crate::time::millis;
use crate::{Admin, AdminError, GatewayState, gateway_status};

/// A server in a list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ServerListed {
    /// Its name, prefix of its tools.
    pub server: String,
    /// Identity (`srv_…`).
    pub id: String,
    /// `http` or `stdio`.
    pub transport: &'static str,
    /// Its endpoint, placeholders not filled in; null for stdio.
    pub url: Option<String>,
    /// Program and arguments; null for http.
    pub command: Option<Vec<String>>,
    /// Whether it is listed and called.
    pub enabled: bool,
    /// Whether its names are prefixed.
    pub prefix: Prefix,
    /// Which era is spoken to it, or found out.
    pub era: EraSetting,
    /// Who shares a session with it.
    pub isolation: Isolation,
    /// Longest time a call may take, milliseconds.
    pub timeout_ms: u64,
    /// The `host:port` the operator allowed although it is private or plain http.
    pub allowed_origin: Option<String>,
    /// The secrets it is given.
    pub secrets: Vec<String>,
    /// Those of them that have no value yet.
    pub missing_secrets: Vec<String>,
    /// How many tools are known of it.
    pub tools: usize,
    /// Protocol revision it spoke when it was last reached.
    pub revision: Option<String>,
    /// What happens when its tools change.
    pub changes: Changes,
    /// What changed of the server itself, while its tools are held for that (S-52).
    pub quarantined: Option<String>,
    /// How many of its tools wait for an approval.
    pub waiting: usize,
    /// Whether the running gateway sends calls to it: `closed`, `open` or `probing`; null while none runs.
    pub circuit: Option<String>,
    /// Why its calls fail at once, if its process crashed; known only while a gateway runs.
    pub held: Option<ServerHeld>,
}

/// A child process that crashed and is not started yet.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ServerHeld {
    /// How it ended, in words.
    pub reason: String,
    /// When the next start is tried, milliseconds from now.
    pub retry_after_ms: u64,
    /// It crashed 5 times within a minute and is only probed once a minute.
    pub often: bool,
}

/// A server that is gone.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ServerRemoved {
    /// Its workspace.
    pub workspace: String,
    /// Its name, which is free again.
    pub server: String,
    /// Always true.
    pub removed: bool,
    /// What became of the change at the gateway.
    pub gateway: GatewayState,
}

/// A server that was switched on or off.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ServerSwitched {
    /// Its workspace.
    pub workspace: String,
    /// Its name.
    pub server: String,
    /// Whether it is listed and called now.
    pub enabled: bool,
    /// What became of the change at the gateway.
    pub gateway: GatewayState,
}

impl Admin {
    /// The servers of a workspace, in display order.
    pub fn list_servers(&self, scope: &WorkspaceScope) -> Result<Vec<ServerListed>, AdminError> {
        let secrets = self.store.list_secrets(scope)?;
        let mut tools: HashMap<ServerId, usize> = HashMap::new();
        let mut waiting: HashMap<ServerId, usize> = HashMap::new();
        for row in self
            .store
            .tools(scope)?
            .into_iter()
            .filter(|row| row.present)
        {
            if row.awaits().is_some() {
                *waiting.entry(row.server.clone()).or_default() += 1;
            }
            *tools.entry(row.server).or_default() += 1;
        }
        let snapshots = self.store.server_snapshots(scope)?;
        let servers = self.store.servers(scope)?;
        // Beside the point of a list, so a gateway that cannot be asked does not fail it.
        let status = gateway_status(&self.dir).ok();
        let circuit = |server: &str| {
            let mut links = status.iter().flat_map(|status| &status.links);
            let link = links
                .find(|link| link.workspace == scope.slug().as_str() && link.server == server)?;
            Some(link.circuit.clone())
        };
        let is_child = |spec: &ServerSpec| matches!(spec.transport, Transport::Stdio { .. });
        let held = if servers.iter().any(is_child) {
            self.held_servers(scope.slug())
        } else {
            Vec::new()
        };
        let quarantined = quarantines(&servers, &self.store.server_pins(scope)?);
        let listed = servers.iter().map(|spec| {
            let snapshot = snapshots.iter().find(|snapshot| snapshot.server == spec.id);
            ServerListed {
                revision: snapshot.map(|snapshot| snapshot.revision.clone()),
                circuit: circuit(spec.slug.as_str()),
                held: held
                    .iter()
                    .find(|held| held.server == spec.slug)
                    .map(|held| ServerHeld {
                        reason: held.reason.clone(),
                        retry_after_ms: held.retry_after_ms,
                        often: held.often,
                    }),
                quarantined: quarantined.get(&spec.id).cloned(),
                waiting: waiting.get(&spec.id).copied().unwrap_or_default(),
                ..ServerListed::of(
                    spec,
                    tools.get(&spec.id).copied().unwrap_or_default(),
                    missing_secrets(spec, &secrets),
                )
            }
        });
        Ok(listed.collect())
    }

    /// Removes a server with its tools and its own secrets.
    pub fn remove_server(
        &self,
        scope: &WorkspaceScope,
        server: &str,
    ) -> Result<ServerRemoved, AdminError> {
        let spec = self.server(scope, server)?;
        self.store.remove_server(scope, &self.actor, &spec.id)?;
        Ok(ServerRemoved {
            workspace: scope.slug().to_string(),
            server: spec.slug.to_string(),
            removed: true,
            gateway: self.knock(),
        })
    }

    /// Switches a server on or off: a disabled one is neither listed nor called.
    pub fn switch_server(
        &self,
        scope: &WorkspaceScope,
        server: &str,
        enabled: bool,
    ) -> Result<ServerSwitched, AdminError> {
        let spec = self.server(scope, server)?;
        if enabled {
            check_alone(&spec, &self.store.servers(scope)?)?;
        }
        self.store
            .set_server_enabled(scope, &self.actor, &spec.id, enabled)?;
        Ok(ServerSwitched {
            workspace: scope.slug().to_string(),
            server: spec.slug.to_string(),
            enabled,
            gateway: self.knock(),
        })
    }
}

impl ServerListed {
    pub(super) fn of(spec: &ServerSpec, tools: usize, missing_secrets: Vec<String>) -> Self {
        let (transport, url, command) = match &spec.transport {
            Transport::Http { url, .. } => ("http", Some(url.clone()), None),
            Transport::Stdio { argv, .. } => ("stdio", None, Some(argv.clone())),
        };
        Self {
            server: spec.slug.to_string(),
            id: spec.id.to_string(),
            transport,
            url,
            command,
            enabled: spec.enabled,
            prefix: spec.prefix,
            era: spec.era,
            isolation: spec.isolation,
            timeout_ms: millis(spec.timeouts.call_max),
            allowed_origin: spec.allowed_origin.clone(),
            secrets: secret_names(spec),
            missing_secrets,
            tools,
            revision: None,
            circuit: None,
            held: None,
            changes: spec.trust.changes,
            quarantined: None,
            waiting: 0,
        }
    }
}

/// The secrets a server is given that have no value: neither its own nor the workspace's (product.md 7.2).
pub(crate) fn missing_secrets(spec: &ServerSpec, secrets: &[SecretSummary]) -> Vec<String> {
    let is_set = |name: &str| {
        secrets.iter().any(|secret| {
            let reaches = secret.server.as_ref().is_none_or(|owner| *owner == spec.id);
            reaches && secret.name.as_str() == name
        })
    };
    let mut names = secret_names(spec);
    names.retain(|name| !is_set(name));
    names
}

/// The secrets a server is given, each once.
fn secret_names(spec: &ServerSpec) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in spec.injections.iter().flat_map(Injection::secret_names) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}
