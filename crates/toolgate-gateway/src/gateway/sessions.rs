//! Sessions of clients: opened, found, joined to what is told in their workspace, ended.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use toolgate_policy::TokenId;
use toolgate_router::Link;

use super::Gateway;
use crate::bootstrap;
use crate::notices::{Mailbox, View};
use crate::session::{Introduced, Reach, Session};
use crate::snapshot::{Admitted, Snapshot, WorkspaceEntry};

/// How long a server may take to agree to tell of changes.
const HEAR: Duration = Duration::from_secs(30);

impl Gateway {
    /// Opens a client session; `None` when there is no randomness.
    pub(crate) fn open_session(
        &self,
        admitted: &Admitted,
        introduced: Introduced,
        reach: Reach,
    ) -> Option<Arc<Session>> {
        let nonce = bootstrap::random().ok()?;
        let principal = &admitted.principal;
        let session = self
            .sessions
            .open(principal, introduced, reach, nonce, self.now_ms());
        self.join(admitted, &session.mailbox);
        Some(session)
    }

    /// The session of that id, if it is this client's and still runs.
    pub(crate) fn find_session(&self, id: &str, admitted: &Admitted) -> Option<Arc<Session>> {
        let session = self.sessions.find(id, &admitted.principal, self.now_ms())?;
        self.join(admitted, &session.mailbox);
        Some(session)
    }

    /// Lets a mailbox hear of the workspace's changes from now on.
    pub(crate) fn join(&self, admitted: &Admitted, mailbox: &Arc<Mailbox>) {
        if !mailbox.joins() {
            return;
        }
        let complete = admitted.workspace.workspace.catalog().missing().is_empty();
        let view = View::of(self, &admitted.workspace, mailbox.owner());
        mailbox.came_to(view, complete);
        admitted.workspace.hub.join(mailbox);
    }

    /// Makes the servers of a workspace tell of changes, behind the answer at hand.
    pub(crate) fn hear_lists(&self, admitted: &Admitted) {
        for link in admitted.workspace.workspace.links() {
            self.hear(link);
        }
    }

    /// The same for one server.
    pub(crate) fn hear(&self, link: &Link) {
        let upstream = link.upstream().clone();
        self.wiring.background.spawn(async move {
            // One that cannot be reached is asked again by the next client.
            let _ = tokio::time::timeout(HEAR, upstream.watch_lists()).await;
        });
    }

    /// Tells the servers of a session how much to log, behind the answer at hand (P9.34).
    pub(crate) fn set_level(&self, admitted: &Admitted, session: &Session, level: &str) {
        for link in admitted.workspace.workspace.links() {
            let (upstream, id, level) = (
                link.upstream().clone(),
                session.id.clone(),
                level.to_owned(),
            );
            self.wiring
                .background
                .spawn(async move { upstream.set_level(&id, &level).await });
        }
    }

    /// Ends a client session and the upstream sessions that were opened for it (P6.7).
    pub(crate) fn end_session(&self, session: &Arc<Session>, workspace: &WorkspaceEntry) {
        self.sessions.end(session, self.now_ms());
        let (workspace, id) = (workspace.workspace.clone(), session.id.clone());
        // One task for all servers: thousands of sessions may end at once, and the streams that end with them go first.
        self.wiring.background.spawn(async move {
            let links = workspace.links().iter();
            join_all(links.map(|link| link.upstream().end_session(&id))).await;
        });
    }

    /// The sessions of these tokens end with them, and so does what was opened for them at servers (S-43).
    pub(super) fn end_sessions_of(&self, tokens: &[TokenId], snapshot: &Snapshot) {
        if tokens.is_empty() {
            return;
        }
        let tokens: HashSet<&str> = tokens.iter().map(TokenId::as_str).collect();
        for session in self.sessions.of_tokens(&tokens) {
            match snapshot.workspace(session.workspace()) {
                Some(workspace) => self.end_session(&session, workspace),
                None => self.sessions.end(&session, self.now_ms()),
            }
        }
    }
}
