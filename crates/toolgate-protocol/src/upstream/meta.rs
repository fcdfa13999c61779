//! The `_meta` of a request to a server, built from the client's (P9.67).

use crate::mcp::meta;
use crate::{Json, Object, ObjectEdit, Revision};

/// The `_meta` of a modern request: ours first, then the client's own members, without
/// `io.modelcontextprotocol/*` and `progressToken` (P8.15, P9.67).
pub fn modern_meta(
    client_meta: Option<&Object>,
    revision: Revision,
    capabilities: &Json,
    client_info: &Json,
    log_level: Option<&str>,
    progress_token: Option<Json>,
) -> Json {
    let mut meta = forwarded(client_meta);
    if let Some(token) = progress_token {
        meta = meta.put_first(meta::PROGRESS_TOKEN, token);
    }
    if let Some(level) = log_level {
        meta = meta.put_first(meta::LOG_LEVEL, Json::from_text(level));
    }
    meta.put_first(meta::CLIENT_CAPABILITIES, capabilities.clone())
        .put_first(meta::CLIENT_INFO, client_info.clone())
        .put_first(meta::PROTOCOL_VERSION, Json::from_text(revision.as_str()))
        .json()
}

/// The `_meta` of a legacy request: the client's own members and our progress token; `None` when there is
/// nothing to say.
pub fn legacy_meta(client_meta: Option<&Object>, progress_token: Option<Json>) -> Option<Json> {
    let mut meta = forwarded(client_meta);
    if let Some(token) = progress_token {
        meta = meta.put_first(meta::PROGRESS_TOKEN, token);
    }
    (!meta.is_empty()).then(|| meta.json())
}

/// What of the client's `_meta` any server may see (P9.67).
fn forwarded(client_meta: Option<&Object>) -> ObjectEdit {
    client_meta.map_or_else(ObjectEdit::new, |meta| {
        meta.edit()
            .retain(|name| !name.starts_with(meta::RESERVED) && name != meta::PROGRESS_TOKEN)
    })
}
