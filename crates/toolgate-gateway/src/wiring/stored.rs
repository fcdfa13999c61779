//! What the store remembers, found by what it belongs to, and written as it stores it.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use ring::digest::{SHA256, digest};
use toolgate_namespace::{HttpKind, ServerId, ServerSpec, WorkspaceId};
use toolgate_protocol::mcp::ServerSnapshot;
use toolgate_protocol::{Json, JsonLimits, Revision, ToolDefinition};
use toolgate_router::{Link, ToolOverride};
use toolgate_store::{Installation, SecretRow, ServerSnapshotRow, ToolRow, ToolState};
use toolgate_upstream::Verdict;

use crate::record::unix_ms;

/// Stands for what a server never said.
const NOTHING: &[u8] = b"{}";

/// The stored rows, found by what they belong to.
pub(super) struct Stored<'a> {
    pub(super) installation: &'a Installation,
    servers: HashMap<&'a str, Vec<&'a ServerSpec>>,
    tools: HashMap<&'a str, Vec<&'a ToolRow>>,
    secrets: HashMap<&'a str, Vec<SecretRow>>,
}

impl<'a> Stored<'a> {
    pub(super) fn index(installation: &'a Installation) -> Self {
        let mut index = Self {
            installation,
            servers: HashMap::new(),
            tools: HashMap::new(),
            secrets: HashMap::new(),
        };
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

    /// The last known good list; `None` when the server was never seen.
    pub(super) fn tools_of(&self, server: &ServerId) -> Option<Vec<Arc<ToolDefinition>>> {
        let from = self.revision_of(server).unwrap_or(Revision::LATEST_LEGACY);
        let rows = self.tools.get(server.as_str())?;
        let definitions = rows.iter().filter_map(|row| {
            let text = Bytes::from(row.definition.clone());
            let json = Json::parse(text, &JsonLimits::UPSTREAM).ok()?;
            ToolDefinition::parse(json, from).ok().map(Arc::new)
        });
        Some(definitions.collect())
    }

    pub(super) fn overrides_of(&self, server: &ServerId) -> HashMap<String, ToolOverride> {
        let rows = self.tools.get(server.as_str()).into_iter().flatten();
        rows.filter(|row| {
            row.classification.is_some() || !row.enabled || row.state == ToolState::Held
        })
        .map(|row| {
            let said = ToolOverride {
                classification: row.classification,
                disabled: !row.enabled || row.state == ToolState::Held,
            };
            (row.name.clone(), said)
        })
        .collect()
    }

    pub(super) fn snapshot_of(&self, server: &ServerId) -> Option<&ServerSnapshotRow> {
        self.installation
            .server_snapshots
            .iter()
            .find(|row| &row.server == server)
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

pub(super) fn tool_row(server: &ServerId, tool: &ToolDefinition, position: u32) -> ToolRow {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, &tool.canonical()).as_ref());
    ToolRow {
        server: server.clone(),
        name: tool.name.to_string(),
        position,
        definition: tool.raw.bytes().to_vec(),
        hash,
        classification: None,
        enabled: true,
        state: ToolState::Approved,
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
