//! The collector's side: one request, and whether it makes sense to send it again.

use std::time::Duration;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{HeaderMap, Method, StatusCode};
use toolgate_http::egress::{Egress, EgressError, Endpoint, OutRequest};

use super::OtlpConfig;
use super::partial::Taken;

/// Connecting takes at most this long, a whole exchange twice that.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(10);

/// Longest answer that is read.
const ANSWER_MAX: usize = 64 * 1024;

const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");
const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("toolgate/", env!("CARGO_PKG_VERSION")));

/// Where exports go.
#[derive(Debug)]
pub(crate) struct Collector {
    endpoint: Endpoint,
    /// What stands before `/v1/…`.
    base: String,
    headers: HeaderMap,
}

/// Why the collector did not take an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It may take it later; it may say when.
    Later(Option<Duration>),
    /// It never will.
    Always,
}

impl Collector {
    pub(super) fn new(egress: &Egress, config: &OtlpConfig) -> Result<Self, EgressError> {
        let url = &config.endpoint;
        let host = url.host_str().ok_or(EgressError::NoHost)?;
        let port = url.port_or_known_default().ok_or(EgressError::NoHost)?;
        // The operator named it (S-65).
        let allowed = format!("{host}:{port}");
        let mut headers = config.headers.clone();
        headers.insert(CONTENT_TYPE, PROTOBUF);
        headers.insert(USER_AGENT, AGENT);
        Ok(Self {
            endpoint: Endpoint::new(egress, url, Some(&allowed), CONNECT_TIMEOUT)?,
            base: url.path().trim_end_matches('/').to_owned(),
            headers,
        })
    }

    /// Sends one export; what the collector says of it once it took it.
    pub(super) async fn post(&self, signal: &str, body: Bytes) -> Result<Taken, Refused> {
        let request = OutRequest {
            method: Method::POST,
            path_and_query: Some(format!("{}/v1/{signal}", self.base)),
            headers: self.headers.clone(),
            body,
        };
        let exchange = async {
            let response = self.endpoint.send(request).await.map_err(drop)?;
            let (head, body) = response.into_parts();
            // Read to its end, so that the connection is kept.
            let answer = body.limited(ANSWER_MAX).collect().await;
            Ok::<_, ()>((head, answer.unwrap_or_default()))
        };
        match tokio::time::timeout(TIMEOUT, exchange).await {
            Ok(Ok((head, answer))) if head.status.is_success() => Ok(Taken::of(&answer)),
            Ok(Ok((head, _))) if may_work_later(head.status) => {
                Err(Refused::Later(retry_after(&head.headers)))
            }
            Ok(Ok(_)) => Err(Refused::Always),
            Ok(Err(())) | Err(_) => Err(Refused::Later(None)),
        }
    }
}

/// As the OTLP specification has it.
fn may_work_later(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}
