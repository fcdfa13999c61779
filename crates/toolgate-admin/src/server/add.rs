//! Adding a server: checked, saved, contacted.

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_namespace::{Prefix, ServerSpec, Transport, floating_version};
use toolgate_store::{StoreError, WorkspaceScope};

use super::spec::{self, Resolved};
use super::{Allowance, FindingShown, NewServer, ServerListed, missing_secrets};
use crate::{Admin, AdminError, GatewayState, Probe};

/// A server that was added.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ServerAdded {
    /// Its workspace.
    pub workspace: String,
    /// The server, as it is listed.
    #[serde(flatten)]
    pub server: ServerListed,
    /// What the operator allowed by adding it (S-65).
    pub allowance: Option<Allowance>,
    /// The package or image that can be another one tomorrow, since no exact version is named (S-52).
    pub floating: Option<String>,
    /// What the gateway found there. What it shows is what is approved now, unless it is held.
    pub probe: Probe,
    /// What the scanner found in the definitions of its tools (S-53).
    pub findings: Vec<FindingShown>,
    /// What became of the change at the gateway.
    pub gateway: GatewayState,
}

/// A server that was added and not contacted.
#[derive(Debug, Clone, Serialize)]
pub struct ServerSaved {
    /// Its workspace.
    pub workspace: String,
    /// The server, as it is listed.
    #[serde(flatten)]
    pub server: ServerListed,
    /// What the operator allowed by adding it (S-65).
    pub allowance: Option<Allowance>,
    /// What became of the change at the gateway.
    pub gateway: GatewayState,
}

impl Admin {
    /// Adds a server, then has the running gateway contact it and says what it found. A server that cannot be
    /// contacted now is added all the same.
    pub fn add_server(
        &self,
        scope: &WorkspaceScope,
        new: &NewServer,
    ) -> Result<ServerAdded, AdminError> {
        let order = self.next_place(scope)?;
        let resolved = spec::resolve(new, scope.workspace(), order)?;
        let spec = resolved.spec;
        let gateway = self.save_spec(scope, &spec, resolved.allowance.as_ref())?;
        let missing = missing_secrets(&spec, &self.store.list_secrets(scope)?);
        let probe = if missing.is_empty() {
            self.probe(scope, &spec.slug)
        } else {
            Probe::SecretsMissing
        };
        let tools = match &probe {
            Probe::Ok { tools, .. } => tools.len(),
            _ => 0,
        };
        Ok(ServerAdded {
            workspace: scope.slug().to_string(),
            server: ServerListed::of(&spec, tools, missing),
            allowance: resolved.allowance,
            floating: match &spec.transport {
                Transport::Stdio { argv, .. } => floating_version(argv),
                Transport::Http { .. } | Transport::BuiltIn => None,
            },
            findings: self.findings(scope, &spec)?,
            probe,
            gateway,
        })
    }

    /// Adds a server without contacting it or asking a name server about it: what an import does (S-03).
    pub fn save_server(
        &self,
        scope: &WorkspaceScope,
        new: &NewServer,
    ) -> Result<ServerSaved, AdminError> {
        let order = self.next_place(scope)?;
        let Resolved { spec, allowance } = spec::resolve_unasked(new, scope.workspace(), order)?;
        let gateway = self.save_spec(scope, &spec, allowance.as_ref())?;
        let missing = missing_secrets(&spec, &self.store.list_secrets(scope)?);
        Ok(ServerSaved {
            workspace: scope.slug().to_string(),
            server: ServerListed::of(&spec, 0, missing),
            allowance,
            gateway,
        })
    }

    /// Saves a checked server in a workspace that has room for it.
    pub(crate) fn save_spec(
        &self,
        scope: &WorkspaceScope,
        spec: &ServerSpec,
        allowance: Option<&Allowance>,
    ) -> Result<GatewayState, AdminError> {
        let servers = self.store.servers(scope)?;
        if !self.on_host {
            check_reach(spec, allowance, &servers)?;
        }
        if spec.enabled {
            check_alone(spec, &servers)?;
        }
        match self.store.add_server(scope, &self.actor, spec) {
            Err(StoreError::Taken { .. }) => Err(AdminError::ServerTaken {
                slug: spec.slug.to_string(),
                workspace: scope.slug().to_string(),
            }),
            other => {
                other?;
                Ok(self.knock())
            }
        }
    }

    /// The place behind all servers of a workspace.
    pub(crate) fn next_place(&self, scope: &WorkspaceScope) -> Result<u32, AdminError> {
        let servers = self.store.servers(scope)?;
        let last = servers.iter().map(|server| server.display_order).max();
        Ok(last.map_or(0, |last| last.saturating_add(1)))
    }
}

/// Whoever acts through an API sets no command, and reaches only what is public or was allowed on the host, by adding
/// a server there to the same workspace (design.md section 4).
fn check_reach(
    spec: &ServerSpec,
    allowance: Option<&Allowance>,
    servers: &[ServerSpec],
) -> Result<(), AdminError> {
    if matches!(spec.transport, Transport::Stdio { .. }) {
        return Err(AdminError::CommandOverApi);
    }
    let Some(allowance) = allowance else {
        return Ok(());
    };
    let is_allowed =
        |server: &ServerSpec| server.allowed_origin.as_ref() == Some(&allowance.origin);
    if servers.iter().any(is_allowed) {
        return Ok(());
    }
    Err(AdminError::NotAllowedHere {
        origin: allowance.origin.clone(),
    })
}

/// A server without prefix must be the only enabled one of its workspace (P9.6).
pub(crate) fn check_alone(spec: &ServerSpec, servers: &[ServerSpec]) -> Result<(), AdminError> {
    let mut others = servers
        .iter()
        .filter(|other| other.enabled && other.id != spec.id);
    let clash = others.find(|other| spec.prefix == Prefix::None || other.prefix == Prefix::None);
    let Some(other) = clash else { return Ok(()) };
    let (unprefixed, other) = if spec.prefix == Prefix::None {
        (spec, other)
    } else {
        (other, spec)
    };
    Err(AdminError::NotAlone {
        unprefixed: unprefixed.slug.to_string(),
        other: other.slug.to_string(),
    })
}
