//! One row of the chain with everything its MAC covers.

use rusqlite::Row;
use serde::{Deserialize, Serialize};
use toolgate_vault::LengthPrefixed;

use super::hex;

/// A row as the chain holds it: what [`crate::AuditRow`] shows, and what makes it tamper evident (S-84).
///
/// An export is one of these a line, so it can be verified wherever the key is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainedRow {
    /// Place in the chain, from 1 without gaps.
    pub sequence: u64,
    /// When, unix milliseconds.
    pub at: u64,
    /// Who.
    pub actor: String,
    /// What was done, such as `token.create`.
    pub action: String,
    /// Id of the workspace it was done in, if in one.
    pub workspace: Option<String>,
    /// Id of what was changed.
    pub object: String,
    /// What a person calls it.
    pub detail: String,
    /// Keyed digest of the state before, if there was one.
    #[serde(with = "hex::optional")]
    pub before: Option<[u8; 32]>,
    /// Keyed digest of the state after, if there is one.
    #[serde(with = "hex::optional")]
    pub after: Option<[u8; 32]>,
    /// Id of the key the row was written under; `None` in rows older than that column.
    pub key_id: Option<String>,
    /// MAC of the row before; zeros in the first.
    #[serde(with = "hex")]
    pub previous: [u8; 32],
    /// MAC over everything above.
    #[serde(with = "hex")]
    pub mac: [u8; 32],
}

impl ChainedRow {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sequence: row.get(0)?,
            at: row.get(1)?,
            actor: row.get(2)?,
            action: row.get(3)?,
            workspace: row.get(4)?,
            object: row.get(5)?,
            detail: row.get(6)?,
            before: row.get(7)?,
            after: row.get(8)?,
            previous: row.get(9)?,
            mac: row.get(10)?,
            key_id: row.get(11)?,
        })
    }

    /// What the MAC is made over. The key's id is appended only where there is one, so that older rows
    /// keep their MACs and no row passes for an older one.
    pub(super) fn authenticated_bytes(&self) -> Vec<u8> {
        let digest = |state: &Option<[u8; 32]>| state.map_or(Vec::new(), Vec::from);
        let fields = LengthPrefixed::new("toolgate audit row")
            .number(self.sequence)
            .number(self.at)
            .text(&self.actor)
            .text(&self.action)
            .optional(self.workspace.as_deref())
            .text(&self.object)
            .text(&self.detail)
            .bytes(&digest(&self.before))
            .bytes(&digest(&self.after))
            .bytes(&self.previous);
        match &self.key_id {
            Some(id) => fields.text(id).into_bytes(),
            None => fields.into_bytes(),
        }
    }
}
