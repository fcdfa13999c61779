//! What servers list, held against what is pinned (S-50), and by what servers are known again (S-52).

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Row, params};
use toolgate_namespace::{ServerId, ServerIdentity, WorkspaceId};

use crate::audit::{Actor, Entry};
use crate::error::Doing;
use crate::sql::{parsed, parsed_if_any};
use crate::store::generation;
use crate::tools::{self, ToolOffer};
use crate::{Store, StoreError, ToolRow, ToolState, WorkspaceScope, servers};

/// Pins of tools that their server lists no longer, kept for each server; they come back approved.
const GONE_KEPT: usize = 256;

/// One tool of a list, as its server gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedTool {
    /// The name its server gives it.
    pub name: String,
    /// JSON text.
    pub definition: Vec<u8>,
    /// SHA-256 of the definition's canonical form (S-50).
    pub hash: [u8; 32],
}

/// What becomes of an offered definition that is not the pinned one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruling {
    /// It is pinned and served.
    Accept,
    /// It waits for an approval; the pinned one is served meanwhile. Without one, as [`Ruling::Hold`].
    Keep(
        /// Why, for people.
        String,
    ),
    /// It waits for an approval, and nothing is served.
    Hold(
        /// Why, for people.
        String,
    ),
}

/// What a rule is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    /// The tool as it is known; `None` when it is new.
    pub known: Option<&'a ToolRow>,
    /// Whether this is the first list of its server.
    pub is_first: bool,
    /// What the server offers.
    pub offered: &'a OfferedTool,
}

/// By what a server is known again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerPin {
    /// The server.
    pub server: ServerId,
    /// What was approved, or seen first.
    pub identity: ServerIdentity,
    /// Another identity that was seen since: the server is quarantined until somebody approves it.
    pub seen: Option<ServerIdentity>,
    /// When its first list of tools was pinned, unix milliseconds; `None` when it never listed any.
    pub baseline_at: Option<u64>,
}

/// The pins of a server at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Number of the last change that is in here ([`crate::Installation::generation`]).
    pub generation: u64,
    /// Its tools.
    pub tools: Vec<ToolRow>,
    /// The server's own pin.
    pub server: Option<ServerPin>,
}

impl Store {
    /// Holds a list of a server against its pins and saves what comes of it, in one transaction.
    ///
    /// `rule` is asked about every tool that is new or not as it is pinned. A tool that is as pinned again is
    /// as it was before; one that is not listed any more keeps its pin. Nothing is written when nothing changed.
    pub fn observe_tools(
        &self,
        scope: &WorkspaceScope,
        actor: &Actor,
        server: &ServerId,
        offered: &[OfferedTool],
        rule: impl Fn(Listed<'_>) -> Ruling,
    ) -> Result<Observed, StoreError> {
        let doing = "pinning the tools of a server";
        self.change(doing, actor, |tx| {
            let spec = servers::find(tx, scope, server)?;
            let before = tools::of_server(tx, server).doing(doing)?;
            let pin = find(tx, server).doing(doing)?;
            let is_first = pin.as_ref().is_none_or(|pin| pin.baseline_at.is_none());
            let after = held_against(&before, server, offered, is_first, rule);
            tools::refuse_repeated(&after)?;
            let generation = generation(tx).doing(doing)?;
            if after == before && !is_first {
                let observed = Observed {
                    generation,
                    tools: after,
                    server: pin,
                };
                return Ok((observed, None));
            }
            tools::replace(tx, server, &after).doing(doing)?;
            let (action, detail) = summary(spec.slug.as_str(), is_first, &after);
            let entry = Entry::new(action, Some(scope.workspace()), server.as_str(), &detail)
                .states(Some(tools::state(&before)), Some(tools::state(&after)));
            let observed = Observed {
                generation: generation + 1,
                tools: after,
                server: find(tx, server).doing(doing)?,
            };
            Ok((observed, Some(entry)))
        })
    }

    /// Holds what was seen of a server against its pin; what is seen for the first time is pinned. Another
    /// identity than the pinned one quarantines the server until [`Store::approve_server`].
    pub fn observe_server(
        &self,
        scope: &WorkspaceScope,
        actor: &Actor,
        server: &ServerId,
        seen: &ServerIdentity,
    ) -> Result<ServerPin, StoreError> {
        let doing = "pinning a server";
        self.change(doing, actor, |tx| {
            let spec = servers::find(tx, scope, server)?;
            let before = find(tx, server).doing(doing)?;
            let mut after = before.clone().unwrap_or_else(|| ServerPin::new(server));
            let differences = after.identity.differences(seen);
            let action = if differences.is_empty() {
                after.identity = after.identity.completed_by(seen);
                "server.pin"
            } else {
                after.seen = Some(seen.completed_by(&after.identity));
                "server.quarantine"
            };
            if before.as_ref() == Some(&after) {
                return Ok((after, None));
            }
            save(tx, &after).doing(doing)?;
            let detail = if differences.is_empty() {
                spec.slug.to_string()
            } else {
                format!("{}: {} changed", spec.slug, differences.join(", "))
            };
            let entry = Entry::new(action, Some(scope.workspace()), server.as_str(), &detail)
                .states(before.as_ref().map(state), Some(state(&after)));
            Ok((after, Some(entry)))
        })
    }

    /// Approves the identity that was shown, and ends the quarantine; if another one was seen by now, nothing is
    /// approved ([`StoreError::Conflict`], S-51).
    pub fn approve_server(
        &self,
        scope: &WorkspaceScope,
        actor: &Actor,
        server: &ServerId,
        shown: &ServerIdentity,
    ) -> Result<(), StoreError> {
        let doing = "approving a server";
        self.change(doing, actor, |tx| {
            let spec = servers::find(tx, scope, server)?;
            let before = find(tx, server).doing(doing)?;
            let Some(before) = before.filter(|pin| pin.seen.is_some()) else {
                return Ok(((), None));
            };
            if before.seen.as_ref() != Some(shown) {
                return Err(StoreError::Conflict {
                    what: "server",
                    name: spec.slug.to_string(),
                });
            }
            let after = ServerPin {
                identity: shown.clone(),
                seen: None,
                ..before.clone()
            };
            save(tx, &after).doing(doing)?;
            let action = "server.approve";
            let slug = spec.slug.as_str();
            let entry = Entry::new(action, Some(scope.workspace()), server.as_str(), slug)
                .states(Some(state(&before)), Some(state(&after)));
            Ok(((), Some(entry)))
        })
    }

    /// The pins of the servers of a workspace.
    pub fn server_pins(&self, scope: &WorkspaceScope) -> Result<Vec<ServerPin>, StoreError> {
        self.read("listing the pins of servers", |connection| {
            select(connection, Some(scope.workspace()))
        })
    }
}

impl ServerPin {
    fn new(server: &ServerId) -> Self {
        Self {
            server: server.clone(),
            identity: ServerIdentity::default(),
            seen: None,
            baseline_at: None,
        }
    }

    /// Why its tools are held; `None` while it is who it was. `configured` is what its settings say of it.
    pub fn quarantined(&self, configured: &ServerIdentity) -> Option<String> {
        let seen = self.seen.as_ref().unwrap_or(configured);
        let differences = self.identity.differences(seen);
        (!differences.is_empty()).then(|| format!("{} changed", differences.join(", ")))
    }
}

/// The rows after a list was seen, in its order; those it does not name stand behind.
fn held_against(
    before: &[ToolRow],
    server: &ServerId,
    offered: &[OfferedTool],
    is_first: bool,
    rule: impl Fn(Listed<'_>) -> Ruling,
) -> Vec<ToolRow> {
    let mut known: HashMap<&str, &ToolRow> = before.iter().map(|t| (t.name.as_str(), t)).collect();
    let mut after = Vec::with_capacity(offered.len());
    for tool in offered {
        let row = known.remove(tool.name.as_str());
        let ruling = |known| {
            rule(Listed {
                known,
                is_first,
                offered: tool,
            })
        };
        after.push(match row {
            None => new_row(server, tool, ruling(None)),
            Some(row) if row.is_foretold() => ToolRow {
                enabled: row.enabled,
                classification: row.classification,
                ..new_row(server, tool, ruling(None))
            },
            Some(row) if row.hash == tool.hash => unchanged(row),
            Some(row) => changed(row, tool, ruling(Some(row))),
        });
    }
    let mut gone: Vec<&ToolRow> = known
        .into_values()
        .filter(|row| row.state == ToolState::Approved || row.offer.is_some() || row.is_foretold())
        .collect();
    gone.sort_by(|a, b| (a.position, &a.name).cmp(&(b.position, &b.name)));
    gone.truncate(GONE_KEPT);
    after.extend(gone.into_iter().map(|row| ToolRow {
        present: false,
        ..row.clone()
    }));
    for (row, position) in after.iter_mut().zip(0..) {
        row.position = position;
    }
    after
}

fn new_row(server: &ServerId, tool: &OfferedTool, ruling: Ruling) -> ToolRow {
    let (state, reason) = match ruling {
        Ruling::Accept => (ToolState::Approved, None),
        Ruling::Keep(reason) | Ruling::Hold(reason) => (ToolState::Held, Some(reason)),
    };
    ToolRow {
        server: server.clone(),
        name: tool.name.clone(),
        position: 0,
        definition: tool.definition.clone(),
        hash: tool.hash,
        offer: None,
        classification: None,
        enabled: true,
        state,
        reason,
        present: true,
    }
}

/// As it is pinned, perhaps again: what was held for another offer is approved as it was.
fn unchanged(row: &ToolRow) -> ToolRow {
    let was_approved = row.state == ToolState::Approved || row.offer.is_some();
    ToolRow {
        present: true,
        offer: None,
        state: if was_approved {
            ToolState::Approved
        } else {
            ToolState::Held
        },
        reason: if was_approved {
            None
        } else {
            row.reason.clone()
        },
        ..row.clone()
    }
}

fn changed(row: &ToolRow, tool: &OfferedTool, ruling: Ruling) -> ToolRow {
    let is_pinned = row.state == ToolState::Approved || row.offer.is_some();
    let offer = || {
        is_pinned.then(|| ToolOffer {
            definition: tool.definition.clone(),
            hash: tool.hash,
        })
    };
    let taken = || ToolRow {
        definition: tool.definition.clone(),
        hash: tool.hash,
        offer: None,
        present: true,
        ..row.clone()
    };
    match ruling {
        Ruling::Accept => ToolRow {
            state: ToolState::Approved,
            reason: None,
            ..taken()
        },
        Ruling::Keep(reason) if is_pinned => ToolRow {
            state: ToolState::Approved,
            reason: Some(reason),
            offer: offer(),
            present: true,
            ..row.clone()
        },
        Ruling::Hold(reason) if is_pinned => ToolRow {
            state: ToolState::Held,
            reason: Some(reason),
            offer: offer(),
            present: true,
            ..row.clone()
        },
        Ruling::Keep(reason) | Ruling::Hold(reason) => ToolRow {
            state: ToolState::Held,
            reason: Some(reason),
            ..taken()
        },
    }
}

fn summary(slug: &str, is_first: bool, tools: &[ToolRow]) -> (&'static str, String) {
    let present = tools.iter().filter(|tool| tool.present).count();
    let waiting = tools
        .iter()
        .filter(|tool| tool.present && tool.awaits().is_some());
    let detail = format!(
        "{slug}: {present} tools, {} to be reviewed",
        waiting.count()
    );
    let action = if is_first {
        "tools.baseline"
    } else {
        "tools.observe"
    };
    (action, detail)
}

/// Notes that the first list of a server is pinned.
pub(crate) fn note_baseline(connection: &Connection, server: &ServerId) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO server_pins (server_id, identity, seen, baseline_at)
        VALUES (?1, '{}', NULL, ?2) ON CONFLICT (server_id) DO UPDATE
        SET baseline_at = COALESCE(server_pins.baseline_at, excluded.baseline_at)";
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
    connection.execute(
        SQL,
        params![server.as_str(), i64::try_from(now).unwrap_or(i64::MAX)],
    )?;
    Ok(())
}

fn save(connection: &Connection, pin: &ServerPin) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT OR REPLACE INTO server_pins (server_id, identity, seen, baseline_at)
        VALUES (?1, ?2, ?3, ?4)";
    connection.execute(
        SQL,
        params![
            pin.server.as_str(),
            json(&pin.identity),
            pin.seen.as_ref().map(json),
            pin.baseline_at,
        ],
    )?;
    Ok(())
}

fn json(identity: &ServerIdentity) -> String {
    serde_json::to_string(identity).expect("text has a JSON form")
}

fn state(pin: &ServerPin) -> Vec<u8> {
    let seen = pin.seen.as_ref();
    let state = serde_json::json!({ "identity": pin.identity, "seen": seen });
    state.to_string().into_bytes()
}

fn find(connection: &Connection, server: &ServerId) -> rusqlite::Result<Option<ServerPin>> {
    const SQL: &str =
        "SELECT server_id, identity, seen, baseline_at FROM server_pins WHERE server_id = ?1";
    connection
        .prepare_cached(SQL)?
        .query_row([server.as_str()], read)
        .optional()
}

/// Pins of the servers of one workspace or of all.
pub(crate) fn select(
    connection: &Connection,
    workspace: Option<&WorkspaceId>,
) -> rusqlite::Result<Vec<ServerPin>> {
    const SQL: &str = "SELECT server_id, identity, seen, baseline_at
        FROM server_pins JOIN servers ON servers.id = server_id
        WHERE ?1 IS NULL OR servers.workspace_id = ?1 ORDER BY server_id";
    connection
        .prepare_cached(SQL)?
        .query_map([workspace.map(WorkspaceId::as_str)], read)?
        .collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<ServerPin> {
    Ok(ServerPin {
        server: parsed(row, 0, |id| id.try_into())?,
        identity: parsed(row, 1, |text| serde_json::from_str(text))?,
        seen: parsed_if_any(row, 2, |text| serde_json::from_str(text))?,
        baseline_at: row.get(3)?,
    })
}
