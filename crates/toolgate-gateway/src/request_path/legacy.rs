//! Messages of 2024-11-05 to 2025-11-25 over Streamable HTTP: sessions, and bare requests without one
//! (protocol.md section 6).

use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;
use hyper::header::HeaderMap;
use hyper::{Method, Response, StatusCode};
use toolgate_http::ReplyBody;
use toolgate_policy::permit_list;
use toolgate_protocol::client::{BATCH_MAX, HeaderLookup, Headers, negotiate};
use toolgate_protocol::framing::sse_event;
use toolgate_protocol::mcp::{InitializeParams, initialize_result};
use toolgate_protocol::{
    Body, Era, Json, Malformed, Message, Notification, Object, Request, RequestId, Revision,
    RpcError, codes, write,
};

use super::answer;
use super::call::{self, ClientSide, Finished, Step};
use super::entry::{Accept, HeaderView};
use super::{Visit, stream, with_session};
use crate::gateway::Gateway;
use crate::reply::{self, Refusal};
use crate::session::Session;
use crate::snapshot::Admitted;

/// Answers a message or a batch that belongs to a session, or opens one.
pub(super) async fn handle(visit: Visit<'_>, body: Body) -> Response<ReplyBody> {
    if let Body::One(Message::Request(request)) = &body
        && &*request.method == "initialize"
    {
        return initialize(&visit, request);
    }
    let session = match session_of(visit.gateway, &visit.admitted, visit.headers) {
        Ok(session) => session,
        Err(refusal) => return refusal.into_response(Era::Legacy),
    };
    match body {
        Body::One(message) => one(visit, Some(session), message).await,
        Body::Batch(messages) => batch(visit, session, messages).await,
    }
}

/// Answers a request that came without session and version (P6.21).
pub(super) async fn handle_bare(visit: Visit<'_>, body: Body) -> Response<ReplyBody> {
    match body {
        Body::One(message) => one(visit, None, message).await,
        Body::Batch(_) => refuse(
            codes::INVALID_REQUEST,
            "batches need a session of 2025-03-26",
        ),
    }
}

/// GET opens the general stream, DELETE ends the session (P6.7, P6.10).
pub(super) fn session_request(
    gateway: &Arc<Gateway>,
    admitted: &Admitted,
    method: &Method,
    headers: &HeaderMap,
) -> Response<ReplyBody> {
    let session = match session_of(gateway, admitted, headers) {
        Ok(session) => session,
        Err(refusal) => return refusal.into_response(Era::Legacy),
    };
    if method == Method::DELETE {
        gateway.end_session(&session, &admitted.workspace);
        return reply::empty(StatusCode::NO_CONTENT);
    }
    stream::general(gateway, admitted, session)
}

fn initialize(visit: &Visit<'_>, request: &Request) -> Response<ReplyBody> {
    let params = match InitializeParams::parse(&request.params) {
        Ok(params) => params,
        Err(error) => {
            return Refusal::new(StatusCode::OK, error, Some(request.id.clone()))
                .into_response(Era::Legacy);
        }
    };
    let revision = negotiate(&params.protocol_version);
    let session = visit
        .gateway
        .open_session(&visit.admitted.principal, revision);
    let Some(session) = session else {
        let error = RpcError::new(codes::INTERNAL_ERROR, "no session could be opened");
        return Refusal::new(StatusCode::OK, error, Some(request.id.clone()))
            .into_response(Era::Legacy);
    };
    let result = initialize_result(
        revision,
        visit.gateway.capabilities(),
        visit.gateway.server_info(),
        Gateway::instructions(&visit.admitted).as_deref(),
    );
    with_session(
        reply::json(StatusCode::OK, write::result(&request.id, &result)),
        &session.id,
    )
}

async fn one(
    visit: Visit<'_>,
    session: Option<Arc<Session>>,
    message: Message,
) -> Response<ReplyBody> {
    match message {
        Message::Request(request) if &*request.method == "tools/call" => {
            let accept = visit.accept;
            match call::start(&visit, client_side(&request, session), request.params).await {
                Ok(run) => answer::answer(run, accept, Era::Legacy).await,
                Err(refused) => answer::finished(refused),
            }
        }
        Message::Request(request) => {
            let revision = revision_of(session.as_deref());
            let body = simple_answer(&visit, revision, &request).await;
            as_accepted(visit.accept, body)
        }
        Message::Notification(notification) => {
            if let Some(session) = &session {
                notified(session, &notification);
            }
            reply::empty(StatusCode::ACCEPTED)
        }
        // An answer to a question nobody remembers is taken and dropped (P6.8).
        Message::Response(_) => reply::empty(StatusCode::ACCEPTED),
    }
}

/// P3.8: each element as if it came alone; the answers as one array, in any order.
async fn batch(
    visit: Visit<'_>,
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
            .map(|message| element(&visit, &session, message)),
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
        Ok(Message::Request(request)) if &*request.method == "tools/call" => {
            let client = client_side(&request, Some(session.clone()));
            match call::start(visit, client, request.params).await {
                Err(refused) => Some(refused.joined()),
                Ok(run) => match run.finish().await {
                    Step::Answer(answer) => Some(Finished::joined(answer)),
                    Step::Silence | Step::Revoked | Step::Interim(_) => None,
                },
            }
        }
        Ok(Message::Request(request)) => {
            Some(simple_answer(visit, session.revision, &request).await)
        }
        Ok(Message::Notification(notification)) => {
            notified(session, &notification);
            None
        }
        Ok(Message::Response(_)) => None,
    }
}

/// Every request but `initialize` and `tools/call`: answered by the gateway itself.
async fn simple_answer(visit: &Visit<'_>, revision: Revision, request: &Request) -> Bytes {
    match &*request.method {
        "ping" => write::result(&request.id, b"{}"),
        "tools/list" => tools_list(visit, revision, &request.id, &request.params).await,
        method => {
            let error = RpcError::new(
                codes::METHOD_NOT_FOUND,
                format!("method `{method}` is not served here"),
            );
            write::error(Some(&request.id), &error, Era::Legacy)
        }
    }
}

async fn tools_list(
    visit: &Visit<'_>,
    revision: Revision,
    id: &RequestId,
    params: &Object,
) -> Bytes {
    if let Err(error) = stream::check_cursor(params) {
        return write::error(Some(id), &error, Era::Legacy);
    }
    let catalog = visit.admitted.workspace.workspace.ready().await;
    let permitted = permit_list(visit.admitted.principal.clone(), ());
    let list = catalog.list_for(permitted.principal(), revision, visit.gateway.server_info());
    write::result(id, &list)
}

fn notified(session: &Arc<Session>, notification: &Notification) {
    if &*notification.method == "notifications/cancelled"
        && let Some(id) = notification.params.get("requestId")
        && let Ok(id) = RequestId::from_json(&id)
    {
        session.cancel(&id);
    }
}

fn client_side(request: &Request, session: Option<Arc<Session>>) -> ClientSide {
    ClientSide {
        id: request.id.clone(),
        revision: revision_of(session.as_deref()),
        session,
        log_level: None,
        progress_token: progress_token(&request.params),
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
    gateway
        .find_session(id, &admitted.principal)
        .ok_or_else(|| {
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
