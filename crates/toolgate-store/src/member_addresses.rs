//! Under which address the members of a workspace are known, for lists of what they called.

use crate::{Store, StoreError, WorkspaceScope};

impl Store {
    /// Id and address of each member of a workspace.
    pub fn member_addresses(
        &self,
        scope: &WorkspaceScope,
    ) -> Result<Vec<(String, String)>, StoreError> {
        const SQL: &str = "SELECT id, email FROM members WHERE workspace_id = ?1";
        self.read("listing members", |connection| {
            connection
                .prepare_cached(SQL)?
                .query_map([scope.id()], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
    }
}
