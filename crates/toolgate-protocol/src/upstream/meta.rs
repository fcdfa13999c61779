//! The `_meta` of a request to a server, built from the client's (P9.67).

use crate::json::{MemberRef, quote_into};
use crate::mcp::meta;
use crate::{Json, Object, Revision};

/// The `_meta` of a modern request: ours first, then the client's own members, without
/// `io.modelcontextprotocol/*`, `progressToken` and the trace context (P8.15, P9.67, P9.69).
pub fn modern_meta(
    client_meta: Option<&Object>,
    revision: Revision,
    capabilities: &Json,
    client_info: &Json,
    log_level: Option<&str>,
    progress_token: Option<Json>,
) -> Json {
    let mut text = Vec::with_capacity(256 + capabilities.bytes().len() + client_info.bytes().len());
    push(
        &mut text,
        meta::PROTOCOL_VERSION,
        &Json::from_text(revision.as_str()),
    );
    push(&mut text, meta::CLIENT_INFO, client_info);
    push(&mut text, meta::CLIENT_CAPABILITIES, capabilities);
    if let Some(level) = log_level {
        push(&mut text, meta::LOG_LEVEL, &Json::from_text(level));
    }
    if let Some(token) = progress_token {
        push(&mut text, meta::PROGRESS_TOKEN, &token);
    }
    push_forwarded(&mut text, client_meta);
    text.push(b'}');
    Json::trusted(text.into())
}

/// The `_meta` of a legacy request: our progress token, then the client's own members; `None` when there is
/// nothing to say.
pub fn legacy_meta(client_meta: Option<&Object>, progress_token: Option<Json>) -> Option<Json> {
    let mut text = Vec::new();
    if let Some(token) = progress_token {
        push(&mut text, meta::PROGRESS_TOKEN, &token);
    }
    push_forwarded(&mut text, client_meta);
    if text.is_empty() {
        return None;
    }
    text.push(b'}');
    Some(Json::trusted(text.into()))
}

/// What of the client's `_meta` any server may see (P9.67), byte for byte. Trace context passes, as W3C asks of
/// who does not take part; `baggage` does not, since it may hold what is private (P9.69).
fn push_forwarded(text: &mut Vec<u8>, client_meta: Option<&Object>) {
    let may_pass = |member: &MemberRef<'_>| {
        let name = member.name();
        let is = |other: &str| *name == *other.as_bytes();
        !name.starts_with(meta::RESERVED.as_bytes())
            && !is(meta::PROGRESS_TOKEN)
            && !is(meta::BAGGAGE)
    };
    let members = client_meta.into_iter().flat_map(Object::member_refs);
    for member in members.filter(may_pass) {
        open(text);
        text.extend_from_slice(member.whole());
    }
}

fn push(text: &mut Vec<u8>, name: &str, value: &Json) {
    open(text);
    quote_into(text, name);
    text.push(b':');
    text.extend_from_slice(value.bytes());
}

/// What stands before a member.
fn open(text: &mut Vec<u8>) {
    text.push(if text.is_empty() { b'{' } else { b',' });
}
