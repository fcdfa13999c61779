//! The head of an answer: does a conversation follow, or did the server refuse?

use std::sync::Arc;

use http_body_util::{BodyExt, Limited};
use hyper::{Response, StatusCode};
use toolgate_http::InBody;
use toolgate_protocol::{Body, Message, Outcome, Revision, RpcError, codes};

use super::reader::{Media, ReadError, Reader, media};
use crate::error::{Delivery, UpstreamError, UpstreamErrorKind};
use crate::shared::Shared;

/// Longest refusal that is read.
const MAX_REFUSAL: usize = 64 * 1024;

/// What came back for a POST.
#[derive(Debug)]
pub(crate) enum Posted {
    /// Messages follow.
    Answer(Reader),
    /// The server refused over HTTP.
    Refused(Refusal),
}

/// A status outside 200–299, with the JSON-RPC error of its body if there is one.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) error: Option<RpcError>,
}

impl Posted {
    /// Reads as much of an answer as it takes to know which it is.
    pub(crate) async fn read(
        shared: &Arc<Shared>,
        response: Response<InBody>,
        revision: Revision,
    ) -> Result<Self, ReadError> {
        let status = response.status();
        if !status.is_success() {
            let error = Box::pin(read_error(shared, response)).await;
            return Ok(Self::Refused(Refusal { status, error }));
        }
        if status == StatusCode::ACCEPTED || status == StatusCode::NO_CONTENT {
            return Err(ReadError::Protocol("a request that was only accepted"));
        }
        Reader::new(shared, response, revision).map(Self::Answer)
    }
}

/// The JSON-RPC error in a refusal; anything else in it is ignored, as long as it may be (P4.4).
async fn read_error(shared: &Shared, response: Response<InBody>) -> Option<RpcError> {
    if matches!(media(response.headers()), Media::Other | Media::EventStream) {
        return None;
    }
    let body = Limited::new(response.into_body(), MAX_REFUSAL)
        .collect()
        .await
        .ok()?;
    match shared.read(body.to_bytes()) {
        Ok(Body::One(Message::Response(response))) => match response.outcome {
            Outcome::Error(error) => Some(error),
            Outcome::Result(_) => None,
        },
        _ => None,
    }
}

impl Refusal {
    fn code(&self) -> Option<i64> {
        self.error.as_ref().map(|error| error.code)
    }

    /// The server does not know our session: 404, or what some servers send instead (P8.8).
    pub(crate) fn is_session_loss(&self, had_session: bool) -> bool {
        if self.status == StatusCode::NOT_FOUND && had_session {
            return true;
        }
        let codes = [codes::SESSION_NEEDED, codes::SESSION_UNKNOWN];
        let status = self.status == StatusCode::BAD_REQUEST || self.status == StatusCode::NOT_FOUND;
        status
            && self.error.as_ref().is_some_and(|error| {
                codes.contains(&error.code)
                    && error.message.to_ascii_lowercase().contains("session")
            })
    }

    /// The headers did not fit the tool as the server knows it now (P8.18).
    pub(crate) fn is_header_mismatch(&self) -> bool {
        self.code() == Some(codes::HEADER_MISMATCH)
    }

    /// The version is not served (P8.19, P8.2).
    pub(crate) fn is_wrong_version(&self) -> bool {
        self.code() == Some(codes::UNSUPPORTED_VERSION)
    }

    /// A modern server would not have answered so: the endpoint fell back to the legacy era (P8.2).
    pub(crate) fn denies_modern(&self) -> bool {
        match self.code() {
            Some(codes::SESSION_NEEDED | codes::SESSION_UNKNOWN) => true,
            Some(_) => false,
            None => matches!(
                self.status,
                StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED
            ),
        }
    }

    /// Whether only a modern server answers so (P8.1 step 5).
    pub(crate) fn is_modern(&self) -> bool {
        self.code().is_some_and(is_modern_code)
    }

    /// The refusal as the outcome of a call: the handler's own error travels on, a refusal of the
    /// HTTP kind does not (P4.3, P4.4).
    pub(crate) fn into_outcome(self, shared: &Shared) -> Result<Outcome, UpstreamError> {
        let about_us = matches!(
            self.status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        );
        match self.error {
            Some(error) if !about_us && !self.status.is_server_error() => Ok(Outcome::Error(error)),
            _ => Err(refused(shared, self.status)),
        }
    }
}

/// Codes that only the modern era defines.
pub(crate) fn is_modern_code(code: i64) -> bool {
    (-32_099..=-32_020).contains(&code) && code != codes::URL_ELICITATION_REQUIRED
}

/// A failure for an HTTP status. A 4xx says that nothing was done; a 5xx may come from a proxy that
/// gave up waiting.
pub(crate) fn refused(shared: &Shared, status: StatusCode) -> UpstreamError {
    let outcome = if status.is_client_error() {
        Delivery::NotSent
    } else {
        Delivery::Unknown
    };
    shared.fail(UpstreamErrorKind::Refused(status.as_u16()), outcome)
}

/// A failure to read.
pub(crate) fn unreadable(shared: &Shared, error: ReadError) -> UpstreamError {
    match error {
        ReadError::Broken => {
            shared.unknown(UpstreamErrorKind::Unreachable("the connection closed"))
        }
        ReadError::Protocol(what) => shared.broke(what),
    }
}
