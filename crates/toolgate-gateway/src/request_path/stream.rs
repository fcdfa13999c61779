//! The general stream of a session: what belongs to no call (P6.10, P6.11, P9.48).

use std::sync::Arc;

use bytes::Bytes;
use futures::stream;
use hyper::Response;
use toolgate_http::ReplyBody;
use toolgate_protocol::framing::{SSE_KEEP_ALIVE, sse_event};
use toolgate_protocol::{JsonKind, Object, RpcError, codes, write};

use super::answer::KEEP_ALIVE;
use crate::gateway::Gateway;
use crate::reply;
use crate::session::Session;
use crate::snapshot::Admitted;

/// Lists come in one page, so no cursor is ours; `null` and the empty text count as none (P9.54, P9.57).
pub(super) fn check_cursor(params: &Object) -> Result<(), RpcError> {
    match params.get("cursor") {
        None => Ok(()),
        Some(cursor) if cursor.kind() == JsonKind::Null || cursor.as_str() == "\"\"" => Ok(()),
        Some(_) => Err(RpcError::new(
            codes::INVALID_PARAMS,
            "this cursor was not issued here; list again without one",
        )),
    }
}

/// Opens the stream; a newer one of the same session replaces it.
pub(super) fn general(
    gateway: &Arc<Gateway>,
    admitted: &Admitted,
    session: Arc<Session>,
) -> Response<ReplyBody> {
    let listener = Listener {
        seen: view(gateway, admitted, &session),
        changes: gateway.changes(),
        epoch: session.take_stream(),
        gateway: gateway.clone(),
        admitted: admitted.clone(),
        session,
    };
    let opening = Bytes::from_static(SSE_KEEP_ALIVE);
    let events = stream::unfold(
        (Some(opening), listener),
        |(first, mut listener)| async move {
            if let Some(first) = first {
                return Some((first, (None, listener)));
            }
            let event = listener.next().await?;
            Some((event, (None, listener)))
        },
    );
    reply::event_stream(ReplyBody::stream(events))
}

struct Listener {
    gateway: Arc<Gateway>,
    admitted: Admitted,
    session: Arc<Session>,
    changes: tokio::sync::watch::Receiver<u64>,
    epoch: u64,
    seen: Option<Bytes>,
}

impl Listener {
    /// The next event, or `None` when the stream ends: token, session or gateway ended, or a newer stream took over.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let session = self.session.clone();
            let life = self.admitted.token.life.clone();
            tokio::select! {
                () = life.ended() => return None,
                () = session.closed() => return None,
                () = session.stream_taken(self.epoch) => return None,
                () = self.gateway.drained() => return None,
                () = tokio::time::sleep(KEEP_ALIVE) => return Some(Bytes::from_static(SSE_KEEP_ALIVE)),
                changed = self.changes.changed() => {
                    changed.ok()?;
                    let now = view(&self.gateway, &self.admitted, &self.session);
                    if now != self.seen {
                        self.seen = now;
                        let notice = write::notification("notifications/tools/list_changed", None);
                        return Some(sse_event(&notice, None));
                    }
                }
            }
        }
    }
}

/// What this principal sees right now; only those whose view changed are told (P9.47).
fn view(gateway: &Gateway, admitted: &Admitted, session: &Session) -> Option<Bytes> {
    let snapshot = gateway.snapshot();
    let workspace = snapshot.workspace(&admitted.principal.token().workspace)?;
    let catalog = workspace.workspace.catalog();
    Some(catalog.list_for(&admitted.principal, session.revision, gateway.server_info()))
}
