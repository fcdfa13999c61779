//! What clients see: the one table from what went wrong to status, code and words.

use bytes::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use toolgate_analytics::CallStatus;
use toolgate_http::ReplyBody;
use toolgate_http::serve::TooMany;
use toolgate_policy::RateVerdict;
use toolgate_protocol::{Era, GatewayFault, Json, JsonLimits, RequestId, RpcError, codes, write};
use toolgate_router::RouteError;
use toolgate_upstream::{Delivery, UpstreamError, UpstreamErrorKind};

/// The block that editors take: one server, its URL and the token.
pub fn mcp_json(slug: &str, url: &str, token: &str) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let (slug, url) = (quoted(slug), quoted(url));
    let authorization = quoted(&format!("Bearer {token}"));
    // Written out, so that the members stand in the order people know them in.
    format!(
        r#"{{
  "mcpServers": {{
    {slug}: {{
      "type": "http",
      "url": {url},
      "headers": {{ "Authorization": {authorization} }}
    }}
  }}
}}"#
    )
}

/// When to come back to an overloaded gateway, seconds.
const OVERLOAD_RETRY_S: u64 = 1;

/// Header that carries the session of a legacy client.
pub(crate) const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");

/// An answer that is an error.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) error: RpcError,
    pub(crate) id: Option<RequestId>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, error: RpcError, id: Option<RequestId>) -> Self {
        Self { status, error, id }
    }

    pub(crate) fn into_response(self, era: Era) -> Response<ReplyBody> {
        json(
            self.status,
            write::error(self.id.as_ref(), &self.error, era),
        )
    }
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: Bytes) -> Response<ReplyBody> {
    with_body(status, "application/json", ReplyBody::full(body))
}

/// A JSON answer in several pieces, sent without being joined.
pub(crate) fn json_parts(status: StatusCode, parts: [Bytes; 3]) -> Response<ReplyBody> {
    with_body(status, "application/json", ReplyBody::parts(parts))
}

/// A JSON answer that comes as it comes.
pub(crate) fn json_stream(body: ReplyBody) -> Response<ReplyBody> {
    with_body(StatusCode::OK, "application/json", body)
}

/// An event stream (P5.5).
pub(crate) fn event_stream(body: ReplyBody) -> Response<ReplyBody> {
    let mut response = with_body(StatusCode::OK, "text/event-stream", body);
    response
        .headers_mut()
        .insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// A status without a body.
pub(crate) fn empty(status: StatusCode) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::empty());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// 405 with what is allowed here (P5.4).
pub(crate) fn method_not_allowed(allow: &str) -> Response<ReplyBody> {
    let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
    if let Ok(allow) = HeaderValue::from_str(allow) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

/// The one answer to every failed authentication (S-36).
pub(crate) fn unauthorized(era: Era) -> Response<ReplyBody> {
    let error = RpcError::new(
        GatewayFault::Unauthorized.code(era),
        "authentication failed: send `Authorization: Bearer mwt_…` with a valid token of this workspace",
    );
    Refusal::new(StatusCode::UNAUTHORIZED, error, None).into_response(era)
}

/// The one answer to a failed authentication when there were too many before it (S-37).
pub(crate) fn too_many_failures(too_many: TooMany, era: Era) -> Response<ReplyBody> {
    let retry_after_s = too_many.retry_after_ms.div_ceil(1000).max(1);
    let error = RpcError::new(
        GatewayFault::Unauthorized.code(era),
        format!(
            "authentication failed too often from this address (20 a minute, 1,000 a second in all); try again in {retry_after_s} s with a valid token"
        ),
    );
    let mut response = Refusal::new(StatusCode::TOO_MANY_REQUESTS, error, None).into_response(era);
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(retry_after_s));
    response
}

/// Over the rate limit, with when to come back (R-20).
pub(crate) fn rate_limited(verdict: RateVerdict, era: Era, now_ms: u64) -> Response<ReplyBody> {
    let retry_after_s = verdict.retry_after_ms.div_ceil(1000).max(1);
    let error = RpcError::new(
        GatewayFault::RateLimited.code(era),
        format!(
            "rate limit of {} requests a minute reached; try again in {retry_after_s} s",
            verdict.limit
        ),
    )
    .with_data(data(&serde_json::json!({ "retry_after_s": retry_after_s })));
    let mut response = Refusal::new(StatusCode::TOO_MANY_REQUESTS, error, None).into_response(era);
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after_s));
    headers.insert("x-ratelimit-limit", HeaderValue::from(verdict.limit));
    headers.insert(
        "x-ratelimit-remaining",
        HeaderValue::from(verdict.remaining),
    );
    headers.insert(
        "x-ratelimit-reset",
        HeaderValue::from((now_ms + verdict.retry_after_ms).div_ceil(1000)),
    );
    response
}

/// A tool that does not exist, or that this token may not use: the same words for both (P4.5).
///
/// Like all that follow it says which rule was broken and never repeats what the client wrote (S-21); the client
/// knows which request had this id.
pub(crate) fn unknown_tool() -> RpcError {
    RpcError::new(
        codes::INVALID_PARAMS,
        "unknown tool: no server of this workspace offers it, or this token may not use it (an admin sees why with `toolgatectl workspace token explain`)",
    )
}

/// What a running call asked for was blocked or removed, or its token may use it no longer (S-41).
pub(crate) fn taken_away(call_id: &str) -> RpcError {
    let message = format!(
        "this request was ended: what it asks for is no longer offered here, or no longer to this token; it may have executed ({call_id})"
    );
    let about = serde_json::json!({ "outcome": "unknown", "call": call_id });
    RpcError::new(codes::INVALID_PARAMS, message).with_data(data(&about))
}

/// A method that is not served (P3.10).
pub(crate) fn unknown_method() -> RpcError {
    RpcError::new(codes::METHOD_NOT_FOUND, "this method is not served")
}

/// A prompt that does not exist (P9.26).
pub(crate) fn unknown_prompt() -> RpcError {
    RpcError::new(
        codes::INVALID_PARAMS,
        "unknown prompt: no server of this workspace offers it",
    )
}

/// A template that does not exist (P9.26).
pub(crate) fn unknown_template() -> RpcError {
    RpcError::new(
        codes::INVALID_PARAMS,
        "unknown resource template: no server of this workspace has it",
    )
}

/// A resource that does not exist, or whose server cannot be told (P9.19, P9.21). Its URI stands in the data, where
/// the protocol wants it (table 4.1).
pub(crate) fn unknown_resource(uri: &str, era: Era) -> RpcError {
    let code = match era {
        Era::Legacy => codes::RESOURCE_NOT_FOUND,
        Era::Modern => codes::INVALID_PARAMS,
    };
    let message = "no server of this workspace is known to have this resource; name the server as in `<server>+<uri>`";
    RpcError::new(code, message).with_data(data(&serde_json::json!({ "uri": uri })))
}

/// A server whose tools were never seen, since it does not answer (P5.14).
pub(crate) fn silent_server(slug: &str, era: Era) -> RpcError {
    let message = format!(
        "server `{slug}` does not answer, and its tools were never seen; the call was not executed"
    );
    let about = serde_json::json!({ "server": slug, "outcome": "not_sent" });
    RpcError::new(GatewayFault::UpstreamUnreachable.code(era), message).with_data(data(&about))
}

/// A tool that only runs as a task, which is not carried (P9.50).
pub(crate) fn needs_task(era: Era) -> RpcError {
    let code = match era {
        Era::Legacy => codes::METHOD_NOT_FOUND,
        Era::Modern => GatewayFault::UpstreamUnreachable.code(era),
    };
    let message = "this tool only runs as a task, which this gateway does not carry";
    RpcError::new(code, message)
}

/// A body with a token in it: a credential goes into one header, and on to no server (S-25, S-28).
pub(crate) fn token_in_body(era: Era) -> Response<ReplyBody> {
    let error = RpcError::new(
        codes::INVALID_REQUEST,
        "the body holds a Toolgate token, which belongs into the Authorization header alone; nothing was done",
    );
    Refusal::new(StatusCode::BAD_REQUEST, error, None).into_response(era)
}

/// What a failed call looks like from outside, and how it is remembered.
#[derive(Debug)]
pub(crate) struct CallFault {
    pub(crate) error: RpcError,
    pub(crate) status: CallStatus,
}

/// The one table from a call that did not succeed to what the client is told.
pub(crate) fn call_fault(error: &RouteError, era: Era, call_id: &str) -> CallFault {
    match error {
        RouteError::Overloaded {
            server,
            part,
            retry_after_ms,
        } => {
            let limit = (part.as_str(), part.at_once());
            not_now(
                error,
                server.as_str(),
                Some(limit),
                *retry_after_ms,
                era,
                call_id,
            )
        }
        RouteError::CircuitOpen {
            server,
            retry_after_ms,
        } => not_now(error, server.as_str(), None, *retry_after_ms, era, call_id),
        RouteError::Upstream(error) => upstream_fault(error, era, call_id),
    }
}

/// A call that was not tried, and when to try it again (R-16, R-17).
fn not_now(
    error: &RouteError,
    server: &str,
    limit: Option<(&str, usize)>,
    retry_after_ms: u64,
    era: Era,
    call_id: &str,
) -> CallFault {
    let limited = limit.map_or_else(String::new, |(part, at_once)| {
        format!(" (at most {at_once} per {part})")
    });
    let message = format!(
        "{error}{limited}; the call was not executed; try again in {retry_after_ms} ms ({call_id})"
    );
    let about = serde_json::json!({
        "server": server,
        "outcome": "not_sent",
        "retry_after_ms": retry_after_ms,
        "call": call_id,
    });
    CallFault {
        error: RpcError::new(GatewayFault::Overloaded.code(era), message).with_data(data(&about)),
        status: CallStatus::Overloaded,
    }
}

/// The gateway itself has too much to do: not tried, with when to come back (R-21).
pub(crate) fn overloaded(what: &str, era: Era) -> RpcError {
    let message = format!(
        "the gateway is overloaded ({what}); the call was not executed; try again in {OVERLOAD_RETRY_S} s"
    );
    let about = serde_json::json!({
        "outcome": "not_sent",
        "retry_after_ms": OVERLOAD_RETRY_S * 1000,
    });
    RpcError::new(GatewayFault::Overloaded.code(era), message).with_data(data(&about))
}

/// The workspace wants each writing call recorded before it is sent, and that failed (R-12).
pub(crate) fn not_recorded(era: Era, call_id: &str) -> RpcError {
    let message = format!(
        "the call could not be recorded, which this workspace demands before a writing call is sent; the call was not executed; try again in {OVERLOAD_RETRY_S} s ({call_id})"
    );
    let about = serde_json::json!({
        "outcome": "not_sent",
        "retry_after_ms": OVERLOAD_RETRY_S * 1000,
        "call": call_id,
    });
    RpcError::new(GatewayFault::Overloaded.code(era), message).with_data(data(&about))
}

/// An answer of status 503 that says when to come back (R-21).
pub(crate) fn unavailable(error: RpcError, id: Option<RequestId>, era: Era) -> Response<ReplyBody> {
    let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error, id);
    with_retry_after(refusal.into_response(era))
}

/// Says when to come back to an overloaded gateway.
pub(crate) fn with_retry_after(mut response: Response<ReplyBody>) -> Response<ReplyBody> {
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from(OVERLOAD_RETRY_S));
    response
}

/// The part of the table about servers that failed.
pub(crate) fn upstream_fault(error: &UpstreamError, era: Era, call_id: &str) -> CallFault {
    let (fault, status) = match &error.kind {
        UpstreamErrorKind::TimedOut => (GatewayFault::UpstreamTimedOut, CallStatus::TimedOut),
        UpstreamErrorKind::SecretMissing(_) => {
            (GatewayFault::SecretMissing, CallStatus::Unreachable)
        }
        UpstreamErrorKind::Held(_) | UpstreamErrorKind::Busy => {
            (GatewayFault::Overloaded, CallStatus::Unreachable)
        }
        UpstreamErrorKind::Unreachable(_)
        | UpstreamErrorKind::Protocol(_)
        | UpstreamErrorKind::SessionLost
        | UpstreamErrorKind::Refused(_)
        | UpstreamErrorKind::Exited
        | UpstreamErrorKind::Quarantined
        | UpstreamErrorKind::Closed => (GatewayFault::UpstreamUnreachable, CallStatus::Unreachable),
    };
    let (outcome, executed) = match error.outcome {
        Delivery::NotSent => ("not_sent", "the call was not executed"),
        Delivery::Unknown => ("unknown", "the call may have executed"),
    };
    // Why it cannot be reached is the operator's to know: the differences would map the network behind us (S-67).
    let (what, hint) = match &error.kind {
        UpstreamErrorKind::Unreachable(_) => (
            format!("calling server `{}`: it cannot be reached", error.server),
            Some("the operator sees why with `toolgatectl workspace test`".to_owned()),
        ),
        _ => (error.to_string(), error.hint()),
    };
    let mut message = format!("{what}; {executed} ({call_id})");
    if let Some(hint) = hint {
        message.push_str("; ");
        message.push_str(&hint);
    }
    let mut about = serde_json::json!({
        "server": error.server.as_str(),
        "outcome": outcome,
        "call": call_id,
    });
    if let UpstreamErrorKind::Held(hold) = &error.kind {
        let ms = u64::try_from(hold.retry_after.as_millis()).unwrap_or(u64::MAX);
        about["retry_after_ms"] = ms.into();
    }
    let error = RpcError::new(fault.code(era), message).with_data(data(&about));
    CallFault { error, status }
}

/// JSON of our own making as an error's data.
pub(crate) fn data(value: &serde_json::Value) -> Json {
    Json::parse(value.to_string().into(), &JsonLimits::UPSTREAM)
        .unwrap_or_else(|_| Json::empty_object())
}

fn with_body(
    status: StatusCode,
    content_type: &'static str,
    body: ReplyBody,
) -> Response<ReplyBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
