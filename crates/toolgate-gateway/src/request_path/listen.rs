//! `subscriptions/listen`: the stream on which a modern client hears of changes (P9.42 to P9.45).

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use futures::stream;
use hyper::Response;
use tokio::time::Instant;
use toolgate_http::ReplyBody;
use toolgate_protocol::client::ModernMeta;
use toolgate_protocol::framing::{SSE_KEEP_ALIVE, sse_event};
use toolgate_protocol::mcp::forwarded_capabilities;
use toolgate_protocol::{
    Era, Json, Object, ObjectEdit, Request, RequestId, RpcError, codes, write,
};
use toolgate_upstream::Watch;

use super::Visit;
use super::answer::KEEP_ALIVE;
use super::call::Finished;
use super::subscribe::{self, Watcher};
use crate::gateway::Gateway;
use crate::notices::{Letter, Mailbox, Owner, Reader, Wants, name_of};
use crate::reply;
use crate::snapshot::Admitted;

/// Listens end after this long, with a result, so that clients open them again (P7.10).
const LONGEST: Duration = Duration::from_hours(1);
/// Resources one listen may watch.
const MAX_URIS: usize = 1024;
const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";
const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

/// Opens the stream, acknowledged once the servers behind it stand.
pub(super) async fn listen(
    visit: &Visit<'_>,
    request: &Request,
    meta: &ModernMeta,
) -> Response<ReplyBody> {
    let filter = match Filter::parse(&request.params) {
        Ok(filter) => filter,
        Err(error) => {
            return super::answer::finished(Finished::error(&request.id, &error, Era::Modern));
        }
    };
    let admitted = visit.admitted.clone();
    let owner = Owner {
        principal: admitted.principal.clone(),
        session: None,
        revision: meta.revision,
        questions: std::sync::Arc::default(),
    };
    let workspace = &admitted.workspace.workspace;
    let introduced = workspace.introduced(crate::gateway::FIRST_CONTACT).await;
    let wants = filter.honoured(&introduced.capabilities);
    let mailbox = Mailbox::new(owner, wants);
    visit.gateway.join(&admitted, &mailbox);
    subscribe::hear_lists(visit.gateway, workspace).await;
    let capabilities = forwarded_capabilities(&meta.capabilities, Era::Modern);
    let watches = watch_all(&admitted, &capabilities, &filter.uris, &mailbox).await;
    let honoured: Vec<Json> = watches
        .iter()
        .map(|(uri, _)| Json::from_text(uri))
        .collect();
    let listening = Listening {
        ready: vec![acknowledgement(&request.id, wants, &honoured)],
        reader: mailbox.reader(),
        until: Instant::now() + LONGEST,
        _watches: watches.into_iter().map(|(_, watch)| watch).collect(),
        _mailbox: mailbox,
        id: request.id.clone(),
        gateway: visit.gateway.clone(),
        admitted,
        over: false,
    };
    let events = stream::unfold(listening, |mut listening| async move {
        let event = listening.next().await?;
        Some((event, listening))
    });
    reply::event_stream(ReplyBody::stream(events))
}

/// What a client asked to hear of.
struct Filter {
    wants: Wants,
    uris: Vec<String>,
}

impl Filter {
    fn parse(params: &Object) -> Result<Self, RpcError> {
        let wrong = |what: &str| RpcError::new(codes::INVALID_PARAMS, what);
        let filter = params
            .object("notifications")
            .ok_or_else(|| wrong("`params.notifications` must be an object"))?;
        let flag = |name: &str| filter.raw(name) == Some(b"true");
        let uris = match filter.get("resourceSubscriptions") {
            None => Vec::new(),
            Some(uris) => uris
                .array()
                .ok_or_else(|| wrong("`resourceSubscriptions` must be a list of URIs"))?,
        };
        if uris.len() > MAX_URIS {
            return Err(wrong("`resourceSubscriptions` holds too many URIs"));
        }
        let uris = uris.iter().map(|uri| uri.text().map(Into::into));
        let uris = uris.collect::<Option<Vec<String>>>();
        Ok(Self {
            wants: Wants {
                tools: flag("toolsListChanged"),
                prompts: flag("promptsListChanged"),
                resources: flag("resourcesListChanged"),
            },
            uris: uris.ok_or_else(|| wrong("`resourceSubscriptions` must be a list of URIs"))?,
        })
    }

    /// What of it this workspace has (P9.44).
    fn honoured(&self, capabilities: &Json) -> Wants {
        let capabilities = capabilities.object().unwrap_or_default();
        Wants {
            tools: self.wants.tools && capabilities.contains("tools"),
            prompts: self.wants.prompts && capabilities.contains("prompts"),
            resources: self.wants.resources && capabilities.contains("resources"),
        }
    }
}

/// Watches each resource; those whose server agreed.
async fn watch_all(
    admitted: &Admitted,
    capabilities: &Json,
    uris: &[String],
    mailbox: &Mailbox,
) -> Vec<(String, Watch)> {
    let watcher = Watcher {
        principal: &admitted.principal,
        session: None,
        capabilities,
    };
    let watcher = &watcher;
    let asked = uris.iter().map(|uri| async move {
        let workspace = &admitted.workspace.workspace;
        let agreed = subscribe::watch(workspace, watcher, uri).await.ok()?;
        Some((uri.clone(), agreed.heard_by(mailbox, uri)))
    });
    join_all(asked).await.into_iter().flatten().collect()
}

fn acknowledgement(id: &RequestId, wants: Wants, uris: &[Json]) -> Bytes {
    let mut honoured = ObjectEdit::new();
    let flags = [
        ("toolsListChanged", wants.tools),
        ("promptsListChanged", wants.prompts),
        ("resourcesListChanged", wants.resources),
    ];
    for (name, wanted) in flags {
        if wanted {
            honoured = honoured.set(name, Json::literal("true"));
        }
    }
    if !uris.is_empty() {
        honoured = honoured.set("resourceSubscriptions", Json::list(uris));
    }
    let params = ObjectEdit::new().set("notifications", honoured.json());
    let method = "notifications/subscriptions/acknowledged";
    sse_event(&notification(id, method, params), None)
}

/// A notification of this listen, which carries the client's own id of it (P9.45).
fn notification(id: &RequestId, method: &str, params: ObjectEdit) -> Bytes {
    let meta = ObjectEdit::new().set(SUBSCRIPTION_ID, id.to_json()).json();
    write::notification(method, Some(&params.set("_meta", meta).finish()))
}

struct Listening {
    id: RequestId,
    gateway: std::sync::Arc<Gateway>,
    admitted: Admitted,
    reader: Reader,
    ready: Vec<Bytes>,
    until: Instant,
    over: bool,
    _mailbox: std::sync::Arc<Mailbox>,
    _watches: Vec<Watch>,
}

impl Listening {
    /// The next event; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(event) = self.ready.pop() {
            return Some(event);
        }
        if self.over {
            return None;
        }
        let life = self.admitted.token.life.clone();
        tokio::select! {
            () = life.ended() => None,
            () = self.gateway.drained() => Some(self.farewell()),
            () = tokio::time::sleep_until(self.until) => Some(self.farewell()),
            letter = self.reader.next() => Some(self.event(letter)),
            () = tokio::time::sleep(KEEP_ALIVE) => Some(Bytes::from_static(SSE_KEEP_ALIVE)),
        }
    }

    fn event(&self, letter: Letter) -> Bytes {
        let message = match letter {
            Letter::Changed(what) => notification(&self.id, name_of(what), ObjectEdit::new()),
            Letter::Updated(uri) => {
                let params = ObjectEdit::new().set("uri", Json::from_text(&uri));
                notification(&self.id, "notifications/resources/updated", params)
            }
            Letter::Message(message) => message,
        };
        sse_event(&message, None)
    }

    /// The result that ends a listen by the gateway's own wish (P9.42).
    fn farewell(&mut self) -> Bytes {
        self.over = true;
        let meta = ObjectEdit::new()
            .set(SUBSCRIPTION_ID, self.id.to_json())
            .set(SERVER_INFO, self.gateway.server_info().clone());
        let result = ObjectEdit::new()
            .set("resultType", Json::from_text("complete"))
            .set("_meta", meta.json())
            .finish();
        sse_event(&write::result(&self.id, &result), None)
    }
}
