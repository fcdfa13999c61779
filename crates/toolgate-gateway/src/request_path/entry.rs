//! What stands before the first body byte: era hint, token, formats.

use std::sync::Arc;

use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderMap, HeaderName};
use hyper::{Response, StatusCode};
use toolgate_http::ReplyBody;
use toolgate_policy::RawToken;
use toolgate_protocol::client::{HeaderLookup, Headers};
use toolgate_protocol::{Era, Revision};

use super::routes::Room;
use crate::gateway::Gateway;
use crate::reply;
use crate::snapshot::Admitted;
use crate::status::Health;

/// What clients of every revision accept, as nearly all of them write it.
const BOTH: &[u8] = b"application/json, text/event-stream";
static PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// The names that the protocol asks for at every request, ready for look-ups.
static KNOWN: [HeaderName; 4] = [
    HeaderName::from_static("mcp-protocol-version"),
    reply::SESSION_ID,
    HeaderName::from_static("mcp-method"),
    HeaderName::from_static("mcp-name"),
];

/// What anybody may ask.
pub(super) fn public(gateway: &Gateway, room: Room) -> Response<ReplyBody> {
    match room {
        Room::Ready => ready(gateway),
        _ => health(gateway),
    }
}

/// Liveness: says that the process answers, and nothing else.
fn health(gateway: &Gateway) -> Response<ReplyBody> {
    let body = format!(
        "{{\"status\":\"{}\",\"server\":\"toolgate\",\"version\":\"{}\"}}",
        if gateway.is_draining() {
            "draining"
        } else {
            "ok"
        },
        env!("CARGO_PKG_VERSION")
    );
    reply::json(StatusCode::OK, body.into())
}

/// Readiness: one word, with a status for load balancers. What is wrong is for those who may see it:
/// `toolgatectl status`.
fn ready(gateway: &Gateway) -> Response<ReplyBody> {
    let health = Health::of(gateway);
    let status = match health {
        Health::Ready | Health::Degraded => StatusCode::OK,
        Health::NotReady => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = format!("{{\"status\":\"{}\"}}", health.as_str());
    reply::json(status, body.into())
}

/// Which era an error found before the body is read is written for.
pub(super) fn era_hint(headers: &HeaderMap) -> Era {
    revision_hint(headers).era()
}

/// The revision a request says it is written in, before its body is read; without a word, the one that
/// bare requests are served as (P6.21).
pub(super) fn revision_hint(headers: &HeaderMap) -> Revision {
    headers
        .get(&PROTOCOL_VERSION)
        .and_then(|value| value.to_str().ok())
        .and_then(Revision::parse)
        .unwrap_or(Revision::V2025_03_26)
}

/// The bearer of a token of this workspace, or nobody (S-36). One header, one scheme, nothing else: a token in a cookie
/// is refused even beside a good header (S-25).
/// Without a header at all it may be a guest, where the workspace takes guests.
pub(super) fn authenticate(
    gateway: &Arc<Gateway>,
    headers: &HeaderMap,
    slug: &str,
) -> Option<Admitted> {
    let mut cookies = headers.get_all(COOKIE).iter();
    if cookies.any(|cookie| RawToken::is_in(cookie.as_bytes())) {
        return None;
    }
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return gateway.guest(slug);
    };
    let value = value.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let digest = RawToken::digest_of(token.trim()).ok()?;
    let admitted = gateway
        .snapshot()
        .authenticate(&digest, slug, gateway.now_ms());
    if admitted.is_none() {
        // What was over once stays over (S-38).
        gateway.remember_time();
    }
    admitted
}

/// What a client takes as an answer (P5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accept {
    Both,
    JsonOnly,
    SseOnly,
}

/// Checks `Content-Type` (P5.2) and reads `Accept` (P5.3); the error is the status to answer.
pub(super) fn negotiate(headers: &HeaderMap) -> Result<Accept, StatusCode> {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = content_type.map(|text| text.split(';').next().unwrap_or_default().trim());
    if !essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let (mut json, mut sse, mut any) = (false, false, true);
    for value in headers.get_all(ACCEPT) {
        any = false;
        if value.as_bytes() == BOTH {
            (json, sse) = (true, true);
            continue;
        }
        for range in value.to_str().unwrap_or_default().split(',') {
            match range.split(';').next().unwrap_or_default().trim() {
                "*/*" => (json, sse) = (true, true),
                "application/json" | "application/*" => json = true,
                "text/event-stream" | "text/*" => sse = true,
                _ => {}
            }
        }
    }
    match (any || json, any || sse) {
        (true, true) => Ok(Accept::Both),
        (true, false) => Ok(Accept::JsonOnly),
        (false, true) => Ok(Accept::SseOnly),
        (false, false) => Err(StatusCode::NOT_ACCEPTABLE),
    }
}

/// The headers of a request as the protocol crate reads them.
pub(super) struct HeaderView<'a>(pub(super) &'a HeaderMap);

impl Headers for HeaderView<'_> {
    fn header(&self, name: &str) -> HeaderLookup<'_> {
        let known = KNOWN.iter().find(|known| known.as_str() == name);
        let mut values = match known {
            Some(name) => self.0.get_all(name).iter(),
            None => self.0.get_all(name).iter(),
        };
        match (values.next(), values.next()) {
            (None, _) => HeaderLookup::Absent,
            (Some(value), None) => value
                .to_str()
                .map_or(HeaderLookup::Malformed, HeaderLookup::One),
            (Some(_), Some(_)) => HeaderLookup::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn accepts(accept: Option<&str>, expected: Result<Accept, StatusCode>) {
        let mut headers = HeaderMap::new();
        headers.insert(
            CONTENT_TYPE,
            "application/json; charset=utf-8".parse().unwrap(),
        );
        if let Some(accept) = accept {
            headers.insert(ACCEPT, accept.parse().unwrap());
        }
        assert_eq!(negotiate(&headers), expected, "{accept:?}");
    }

    #[test]
    fn p5_3_accept_is_read_leniently() {
        accepts(None, Ok(Accept::Both));
        accepts(Some("*/*"), Ok(Accept::Both));
        accepts(
            Some("application/json, text/event-stream"),
            Ok(Accept::Both),
        );
        accepts(
            Some("text/event-stream;q=0.9, application/json"),
            Ok(Accept::Both),
        );
        accepts(Some("application/json"), Ok(Accept::JsonOnly));
        accepts(Some("text/event-stream"), Ok(Accept::SseOnly));
        accepts(Some("text/html"), Err(StatusCode::NOT_ACCEPTABLE));
    }

    #[test]
    fn p5_2_only_json_is_read() {
        assert_eq!(
            negotiate(&HeaderMap::new()),
            Err(StatusCode::UNSUPPORTED_MEDIA_TYPE)
        );
    }
}
