//! Pinned tools: what each server's tools were when they were approved (S-50).

use std::collections::HashMap;

use rusqlite::{Connection, Row, Transaction, params};
use toolgate_namespace::{ServerId, WorkspaceId};
use toolgate_policy::Classification;

use crate::audit::{Actor, Entry};
use crate::error::Doing;
use crate::sql::{Broken, parsed, parsed_if_any};
use crate::{Store, StoreError, WorkspaceScope, servers};

/// Whether clients may have a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ToolState {
    /// It is as it was approved.
    Approved,
    /// It is new or changed, and hidden until somebody approves it.
    Held,
}

/// One tool as pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolRow {
    /// Its server.
    pub server: ServerId,
    /// The name its server gives it.
    pub name: String,
    /// Place in its server's list, from 0.
    pub position: u32,
    /// The definition as the server gave it, JSON text.
    pub definition: Vec<u8>,
    /// SHA-256 of the definition's canonical form (S-50).
    pub hash: [u8; 32],
    /// An admin's word on what it does, which beats its annotations (S-54).
    pub classification: Option<Classification>,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Whether it is approved.
    pub state: ToolState,
}

impl Store {
    /// Replaces the tools of a server.
    ///
    /// Of tools whose names are known, `classification` and `enabled` stay as an admin set them.
    /// Nothing is written when nothing changed, so a gateway may call this after every listing.
    pub fn save_tools(
        &self,
        scope: &WorkspaceScope,
        actor: &Actor,
        server: &ServerId,
        tools: &[ToolRow],
    ) -> Result<(), StoreError> {
        const DELETE: &str = "DELETE FROM tools WHERE server_id = ?1";
        let doing = "saving the tools of a server";
        if tools.iter().any(|tool| tool.server != *server) {
            return Err(StoreError::OutOfScope { what: "tool" });
        }
        refuse_repeated(tools)?;
        self.change(doing, actor, |tx| {
            let spec = servers::find(tx, scope, server)?;
            let before = of_server(tx, server).doing(doing)?;
            let after = keep_admin_settings(&before, tools);
            if after == before {
                return Ok(((), None));
            }
            tx.execute(DELETE, [server.as_str()]).doing(doing)?;
            for tool in &after {
                insert(tx, tool).doing(doing)?;
            }
            let detail = format!("{}: {} tools", spec.slug, after.len());
            let entry = Entry::new(
                "tools.save",
                Some(scope.workspace()),
                server.as_str(),
                &detail,
            )
            .states(Some(state(&before)), Some(state(&after)));
            Ok(((), Some(entry)))
        })
    }

    /// The tools of a workspace: by server, then in the server's own order.
    pub fn tools(&self, scope: &WorkspaceScope) -> Result<Vec<ToolRow>, StoreError> {
        self.read("listing tools", |connection| {
            select(connection, Some(scope.workspace()))
        })
    }

    /// An admin's word on what a tool does (S-54); `None` takes it back.
    pub fn classify_tool(
        &self,
        scope: &WorkspaceScope,
        actor: &Actor,
        server: &ServerId,
        name: &str,
        word: Option<Classification>,
    ) -> Result<(), StoreError> {
        self.edit_tool(scope, actor, "tool.classify", (server, name), |tool| {
            tool.classification = word;
            Ok(())
        })
    }

    /// Switches a tool on or off.
    pub fn set_tool_enabled(
        &self,
        scope: &WorkspaceScope,
        actor: &Actor,
        server: &ServerId,
        name: &str,
        enabled: bool,
    ) -> Result<(), StoreError> {
        let action = if enabled {
            "tool.enable"
        } else {
            "tool.disable"
        };
        self.edit_tool(scope, actor, action, (server, name), |tool| {
            tool.enabled = enabled;
            Ok(())
        })
    }

    /// Approves the definition whose hash was shown; if it is another by now, nothing is approved
    /// ([`StoreError::Conflict`], S-51).
    pub fn approve_tool(
        &self,
        scope: &WorkspaceScope,
        actor: &Actor,
        server: &ServerId,
        name: &str,
        shown: &[u8; 32],
    ) -> Result<(), StoreError> {
        self.edit_tool(scope, actor, "tool.approve", (server, name), |tool| {
            if tool.hash != *shown {
                return Err(StoreError::Conflict {
                    what: "tool",
                    name: name.to_owned(),
                });
            }
            tool.state = ToolState::Approved;
            Ok(())
        })
    }

    fn edit_tool(
        &self,
        scope: &WorkspaceScope,
        actor: &Actor,
        action: &'static str,
        (server, name): (&ServerId, &str),
        edit: impl FnOnce(&mut ToolRow) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE tools SET classification = ?3, enabled = ?4, state = ?5
            WHERE server_id = ?1 AND name = ?2";
        let doing = "changing a tool";
        self.change(doing, actor, |tx| {
            let spec = servers::find(tx, scope, server)?;
            let tools = of_server(tx, server).doing(doing)?;
            let before = tools.into_iter().find(|tool| tool.name == name);
            let before = before.ok_or_else(|| StoreError::Unknown {
                what: "tool",
                name: name.to_owned(),
            })?;
            let mut after = before.clone();
            edit(&mut after)?;
            if after == before {
                return Ok(((), None));
            }
            let values = params![
                server.as_str(),
                name,
                after.classification.map(Classification::as_str),
                after.enabled,
                after.state.as_str(),
            ];
            tx.execute(SQL, values).doing(doing)?;
            let detail = format!("{}: {name}", spec.slug);
            let entry = Entry::new(action, Some(scope.workspace()), server.as_str(), &detail)
                .states(Some(state(&[before])), Some(state(&[after])));
            Ok(((), Some(entry)))
        })
    }
}

/// Tools of one workspace or of all: by server, then in the server's own order.
pub(crate) fn select(
    connection: &Connection,
    workspace: Option<&WorkspaceId>,
) -> rusqlite::Result<Vec<ToolRow>> {
    const SQL: &str = "SELECT tools.server_id, tools.name, tools.position, tools.definition,
        tools.hash, tools.classification, tools.enabled, tools.state
        FROM tools JOIN servers ON servers.id = tools.server_id
        WHERE ?1 IS NULL OR servers.workspace_id = ?1
        ORDER BY servers.workspace_id, servers.display_order, servers.id, tools.position";
    connection
        .prepare_cached(SQL)?
        .query_map([workspace.map(WorkspaceId::as_str)], read)?
        .collect()
}

impl ToolState {
    /// As it is stored and shown: `approved` or `held`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Held => "held",
        }
    }

    fn parse(text: &str) -> Result<Self, Broken> {
        match text {
            "approved" => Ok(Self::Approved),
            "held" => Ok(Self::Held),
            _ => Err(Broken("a tool's state is neither approved nor held")),
        }
    }
}

fn of_server(connection: &Connection, server: &ServerId) -> rusqlite::Result<Vec<ToolRow>> {
    const SQL: &str = "SELECT server_id, name, position, definition, hash, classification, enabled,
        state FROM tools WHERE server_id = ?1 ORDER BY position, name";
    connection
        .prepare_cached(SQL)?
        .query_map([server.as_str()], read)?
        .collect()
}

fn refuse_repeated(tools: &[ToolRow]) -> Result<(), StoreError> {
    let mut names = std::collections::HashSet::new();
    match tools.iter().find(|tool| !names.insert(tool.name.as_str())) {
        None => Ok(()),
        Some(tool) => Err(StoreError::Taken {
            what: "tool",
            name: tool.name.clone(),
        }),
    }
}

fn keep_admin_settings(before: &[ToolRow], listed: &[ToolRow]) -> Vec<ToolRow> {
    let known: HashMap<&str, &ToolRow> = before.iter().map(|t| (t.name.as_str(), t)).collect();
    let mut after: Vec<ToolRow> = listed
        .iter()
        .map(|tool| match known.get(tool.name.as_str()) {
            None => tool.clone(),
            Some(old) => ToolRow {
                classification: old.classification,
                enabled: old.enabled,
                ..tool.clone()
            },
        })
        .collect();
    after.sort_by(|a, b| (a.position, &a.name).cmp(&(b.position, &b.name)));
    after
}

fn insert(tx: &Transaction<'_>, tool: &ToolRow) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO tools (server_id, name, position, definition, hash,
        classification, enabled, state) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    tx.prepare_cached(SQL)?.execute(params![
        tool.server.as_str(),
        tool.name,
        tool.position,
        tool.definition,
        tool.hash,
        tool.classification.map(Classification::as_str),
        tool.enabled,
        tool.state.as_str(),
    ])?;
    Ok(())
}

/// What an auditor compares; the hash stands for the definition.
fn state(tools: &[ToolRow]) -> Vec<u8> {
    let state: Vec<_> = tools
        .iter()
        .map(|tool| {
            serde_json::json!({
                "name": tool.name,
                "hash": tool.hash,
                "classification": tool.classification,
                "enabled": tool.enabled,
                "state": tool.state.as_str(),
            })
        })
        .collect();
    serde_json::Value::Array(state).to_string().into_bytes()
}

fn read(row: &Row<'_>) -> rusqlite::Result<ToolRow> {
    Ok(ToolRow {
        server: parsed(row, 0, |id| id.try_into())?,
        name: row.get(1)?,
        position: row.get(2)?,
        definition: row.get(3)?,
        hash: row.get(4)?,
        classification: parsed_if_any(row, 5, read_classification)?,
        enabled: row.get(6)?,
        state: parsed(row, 7, ToolState::parse)?,
    })
}

fn read_classification(text: &str) -> Result<Classification, Broken> {
    Classification::parse(text).ok_or(Broken("a tool's classification is unknown"))
}
