//! Replies, with the headers that all of them have.

use bytes::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue, REFERRER_POLICY, RETRY_AFTER, STRICT_TRANSPORT_SECURITY, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use toolgate_http::ReplyBody;

use crate::problem::Problem;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// A repeated write says so.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// JSON.
pub(crate) fn json(status: StatusCode, body: impl Into<Bytes>) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::full(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// A refusal or failure.
pub(crate) fn problem(problem: Problem) -> Response<ReplyBody> {
    let (status, retry_after, allow) = (problem.status, problem.retry_after, problem.allow.clone());
    // Text, numbers and JSON always have a JSON form.
    let body = serde_json::to_vec(&problem.into_body()).unwrap_or_default();
    let mut response = json(status, body);
    let headers = response.headers_mut();
    if let Some(seconds) = retry_after {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(allow) = allow.and_then(|allow| HeaderValue::try_from(allow).ok()) {
        headers.insert(ALLOW, allow);
    }
    response
}

/// What every reply says, unless it said something of its own: nothing is kept, guessed, run or framed (S-79).
pub(crate) fn secure(headers: &mut HeaderMap, tls: bool) {
    let defaults = [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
        ),
    ];
    for (name, value) in defaults {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if tls {
        let value = HeaderValue::from_static("max-age=31536000");
        headers.insert(STRICT_TRANSPORT_SECURITY, value);
    }
}
