//! The `_meta` of a request to a server, built from the client's (P9.67).

use crate::json::{MemberRef, Parts};
use crate::mcp::meta;
use crate::{Json, Object, Revision};

/// What a modern request says of us (P8.15).
#[derive(Debug, Clone, Copy)]
pub struct OwnMeta<'m> {
    /// The revision that the request is written in.
    pub revision: Revision,
    /// What the client can do, as far as we carry it.
    pub capabilities: &'m Json,
    /// Who we are.
    pub client_info: &'m Json,
    /// The least severe level of log that the client wants.
    pub log_level: Option<&'m str>,
}

/// The `_meta` of a modern request: ours first, then the client's own members, without
/// `io.modelcontextprotocol/*`, `progressToken` and the trace context (P8.15, P9.67, P9.69).
pub fn modern_meta(
    client_meta: Option<&Object>,
    revision: Revision,
    capabilities: &Json,
    client_info: &Json,
    log_level: Option<&str>,
    progress_token: Option<&Json>,
) -> Json {
    let own = OwnMeta {
        revision,
        capabilities,
        client_info,
        log_level,
    };
    let token = progress_token.map(|token| &**token.bytes());
    MetaParts::new(Some(own), token, client_meta).json()
}

/// The `_meta` of a legacy request: our progress token, then the client's own members; `None` when there is
/// nothing to say.
pub fn legacy_meta(client_meta: Option<&Object>, progress_token: Option<&Json>) -> Option<Json> {
    let token = progress_token.map(|token| &**token.bytes());
    let parts = MetaParts::new(None, token, client_meta);
    (!parts.is_empty()).then(|| parts.json())
}

/// A `_meta` before it is written.
#[derive(Debug)]
pub(super) struct MetaParts<'m> {
    own: Option<OwnMeta<'m>>,
    /// The text of our progress token.
    token: Option<&'m [u8]>,
    client_meta: Option<&'m Object>,
}

impl<'m> MetaParts<'m> {
    pub(super) fn new(
        own: Option<OwnMeta<'m>>,
        token: Option<&'m [u8]>,
        client_meta: Option<&'m Object>,
    ) -> Self {
        Self {
            own,
            token,
            client_meta,
        }
    }

    /// The client's own members that pass.
    fn passed(&self) -> impl Iterator<Item = MemberRef<'m>> {
        let members = self.client_meta.into_iter().flat_map(Object::member_refs);
        members.filter(may_pass)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.own.is_none() && self.token.is_none() && self.passed().next().is_none()
    }

    pub(super) fn push_to(&self, parts: &mut Parts<'m>) {
        let mut first = true;
        parts.raw(b"{");
        if let Some(own) = &self.own {
            parts
                .raw(br#""io.modelcontextprotocol/protocolVersion":"#)
                .text(own.revision.as_str())
                .raw(br#","io.modelcontextprotocol/clientInfo":"#)
                .raw(own.client_info.bytes())
                .raw(br#","io.modelcontextprotocol/clientCapabilities":"#)
                .raw(own.capabilities.bytes());
            if let Some(level) = own.log_level {
                parts
                    .raw(br#","io.modelcontextprotocol/logLevel":"#)
                    .text(level);
            }
            first = false;
        }
        if let Some(token) = self.token {
            parts
                .next(&mut first)
                .raw(br#""progressToken":"#)
                .raw(token);
        }
        for member in self.passed() {
            parts.next(&mut first).raw(member.whole());
        }
        parts.raw(b"}");
    }

    fn json(&self) -> Json {
        let mut parts = Parts::default();
        self.push_to(&mut parts);
        Json::trusted(parts.join())
    }
}

/// What of the client's `_meta` any server may see (P9.67), byte for byte. Trace context passes, as W3C asks of
/// who does not take part; `baggage` does not, since it may hold what is private (P9.69).
fn may_pass(member: &MemberRef<'_>) -> bool {
    let name = member.name();
    !name.starts_with(meta::RESERVED.as_bytes())
        && *name != *meta::PROGRESS_TOKEN.as_bytes()
        && *name != *meta::BAGGAGE.as_bytes()
}
