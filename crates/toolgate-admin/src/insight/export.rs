//! Calls for other programs, page by page: millions of them within the memory of a page.

use toolgate_store::{CallFilter, CallsReader, WorkspaceScope};

use super::people::People;
use crate::{Admin, AdminError, CallListed};

/// Calls read at once.
const PAGE: usize = 10_000;

/// Which calls to export.
#[derive(Debug, Clone, Default)]
pub struct CallsToExport {
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
}

/// Calls on their way out.
#[derive(Debug)]
pub struct CallExport {
    reader: CallsReader,
    filter: CallFilter,
    people: People,
}

impl Admin {
    /// Starts to export calls, in the order in which they were recorded.
    pub fn export_calls(&self, wanted: &CallsToExport) -> Result<CallExport, AdminError> {
        let people = People::read(self, wanted.workspace.as_ref())?;
        let (token, member) = (wanted.token.as_deref(), wanted.member.as_deref());
        let filter = CallFilter {
            workspace: wanted.workspace.clone(),
            since_ms: wanted.from_ms,
            until_ms: wanted.to_ms,
            server: wanted.server.clone(),
            tool: wanted.tool.clone(),
            token: token.map(|token| people.token_id(token)).transpose()?,
            tokens: member
                .map(|member| people.member(member))
                .transpose()?
                .map(|(_, tokens)| tokens),
            after_rowid: Some(0),
            limit: PAGE,
            ..CallFilter::default()
        };
        Ok(CallExport {
            reader: CallsReader::open(&self.dir)?,
            filter,
            people,
        })
    }
}

impl CallExport {
    /// The next calls; none when there are no more.
    ///
    /// Each page is read as of its own moment, so that a long export does not hold up the gateway. A call that was
    /// `begun` on an earlier page and has ended since comes again, under the same id.
    pub fn page(&mut self) -> Result<Vec<CallListed>, AdminError> {
        let mut rows = self.reader.query(&self.filter)?;
        if let Some(last) = rows.iter().map(|row| row.rowid).max() {
            self.filter.after_rowid = Some(last);
        }
        rows.reverse();
        Ok(rows
            .into_iter()
            .map(|row| CallListed::of(row, &self.people))
            .collect())
    }
}
