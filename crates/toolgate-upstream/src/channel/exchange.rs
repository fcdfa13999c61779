//! One call over a channel.

use std::sync::Arc;

use toolgate_protocol::{Era, Json, Revision};

use super::{Channel, Conversation};
use crate::book::Entry;
use crate::call::{Answer, AskId, Call, Event};
use crate::dialogue::{Dialogue, Heard};
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::exchange::Step;
use crate::http::legacy::legacy_request;
use crate::http::modern::modern_request;
use crate::inbox::Inbox;
use crate::pool::{Lease, Scope};
use crate::shared::Shared;

/// One call to a server over stdio or the 2024-11-05 stream.
#[derive(Debug)]
pub(crate) struct ChannelExchange {
    shared: Arc<Shared>,
    revision: Revision,
    dialogue: Dialogue,
    /// What is held while the call is under way: its place in the book, and the channel in the pool.
    held: Option<(Entry, Lease<Conversation>)>,
}

impl ChannelExchange {
    /// Writes the request. Dropped before the writer took it, nothing was sent.
    pub(crate) async fn start(
        shared: Arc<Shared>,
        lease: Lease<Conversation>,
        call: &Call,
    ) -> Result<Self, UpstreamError> {
        let channel = Arc::clone(&lease.value.channel);
        let era = channel.era();
        // On a shared channel a question cannot be attributed to one user, so none may come (P2.5).
        let capabilities = match (era, &lease.key.scope) {
            (Era::Legacy, Scope::Principal(_) | Scope::Session { .. }) => call.capabilities.clone(),
            (Era::Legacy, Scope::Shared) | (Era::Modern, _) => Json::empty_object(),
        };
        let entry = channel.enter(Inbox::new(capabilities.clone()))?;
        let id = entry.id;
        let message = match era {
            Era::Modern => modern_request(&shared, id, call),
            Era::Legacy => legacy_request(id, call),
        };
        channel.send(Some(id), message).await?;
        Ok(Self {
            revision: lease.value.revision(),
            dialogue: Dialogue::new(
                id,
                era,
                call,
                capabilities,
                channel.board().origin().clone(),
            ),
            shared,
            held: Some((entry, lease)),
        })
    }

    pub(crate) fn revision(&self) -> Revision {
        self.revision
    }

    pub(crate) fn is_asking(&self) -> bool {
        self.dialogue.is_asking()
    }

    fn channel(&self) -> Option<&Arc<Channel>> {
        self.held.as_ref().map(|(_, lease)| &lease.value.channel)
    }

    /// The next thing that happens. Cancel safe.
    pub(crate) async fn step(&mut self) -> Step {
        let Some((entry, _)) = &self.held else {
            let error = self.shared.not_sent(UpstreamErrorKind::Closed);
            return Step::Event(Event::Failed(error));
        };
        let message = match entry.inbox.next().await {
            Ok(message) => message,
            Err(error) => return self.end(Event::Failed(error)),
        };
        match self.dialogue.hear(message, false) {
            Heard::Event(event @ Event::Done(_)) => self.end(event),
            Heard::Event(event) => Step::Event(event),
            Heard::Reply(message) => {
                if let Some(channel) = self.channel() {
                    // Waits for room: a server that asks more than it reads waits for itself.
                    let _ = channel.send(None, message).await;
                }
                Step::Alive
            }
            Heard::Undeclared(message, ask) => {
                if let Some(channel) = self.channel() {
                    let _ = channel.send(None, message).await;
                }
                Step::Event(Event::Undeclared(ask))
            }
            Heard::Notice(notice) => {
                self.shared.tell(notice);
                Step::Alive
            }
            Heard::Dropped => {
                self.shared.count_dropped();
                Step::Alive
            }
            Heard::Broke(what) => {
                let error = self.shared.broke(what);
                self.end(Event::Failed(error))
            }
        }
    }

    fn end(&mut self, event: Event) -> Step {
        self.held = None;
        Step::Event(event)
    }

    pub(crate) async fn answer(
        &mut self,
        id: &AskId,
        answer: &Answer,
    ) -> Result<(), UpstreamError> {
        let message = self.dialogue.answer(id, answer);
        match (self.channel(), message) {
            // What is left in the queue of a connection that broke is not delivered.
            (Some(channel), Some(message)) if !channel.is_over() => {
                channel.send(None, message).await
            }
            _ => Err(self.shared.not_sent(UpstreamErrorKind::Closed)),
        }
    }

    /// Tells the server to stop and forgets the call; does nothing after its end (P12.3).
    pub(crate) fn cancel(&mut self, reason: &str) {
        let Some((entry, lease)) = self.held.take() else {
            return;
        };
        // Struck out first: an answer that crosses the notice is late, whoever sent first.
        if entry.strike() {
            lease.value.channel.send_cancelled(entry.id, reason);
        }
    }
}

impl Drop for ChannelExchange {
    fn drop(&mut self) {
        self.cancel("the client went away");
    }
}
