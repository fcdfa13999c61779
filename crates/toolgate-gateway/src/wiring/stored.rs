//! What the store remembers, found by what it belongs to, and written as it stores it.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use toolgate_namespace::{HttpKind, ServerId, ServerSpec, WorkspaceId};
use toolgate_protocol::mcp::ServerSnapshot;
use toolgate_protocol::{Json, JsonLimits, Revision, ToolDefinition};
use toolgate_router::{Link, Pins};
use toolgate_store::{
    Installation, Observed, SecretRow, ServerPin, ServerSnapshotRow, ToolRow, WorkspaceKeyRow,
};
use toolgate_upstream::Verdict;

use super::pinning::pins;
use crate::record::unix_ms;

/// Stands for what a server never said.
const NOTHING: &[u8] = b"{}";

/// The stored rows, found by what they belong to.
pub(super) struct Stored<'a> {
    pub(super) installation: &'a Installation,
    servers: HashMap<&'a str, Vec<&'a ServerSpec>>,
    tools: HashMap<&'a str, Vec<&'a ToolRow>>,
    secrets: HashMap<&'a str, Vec<SecretRow>>,
    keys: HashMap<&'a str, Vec<&'a WorkspaceKeyRow>>,
    server_pins: HashMap<&'a str, &'a ServerPin>,
    snapshots: HashMap<&'a str, &'a ServerSnapshotRow>,
}

impl<'a> Stored<'a> {
    pub(super) fn index(installation: &'a Installation) -> Self {
        let mut index = Self {
            installation,
            servers: HashMap::new(),
            tools: HashMap::new(),
            secrets: HashMap::new(),
            keys: HashMap::new(),
            server_pins: HashMap::new(),
            snapshots: HashMap::new(),
        };
        for row in &installation.keys {
            index
                .keys
                .entry(row.workspace.as_str())
                .or_default()
                .push(row);
        }
        for pin in &installation.server_pins {
            index.server_pins.entry(pin.server.as_str()).or_insert(pin);
        }
        for row in &installation.server_snapshots {
            index.snapshots.entry(row.server.as_str()).or_insert(row);
        }
        for spec in installation.servers.iter().filter(|spec| spec.enabled) {
            index
                .servers
                .entry(spec.workspace.as_str())
                .or_default()
                .push(spec);
        }
        for row in &installation.tools {
            index
                .tools
                .entry(row.server.as_str())
                .or_default()
                .push(row);
        }
        for row in &installation.secrets {
            index
                .secrets
                .entry(row.workspace.as_str())
                .or_default()
                .push(row.clone());
        }
        for rows in index.tools.values_mut() {
            rows.sort_by_key(|row| row.position);
        }
        index
    }

    pub(super) fn servers_of(
        &self,
        workspace: &WorkspaceId,
    ) -> impl Iterator<Item = &'a ServerSpec> {
        self.servers
            .get(workspace.as_str())
            .into_iter()
            .flatten()
            .copied()
    }

    pub(super) fn secrets_of(&self, workspace: &WorkspaceId) -> &[SecretRow] {
        self.secrets
            .get(workspace.as_str())
            .map_or(&[], Vec::as_slice)
    }

    /// The data keys of a workspace, wrapped.
    pub(super) fn keys_of(&self, workspace: &WorkspaceId) -> &[&'a WorkspaceKeyRow] {
        self.keys.get(workspace.as_str()).map_or(&[], Vec::as_slice)
    }

    /// The pinned tools; `None` when the server was never seen.
    pub(super) fn pins_of(&self, spec: &ServerSpec, known: &[Arc<ToolDefinition>]) -> Option<Pins> {
        let server = self.server_pin_of(&spec.id)?;
        server.baseline_at?;
        let rows = self.tools.get(spec.id.as_str()).into_iter().flatten();
        let observed = Observed {
            generation: self.installation.generation,
            tools: rows.map(|row| (*row).clone()).collect(),
            server: Some(server.clone()),
        };
        Some(pins(&observed, spec, self.revision_of(&spec.id), known))
    }

    /// By what the server is known again.
    pub(super) fn server_pin_of(&self, server: &ServerId) -> Option<&ServerPin> {
        self.server_pins.get(server.as_str()).copied()
    }

    pub(super) fn snapshot_of(&self, server: &ServerId) -> Option<&ServerSnapshotRow> {
        self.snapshots.get(server.as_str()).copied()
    }

    /// What the server last said of itself; `None` when only its verdict is known.
    pub(super) fn about(&self, server: &ServerId) -> Option<ServerSnapshot> {
        let row = self.snapshot_of(server)?;
        if row.capabilities == NOTHING && row.server_info == NOTHING {
            return None;
        }
        let json = |text: &[u8]| {
            let text = Bytes::copy_from_slice(text);
            Json::parse(text, &JsonLimits::UPSTREAM).ok()
        };
        Some(ServerSnapshot {
            revision: Revision::parse(&row.revision)?,
            capabilities: json(&row.capabilities)?,
            server_info: json(&row.server_info)?,
            instructions: row.instructions.clone(),
        })
    }

    pub(super) fn revision_of(&self, server: &ServerId) -> Option<Revision> {
        Revision::parse(&self.snapshot_of(server)?.revision)
    }

    pub(super) fn verdict_of(&self, server: &ServerId) -> Option<Verdict> {
        let row = self.snapshot_of(server)?;
        Some(Verdict {
            revision: Revision::parse(&row.revision)?,
            http: http_kind(&row.http_kind),
            fingerprint: row.fingerprint.clone(),
        })
    }
}

pub(super) fn server_row(link: &Link, verdict: &Verdict) -> ServerSnapshotRow {
    let about = link.snapshot();
    let about = about.as_deref();
    let text = |json: &Json| json.bytes().to_vec();
    ServerSnapshotRow {
        server: link.spec().id.clone(),
        revision: verdict.revision.as_str().to_owned(),
        http_kind: http_kind_text(verdict.http).to_owned(),
        capabilities: about.map_or_else(|| NOTHING.to_vec(), |about| text(&about.capabilities)),
        server_info: about.map_or_else(|| NOTHING.to_vec(), |about| text(&about.server_info)),
        instructions: about.and_then(|about| about.instructions.clone()),
        fingerprint: verdict.fingerprint.clone(),
        at: unix_ms(),
    }
}

fn http_kind_text(kind: HttpKind) -> &'static str {
    match kind {
        HttpKind::Auto => "auto",
        HttpKind::Streamable => "streamable",
        HttpKind::Sse => "sse",
    }
}

fn http_kind(text: &str) -> HttpKind {
    match text {
        "streamable" => HttpKind::Streamable,
        "sse" => HttpKind::Sse,
        _ => HttpKind::Auto,
    }
}
