//! Pinned tools: what each server's tools were when they were approved (S-50).

use std::collections::HashMap;

use rusqlite::{Connection, Row, Transaction, params};
use toolgate_namespace::{ServerId, WorkspaceId};
use toolgate_policy::Classification;

use crate::audit::{Actor, Entry};
use crate::error::Doing;
use crate::sql::{Broken, parsed, parsed_if_any};
use crate::{Store, StoreError, WorkspaceScope, pins, servers};

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
    /// The pinned definition, JSON text; of a tool that was never approved, the last one that was offered.
    pub definition: Vec<u8>,
    /// SHA-256 of the definition's canonical form (S-50).
    pub hash: [u8; 32],
    /// Another definition that its server offers now, until somebody approves it or the server takes it back.
    pub offer: Option<ToolOffer>,
    /// An admin's word on what it does, which beats its annotations (S-54).
    pub classification: Option<Classification>,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Whether it is approved.
    pub state: ToolState,
    /// Why it is held, or why the offer is not taken, for people.
    pub reason: Option<String>,
    /// Whether its server lists it.
    pub present: bool,
}

/// A definition that nobody approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolOffer {
    /// JSON text, as the server gave it.
    pub definition: Vec<u8>,
    /// SHA-256 of its canonical form.
    pub hash: [u8; 32],
}

const DELETE: &str = "DELETE FROM tools WHERE server_id = ?1 AND name = ?2";

impl ToolRow {
    /// A tool that somebody has settings for before its server listed any.
    fn foretold(server: &ServerId, name: &str) -> Self {
        Self {
            server: server.clone(),
            name: name.to_owned(),
            position: 0,
            definition: b"{}".to_vec(),
            hash: [0; 32],
            offer: None,
            classification: None,
            enabled: true,
            state: ToolState::Held,
            reason: Some("its server has not listed it yet".to_owned()),
            present: false,
        }
    }

    /// Whether nothing but settings is known of it.
    pub(crate) fn is_foretold(&self) -> bool {
        !self.present && self.state == ToolState::Held && self.offer.is_none()
    }

    /// What an approval would approve: the offer, or what is held; `None` when nothing waits for one.
    pub fn awaits(&self) -> Option<&[u8; 32]> {
        match (&self.offer, self.state) {
            (Some(offer), _) => Some(&offer.hash),
            (None, ToolState::Held) => Some(&self.hash),
            (None, ToolState::Approved) => None,
        }
    }
}

impl Store {
    /// Replaces the tools of a server by rows that somebody made up his mind about; what a server lists goes
    /// through [`Store::observe_tools`].
    ///
    /// Of tools whose names are known, `classification` and `enabled` stay as an admin set them.
    /// Nothing is written when nothing changed.
    pub fn save_tools(
        &self,
        scope: &WorkspaceScope,
        actor: &Actor,
        server: &ServerId,
        tools: &[ToolRow],
    ) -> Result<(), StoreError> {
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
            replace(tx, server, &after).doing(doing)?;
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
            if tool.awaits().unwrap_or(&tool.hash) != shown {
                return Err(StoreError::Conflict {
                    what: "tool",
                    name: name.to_owned(),
                });
            }
            if let Some(offer) = tool.offer.take() {
                tool.definition = offer.definition;
                tool.hash = offer.hash;
            }
            tool.state = ToolState::Approved;
            tool.reason = None;
            Ok(())
        })
    }

    /// An admin's settings of a tool, also of one that its server never listed: they wait for its first list.
    pub fn settle_tool(
        &self,
        scope: &WorkspaceScope,
        actor: &Actor,
        (server, name): (&ServerId, &str),
        enabled: bool,
        word: Option<Classification>,
    ) -> Result<(), StoreError> {
        let doing = "settling a tool";
        self.change(doing, actor, |tx| {
            let spec = servers::find(tx, scope, server)?;
            let tools = of_server(tx, server).doing(doing)?;
            let before = tools.into_iter().find(|tool| tool.name == name);
            let known = before.clone();
            let after = ToolRow {
                enabled,
                classification: word,
                ..known.unwrap_or_else(|| ToolRow::foretold(server, name))
            };
            if before.as_ref() == Some(&after) {
                return Ok(((), None));
            }
            tx.execute(DELETE, (server.as_str(), name)).doing(doing)?;
            insert(tx, &after).doing(doing)?;
            let detail = format!("{}: {name}", spec.slug);
            let object = server.as_str();
            let entry = Entry::new("tool.settle", Some(scope.workspace()), object, &detail)
                .states(before.map(|row| state(&[row])), Some(state(&[after])));
            Ok(((), Some(entry)))
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
            tx.execute(DELETE, (server.as_str(), name)).doing(doing)?;
            insert(tx, &after).doing(doing)?;
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
        tools.hash, tools.classification, tools.enabled, tools.state, tools.offered,
        tools.offered_hash, tools.reason, tools.present
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

pub(crate) fn of_server(
    connection: &Connection,
    server: &ServerId,
) -> rusqlite::Result<Vec<ToolRow>> {
    const SQL: &str = "SELECT server_id, name, position, definition, hash, classification, enabled,
        state, offered, offered_hash, reason, present
        FROM tools WHERE server_id = ?1 ORDER BY position, name";
    connection
        .prepare_cached(SQL)?
        .query_map([server.as_str()], read)?
        .collect()
}

pub(crate) fn refuse_repeated(tools: &[ToolRow]) -> Result<(), StoreError> {
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

/// Writes these rows in place of those there are; from then on the server has a baseline.
pub(crate) fn replace(
    tx: &Transaction<'_>,
    server: &ServerId,
    tools: &[ToolRow],
) -> rusqlite::Result<()> {
    const DELETE: &str = "DELETE FROM tools WHERE server_id = ?1";
    tx.execute(DELETE, [server.as_str()])?;
    for tool in tools {
        insert(tx, tool)?;
    }
    pins::note_baseline(tx, server)
}

fn insert(tx: &Transaction<'_>, tool: &ToolRow) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO tools (server_id, name, position, definition, hash,
        classification, enabled, state, offered, offered_hash, reason, present)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    tx.prepare_cached(SQL)?.execute(params![
        tool.server.as_str(),
        tool.name,
        tool.position,
        tool.definition,
        tool.hash,
        tool.classification.map(Classification::as_str),
        tool.enabled,
        tool.state.as_str(),
        tool.offer.as_ref().map(|offer| &offer.definition),
        tool.offer.as_ref().map(|offer| offer.hash),
        tool.reason,
        tool.present,
    ])?;
    Ok(())
}

/// What an auditor compares; the hash stands for the definition.
pub(crate) fn state(tools: &[ToolRow]) -> Vec<u8> {
    let state: Vec<_> = tools
        .iter()
        .map(|tool| {
            serde_json::json!({
                "name": tool.name,
                "hash": tool.hash,
                "classification": tool.classification,
                "enabled": tool.enabled,
                "state": tool.state.as_str(),
                "offered": tool.offer.as_ref().map(|offer| offer.hash),
                "reason": tool.reason,
                "present": tool.present,
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
        offer: match (row.get(8)?, row.get(9)?) {
            (Some(definition), Some(hash)) => Some(ToolOffer { definition, hash }),
            _ => None,
        },
        reason: row.get(10)?,
        present: row.get(11)?,
    })
}

fn read_classification(text: &str) -> Result<Classification, Broken> {
    Classification::parse(text).ok_or(Broken("a tool's classification is unknown"))
}
