//! What was called (product.md section 12): metadata, never payload.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_analytics::{CallStatus, Outcome, Source};
use toolgate_store::{CallFilter, CallPlace, CallRow, CallsReader, WorkspaceScope};

use crate::insight::People;
use crate::time::{ago_ms, rfc3339};
use crate::{Admin, AdminError};

/// Which calls to show, to follow or to export.
#[derive(Debug, Clone)]
pub struct CallQuery {
    /// Only of this workspace; `None` = of all, which is for the operator.
    pub workspace: Option<WorkspaceScope>,
    /// Calls since then, unix milliseconds; `None` = all that are kept.
    pub from_ms: Option<u64>,
    /// Calls before then.
    pub to_ms: Option<u64>,
    /// Only to the server of this name.
    pub server: Option<String>,
    /// Only of the tool that its server gives this name.
    pub tool: Option<String>,
    /// Only with this token, by id or name.
    pub token: Option<String>,
    /// Only of this member, by id or address.
    pub member: Option<String>,
    /// Only calls that ended in one of these ways.
    pub statuses: Option<Vec<CallStatus>>,
    /// Only calls that came through this door.
    pub source: Option<Source>,
    /// How many, the newest ones; an export has all.
    pub limit: usize,
}

impl CallQuery {
    /// The word for every way of ending that is somebody's failure.
    pub const FAILED: &str = "failed";

    /// The words by which one asks how calls ended: [`FAILED`](Self::FAILED), and each status.
    pub fn endings() -> impl Iterator<Item = &'static str> {
        let statuses = CallStatus::ALL.into_iter().map(CallStatus::as_str);
        std::iter::once(Self::FAILED).chain(statuses)
    }

    /// What one of these words means; `None` when it is none.
    pub fn ended(word: &str) -> Option<Vec<CallStatus>> {
        let is_meant = |status: &CallStatus| match word {
            Self::FAILED => status.outcome() == Outcome::Failed,
            name => status.as_str() == name,
        };
        let meant: Vec<CallStatus> = CallStatus::ALL.into_iter().filter(is_meant).collect();
        (!meant.is_empty()).then_some(meant)
    }
}

impl Default for CallQuery {
    fn default() -> Self {
        Self {
            workspace: None,
            from_ms: None,
            to_ms: None,
            server: None,
            tool: None,
            token: None,
            member: None,
            statuses: None,
            source: None,
            limit: 100,
        }
    }
}

impl CallQuery {
    /// The same in the words of the store.
    pub(crate) fn filter(&self, people: &People) -> Result<CallFilter, AdminError> {
        let (token, member) = (self.token.as_deref(), self.member.as_deref());
        Ok(CallFilter {
            workspace: self.workspace.clone(),
            since_ms: self.from_ms,
            until_ms: self.to_ms,
            server: self.server.clone(),
            tool: self.tool.clone(),
            token: token.map(|token| people.token_id(token)).transpose()?,
            tokens: member
                .map(|member| people.member(member))
                .transpose()?
                .map(|(_, tokens)| tokens),
            statuses: self.statuses.clone(),
            source: self.source,
            limit: self.limit,
            ..CallFilter::default()
        })
    }
}

/// Some of the newest calls.
#[derive(Debug)]
pub struct CallsPage {
    /// Newest first.
    pub calls: Vec<CallListed>,
    /// Where the next page begins; `None` = this is the end.
    pub next: Option<CallPlace>,
}

/// One call.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CallListed {
    /// Identity (`call_…`), also in the errors clients see.
    pub id: String,
    /// When it arrived.
    pub time: String,
    /// The same in unix milliseconds, for files that keep it as a number.
    #[serde(skip)]
    pub time_ms: u64,
    /// Slug of its workspace; its id when it was deleted since.
    pub workspace: String,
    /// The server that owned the tool; null when none did.
    pub server: Option<String>,
    /// The tool's own name; null when it was unknown (S-23).
    pub tool: Option<String>,
    /// Public id of the token.
    pub token_id: String,
    /// Who or what holds that token; null when it was deleted since.
    pub token_name: Option<String>,
    /// Address of the member whose token it is; the id of one who was removed.
    pub member: Option<String>,
    /// How it ended.
    pub status: CallStatus,
    /// Milliseconds from arrival to the last byte.
    pub duration_ms: u64,
    /// JSON-RPC code, if an error was answered.
    pub error_code: Option<i64>,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the answer.
    pub bytes_out: u64,
    /// Revision the client spoke.
    pub revision: String,
    /// Which door it came through.
    pub source: Source,
}

/// Calls as they happen: each [`CallFeed::newer`] gives those that were recorded since the one before.
#[derive(Debug)]
pub struct CallFeed<'a> {
    admin: &'a Admin,
    filter: CallFilter,
    people: People,
}

impl Admin {
    /// Starts with the newest calls that match; the feed then follows.
    pub fn calls(&self, query: &CallQuery) -> Result<CallFeed<'_>, AdminError> {
        let people = People::read(self, query.workspace.as_ref())?;
        Ok(CallFeed {
            admin: self,
            filter: query.filter(&people)?,
            people,
        })
    }

    /// The newest calls that match, behind a place where a page before it ended.
    pub fn calls_page(
        &self,
        query: &CallQuery,
        before: Option<CallPlace>,
    ) -> Result<CallsPage, AdminError> {
        let people = People::read(self, query.workspace.as_ref())?;
        let mut filter = query.filter(&people)?;
        // One more than is shown says whether there is more.
        filter.limit = query.limit.saturating_add(1);
        filter.before = before;
        let mut rows = CallsReader::open(&self.dir)?.query(&filter)?;
        let is_more = rows.len() > query.limit;
        rows.truncate(query.limit);
        let last = rows.last().filter(|_| is_more);
        Ok(CallsPage {
            next: last.map(|row| CallPlace {
                time_ms: row.time_ms,
                rowid: row.rowid,
            }),
            calls: rows
                .into_iter()
                .map(|row| CallListed::of(row, &people))
                .collect(),
        })
    }
}

impl Admin {
    /// How many call records were lost in the whole installation, within this time if one is given.
    pub fn lost_calls(&self, since: Option<Duration>) -> Result<u64, AdminError> {
        let since_ms = since.map(ago_ms);
        Ok(CallsReader::open(&self.dir)?.lost(since_ms)?)
    }
}

impl CallFeed<'_> {
    /// The calls since the last time, oldest first; the first time, the newest ones that match.
    ///
    /// The file is opened anew each time: the gateway makes it, and may do so after the feed was started.
    pub fn newer(&mut self) -> Result<Vec<CallListed>, AdminError> {
        let mut rows = CallsReader::open(&self.admin.dir)?.query(&self.filter)?;
        rows.sort_by_key(|row| row.rowid);
        if let Some(last) = rows.last() {
            self.filter.after_rowid = Some(last.rowid);
        } else if self.filter.after_rowid.is_none() {
            self.filter.after_rowid = Some(0);
        }
        if rows.iter().any(|row| !self.people.knows(row)) {
            self.people = People::read(self.admin, self.filter.workspace.as_ref())?;
        }
        Ok(rows
            .into_iter()
            .map(|row| CallListed::of(row, &self.people))
            .collect())
    }
}

impl CallListed {
    /// A call under the names that people know.
    pub(crate) fn of(row: CallRow, people: &People) -> Self {
        let holder = people.holder(&row.token_id);
        Self {
            id: row.id,
            time: rfc3339(row.time_ms),
            time_ms: row.time_ms,
            workspace: people.workspace_label(row.workspace.as_str()),
            server: row.server_slug,
            tool: row.tool,
            token_name: holder.map(|holder| holder.name.clone()),
            member: holder.and_then(|holder| Some(holder.member.as_ref()?.1.clone())),
            token_id: row.token_id,
            status: row.status,
            error_code: row.error_code,
            duration_ms: row.duration_ms,
            bytes_in: row.bytes_in,
            bytes_out: row.bytes_out,
            revision: row.revision,
            source: row.source,
        }
    }
}
