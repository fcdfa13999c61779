//! Requests of 2026-07-28: no session, everything in the request itself (protocol.md section 5).

use hyper::{Response, StatusCode};
use toolgate_http::ReplyBody;
use toolgate_policy::permit_list;
use toolgate_protocol::client::{ModernMeta, check_modern};
use toolgate_protocol::mcp::discover_result;
use toolgate_protocol::{Body, Era, Message, Request, RpcError, codes, write};

use super::Visit;
use super::answer;
use super::call::{self, ClientSide};
use super::entry::HeaderView;
use crate::gateway::Gateway;
use crate::reply::{self, Refusal};

/// Answers one modern message.
pub(super) async fn handle(visit: Visit<'_>, body: Body) -> Response<ReplyBody> {
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

async fn request_answer(visit: Visit<'_>, request: Request) -> Response<ReplyBody> {
    let meta = match check_modern(&request, &HeaderView(visit.headers)) {
        Ok(meta) => meta,
        Err(rejection) => {
            let status = StatusCode::from_u16(rejection.status).unwrap_or(StatusCode::BAD_REQUEST);
            return Refusal::new(status, rejection.error, rejection.id).into_response(Era::Modern);
        }
    };
    match &*request.method {
        "server/discover" => discover(&visit, &request),
        "tools/list" => tools_list(visit, &request, &meta).await,
        "tools/call" => tools_call(visit, request, meta).await,
        method => Refusal::new(
            StatusCode::NOT_FOUND,
            RpcError::new(
                codes::METHOD_NOT_FOUND,
                format!("method `{method}` is not served here"),
            ),
            Some(request.id.clone()),
        )
        .into_response(meta.revision.era()),
    }
}

/// Answered from what is known, without asking anybody (P9.32).
fn discover(visit: &Visit<'_>, request: &Request) -> Response<ReplyBody> {
    let result = discover_result(
        visit.gateway.capabilities(),
        visit.gateway.server_info(),
        Gateway::instructions(&visit.admitted).as_deref(),
    );
    reply::json(StatusCode::OK, write::result(&request.id, &result))
}

async fn tools_list(visit: Visit<'_>, request: &Request, meta: &ModernMeta) -> Response<ReplyBody> {
    if let Err(error) = super::stream::check_cursor(&request.params) {
        return Refusal::new(StatusCode::OK, error, Some(request.id.clone()))
            .into_response(meta.revision.era());
    }
    let catalog = visit.admitted.workspace.workspace.ready().await;
    let permitted = permit_list(visit.admitted.principal.clone(), ());
    let list = catalog.list_for(
        permitted.principal(),
        meta.revision,
        visit.gateway.server_info(),
    );
    reply::json_parts(StatusCode::OK, write::result_parts(&request.id, &list))
}

async fn tools_call(visit: Visit<'_>, request: Request, meta: ModernMeta) -> Response<ReplyBody> {
    let client = ClientSide {
        id: request.id,
        revision: meta.revision,
        session: None,
        log_level: meta.log_level,
        progress_token: meta.progress_token,
    };
    let era = client.revision.era();
    match call::start(&visit, client, request.params).await {
        Ok(run) => answer::answer(run, visit.accept, era).await,
        Err(refused) => answer::finished(refused),
    }
}
