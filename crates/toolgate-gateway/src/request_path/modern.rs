//! Requests of 2026-07-28: no session, everything in the request itself (protocol.md section 5).

use hyper::{Response, StatusCode};
use toolgate_http::ReplyBody;
use toolgate_protocol::client::{Methods, ModernMeta, check_modern_with};
use toolgate_protocol::mcp::{discover_result, forwarded_capabilities};
use toolgate_protocol::{Body, Era, Message, Request, write};

use super::call::{self, ClientSide, Finished};
use super::entry::HeaderView;
use super::target::Method;
use super::{Visit, answer, listen, lists};
use crate::gateway::FIRST_CONTACT;
use crate::overload::Level;
use crate::reply::{self, Refusal};

/// The requests that no server gets: those the gateway answers itself, and those that this revision removed.
const OWN: [&str; 11] = [
    "server/discover",
    "tools/list",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "subscriptions/listen",
    "initialize",
    "ping",
    "logging/setLevel",
    "resources/subscribe",
    "resources/unsubscribe",
];

/// Answers one modern message.
pub(super) async fn handle(visit: &Visit<'_>, body: Body) -> Response<ReplyBody> {
    let Body::One(message) = body else {
        return reply::empty(StatusCode::BAD_REQUEST);
    };
    match message {
        Message::Request(request) => request_answer(visit, request).await,
        // The core knows no client notification on HTTP; whatever it is, it is taken and dropped (5.2 #8).
        Message::Notification(_) => reply::empty(StatusCode::ACCEPTED),
        Message::Response(_) => reply::empty(StatusCode::BAD_REQUEST),
    }
}

async fn request_answer(visit: &Visit<'_>, request: Request) -> Response<ReplyBody> {
    // Whether the one server of a workspace knows a method is for that server to say (P3.10).
    let method = Method::parse(&request.method).or_else(|| {
        let is_own = OWN.contains(&&*request.method);
        (!is_own).then(|| Method::unknown(&request.method, &visit.admitted, Era::Modern))?
    });
    let methods = match method {
        Some(Method::Other(_)) => Methods::Any,
        _ => Methods::Known,
    };
    let meta = match check_modern_with(&request, &HeaderView(visit.headers), methods) {
        Ok(meta) => meta,
        Err(rejection) => {
            let status = StatusCode::from_u16(rejection.status).unwrap_or(StatusCode::BAD_REQUEST);
            return Refusal::new(status, rejection.error, rejection.id).into_response(Era::Modern);
        }
    };
    if let Some(method) = method {
        return routed(visit, request, meta, method).await;
    }
    Box::pin(own_answer(visit, &request, &meta)).await
}

/// Every request that no server answers: by the gateway itself.
async fn own_answer(
    visit: &Visit<'_>,
    request: &Request,
    meta: &ModernMeta,
) -> Response<ReplyBody> {
    let listed = lists::list(visit, meta.revision, &request.method, &request.params).await;
    match (listed, &*request.method) {
        (Some(Ok(list)), _) => {
            reply::json_parts(StatusCode::OK, write::result_parts(&request.id, &list))
        }
        (Some(Err(error)), _) => {
            answer::finished(Finished::error(&request.id, &error, Era::Modern))
        }
        (None, "server/discover") => discover(visit, request).await,
        (None, "subscriptions/listen") if visit.gateway.overload().sheds(Level::Streams) => {
            let error = reply::overloaded("no new streams", Era::Modern);
            reply::unavailable(error, Some(request.id.clone()), Era::Modern)
        }
        (None, "subscriptions/listen") => listen::listen(visit, request, meta).await,
        (None, _) => Refusal::new(
            StatusCode::NOT_FOUND,
            reply::unknown_method(),
            Some(request.id.clone()),
        )
        .into_response(Era::Modern),
    }
}

/// Answered from what is known, waiting a moment for servers never seen (P6.2, P9.32).
async fn discover(visit: &Visit<'_>, request: &Request) -> Response<ReplyBody> {
    let workspace = &visit.admitted.workspace.workspace;
    let introduction = workspace.introduced(FIRST_CONTACT).await;
    let result = discover_result(
        &introduction.capabilities,
        visit.gateway.server_info(),
        introduction.instructions.as_deref(),
    );
    reply::json(StatusCode::OK, write::result(&request.id, &result))
}

/// A request that one server answers.
async fn routed(
    visit: &Visit<'_>,
    request: Request,
    meta: ModernMeta,
    method: Method,
) -> Response<ReplyBody> {
    let client = ClientSide {
        id: request.id,
        revision: meta.revision,
        session: None,
        log_level: meta.log_level,
        progress_token: meta.progress_token,
        capabilities: forwarded_capabilities(&meta.capabilities, Era::Modern),
    };
    match call::start(visit, client, method, request.params).await {
        Ok(run) => answer::answer(run, visit.accept, Era::Modern).await,
        Err(refused) => answer::finished(refused),
    }
}
