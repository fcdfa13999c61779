//! Calls that ended, looked through one by one by whoever has to catch up with them.

use std::collections::HashMap;

use rusqlite::Connection;
use toolgate_analytics::CallStatus;
use toolgate_namespace::{ServerSlug, WorkspaceId};

use super::names::Texts;
use super::packed::{Call, Party};
use super::span::Span;
use super::{CallsReader, blocks, rows};
use crate::StoreError;
use crate::sql::unreadable;

/// A call that ended, as far as it matters to those who watch how calls go.
#[derive(Debug, Clone, Copy)]
pub struct PastCall<'a> {
    /// The workspace called.
    pub workspace: &'a WorkspaceId,
    /// The server that owned the tool; `None` when none did.
    pub server: Option<&'a ServerSlug>,
    /// How it ended.
    pub status: CallStatus,
    /// Arrival, unix milliseconds.
    pub time_ms: u64,
    /// From arrival to the last byte handed over, milliseconds.
    pub duration_ms: u64,
}

impl CallsReader {
    /// Looks through the calls that arrived from `since_ms` to before `until_ms` and ended, in no order.
    pub fn past(
        &self,
        since_ms: u64,
        until_ms: u64,
        mut visit: impl FnMut(&PastCall<'_>),
    ) -> Result<(), StoreError> {
        let span = Span {
            from_ms: since_ms,
            to_ms: until_ms,
            ..Span::of_places(0, i64::MAX)
        };
        let looked = self.with_connection(|connection| {
            let moment = connection.unchecked_transaction()?;
            let mut owners = Owners::new(&moment);
            let mut look = |party: &Party, call: &Call| {
                if let Some((workspace, server)) = owners.of(party) {
                    visit(&PastCall {
                        workspace,
                        server: server.as_ref(),
                        status: call.status,
                        time_ms: call.time_ms,
                        duration_ms: call.duration_ms,
                    });
                }
            };
            rows::each(&moment, &span, &mut look)?;
            blocks::each(&moment, &span, blocks::Damaged::LeaveOut, &mut look)?;
            owners.unreadable.map_or(Ok(()), Err)
        });
        looked.map(|_| ())
    }
}

/// Whose calls they were, each looked up once.
struct Owners<'c> {
    texts: Texts<'c>,
    known: HashMap<(i64, Option<i64>), (WorkspaceId, Option<ServerSlug>)>,
    /// The first name that could not be read.
    unreadable: Option<rusqlite::Error>,
}

impl<'c> Owners<'c> {
    fn new(connection: &'c Connection) -> Self {
        Self {
            texts: Texts::new(connection),
            known: HashMap::new(),
            unreadable: None,
        }
    }

    fn of(&mut self, party: &Party) -> Option<&(WorkspaceId, Option<ServerSlug>)> {
        let key = (party.workspace, party.server_slug);
        if !self.known.contains_key(&key) {
            match self.read(key) {
                Ok(owner) => {
                    self.known.insert(key, owner);
                }
                Err(error) => {
                    self.unreadable.get_or_insert(error);
                }
            }
        }
        self.known.get(&key)
    }

    fn read(
        &mut self,
        (workspace, server): (i64, Option<i64>),
    ) -> rusqlite::Result<(WorkspaceId, Option<ServerSlug>)> {
        let workspace = self.texts.text(workspace)?;
        let workspace = WorkspaceId::try_from(workspace);
        let server = self.texts.if_any(server)?;
        let server = server.map(|slug| ServerSlug::try_from(slug.as_str()));
        Ok((
            workspace.map_err(|reason| unreadable(0, reason))?,
            server.transpose().map_err(|reason| unreadable(0, reason))?,
        ))
    }
}
