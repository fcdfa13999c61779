//! The audit trail as people read it.

use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};
use toolgate_namespace::WorkspaceId;
use toolgate_policy::{OperatorKeyId, TokenId};

use crate::sql::parsed_if_any;
use crate::{Store, StoreError, WorkspaceScope};

/// Who makes a change: written into the audit row of the same transaction (S-83).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    name: String,
}

impl Actor {
    /// Somebody with a shell on the host, such as `uid 0`.
    pub fn operator(name: &str) -> Self {
        Self {
            name: format!("operator {name}"),
        }
    }

    /// The gateway, by itself.
    pub fn gateway() -> Self {
        Self {
            name: "gateway".to_owned(),
        }
    }

    /// Somebody who could not say who they are.
    pub fn stranger() -> Self {
        Self {
            name: "stranger".to_owned(),
        }
    }

    /// Whoever presented this operator's key.
    pub fn operator_key(id: &OperatorKeyId) -> Self {
        Self {
            name: format!("key {id}"),
        }
    }

    /// Whoever presented this token.
    pub fn token(id: &TokenId) -> Self {
        Self {
            name: format!("token {id}"),
        }
    }

    /// Whoever holds the code of an invitation, and nothing else yet.
    pub fn invited() -> Self {
        Self {
            name: "invitation".to_owned(),
        }
    }

    /// The token that acts, if one does.
    pub fn as_token(&self) -> Option<TokenId> {
        TokenId::try_from(self.name.strip_prefix("token ")?).ok()
    }

    /// The operator's key that acts, if one does.
    pub fn as_operator_key(&self) -> Option<OperatorKeyId> {
        OperatorKeyId::try_from(self.name.strip_prefix("key ")?).ok()
    }

    /// As the audit trail shows it.
    pub fn as_str(&self) -> &str {
        &self.name
    }
}

/// One audited change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// Place in the chain, from 1 without gaps.
    pub sequence: u64,
    /// When, unix milliseconds.
    pub at: u64,
    /// Who.
    pub actor: String,
    /// What was done: noun and verb, such as `token.create`.
    pub action: String,
    /// The workspace it was done in, if in one.
    pub workspace: Option<WorkspaceId>,
    /// Id of what was changed.
    pub object: String,
    /// What a person calls it: names, never values.
    pub detail: String,
}

/// Which rows to show; by default the newest 100 of the whole installation.
#[derive(Debug, Clone)]
pub struct AuditFilter {
    /// Rows of one workspace (S-45); `None` means of all, which is for the operator only.
    pub workspace: Option<WorkspaceScope>,
    /// Rows written at or after this time, unix milliseconds.
    pub since_ms: Option<u64>,
    /// Rows whose action is this (`token.create`) or of this noun (`token`).
    pub action: Option<String>,
    /// Rows of whoever has this text in the name, such as a token's id.
    pub actor: Option<String>,
    /// Rows that stand before this place in the chain.
    pub before: Option<u64>,
    /// At most so many, the newest.
    pub limit: usize,
}

impl Default for AuditFilter {
    fn default() -> Self {
        Self {
            workspace: None,
            since_ms: None,
            action: None,
            actor: None,
            before: None,
            limit: 100,
        }
    }
}

impl Store {
    /// The newest rows of the whole installation, newest first.
    pub fn audit(&self, limit: usize) -> Result<Vec<AuditRow>, StoreError> {
        self.audit_rows(&AuditFilter {
            limit,
            ..AuditFilter::default()
        })
    }

    /// The newest rows of one workspace, newest first.
    pub fn workspace_audit(
        &self,
        scope: &WorkspaceScope,
        limit: usize,
    ) -> Result<Vec<AuditRow>, StoreError> {
        self.audit_rows(&AuditFilter {
            workspace: Some(scope.clone()),
            limit,
            ..AuditFilter::default()
        })
    }

    /// The newest rows that pass the filter, newest first.
    pub fn audit_rows(&self, filter: &AuditFilter) -> Result<Vec<AuditRow>, StoreError> {
        const SQL: &str = "SELECT sequence, at, actor, action, workspace_id, object, detail
            FROM audit
            WHERE (?2 IS NULL OR workspace_id = ?2) AND at >= ?3
            AND (?4 IS NULL OR action = ?4 OR substr(action, 1, length(?4) + 1) = ?4 || '.')
            AND (?5 IS NULL OR instr(actor, ?5) > 0) AND sequence < ?6
            ORDER BY sequence DESC LIMIT ?1";
        let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX);
        let since = i64::try_from(filter.since_ms.unwrap_or(0)).unwrap_or(i64::MAX);
        let values = params![
            limit,
            filter.workspace.as_ref().map(WorkspaceScope::id),
            since,
            filter.action,
            filter.actor,
            filter
                .before
                .and_then(|place| i64::try_from(place).ok())
                .unwrap_or(i64::MAX),
        ];
        self.read("reading the audit trail", |connection| {
            connection
                .prepare_cached(SQL)?
                .query_map(values, audit_row)?
                .collect()
        })
    }
}

fn audit_row(row: &Row<'_>) -> rusqlite::Result<AuditRow> {
    Ok(AuditRow {
        sequence: row.get(0)?,
        at: row.get(1)?,
        actor: row.get(2)?,
        action: row.get(3)?,
        workspace: parsed_if_any(row, 4, |id| id.try_into())?,
        object: row.get(5)?,
        detail: row.get(6)?,
    })
}
