//! Legacy servers: `resources/subscribe` in one session (P9.43, P9.41).

use std::collections::HashSet;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream;
use tokio::time::timeout;
use toolgate_protocol::{Json, ObjectEdit, Outcome, codes};

use super::WatchError;
use super::keeper::{Ending, Keeper};
use crate::error::UpstreamErrorKind;
use crate::notice::Notice;
use crate::session::OpenSession;
use crate::shared::Shared;

/// Requests under way at once.
const SIDE_BY_SIDE: usize = 8;

/// The subscriptions of one session.
struct Subscriptions<'a> {
    shared: &'a Arc<Shared>,
    keeper: &'a Keeper,
    session: &'a OpenSession,
    made: HashSet<Arc<str>>,
    refused: HashSet<Arc<str>>,
}

/// Makes and ends subscriptions as they are wished for, until the session is lost or nothing is wished for.
/// The session itself, with its general stream, is all that lists need.
pub(super) async fn keep(
    shared: &Arc<Shared>,
    keeper: &Keeper,
    session: &OpenSession,
    stood: &mut bool,
) -> Ending {
    let board = session.board();
    board.set_kept(true);
    let mut subscriptions = Subscriptions {
        shared,
        keeper,
        session,
        made: HashSet::new(),
        refused: HashSet::new(),
    };
    let mut stands = false;
    loop {
        subscriptions.follow_wishes().await;
        if board.is_over() {
            return Ending::Lost(shared.unknown(UpstreamErrorKind::SessionLost));
        }
        if !stands {
            stands = true;
            keeper.judge_lists(Ok(()));
            if std::mem::replace(stood, true) {
                shared.tell(Notice::Reconnected);
            }
        }
        // A wish that ended meanwhile is followed first.
        if keeper.is_idle() && subscriptions.made.is_empty() {
            board.set_kept(false);
            *stood = board.is_over();
            return Ending::Idle;
        }
        if keeper.is_rerouted() {
            return Ending::Rerouted;
        }
        tokio::select! {
            () = keeper.changed() => {}
            () = board.calls().closed() => {}
        }
    }
}

impl Subscriptions<'_> {
    async fn follow_wishes(&mut self) {
        let (_, wanted) = self.keeper.wanted();
        let ended: Vec<_> = self.made.difference(&wanted).cloned().collect();
        for uri in ended {
            self.made.remove(&uri);
            // Best effort: an update that comes nevertheless is nobody's.
            let _ = self.ask("resources/unsubscribe", &uri).await;
        }
        self.refused.retain(|uri| wanted.contains(uri));
        let mut new = Vec::new();
        for uri in wanted {
            let is_open = self.keeper.is_open(&uri);
            if self.made.contains(&uri) {
                self.keeper.judge(&uri, Ok(()));
            } else if !self.offers() {
                self.keeper.judge(&uri, Err(WatchError::NotOffered));
            } else if is_open || !self.refused.contains(&uri) {
                new.push(uri);
            }
        }
        let this = &*self;
        let asked = stream::iter(new).map(|uri| async move {
            let answer = this.ask("resources/subscribe", &uri).await;
            (uri, answer)
        });
        let answers: Vec<_> = asked.buffer_unordered(SIDE_BY_SIDE).collect().await;
        for (uri, answer) in answers {
            match answer {
                Ok(()) => {
                    self.keeper.judge(&uri, Ok(()));
                    self.made.insert(uri);
                }
                // Asked again in the session that takes the place of this one.
                Err(_) if self.session.board().is_over() => {}
                Err(error) => {
                    self.keeper.judge(&uri, Err(error));
                    self.refused.insert(uri);
                }
            }
        }
    }

    fn offers(&self) -> bool {
        let capabilities = self
            .session
            .snapshot()
            .and_then(|s| s.capabilities.object());
        let resources = capabilities.and_then(|capabilities| capabilities.object("resources"));
        resources.is_some_and(|resources| resources.raw("subscribe") == Some(b"true"))
    }

    async fn ask(&self, method: &str, uri: &str) -> Result<(), WatchError> {
        let params = ObjectEdit::new().set("uri", Json::from_text(uri)).finish();
        let asked = self.session.request(method, &params);
        match timeout(self.shared.spec.timeouts.list, asked).await {
            Ok(Ok(Outcome::Result(_))) => Ok(()),
            Ok(Ok(Outcome::Error(error))) if error.code == codes::METHOD_NOT_FOUND => {
                Err(WatchError::NotOffered)
            }
            Ok(Ok(Outcome::Error(error))) => Err(WatchError::Refused(error)),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(self.shared.unknown(UpstreamErrorKind::TimedOut).into()),
        }
    }
}
