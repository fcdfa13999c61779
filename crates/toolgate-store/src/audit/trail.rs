//! The audit trail as people read it.

use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};
use toolgate_namespace::WorkspaceId;
use toolgate_policy::TokenId;

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

    /// Whoever presented this token.
    pub fn token(id: &TokenId) -> Self {
        Self {
            name: format!("token {id}"),
        }
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

impl Store {
    /// The newest rows of the whole installation, newest first.
    pub fn audit(&self, limit: usize) -> Result<Vec<AuditRow>, StoreError> {
        self.audit_rows(None, limit)
    }

    /// The newest rows of one workspace, newest first.
    pub fn workspace_audit(
        &self,
        scope: &WorkspaceScope,
        limit: usize,
    ) -> Result<Vec<AuditRow>, StoreError> {
        self.audit_rows(Some(scope), limit)
    }

    fn audit_rows(
        &self,
        scope: Option<&WorkspaceScope>,
        limit: usize,
    ) -> Result<Vec<AuditRow>, StoreError> {
        const ALL: &str = "SELECT sequence, at, actor, action, workspace_id, object, detail
            FROM audit ORDER BY sequence DESC LIMIT ?1";
        const OF_WORKSPACE: &str =
            "SELECT sequence, at, actor, action, workspace_id, object, detail
            FROM audit WHERE workspace_id = ?2 ORDER BY sequence DESC LIMIT ?1";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read("reading the audit trail", |connection| match scope {
            None => connection
                .prepare_cached(ALL)?
                .query_map([limit], audit_row)?
                .collect(),
            Some(scope) => connection
                .prepare_cached(OF_WORKSPACE)?
                .query_map(params![limit, scope.id()], audit_row)?
                .collect(),
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
