//! One webhook: what it says, how it is signed, and what became of it.

use std::time::Duration;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use hyper::{HeaderMap, Method};
use serde::{Deserialize, Serialize};
use toolgate_http::egress::{Egress, Endpoint, OutRequest};
use toolgate_store::control::AlertDelivery;
use toolgate_store::{Alert, AlertRule};
use url::Url;

use super::findings::Finding;
use crate::{Watched, unix_ms};

/// How often a webhook is tried; a sample is tried once, for whoever waits for it.
const ATTEMPTS: u32 = 4;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(10);

const SIGNATURE: HeaderName = HeaderName::from_static("toolgate-signature");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("toolgate/", env!("CARGO_PKG_VERSION")));

/// What a webhook is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum EventKind {
    /// What the alert watches began.
    #[serde(rename = "alert.fired")]
    Fired,
    /// It is over.
    #[serde(rename = "alert.resolved")]
    Resolved,
    /// Somebody wanted a sample.
    #[serde(rename = "alert.test")]
    Test,
}

/// Something to tell.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Event {
    pub(super) kind: EventKind,
    pub(super) findings: Vec<Finding>,
    pub(super) at_ms: u64,
}

/// The body of a webhook.
#[derive(Serialize)]
struct Body<'a> {
    /// The same for each attempt, so that receivers can tell repetitions.
    id: String,
    r#type: EventKind,
    at_ms: u64,
    alert: About<'a>,
    findings: &'a [Finding],
}

#[derive(Serialize)]
struct About<'a> {
    id: &'a str,
    name: &'a str,
    workspace: Option<String>,
    rule: &'a AlertRule,
}

/// Sends one webhook, again and again if need be.
pub(super) async fn deliver(
    egress: &Egress,
    watched: &dyn Watched,
    alert: &Alert,
    event: &Event,
    first_pause: Duration,
) -> AlertDelivery {
    let body = Bytes::from(body(alert, event, watched));
    let most = match event.kind {
        EventKind::Test => 1,
        EventKind::Fired | EventKind::Resolved => ATTEMPTS,
    };
    let mut pause = first_pause;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let outcome = attempt(egress, watched, alert, body.clone()).await;
        let is_last = attempts == most || !outcome.may_work_later();
        if is_last {
            return AlertDelivery {
                at_ms: unix_ms(),
                delivered: outcome.is_delivered(),
                status: outcome.status(),
                error: outcome.error(),
                attempts,
            };
        }
        tokio::time::sleep(pause).await;
        pause *= 4;
    }
}

fn body(alert: &Alert, event: &Event, watched: &dyn Watched) -> Vec<u8> {
    let body = Body {
        id: format!("{}-{}", alert.id, event.at_ms),
        r#type: event.kind,
        at_ms: event.at_ms,
        alert: About {
            id: alert.id.as_str(),
            name: &alert.name,
            workspace: alert.workspace.as_ref().and_then(|id| watched.slug(id)),
            rule: &alert.rule,
        },
        findings: &event.findings,
    };
    serde_json::to_vec(&body).unwrap_or_default()
}

/// What became of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Answered(u16),
    /// For every cause the same: the differences would map the network behind us (S-67).
    Unreachable,
    Unsigned,
}

impl Outcome {
    fn is_delivered(self) -> bool {
        matches!(self, Self::Answered(200..=299))
    }

    fn may_work_later(self) -> bool {
        match self {
            Self::Answered(status) => matches!(status, 408 | 425 | 429 | 500..=599),
            Self::Unreachable => true,
            Self::Unsigned => false,
        }
    }

    fn status(self) -> Option<u16> {
        match self {
            Self::Answered(status) => Some(status),
            Self::Unreachable | Self::Unsigned => None,
        }
    }

    fn error(self) -> Option<String> {
        match self {
            _ if self.is_delivered() => None,
            Self::Answered(status) => Some(format!("the receiver answered with status {status}")),
            Self::Unreachable => Some("the receiver could not be reached".to_owned()),
            Self::Unsigned => {
                Some("the secret that signs it is not there, or does not open".to_owned())
            }
        }
    }
}

async fn attempt(egress: &Egress, watched: &dyn Watched, alert: &Alert, body: Bytes) -> Outcome {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(USER_AGENT, AGENT);
    if alert.secret.is_some() {
        // Signed anew each time, so that a receiver can refuse what is old.
        let Some(signature) = signature(watched, alert, &body) else {
            return Outcome::Unsigned;
        };
        headers.insert(SIGNATURE, signature);
    }
    let exchange = async {
        let url = Url::parse(&alert.url).ok()?;
        let origin = alert.allowed_origin.as_deref();
        let endpoint = Endpoint::new(egress, &url, origin, CONNECT_TIMEOUT).ok()?;
        let request = OutRequest {
            method: Method::POST,
            path_and_query: None,
            headers,
            body,
        };
        let response = endpoint.send(request).await.ok()?;
        Some(response.status().as_u16())
    };
    match tokio::time::timeout(TIMEOUT, exchange).await {
        Ok(Some(status)) => Outcome::Answered(status),
        Ok(None) | Err(_) => Outcome::Unreachable,
    }
}

/// `t=<seconds since 1970>,v1=<HMAC-SHA256 of "<t>.<body>" in hexadecimal>`.
fn signature(watched: &dyn Watched, alert: &Alert, body: &[u8]) -> Option<HeaderValue> {
    let t = unix_ms() / 1_000;
    let message = [t.to_string().as_bytes(), b".", body].concat();
    let mac = watched.sign(&alert.id, &message)?;
    HeaderValue::from_str(&format!("t={t},v1={mac}")).ok()
}
