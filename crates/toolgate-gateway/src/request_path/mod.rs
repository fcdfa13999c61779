//! One HTTP request from first byte to answer: the phases of protocol.md P5.1, in order.

mod answer;
mod asking;
mod call;
mod entry;
mod legacy;
mod listen;
mod lists;
mod modern;
pub(crate) mod old_sse;
pub(crate) mod parked;
pub(crate) mod routes;
mod run;
mod state;
mod stream;
mod subscribe;
mod target;
mod trace;

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use hyper::body::Body;
use hyper::header::{self, HeaderMap};
use hyper::{Request, Response, StatusCode};
use toolgate_analytics::CallStatus;
use toolgate_http::serve::{BodyError, BodyPace, content_length};
use toolgate_http::{ReplyBody, read_body};
use toolgate_policy::{RateVerdict, RawToken};
use toolgate_protocol::client::{ClientEra, decide};
use toolgate_protocol::{Era, GatewayFault, JsonLimits, RpcError, codes, parse_body};

use self::entry::{Accept, HeaderView};
use self::routes::{AuthPolicy, CONNECTION, Door, NoDoor, Room};
use crate::gateway::Gateway;
use crate::overload::Level;
use crate::record::{RecordGuard, unix_ms};
use crate::reply::{self, Refusal};
use crate::snapshot::Admitted;

/// Longest request body (P3.15).
const MAX_BODY: usize = 4 * 1024 * 1024;

/// A request that passed authentication, with everything the era handlers need.
pub(crate) struct Visit<'a> {
    pub(crate) gateway: &'a Arc<Gateway>,
    pub(crate) admitted: Admitted,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) accept: Accept,
    pub(crate) bytes_in: usize,
}

/// Answers one HTTP request.
///
/// Dropping the future is how a client's disconnect arrives: calls of 2026-07-28 are then cancelled,
/// calls of older revisions run on for a while (P5.17, P6.12).
pub(crate) async fn handle<B>(
    gateway: &Arc<Gateway>,
    request: Request<B>,
    peer: IpAddr,
) -> Response<ReplyBody>
where
    B: Body<Data = Bytes> + Send + Unpin,
{
    let (parts, body) = request.into_parts();
    if gateway.hosts().check(&parts.uri, &parts.headers).is_err() {
        return reply::empty(StatusCode::FORBIDDEN);
    }
    let door = match Door::find(&parts.method, parts.uri.path(), parts.uri.query()) {
        Ok(door) => door,
        Err(NoDoor::Unknown) => return reply::empty(StatusCode::NOT_FOUND),
        Err(NoDoor::Method(allow)) => return reply::method_not_allowed(&allow),
    };
    let has_session = parts.headers.contains_key(reply::SESSION_ID);
    if matches!(door.room, Room::Stream | Room::End) && !has_session {
        return reply::method_not_allowed("POST, GET, DELETE");
    }
    let era_hint = entry::era_hint(&parts.headers);
    let admitted = match door.access {
        AuthPolicy::Public => return entry::public(gateway, door.room),
        AuthPolicy::Token => entry::authenticate(gateway, &parts.headers, door.slug()),
    };
    let Some(admitted) = admitted else {
        return match gateway.failed_guess(peer, &parts.headers) {
            Ok(()) => reply::unauthorized(era_hint),
            Err(too_many) => reply::too_many_failures(too_many, era_hint),
        };
    };
    let opens = matches!(door.room, Room::Stream | Room::OldStream);
    if opens && gateway.overload().sheds(Level::Streams) {
        let error = reply::overloaded("no new streams", era_hint);
        return reply::unavailable(error, None, era_hint);
    }
    match door.room {
        Room::OldStream if !has_session => return old_sse::open(gateway, &admitted),
        Room::Stream | Room::OldStream | Room::End => {
            return legacy::session_request(gateway, &admitted, &parts.method, &parts.headers);
        }
        Room::Health | Room::Ready | Room::Message | Room::OldMessage => {}
    }
    if gateway.overload().sheds(Level::Calls) {
        return shed(gateway, &admitted, &parts.headers);
    }
    let verdict = admitted.token.limiter.admit(gateway.monotonic_ms());
    if !verdict.admitted {
        return limited(gateway, &admitted, &parts.headers, verdict);
    }
    let accept = match entry::negotiate(&parts.headers) {
        Ok(accept) => accept,
        Err(status) => return reply::empty(status),
    };
    let body = match read_body(
        body,
        content_length(&parts.headers),
        MAX_BODY,
        BodyPace::default(),
    )
    .await
    {
        Ok(body) => body,
        Err(error) => return body_refused(&error, era_hint),
    };
    if RawToken::is_in(&body) {
        return reply::token_in_body(era_hint);
    }
    let visit = Visit {
        gateway,
        admitted,
        headers: &parts.headers,
        accept,
        bytes_in: body.len(),
    };
    if door.room == Room::OldMessage {
        let query = parts.uri.query().unwrap_or_default();
        let connection = query.strip_prefix(CONNECTION).unwrap_or_default();
        return old_sse::post(&visit, connection, body);
    }
    let life = visit.admitted.token.life.clone();
    // Boxed here, where the rooms behind begin: the future of a whole call would otherwise be part of
    // the type of every service that embeds the gateway.
    let answer: BoxFuture<'_, Response<ReplyBody>> = Box::pin(dispatch(visit, body, era_hint));
    tokio::select! {
        biased;
        answer = answer => answer,
        // Whatever it waits for, a list, a server's connection or its turn, it waits no longer (S-41, S-42).
        () = life.ended() => reply::unauthorized(era_hint),
    }
}

/// Over the limit: refused before the body is read.
fn limited(
    gateway: &Gateway,
    admitted: &Admitted,
    headers: &HeaderMap,
    verdict: RateVerdict,
) -> Response<ReplyBody> {
    let era = entry::era_hint(headers);
    let code = GatewayFault::RateLimited.code(era);
    record_unread(gateway, admitted, headers, CallStatus::RateLimited, code);
    reply::rate_limited(verdict, era, unix_ms())
}

/// Too much to do: refused before the body is read, and nothing is counted against the token.
fn shed(gateway: &Gateway, admitted: &Admitted, headers: &HeaderMap) -> Response<ReplyBody> {
    let era = entry::era_hint(headers);
    let error = reply::overloaded("no new calls", era);
    record_unread(
        gateway,
        admitted,
        headers,
        CallStatus::Overloaded,
        error.code,
    );
    reply::unavailable(error, None, era)
}

/// Records a request without the tool it would have named.
fn record_unread(
    gateway: &Gateway,
    admitted: &Admitted,
    headers: &HeaderMap,
    status: CallStatus,
    code: i64,
) {
    let mut record = RecordGuard::start(
        gateway.recorder(),
        gateway.call_ids(),
        admitted,
        entry::revision_hint(headers),
        0,
    );
    record.finish(status, Some(code), 0);
}

/// Parses the body and hands it to the era it belongs to.
async fn dispatch(visit: Visit<'_>, body: Bytes, era_hint: Era) -> Response<ReplyBody> {
    let body = match parse_body(body, &JsonLimits::CLIENT) {
        Ok(body) => body,
        Err(malformed) => {
            // Bad params of a readable request are the method's failure, not HTTP's (table 4.1).
            let status = match malformed.error.code {
                codes::INVALID_PARAMS => StatusCode::OK,
                _ => StatusCode::BAD_REQUEST,
            };
            return Refusal::new(status, malformed.error, malformed.id).into_response(era_hint);
        }
    };
    let view = HeaderView(visit.headers);
    let has_session = visit.headers.contains_key(reply::SESSION_ID);
    match decide(&body, &view, has_session) {
        Ok(ClientEra::Modern) => modern::handle(&visit, body).await,
        Ok(ClientEra::Legacy) => legacy::handle(&visit, body).await,
        Ok(ClientEra::Bare) => legacy::handle_bare(&visit, body).await,
        Err(rejection) => {
            let status = StatusCode::from_u16(rejection.status).unwrap_or(StatusCode::BAD_REQUEST);
            Refusal::new(status, rejection.error, rejection.id).into_response(era_hint)
        }
    }
}

fn body_refused(error: &BodyError, era: Era) -> Response<ReplyBody> {
    match error {
        BodyError::TooLarge { max } => Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            RpcError::new(
                codes::INVALID_REQUEST,
                format!("the request body is larger than {max} bytes"),
            ),
            None,
        )
        .into_response(era),
        BodyError::TooSlow => reply::empty(StatusCode::REQUEST_TIMEOUT),
        BodyError::Broken => reply::empty(StatusCode::BAD_REQUEST),
    }
}

/// Adds one header to a response.
pub(crate) fn with_session(mut response: Response<ReplyBody>, id: &str) -> Response<ReplyBody> {
    if let Ok(value) = header::HeaderValue::from_str(id) {
        response.headers_mut().insert(reply::SESSION_ID, value);
    }
    response
}
