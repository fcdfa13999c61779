//! Calls for other programs, page by page: millions of them within the memory of a page.

use toolgate_store::{CallFilter, CallsReader};

use super::people::People;
use crate::{Admin, AdminError, CallListed, CallQuery};

/// Calls read at once.
const PAGE: usize = 10_000;

/// Calls on their way out.
#[derive(Debug)]
pub struct CallExport {
    reader: CallsReader,
    filter: CallFilter,
    people: People,
}

impl Admin {
    /// Starts to export calls, in the order in which they were recorded.
    pub fn export_calls(&self, wanted: &CallQuery) -> Result<CallExport, AdminError> {
        let people = People::read(self, wanted.workspace.as_ref())?;
        let filter = CallFilter {
            after_rowid: Some(0),
            limit: PAGE,
            ..wanted.filter(&people)?
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
