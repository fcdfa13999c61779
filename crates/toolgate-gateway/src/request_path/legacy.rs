//! Messages of 2024-11-05 to 2025-11-25 over Streamable HTTP: sessions, and bare requests without one
//! (protocol.md section 6).

use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;
use hyper::header::HeaderMap;
use hyper::{Method as HttpMethod, Response, StatusCode};
use toolgate_http::ReplyBody;
use toolgate_protocol::client::{BATCH_MAX, HeaderLookup, Headers, is_log_level, negotiate};
use toolgate_protocol::framing::sse_event;
use toolgate_protocol::mcp::{InitializeParams, forwarded_capabilities, initialize_result};
use toolgate_protocol::{
    Body, Era, Json, Malformed, Message, Notification, Object, Request, RequestId,
    Response as Reply, Revision, RpcError, codes, write,
};

use super::answer;
use super::call::{self, ClientSide, Finished, Step};
use super::entry::{Accept, HeaderView};
use super::target::Method;
use super::{Visit, lists, stream, subscribe, with_session};
use crate::gateway::{FIRST_CONTACT, Gateway};
use crate::reply::{self, Refusal};
use crate::session::{Introduced, Reach, Session};
use crate::snapshot::Admitted;

/// Answers a message or a batch that belongs to a session, or opens one.
pub(super) async fn handle(visit: &Visit<'_>, body: Body) -> Response<ReplyBody> {
    if let Body::One(Message::Request(request)) = &body
        && &*request.method == "initialize"
    {
        return Box::pin(initialize(visit, request)).await;
    }
    let session = match session_of(visit.gateway, &visit.admitted, visit.headers) {
        Ok(session) => session,
        Err(refusal) => return refusal.into_response(Era::Legacy),
    };
    match body {
        Body::One(message) => one(visit, Some(session), message).await,
        Body::Batch(messages) => Box::pin(batch(visit, session, messages)).await,
    }
}

/// Answers a request that came without session and version (P6.21).
pub(super) async fn handle_bare(visit: &Visit<'_>, body: Body) -> Response<ReplyBody> {
    match body {
        Body::One(Message::Request(request)) if needs_session(&request.method) => {
            let what = "this method needs a session; send `initialize` first";
            let error = RpcError::new(codes::SESSION_NEEDED, what);
            Refusal::new(StatusCode::BAD_REQUEST, error, Some(request.id))
                .into_response(Era::Legacy)
        }
        Body::One(message) => one(visit, None, message).await,
        Body::Batch(_) => refuse(
            codes::INVALID_REQUEST,
            "batches need a session of 2025-03-26",
        ),
    }
}

/// Whether a method means nothing without a session to keep it in (P6.21).
fn needs_session(method: &str) -> bool {
    matches!(
        method,
        "logging/setLevel" | "resources/subscribe" | "resources/unsubscribe"
    )
}

/// GET opens a stream, DELETE ends the session (P6.7, P6.10).
pub(super) fn session_request(
    gateway: &Arc<Gateway>,
    admitted: &Admitted,
    method: &HttpMethod,
    headers: &HeaderMap,
) -> Response<ReplyBody> {
    let session = match session_of(gateway, admitted, headers) {
        Ok(session) => session,
        Err(refusal) => return refusal.into_response(Era::Legacy),
    };
    if method == HttpMethod::DELETE {
        gateway.end_session(&session, &admitted.workspace);
        return reply::empty(StatusCode::NO_CONTENT);
    }
    stream::open(gateway, admitted, &session, headers)
}

async fn initialize(visit: &Visit<'_>, request: &Request) -> Response<ReplyBody> {
    let introduced = match introduced(&request.params) {
        Ok(introduced) => introduced,
        Err(error) => {
            return Refusal::new(StatusCode::OK, error, Some(request.id.clone()))
                .into_response(Era::Legacy);
        }
    };
    // Before the session opens: what is learnt on the way is no change to tell it of.
    let result = welcome(visit, introduced.revision).await;
    let Some(session) = visit
        .gateway
        .open_session(&visit.admitted, introduced, Reach::Store)
    else {
        let error = RpcError::new(codes::INTERNAL_ERROR, "no session could be opened");
        return Refusal::new(StatusCode::OK, error, Some(request.id.clone()))
            .into_response(Era::Legacy);
    };
    with_session(
        reply::json(StatusCode::OK, write::result(&request.id, &result)),
        &session.id,
    )
}

/// What a client says of itself in `initialize`, as far as it matters here.
pub(super) fn introduced(params: &Object) -> Result<Introduced, RpcError> {
    let params = InitializeParams::parse(params)?;
    Ok(Introduced {
        revision: negotiate(&params.protocol_version),
        capabilities: forwarded_capabilities(&params.capabilities, Era::Legacy).detached(),
    })
}

/// The result of `initialize`: what the servers are known to be, waiting a moment for those never seen (P6.2).
pub(super) async fn welcome(visit: &Visit<'_>, revision: Revision) -> Bytes {
    let workspace = &visit.admitted.workspace.workspace;
    let introduction = workspace.introduced(FIRST_CONTACT).await;
    visit.gateway.hear_lists(&visit.admitted);
    initialize_result(
        revision,
        &introduction.capabilities,
        visit.gateway.server_info(),
        introduction.instructions.as_deref(),
    )
}

async fn one(
    visit: &Visit<'_>,
    session: Option<Arc<Session>>,
    message: Message,
) -> Response<ReplyBody> {
    match message {
        Message::Request(request) => {
            let Some(method) = routed(visit, &request) else {
                let answer = Box::pin(simple_answer(visit, session.as_ref(), &request)).await;
                return match visit.accept {
                    // A long list leaves without being joined.
                    Accept::Both | Accept::JsonOnly => answer::finished(answer),
                    Accept::SseOnly => as_accepted(visit.accept, answer.joined()),
                };
            };
            let accept = visit.accept;
            let client = client_side(&request, session, accept);
            match call::start(visit, client, method, request.params).await {
                Ok(run) => answer::answer(run, accept, Era::Legacy).await,
                Err(refused) => answer::finished(refused),
            }
        }
        Message::Notification(notification) => {
            if let Some(session) = &session {
                notified(session, &notification);
            }
            reply::empty(StatusCode::ACCEPTED)
        }
        Message::Response(response) => {
            if let Some(session) = &session {
                answered(session, response);
            }
            reply::empty(StatusCode::ACCEPTED)
        }
    }
}

/// P3.8: each element as if it came alone; the answers as one array, in any order.
async fn batch(
    visit: &Visit<'_>,
    session: Arc<Session>,
    messages: Vec<Result<Message, Malformed>>,
) -> Response<ReplyBody> {
    if session.revision != Revision::V2025_03_26 {
        return refuse(
            codes::INVALID_REQUEST,
            "batches are served to sessions of 2025-03-26 only",
        );
    }
    if messages.is_empty() || messages.len() > BATCH_MAX {
        return refuse(codes::INVALID_REQUEST, "a batch holds 1 to 32 messages");
    }
    let (mut requests, mut responses, mut initializes) = (0, 0, false);
    for message in &messages {
        match message {
            Ok(Message::Request(request)) => {
                requests += 1;
                initializes |= &*request.method == "initialize";
            }
            Ok(Message::Response(_)) => responses += 1,
            Ok(Message::Notification(_)) => {}
            Err(_) => requests += 1,
        }
    }
    if initializes || (requests > 0 && responses > 0) {
        return refuse(
            codes::INVALID_REQUEST,
            "a batch holds neither `initialize` nor requests and responses together",
        );
    }
    let answers = join_all(
        messages
            .into_iter()
            .map(|message| element(visit, &session, message)),
    )
    .await;
    let answers: Vec<Bytes> = answers.into_iter().flatten().collect();
    if answers.is_empty() {
        return reply::empty(StatusCode::ACCEPTED);
    }
    as_accepted(visit.accept, write::batch(&answers))
}

async fn element(
    visit: &Visit<'_>,
    session: &Arc<Session>,
    message: Result<Message, Malformed>,
) -> Option<Bytes> {
    match message {
        Err(malformed) => Some(write::error(
            malformed.id.as_ref(),
            &malformed.error,
            Era::Legacy,
        )),
        Ok(Message::Request(request)) => match routed(visit, &request) {
            Some(method) => {
                // The answers leave together, so nobody can be asked on the way.
                let client = client_side(&request, Some(session.clone()), Accept::JsonOnly);
                match call::start(visit, client, method, request.params).await {
                    Err(refused) => Some(refused.joined()),
                    Ok(mut run) => match run.finish().await {
                        Step::Answer(answer) => Some(Finished::joined(answer)),
                        // An answer comes in parts only to who asks for that.
                        _ => None,
                    },
                }
            }
            None => Some(simple_answer(visit, Some(session), &request).await.joined()),
        },
        Ok(Message::Notification(notification)) => {
            notified(session, &notification);
            None
        }
        Ok(Message::Response(response)) => {
            answered(session, response);
            None
        }
    }
}

/// The requests that the gateway answers itself.
const OWN: [&str; 9] = [
    "ping",
    "initialize",
    "tools/list",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "resources/subscribe",
    "resources/unsubscribe",
    "logging/setLevel",
];

/// The method of a request that one server answers.
pub(super) fn routed(visit: &Visit<'_>, request: &Request) -> Option<Method> {
    let known = Method::parse(&request.method);
    let is_own = OWN.contains(&&*request.method);
    known.or_else(|| {
        (!is_own).then(|| Method::unknown(&request.method, &visit.admitted, Era::Legacy))?
    })
}

/// Every request that no server answers: by the gateway itself.
pub(super) async fn simple_answer(
    visit: &Visit<'_>,
    session: Option<&Arc<Session>>,
    request: &Request,
) -> Finished {
    let revision = revision_of(session.map(AsRef::as_ref));
    let (method, params) = (&*request.method, &request.params);
    let servers = visit.admitted.workspace.workspace.roster().clone();
    let shown = session.zip(lists::kind(method));
    if let Some(listed) = lists::list(visit, revision, method, params).await {
        if let (Some((session, what)), Ok(list)) = (shown, &listed) {
            session.mailbox.was_shown(what, list, servers);
        }
        return match listed {
            Ok(list) => Finished::result(&request.id, &list),
            Err(error) => Finished::error(&request.id, &error, Era::Legacy),
        };
    }
    let done = match (method, session) {
        ("ping", _) => Ok(()),
        ("logging/setLevel", Some(session)) => set_level(visit, session, params),
        ("resources/subscribe", Some(session)) => {
            subscribe::subscribe(visit, session, params).await
        }
        ("resources/unsubscribe", Some(session)) => subscribe::unsubscribe(session, params),
        _ => Err(reply::unknown_method()),
    };
    match done {
        Ok(()) => Finished::result(&request.id, &Bytes::from_static(b"{}")),
        Err(error) => Finished::error(&request.id, &error, Era::Legacy),
    }
}

/// P9.34: kept for the session, told to its servers; one that fails does not make this fail.
fn set_level(visit: &Visit<'_>, session: &Arc<Session>, params: &Object) -> Result<(), RpcError> {
    let level = params.text("level").filter(|level| is_log_level(level));
    let Some(level) = level else {
        let what = "`params.level` must be one of debug, info, notice, warning, error, critical, alert, emergency";
        return Err(RpcError::new(codes::INVALID_PARAMS, what));
    };
    session.set_log_level(level.clone());
    visit.gateway.set_level(&visit.admitted, session, &level);
    Ok(())
}

pub(super) fn notified(session: &Arc<Session>, notification: &Notification) {
    if &*notification.method == "notifications/cancelled"
        && let Some(id) = notification.params.get("requestId")
        && let Ok(id) = RequestId::from_json(&id)
    {
        session.cancel(&id);
    }
}

/// An answer to a question; one that nobody remembers is dropped (P6.8).
pub(super) fn answered(session: &Session, response: Reply) {
    if let Some(id) = &response.id {
        session.questions.answer(id, response.outcome);
    }
}

pub(super) fn client_side(
    request: &Request,
    session: Option<Arc<Session>>,
    accept: Accept,
) -> ClientSide {
    // Only a stream can carry a question (P5.3).
    let can_be_asked = accept != Accept::JsonOnly;
    let capabilities = session.as_ref().filter(|_| can_be_asked);
    ClientSide {
        id: request.id.clone(),
        revision: revision_of(session.as_deref()),
        log_level: session
            .as_ref()
            .and_then(|session| session.log_level())
            .map(|level| level.as_str().into()),
        capabilities: capabilities.map_or_else(Json::empty_object, |s| s.capabilities.clone()),
        progress_token: progress_token(&request.params),
        session,
    }
}

fn progress_token(params: &Object) -> Option<Json> {
    params.object("_meta")?.get("progressToken")
}

fn revision_of(session: Option<&Session>) -> Revision {
    session.map_or(Revision::V2025_03_26, |session| session.revision)
}

/// The session a request names. Without one: 400; of somebody else, ended or made up: 404 (P6.3, S-43).
fn session_of(
    gateway: &Arc<Gateway>,
    admitted: &Admitted,
    headers: &HeaderMap,
) -> Result<Arc<Session>, Refusal> {
    let view = HeaderView(headers);
    let HeaderLookup::One(id) = view.header(reply::SESSION_ID.as_str()) else {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            RpcError::new(
                codes::SESSION_NEEDED,
                "the `Mcp-Session-Id` header is missing; send `initialize` first",
            ),
            None,
        ));
    };
    gateway.find_session(id, admitted).ok_or_else(|| {
        Refusal::new(
            StatusCode::NOT_FOUND,
            RpcError::new(
                codes::SESSION_UNKNOWN,
                "this session does not exist or has ended; send `initialize` again",
            ),
            None,
        )
    })
}

fn as_accepted(accept: Accept, body: Bytes) -> Response<ReplyBody> {
    match accept {
        Accept::Both | Accept::JsonOnly => reply::json(StatusCode::OK, body),
        Accept::SseOnly => reply::event_stream(ReplyBody::full(sse_event(&body, None))),
    }
}

fn refuse(code: i64, message: &str) -> Response<ReplyBody> {
    Refusal::new(StatusCode::BAD_REQUEST, RpcError::new(code, message), None)
        .into_response(Era::Legacy)
}
