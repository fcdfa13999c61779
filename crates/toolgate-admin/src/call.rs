//! What was called (product.md section 12): metadata, never payload.

use std::collections::HashMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_analytics::{CallStatus, Source};
use toolgate_store::{CallFilter, CallRow, CallsReader, WorkspaceScope};

use crate::time::{millis, now_ms, rfc3339};
use crate::{Admin, AdminError};

/// Which calls to show.
#[derive(Debug, Clone)]
pub struct CallQuery {
    /// Only of this workspace; `None` = of all.
    pub workspace: Option<WorkspaceScope>,
    /// Only calls not older than this.
    pub since: Option<Duration>,
    /// Only to the server of this name.
    pub server: Option<String>,
    /// Only with this token, by id or name.
    pub token: Option<String>,
    /// How many, the newest ones.
    pub limit: usize,
}

/// One call.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CallListed {
    /// Identity (`call_…`), also in the errors clients see.
    pub id: String,
    /// When it arrived.
    pub time: String,
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
    names: Names,
}

impl Admin {
    /// Starts with the newest calls that match; the feed then follows.
    pub fn calls(&self, query: &CallQuery) -> Result<CallFeed<'_>, AdminError> {
        let names = Names::read(self, query.workspace.as_ref())?;
        let token = query
            .token
            .as_deref()
            .map(|token| names.token_id(token))
            .transpose()?;
        Ok(CallFeed {
            admin: self,
            filter: CallFilter {
                workspace: query.workspace.clone(),
                since_ms: query
                    .since
                    .map(|since| now_ms().saturating_sub(millis(since))),
                server: query.server.clone(),
                token,
                after_rowid: None,
                limit: query.limit,
            },
            names,
        })
    }
}

impl Admin {
    /// How many call records were lost in the whole installation, within this time if one is given.
    pub fn lost_calls(&self, since: Option<Duration>) -> Result<u64, AdminError> {
        let since_ms = since.map(|since| now_ms().saturating_sub(millis(since)));
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
        if rows.iter().any(|row| !self.names.knows(row)) {
            self.names = Names::read(self.admin, self.filter.workspace.as_ref())?;
        }
        Ok(rows.into_iter().map(|row| self.names.listed(row)).collect())
    }
}

/// What people call workspaces and tokens.
#[derive(Debug)]
struct Names {
    workspaces: HashMap<String, String>,
    /// Id and name of each token.
    tokens: HashMap<String, String>,
}

impl Names {
    fn read(admin: &Admin, only: Option<&WorkspaceScope>) -> Result<Self, AdminError> {
        let mut names = Self {
            workspaces: HashMap::new(),
            tokens: HashMap::new(),
        };
        let scopes = match only {
            Some(scope) => vec![scope.clone()],
            None => admin
                .slugs()?
                .iter()
                .map(|slug| admin.scope(slug))
                .collect::<Result<_, _>>()?,
        };
        for scope in scopes {
            let id = scope.workspace().as_str().to_owned();
            names.workspaces.insert(id, scope.slug().to_string());
            for token in admin.store.list_tokens(&scope)? {
                names
                    .tokens
                    .insert(token.id.as_str().to_owned(), token.name);
            }
        }
        Ok(names)
    }

    /// The id of the token that is meant by an id or a name.
    fn token_id(&self, text: &str) -> Result<String, AdminError> {
        let mut ids = self
            .tokens
            .iter()
            .filter(|(_, name)| name.as_str() == text)
            .map(|(id, _)| id.clone());
        match (ids.next(), ids.count()) {
            (Some(id), 0) => Ok(id),
            // Deleted tokens have no name any more, but their calls are remembered by id.
            (None, _) => Ok(text.to_owned()),
            (Some(_), more) => Err(AdminError::AmbiguousToken {
                name: text.to_owned(),
                count: more + 1,
            }),
        }
    }

    fn knows(&self, row: &CallRow) -> bool {
        self.workspaces.contains_key(row.workspace.as_str())
            && self.tokens.contains_key(&row.token_id)
    }

    fn listed(&self, row: CallRow) -> CallListed {
        let workspace = self.workspaces.get(row.workspace.as_str());
        CallListed {
            id: row.id,
            time: rfc3339(row.time_ms),
            workspace: workspace
                .cloned()
                .unwrap_or_else(|| row.workspace.to_string()),
            server: row.server_slug,
            tool: row.tool,
            token_name: self.tokens.get(&row.token_id).cloned(),
            token_id: row.token_id,
            status: row.status,
            duration_ms: row.duration_ms,
            error_code: row.error_code,
            bytes_in: row.bytes_in,
            bytes_out: row.bytes_out,
            revision: row.revision,
            source: row.source,
        }
    }
}
