//! Which calls are meant.

use std::collections::HashSet;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use toolgate_analytics::{CallStatus, Source};

use super::clamp;
use super::names::{Kind, find};
use super::packed::Party;
use crate::WorkspaceScope;

const MAX_LIMIT: usize = 10_000;
const DEFAULT_LIMIT: usize = 100;

/// Where a call stands in a list of the newest, so that the next page begins behind it whatever came meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CallPlace {
    /// When it arrived, unix milliseconds.
    pub time_ms: u64,
    /// Its place in the file, among calls of the same millisecond.
    pub rowid: u64,
}

/// Which calls to show; by default the newest 100 of the whole installation.
#[derive(Debug, Clone)]
pub struct CallFilter {
    /// Calls of one workspace (S-45); `None` means of all, which is for the operator only.
    pub workspace: Option<WorkspaceScope>,
    /// Calls that arrived at or after this time, unix milliseconds.
    pub since_ms: Option<u64>,
    /// Calls that arrived before this time, unix milliseconds.
    pub until_ms: Option<u64>,
    /// Calls of the server with this slug.
    pub server: Option<String>,
    /// Calls of the tool that its server gives this name.
    pub tool: Option<String>,
    /// Calls made with the token with this public id.
    pub token: Option<String>,
    /// Calls made with one of the tokens with these public ids; with none, of an empty list.
    pub tokens: Option<Vec<String>>,
    /// Calls that ended in one of these ways.
    pub statuses: Option<Vec<CallStatus>>,
    /// Calls that came through this door.
    pub source: Option<Source>,
    /// Calls that stand behind this place in a list of the newest.
    pub before: Option<CallPlace>,
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
            until_ms: None,
            server: None,
            tool: None,
            token: None,
            tokens: None,
            statuses: None,
            source: None,
            before: None,
            after_rowid: None,
            limit: DEFAULT_LIMIT,
        }
    }
}

/// A filter in the numbers of the dictionary.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) workspace: Option<i64>,
    server_slug: Option<i64>,
    tool: Option<i64>,
    tokens: Option<HashSet<i64>>,
    statuses: Option<Vec<CallStatus>>,
    source: Option<Source>,
    before: Option<CallPlace>,
    pub(super) since_ms: i64,
    /// The last millisecond that is meant.
    pub(super) last_ms: i64,
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
        let tool = number(Kind::Tool, filter.tool.as_deref())?;
        let (Some(workspace), Some(server_slug), Some(tool)) = (workspace, server_slug, tool)
        else {
            return Ok(None);
        };
        let last_ms = (filter.until_ms).map_or(i64::MAX, |until| clamp(until).saturating_sub(1));
        let before_ms = (filter.before).map_or(i64::MAX, |place| clamp(place.time_ms));
        Ok(Some(Self {
            workspace,
            server_slug,
            tool,
            tokens: tokens(connection, filter)?,
            statuses: filter.statuses.clone(),
            source: filter.source,
            before: filter.before,
            since_ms: filter.since_ms.map_or(0, clamp),
            last_ms: last_ms.min(before_ms),
            limit: filter.limit.min(MAX_LIMIT),
        }))
    }

    /// Whether calls of this party pass.
    pub(super) fn admits(&self, party: &Party) -> bool {
        self.workspace
            .is_none_or(|number| number == party.workspace)
            && self.admits_names(party.server_slug, party.tool, party.token)
            && self.admits_source(party.source)
    }

    /// Whether calls of this server, tool and token pass.
    pub(super) fn admits_names(
        &self,
        server_slug: Option<i64>,
        tool: Option<i64>,
        token: i64,
    ) -> bool {
        (self.server_slug).is_none_or(|number| Some(number) == server_slug)
            && self.tool.is_none_or(|number| Some(number) == tool)
            && (self.tokens.as_ref()).is_none_or(|tokens| tokens.contains(&token))
    }

    /// Whether calls of this time that ended like this pass.
    pub(super) fn admits_call(&self, time_ms: u64, status: CallStatus) -> bool {
        (self.since_ms..=self.last_ms).contains(&clamp(time_ms)) && self.admits_status(status)
    }

    pub(super) fn admits_source(&self, source: Source) -> bool {
        self.source.is_none_or(|wanted| wanted == source)
    }

    /// Whether the call of this time at this place stands behind the one that was named.
    pub(super) fn admits_place(&self, time_ms: u64, rowid: u64) -> bool {
        self.before
            .is_none_or(|before| CallPlace { time_ms, rowid } < before)
    }

    pub(super) fn admits_status(&self, status: CallStatus) -> bool {
        (self.statuses.as_ref()).is_none_or(|statuses| statuses.contains(&status))
    }
}

/// The tokens that pass; `None` if all do.
fn tokens(connection: &Connection, filter: &CallFilter) -> rusqlite::Result<Option<HashSet<i64>>> {
    let numbers = |ids: &[String]| -> rusqlite::Result<HashSet<i64>> {
        let known = ids.iter().map(|id| find(connection, Kind::Token, id));
        known.filter_map(Result::transpose).collect()
    };
    let one = filter.token.as_ref();
    let one = one
        .map(|id| numbers(std::slice::from_ref(id)))
        .transpose()?;
    let some = filter.tokens.as_deref().map(numbers).transpose()?;
    Ok(match (one, some) {
        (Some(one), Some(some)) => Some(&one & &some),
        (one, some) => one.or(some),
    })
}
