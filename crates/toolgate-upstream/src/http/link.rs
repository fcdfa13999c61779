//! One HTTP request to the server, with its secrets put in at the last moment.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Response};
use toolgate_http::egress::{Connections, ProtocolFault, SendErrorKind};
use toolgate_http::{Egress, Endpoint, InBody, OutRequest, SendError, Sent};
use toolgate_namespace::Injection;
use url::Url;

use crate::error::{Delivery, UpstreamError, UpstreamErrorKind};
use crate::shared::Shared;

pub(crate) const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
pub(crate) const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const BOTH: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");

/// How long a courtesy (cancel, delete, pong) may take.
pub(crate) const COURTESY: Duration = Duration::from_secs(2);

/// The way to one server.
#[derive(Debug)]
pub(crate) struct HttpLink {
    shared: Arc<Shared>,
    egress: Egress,
    /// The configured address, if it holds no secrets.
    plain: Option<Url>,
    endpoint: ArcSwapOption<Endpoint>,
}

/// A request without its secrets.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Where to, if not the configured address: same origin, checked by the caller.
    pub(crate) target: Option<Url>,
}

impl Outgoing {
    pub(crate) fn post(headers: HeaderMap, body: Bytes) -> Self {
        Self {
            method: Method::POST,
            headers,
            body,
            target: None,
        }
    }

    pub(crate) fn get(mut headers: HeaderMap) -> Self {
        headers.remove(CONTENT_TYPE);
        headers.insert(ACCEPT, EVENT_STREAM);
        Self {
            method: Method::GET,
            headers,
            body: Bytes::new(),
            target: None,
        }
    }

    pub(crate) fn delete(mut headers: HeaderMap) -> Self {
        headers.remove(CONTENT_TYPE);
        Self {
            method: Method::DELETE,
            headers,
            body: Bytes::new(),
            target: None,
        }
    }
}

/// The headers that every POST carries, whatever the era. Nothing of the client's is among them (S-27).
pub(crate) fn base_headers() -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(ACCEPT, BOTH);
    headers.insert(CONTENT_TYPE, JSON);
    headers
}

impl HttpLink {
    pub(crate) fn new(shared: Arc<Shared>, egress: Egress, url: &str) -> Self {
        let has_secrets = |injection: &Injection| matches!(injection, Injection::Url { .. });
        let secret = shared.spec.injections.iter().any(has_secrets);
        let plain = if secret { None } else { Url::parse(url).ok() };
        Self {
            shared,
            egress,
            plain,
            endpoint: ArcSwapOption::empty(),
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// How many connections there are to the server.
    pub(crate) fn connections(&self) -> Connections {
        let endpoint = self.endpoint.load();
        (endpoint.as_ref()).map_or_else(Connections::default, |endpoint| endpoint.connections())
    }

    /// Sends a request and waits for the head of the answer. Dropping it closes the connection.
    pub(crate) async fn send(&self, out: Outgoing) -> Result<Response<InBody>, UpstreamError> {
        let (endpoint, request) = self.prepare(out)?;
        endpoint
            .send(request)
            .await
            .map_err(|error| self.send_failed(&error))
    }

    /// Sends something whose answer does not matter.
    pub(crate) async fn courtesy(&self, out: Outgoing) {
        // A failure is not worth a word: the server forgets by itself.
        let _ = tokio::time::timeout(COURTESY, self.send(out)).await;
    }

    /// Puts the secrets in. They live until the request is written (S-15).
    fn prepare(&self, out: Outgoing) -> Result<(Arc<Endpoint>, OutRequest), UpstreamError> {
        let Outgoing {
            method,
            mut headers,
            body,
            target,
        } = out;
        let injected = self.shared.credentials.open().map_err(|error| {
            self.shared
                .not_sent(UpstreamErrorKind::SecretMissing(error.secret))
        })?;
        for (name, value) in injected.headers {
            headers.insert(name, value);
        }
        let secret_url = injected.url;
        let Some(url) = target
            .as_ref()
            .or(secret_url.as_ref())
            .or(self.plain.as_ref())
        else {
            return Err(self.unreachable("its address is not a URL"));
        };
        let endpoint = self.endpoint(url)?;
        let path_and_query =
            (target.is_some() || secret_url.is_some()).then(|| path_and_query(url));
        Ok((
            endpoint,
            OutRequest {
                method,
                path_and_query,
                headers,
                body,
            },
        ))
    }

    /// The connections to the origin of `url`. Of an address with secrets only the origin is kept.
    fn endpoint(&self, url: &Url) -> Result<Arc<Endpoint>, UpstreamError> {
        if let Some(endpoint) = self.endpoint.load_full()
            && same_origin(endpoint.url(), url)
        {
            return Ok(endpoint);
        }
        let base = self.plain.clone().unwrap_or_else(|| {
            let mut origin = url.clone();
            origin.set_path("/");
            origin.set_query(None);
            origin
        });
        let spec = &self.shared.spec;
        let allowed = spec.allowed_origin.as_deref();
        let endpoint = Endpoint::new(&self.egress, &base, allowed, spec.timeouts.connect)
            .map_err(|_| self.unreachable("its address is not allowed"))?;
        let endpoint = Arc::new(endpoint);
        self.endpoint.store(Some(Arc::clone(&endpoint)));
        Ok(endpoint)
    }

    fn unreachable(&self, why: &'static str) -> UpstreamError {
        self.shared.not_sent(UpstreamErrorKind::Unreachable(why))
    }

    fn send_failed(&self, error: &SendError) -> UpstreamError {
        let outcome = match error.sent {
            Sent::Nothing => Delivery::NotSent,
            Sent::Unknown => Delivery::Unknown,
        };
        let kind = match &error.kind {
            SendErrorKind::Refused(_) => {
                UpstreamErrorKind::Unreachable("its address is not allowed")
            }
            SendErrorKind::Header(_) => {
                UpstreamErrorKind::Unreachable("an injected header is forbidden")
            }
            SendErrorKind::Path => UpstreamErrorKind::Unreachable("its path is malformed"),
            SendErrorKind::Resolve(_) => {
                UpstreamErrorKind::Unreachable("its host name has no address")
            }
            SendErrorKind::Connect(_) => {
                UpstreamErrorKind::Unreachable("the connection was refused")
            }
            SendErrorKind::ConnectTimeout => {
                UpstreamErrorKind::Unreachable("connecting took too long")
            }
            SendErrorKind::Tls(_) => UpstreamErrorKind::Unreachable("the TLS handshake failed"),
            SendErrorKind::Protocol(ProtocolFault::Encoded) => UpstreamErrorKind::Protocol(
                "a content encoding other than gzip, br and zstd, or several",
            ),
            SendErrorKind::Protocol(ProtocolFault::HeaderTooLarge) => {
                UpstreamErrorKind::Protocol("more than 100 header fields or 16 KiB of them")
            }
            SendErrorKind::Protocol(ProtocolFault::Malformed) => {
                UpstreamErrorKind::Protocol("not HTTP")
            }
            SendErrorKind::Closed(_) => UpstreamErrorKind::Unreachable("the connection closed"),
        };
        self.shared.fail(kind, outcome)
    }

    /// The configured address with its placeholders filled, for comparing origins.
    pub(crate) fn url(&self) -> Result<Url, UpstreamError> {
        if let Some(plain) = &self.plain {
            return Ok(plain.clone());
        }
        let missing = |error: crate::CredentialError| {
            self.shared
                .not_sent(UpstreamErrorKind::SecretMissing(error.secret))
        };
        let injected = self.shared.credentials.open().map_err(missing)?;
        injected
            .url
            .ok_or_else(|| self.unreachable("its address is not a URL"))
    }
}

/// Scheme, host and port are equal; the rest may differ.
pub(crate) fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme()
        && a.host_str() == b.host_str()
        && a.port_or_known_default() == b.port_or_known_default()
}

fn path_and_query(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}
