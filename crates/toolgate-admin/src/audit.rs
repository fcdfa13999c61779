//! What administrators did (S-83, S-85).

use std::collections::HashMap;

use serde::Serialize;

use crate::time::rfc3339;
use crate::{Admin, AdminError};

/// One administrative act.
#[derive(Debug, Clone, Serialize)]
pub struct AuditListed {
    /// Place in the chain, from 1 without gaps.
    pub sequence: u64,
    /// When.
    pub time: String,
    /// Who.
    pub actor: String,
    /// What was done, such as `token.create`.
    pub action: String,
    /// Slug of the workspace it was done in; its id when it was deleted since.
    pub workspace: Option<String>,
    /// Id of what was changed.
    pub object: String,
    /// What a person calls it.
    pub detail: String,
}

impl Admin {
    /// The newest acts of the whole installation, oldest first.
    pub fn list_audit(&self, limit: usize) -> Result<Vec<AuditListed>, AdminError> {
        let summaries = self.store.workspaces()?;
        let slugs: HashMap<_, _> = summaries
            .into_iter()
            .map(|summary| (summary.workspace.id, summary.workspace.slug))
            .collect();
        let mut rows = self.store.audit(limit)?;
        rows.sort_by_key(|row| row.sequence);
        Ok(rows
            .into_iter()
            .map(|row| AuditListed {
                sequence: row.sequence,
                time: rfc3339(row.at),
                actor: row.actor,
                action: row.action,
                workspace: row.workspace.map(|id| {
                    slugs
                        .get(&id)
                        .map_or_else(|| id.to_string(), ToString::to_string)
                }),
                object: row.object,
                detail: row.detail,
            })
            .collect())
    }
}
