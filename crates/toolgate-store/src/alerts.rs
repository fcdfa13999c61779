//! Alerts: what is watched, and where a webhook goes when it happens.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde::{Deserialize, Serialize};
use toolgate_namespace::{ServerSlug, WorkspaceId};

use crate::audit::{Actor, Entry};
use crate::error::Doing;
use crate::sql::{Broken, parsed, parsed_if_any, unreadable};
use crate::{Store, StoreError, WorkspaceScope, alert_memories};

toolgate_namespace::id! {
    /// One alert.
    AlertId, "al_"
}

/// Names of servers, for schemas.
#[cfg(feature = "schema")]
const SLUG: &str = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$";

/// What is watched. Figures are of the calls that ended within the last `window_s` seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum AlertRule {
    /// More than so many of a hundred calls failed.
    ErrorRate {
        /// Per cent.
        over_percent: u32,
        /// How far back, in seconds.
        window_s: u32,
        /// With fewer calls than this nothing is said.
        least_calls: u32,
        /// Only calls of this server.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("pattern" = SLUG, "maxLength" = 24)))]
        server: Option<ServerSlug>,
    },
    /// One call in twenty took longer than this.
    Latency {
        /// Milliseconds.
        p95_over_ms: u32,
        /// How far back, in seconds.
        window_s: u32,
        /// With fewer calls than this nothing is said.
        least_calls: u32,
        /// Only calls of this server.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("pattern" = SLUG, "maxLength" = 24)))]
        server: Option<ServerSlug>,
    },
    /// This share of the calls a month is used up.
    Quota {
        /// Per cent.
        at_percent: u32,
    },
    /// A tool is held: it is new or changed, and nobody has approved it yet.
    Pins,
    /// Calls are not sent to a server, since its circuit is open or its process keeps crashing.
    ServerDown {
        /// For so many seconds.
        for_s: u32,
        /// Only this server.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("pattern" = SLUG, "maxLength" = 24)))]
        server: Option<ServerSlug>,
    },
}

impl AlertRule {
    /// Its kind, as it is stored and shown.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ErrorRate { .. } => "error_rate",
            Self::Latency { .. } => "latency",
            Self::Quota { .. } => "quota",
            Self::Pins => "pins",
            Self::ServerDown { .. } => "server_down",
        }
    }

    /// The one server it watches, if it is not about all of them.
    pub fn server(&self) -> Option<&ServerSlug> {
        match self {
            Self::ErrorRate { server, .. }
            | Self::Latency { server, .. }
            | Self::ServerDown { server, .. } => server.as_ref(),
            Self::Quota { .. } | Self::Pins => None,
        }
    }
}

/// One alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// Identity.
    pub id: AlertId,
    /// The workspace it watches; `None` watches all of them, which is the operator's.
    pub workspace: Option<WorkspaceId>,
    /// What people call it.
    pub name: String,
    /// What it watches.
    pub rule: AlertRule,
    /// Where the webhook goes.
    pub url: String,
    /// The `host:port` that the operator allowed although it is private or plain http (S-65).
    pub allowed_origin: Option<String>,
    /// The secret of the workspace that signs the webhook; `None` leaves it without a signature.
    pub secret: Option<String>,
    /// Whether it is looked at.
    pub enabled: bool,
    /// When it was made, unix milliseconds.
    pub created_at: u64,
}

impl Store {
    /// Saves a new alert of a workspace, or of the installation.
    pub fn create_alert(
        &self,
        scope: Option<&WorkspaceScope>,
        actor: &Actor,
        alert: &Alert,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO alerts (id, workspace_id, name, rule, url, allowed_origin,
            secret, enabled, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let doing = "creating an alert";
        if alert.workspace.as_ref() != scope.map(WorkspaceScope::workspace) {
            return Err(StoreError::OutOfScope { what: "alert" });
        }
        self.change(doing, actor, |tx| {
            if let Some(scope) = scope {
                scope.still_exists(tx)?;
            }
            let values = params![
                alert.id.as_str(),
                alert.workspace.as_ref().map(WorkspaceId::as_str),
                alert.name,
                rule_json(&alert.rule),
                alert.url,
                alert.allowed_origin,
                alert.secret,
                alert.enabled,
                alert.created_at,
            ];
            tx.execute(SQL, values).doing(doing)?;
            let entry = entry("alert.create", alert).states(None, Some(state(alert)));
            Ok(((), Some(entry)))
        })
    }

    /// The alerts of a workspace, or every alert there is, oldest first.
    pub fn alerts(&self, scope: Option<&WorkspaceScope>) -> Result<Vec<Alert>, StoreError> {
        let alerts = self.read("listing alerts", select)?;
        let wanted = scope.map(WorkspaceScope::workspace);
        let concerns = |alert: &Alert| wanted.is_none() || alert.workspace.as_ref() == wanted;
        Ok(alerts.into_iter().filter(concerns).collect())
    }

    /// Switches an alert on or off, and answers it as it is then. Without a scope it may be any.
    pub fn switch_alert(
        &self,
        scope: Option<&WorkspaceScope>,
        actor: &Actor,
        id: &AlertId,
        enabled: bool,
    ) -> Result<Alert, StoreError> {
        const SQL: &str = "UPDATE alerts SET enabled = ?2 WHERE id = ?1";
        let doing = "switching an alert";
        self.change(doing, actor, |tx| {
            let before = find(tx, scope, id)?;
            if before.enabled == enabled {
                return Ok((before, None));
            }
            tx.execute(SQL, (id.as_str(), enabled)).doing(doing)?;
            if !enabled {
                alert_memories::forget(tx, id)?;
            }
            let after = Alert {
                enabled,
                ..before.clone()
            };
            let action = if enabled {
                "alert.enable"
            } else {
                "alert.disable"
            };
            let entry = entry(action, &after).states(Some(state(&before)), Some(state(&after)));
            Ok((after, Some(entry)))
        })
    }

    /// Deletes an alert, and answers what it was. Without a scope it may be any.
    pub fn delete_alert(
        &self,
        scope: Option<&WorkspaceScope>,
        actor: &Actor,
        id: &AlertId,
    ) -> Result<Alert, StoreError> {
        const SQL: &str = "DELETE FROM alerts WHERE id = ?1";
        let doing = "deleting an alert";
        self.change(doing, actor, |tx| {
            let before = find(tx, scope, id)?;
            tx.execute(SQL, [id.as_str()]).doing(doing)?;
            let entry = entry("alert.delete", &before).states(Some(state(&before)), None);
            Ok((before, Some(entry)))
        })
    }
}

/// Every alert, oldest first.
pub(crate) fn select(connection: &Connection) -> rusqlite::Result<Vec<Alert>> {
    const SQL: &str = "SELECT id, workspace_id, name, rule, url, allowed_origin, secret, enabled,
        created_at FROM alerts ORDER BY created_at, id";
    let mut statement = connection.prepare_cached(SQL)?;
    statement.query_map([], read)?.collect()
}

fn find(
    tx: &Transaction<'_>,
    scope: Option<&WorkspaceScope>,
    id: &AlertId,
) -> Result<Alert, StoreError> {
    const SQL: &str = "SELECT id, workspace_id, name, rule, url, allowed_origin, secret, enabled,
        created_at FROM alerts WHERE id = ?1";
    let found = tx
        .query_row(SQL, [id.as_str()], read)
        .optional()
        .doing("looking up an alert")?;
    found
        .filter(|alert| {
            scope.is_none_or(|scope| alert.workspace.as_ref() == Some(scope.workspace()))
        })
        .ok_or_else(|| StoreError::Unknown {
            what: "alert",
            name: id.to_string(),
        })
}

fn read(row: &Row<'_>) -> rusqlite::Result<Alert> {
    let rule: String = row.get(3)?;
    let rule = serde_json::from_str(&rule)
        .map_err(|_| unreadable(3, Broken("the rule of an alert is of another version")))?;
    Ok(Alert {
        id: parsed(row, 0, |text| AlertId::try_from(text))?,
        workspace: parsed_if_any(row, 1, |text| WorkspaceId::try_from(text))?,
        name: row.get(2)?,
        rule,
        url: row.get(4)?,
        allowed_origin: row.get(5)?,
        secret: row.get(6)?,
        enabled: row.get(7)?,
        created_at: row.get(8)?,
    })
}

fn entry(action: &'static str, alert: &Alert) -> Entry {
    let detail = format!("{}: {}", alert.name, alert.rule.kind());
    Entry::new(action, alert.workspace.as_ref(), alert.id.as_str(), &detail)
}

fn rule_json(rule: &AlertRule) -> String {
    serde_json::to_string(rule).expect("words and numbers have a JSON form")
}

fn state(alert: &Alert) -> Vec<u8> {
    serde_json::to_vec(alert).expect("words and numbers have a JSON form")
}
