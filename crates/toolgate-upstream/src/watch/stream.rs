//! One `subscriptions/listen` at a modern server, over HTTP or in a child.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::time::Instant;
use toolgate_protocol::{
    Json, Message, Notification, Object, ObjectEdit, Outcome, Response, Revision, RpcError, codes,
};

use super::listen::Way;
use crate::book::Entry;
use crate::call::Origin;
use crate::channel::Channel;
use crate::dialogue::notice;
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::http::answer::{Posted, Refusal, refused, unreadable};
use crate::http::modern::{Modern, modern_request};
use crate::http::reader::Reader;
use crate::inbox::Inbox;
use crate::list::own_call;
use crate::notice::Notice;
use crate::shared::Shared;
use crate::switchboard::listen_id;

const METHOD: &str = "subscriptions/listen";

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filter {
    pub(super) tools: bool,
    pub(super) prompts: bool,
    pub(super) resources: bool,
    pub(super) uris: HashSet<Arc<str>>,
}

impl Filter {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn params(&self) -> Object {
        let mut wanted = ObjectEdit::new();
        for (name, is_wanted) in [
            ("toolsListChanged", self.tools),
            ("promptsListChanged", self.prompts),
            ("resourcesListChanged", self.resources),
        ] {
            if is_wanted {
                wanted = wanted.set(name, Json::literal("true"));
            }
        }
        if !self.uris.is_empty() {
            let uris: Vec<Json> = self.uris.iter().map(|uri| Json::from_text(uri)).collect();
            wanted = wanted.set("resourceSubscriptions", Json::list(&uris));
        }
        ObjectEdit::new()
            .set("notifications", wanted.json())
            .object()
    }
}

/// How what is asked for differs from what is wished for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Same,
    /// Less is wished for.
    Narrower,
    /// More, or something else.
    Wider,
}

/// A listen that was acknowledged. Dropped, it ends at the server.
#[derive(Debug)]
pub(super) struct Listen {
    shared: Arc<Shared>,
    id: u64,
    source: Source,
    pub(super) asked: Filter,
    /// The resources that the server agreed to tell about.
    pub(super) honoured: HashSet<Arc<str>>,
}

#[derive(Debug)]
enum Source {
    /// The answer to the request stays open.
    Stream(Box<Reader>),
    /// Among everything else that a child says.
    Queue(Entry, Arc<Channel>),
}

impl Drop for Source {
    fn drop(&mut self) {
        if let Self::Queue(entry, channel) = self
            && entry.strike()
        {
            channel.send_cancelled(entry.id, "nobody listens");
        }
    }
}

/// Why there is no listen.
#[derive(Debug)]
pub(super) enum NotOpened {
    /// The server has no such thing.
    Unsupported,
    /// It does not want this one.
    Refused(RpcError),
    /// It could not be asked.
    Failed(UpstreamError),
    /// It answers as a legacy server does (P8.2).
    WrongEra(UpstreamError),
}

impl From<UpstreamError> for NotOpened {
    fn from(error: UpstreamError) -> Self {
        Self::Failed(error)
    }
}

/// What came on a listen.
#[derive(Debug)]
pub(super) enum Heard {
    Acknowledged(HashSet<Arc<str>>),
    Notice(Notice),
    /// Something without meaning here.
    Nothing,
    /// The server ended it.
    Ended(Outcome),
    Broke(UpstreamError),
}

impl Listen {
    /// Asks, and waits for the acknowledgement.
    pub(super) async fn open(
        shared: &Arc<Shared>,
        way: &Way,
        asked: Filter,
    ) -> Result<Self, NotOpened> {
        let (id, source) = match way {
            Way::Http(modern) => post(shared, modern, &asked).await?,
            Way::Channel(lease) => queue(shared, &lease.value.channel, &asked).await?,
        };
        let mut listen = Self {
            shared: Arc::clone(shared),
            id,
            source,
            asked,
            honoured: HashSet::new(),
        };
        loop {
            match listen.next().await {
                Heard::Acknowledged(honoured) => {
                    listen.honoured = honoured;
                    return Ok(listen);
                }
                Heard::Notice(notice) => shared.tell(notice),
                Heard::Nothing => shared.count_dropped(),
                // It answers at once instead of listening.
                Heard::Ended(Outcome::Result(_)) => return Err(NotOpened::Unsupported),
                Heard::Ended(Outcome::Error(error)) => return Err(refusal(error)),
                Heard::Broke(error) => return Err(error.into()),
            }
        }
    }

    pub(super) fn is_queue(&self) -> bool {
        matches!(self.source, Source::Queue(..))
    }

    pub(super) fn change_to(&self, wanted: &Filter) -> Change {
        let flags = |f: &Filter| [f.tools, f.prompts, f.resources];
        let pairs = || flags(&self.asked).into_iter().zip(flags(wanted));
        if pairs().any(|(asked, wanted)| wanted && !asked)
            || !wanted.uris.is_subset(&self.asked.uris)
        {
            Change::Wider
        } else if pairs().any(|(asked, wanted)| asked && !wanted)
            || !self.honoured.is_subset(&wanted.uris)
        {
            Change::Narrower
        } else {
            Change::Same
        }
    }

    /// What comes next. Cancel safe.
    pub(super) async fn next(&mut self) -> Heard {
        let message = match &mut self.source {
            Source::Stream(reader) => match reader.next().await {
                Ok(Some(message)) => message,
                Ok(None) => {
                    let kind = UpstreamErrorKind::Unreachable("the listen broke off");
                    return Heard::Broke(self.shared.unknown(kind));
                }
                Err(error) => return Heard::Broke(unreadable(&self.shared, error)),
            },
            Source::Queue(entry, _) => match entry.inbox.next().await {
                Ok(message) => message,
                Err(error) => return Heard::Broke(error),
            },
        };
        match message {
            Message::Notification(notification) => self.hear(&notification),
            Message::Response(Response { id, outcome })
                if id.as_ref().is_none_or(|id| id.as_u64() == Some(self.id)) =>
            {
                Heard::Ended(outcome)
            }
            Message::Response(_) | Message::Request(_) => Heard::Nothing,
        }
    }

    /// Only what carries our id is ours (P9.45).
    fn hear(&self, notification: &Notification) -> Heard {
        if listen_id(notification) != Some(self.id) {
            return Heard::Nothing;
        }
        if &*notification.method == "notifications/subscriptions/acknowledged" {
            let honoured = notification.params.object("notifications");
            let uris = honoured.and_then(|honoured| honoured.get("resourceSubscriptions"));
            let uris = uris.and_then(|uris| uris.array()).unwrap_or_default();
            let uris = uris
                .iter()
                .filter_map(|uri| Some(uri.text()?.as_ref().into()));
            return Heard::Acknowledged(uris.collect());
        }
        notice(notification, &Origin::default()).map_or(Heard::Nothing, Heard::Notice)
    }
}

async fn post(
    shared: &Arc<Shared>,
    modern: &Modern,
    asked: &Filter,
) -> Result<(u64, Source), NotOpened> {
    let id = modern.next_id();
    let call = own_call(METHOD, asked.params(), Instant::now());
    let response = modern
        .link()
        .send(modern.outgoing(id, &call, None)?)
        .await?;
    let posted = Posted::read(shared, response, Revision::LATEST).await;
    match posted.map_err(|error| unreadable(shared, error))? {
        Posted::Answer(reader) => Ok((id, Source::Stream(Box::new(reader)))),
        Posted::Refused(refusal) => Err(refused_over_http(shared, refusal)),
    }
}

async fn queue(
    shared: &Arc<Shared>,
    channel: &Arc<Channel>,
    asked: &Filter,
) -> Result<(u64, Source), NotOpened> {
    let entry = channel.enter(Inbox::own())?;
    let id = entry.id;
    let call = own_call(METHOD, asked.params(), Instant::now());
    let message = modern_request(shared, id, &call);
    // From here on the server may listen, so that it must be told of the end.
    let source = Source::Queue(entry, Arc::clone(channel));
    channel.send(Some(id), message).await?;
    Ok((id, source))
}

fn refused_over_http(shared: &Shared, refusal: Refusal) -> NotOpened {
    let about_us = matches!(refusal.status.as_u16(), 401 | 403 | 408 | 429 | 500..);
    let old = refusal.is_session_loss(false) || refusal.is_wrong_version();
    match refusal.error {
        _ if old => NotOpened::WrongEra(refused(shared, refusal.status)),
        _ if about_us => refused(shared, refusal.status).into(),
        Some(error) => self::refusal(error),
        None => NotOpened::Unsupported,
    }
}

fn refusal(error: RpcError) -> NotOpened {
    if error.code == codes::METHOD_NOT_FOUND {
        NotOpened::Unsupported
    } else {
        NotOpened::Refused(error)
    }
}
