//! Which calls to show.

use rusqlite::Connection;

use super::clamp;
use super::names::{Kind, find};
use super::packed::Party;
use crate::WorkspaceScope;

const MAX_LIMIT: usize = 10_000;
const DEFAULT_LIMIT: usize = 100;

/// Which calls to show; by default the newest 100 of the whole installation.
#[derive(Debug, Clone)]
pub struct CallFilter {
    /// Calls of one workspace (S-45); `None` means of all, which is for the operator only.
    pub workspace: Option<WorkspaceScope>,
    /// Calls that arrived at or after this time, unix milliseconds.
    pub since_ms: Option<u64>,
    /// Calls of the server with this slug.
    pub server: Option<String>,
    /// Calls made with the token with this public id.
    pub token: Option<String>,
    /// Calls recorded after this row; see [`crate::CallsReader::query`].
    pub after_rowid: Option<u64>,
    /// At most so many, and never more than 10,000. Default 100.
    pub limit: usize,
}

impl Default for CallFilter {
    fn default() -> Self {
        Self {
            workspace: None,
            since_ms: None,
            server: None,
            token: None,
            after_rowid: None,
            limit: DEFAULT_LIMIT,
        }
    }
}

/// A filter in the numbers of the dictionary.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) workspace: Option<i64>,
    pub(super) server_slug: Option<i64>,
    pub(super) token: Option<i64>,
    pub(super) since_ms: i64,
    pub(super) limit: usize,
}

impl Wanted {
    /// `None` when a name was never recorded, so that no call can pass.
    pub(super) fn find(
        connection: &Connection,
        filter: &CallFilter,
    ) -> rusqlite::Result<Option<Self>> {
        let workspace = filter
            .workspace
            .as_ref()
            .map(|scope| scope.workspace().as_str());
        let number = |kind, name: Option<&str>| match name {
            None => Ok(Some(None)),
            Some(name) => find(connection, kind, name).map(|number| number.map(Some)),
        };
        let workspace = number(Kind::Workspace, workspace)?;
        let server_slug = number(Kind::ServerSlug, filter.server.as_deref())?;
        let token = number(Kind::Token, filter.token.as_deref())?;
        Ok(match (workspace, server_slug, token) {
            (Some(workspace), Some(server_slug), Some(token)) => Some(Self {
                workspace,
                server_slug,
                token,
                since_ms: filter.since_ms.map_or(0, clamp),
                limit: filter.limit.min(MAX_LIMIT),
            }),
            _ => None,
        })
    }

    /// Whether calls of this party pass.
    pub(super) fn admits(&self, party: &Party) -> bool {
        self.workspace
            .is_none_or(|number| number == party.workspace)
            && (self.server_slug).is_none_or(|number| Some(number) == party.server_slug)
            && self.token.is_none_or(|number| number == party.token)
    }
}
