//! Streamable HTTP of 2026-07-28: every request stands alone (section 8.3).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue, InvalidHeaderName};
use toolgate_protocol::upstream::{
    Forwarded, OwnMeta, call_params_with, modern_headers, modern_meta,
};
use toolgate_protocol::{Json, RequestId, Revision, ToolDefinition};

use super::link::{HttpLink, Outgoing, PROTOCOL_VERSION, base_headers};
use crate::call::Call;
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::shared::Shared;

/// A modern server over HTTP: nothing is kept but the count of ids.
#[derive(Debug)]
pub(crate) struct Modern {
    link: Arc<HttpLink>,
    next_id: AtomicU64,
}

impl Modern {
    pub(crate) fn new(link: Arc<HttpLink>) -> Arc<Self> {
        Arc::new(Self {
            link,
            next_id: AtomicU64::new(1),
        })
    }

    pub(crate) fn link(&self) -> &Arc<HttpLink> {
        &self.link
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// The request for a call: metadata in the body, mirrored in headers (P8.15–P8.17).
    pub(crate) fn outgoing(
        &self,
        id: u64,
        call: &Call,
        tool: Option<&ToolDefinition>,
    ) -> Result<Outgoing, UpstreamError> {
        let body = modern_request(self.link.shared(), id, call);
        let mut headers = base_headers();
        for (name, value) in modern_headers(&call.method, &call.params, call.name.as_deref(), tool)
        {
            let (Ok(name), Ok(value)) = (mirrored(&name), HeaderValue::from_str(&value)) else {
                let kind = UpstreamErrorKind::Protocol("a mirrored header that HTTP cannot carry");
                return Err(self.link.shared().not_sent(kind));
            };
            headers.insert(name, value);
        }
        Ok(Outgoing::post(headers, body))
    }
}

/// What every modern request mirrors, parsed once.
static MIRRORED: [HeaderName; 3] = [
    PROTOCOL_VERSION,
    HeaderName::from_static("mcp-method"),
    HeaderName::from_static("mcp-name"),
];

fn mirrored(name: &str) -> Result<HeaderName, InvalidHeaderName> {
    match MIRRORED.iter().find(|known| known.as_str() == name) {
        Some(known) => Ok(known.clone()),
        None => HeaderName::from_bytes(name.as_bytes()),
    }
}

/// A modern request, with the metadata of this call (P8.15).
pub(crate) fn modern_request(shared: &Shared, id: u64, call: &Call) -> Bytes {
    Forwarded {
        id: &RequestId::number(id),
        method: &call.method,
        params: &call.params,
        bare_name: call.name.as_deref(),
        own_meta: Some(OwnMeta {
            revision: Revision::LATEST,
            capabilities: &call.capabilities,
            client_info: &shared.client_info,
            log_level: call.log_level.as_deref(),
        }),
        wants_progress: call.wants_progress,
        extra: &call.extra,
    }
    .write()
}

/// The parameters of a modern request, with the metadata of this call (P8.15).
pub(crate) fn modern_params(shared: &Shared, id: u64, call: &Call) -> Bytes {
    let token = call.wants_progress.then(|| Json::number(id));
    let meta = modern_meta(
        call.params.object("_meta").as_ref(),
        Revision::LATEST,
        &call.capabilities,
        &shared.client_info,
        call.log_level.as_deref(),
        token.as_ref(),
    );
    call_params_with(&call.params, call.name.as_deref(), Some(&meta), &call.extra)
}
