//! What stands before the first body byte: path, era hint, token, formats.

use std::sync::Arc;

use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use hyper::{Method, Response, StatusCode};
use toolgate_http::ReplyBody;
use toolgate_policy::RawToken;
use toolgate_protocol::client::{HeaderLookup, Headers};
use toolgate_protocol::{Era, Revision};

use crate::gateway::Gateway;
use crate::record::unix_ms;
use crate::reply;
use crate::snapshot::Admitted;
use crate::status::Health;

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Door<'a> {
    /// Liveness, without credentials.
    Health,
    /// Whether requests should be sent here, without credentials.
    Ready,
    /// The MCP endpoint of a workspace, by any of its aliases; `old` where a GET opens the transport of
    /// 2024-11-05 (P6.16).
    Mcp { slug: &'a str, old: bool },
    /// Where clients of 2024-11-05 post, and for which connection (P6.17).
    Messages { slug: &'a str, connection: &'a str },
}

impl<'a> Door<'a> {
    /// `/ws/<slug>` with its aliases, and `/health…`. A query is refused everywhere but where the gateway
    /// itself asked for one: the only other thing that was ever put there is a token (S-25).
    pub(super) fn find(path: &'a str, query: Option<&'a str>) -> Option<Self> {
        match path {
            "/health" | "/health/live" => return Some(Self::Health),
            "/health/ready" => return Some(Self::Ready),
            _ => {}
        }
        let rest = path
            .strip_prefix("/ws/")
            .or_else(|| path.strip_prefix("/api/gateway/ws/"))?;
        let is_slug = |slug: &str| !slug.is_empty() && !slug.contains('/');
        if let Some(slug) = rest.strip_suffix("/messages").filter(|slug| is_slug(slug)) {
            let connection = query?.strip_prefix("session=")?;
            return Some(Self::Messages { slug, connection });
        }
        if query.is_some_and(|query| !query.is_empty()) {
            return None;
        }
        let (slug, old) = match rest.strip_suffix("/sse") {
            Some(slug) => (slug, true),
            None => (rest, false),
        };
        is_slug(slug).then_some(Self::Mcp { slug, old })
    }
}

/// Liveness: says that the process answers, and nothing else.
pub(super) fn health(gateway: &Gateway, method: &Method) -> Response<ReplyBody> {
    if method != Method::GET && method != Method::HEAD {
        return reply::method_not_allowed("GET, HEAD");
    }
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
pub(super) fn ready(gateway: &Gateway, method: &Method) -> Response<ReplyBody> {
    if method != Method::GET && method != Method::HEAD {
        return reply::method_not_allowed("GET, HEAD");
    }
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
        .get("mcp-protocol-version")
        .and_then(|value| value.to_str().ok())
        .and_then(Revision::parse)
        .unwrap_or(Revision::V2025_03_26)
}

/// The bearer of a token of this workspace, or nobody (S-36). One header, one scheme, nothing else (S-25).
/// Without a header at all it may be a guest, where the workspace takes guests.
pub(super) fn authenticate(
    gateway: &Arc<Gateway>,
    headers: &HeaderMap,
    slug: &str,
) -> Option<Admitted> {
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
    gateway.snapshot().authenticate(&digest, slug, unix_ms())
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
        let mut values = self.0.get_all(name).iter();
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
    fn check(path: &str, slug: Option<(&str, bool)>) {
        let door = Door::find(path, None);
        assert_eq!(
            door,
            slug.map(|(slug, old)| Door::Mcp { slug, old }),
            "{path}"
        );
    }

    #[test]
    fn every_alias_leads_to_the_workspace() {
        check("/ws/team", Some(("team", false)));
        check("/ws/team/sse", Some(("team", true)));
        check("/api/gateway/ws/team", Some(("team", false)));
        check("/ws/", None);
        check("/ws/a/b", None);
        check("/ws", None);
        check("/", None);
    }

    #[test]
    fn s25_a_query_leads_nowhere() {
        assert_eq!(Door::find("/ws/team", Some("token=mwt_x")), None);
        assert_eq!(Door::find("/ws/team/messages", Some("token=mwt_x")), None);
        assert_eq!(Door::find("/ws/team/messages", None), None);
    }

    #[test]
    fn p6_17_messages_belong_to_a_connection() {
        let expected = Door::Messages {
            slug: "team",
            connection: "abc",
        };
        let found = Door::find("/ws/team/messages", Some("session=abc"));
        assert_eq!(found, Some(expected));
    }

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
