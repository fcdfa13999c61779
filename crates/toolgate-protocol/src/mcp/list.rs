//! Pages of the four lists, read from servers and written to clients (9.9, 9.10).

use bytes::Bytes;

use super::meta;
use crate::json::quote_into;
use crate::{Era, Json, ObjectEdit, Revision};

/// The longest time a merged list may be called good, in milliseconds (P9.61).
const TTL_MAX_MS: u64 = 60_000;

/// One page of a list as a server sent it.
#[derive(Debug, Clone)]
pub struct ListPage {
    /// The items in order.
    pub items: Vec<Json>,
    /// The cursor of the next page; an empty string is a cursor (P9.56).
    pub next_cursor: Option<String>,
    /// How long the server says the page stays good, in milliseconds; `None` from legacy servers.
    pub ttl_ms: Option<u64>,
}

impl ListPage {
    /// Reads a page whose items stand in `member` (`tools`, `prompts`, …); `None` when it is not an array.
    pub fn parse(result: &Json, member: &str) -> Option<Self> {
        let members = result.object()?;
        Some(Self {
            items: members.get(member)?.array()?,
            next_cursor: members.text("nextCursor"),
            ttl_ms: members.get("ttlMs").and_then(|ttl| ttl.as_u64()),
        })
    }
}

/// A list result to be written for a client.
#[derive(Debug, Clone, Copy)]
pub struct ListResult<'a> {
    /// Where the items stand: `tools`, `prompts`, `resources` or `resourceTemplates`.
    pub member: &'a str,
    /// The cursor of the next page, if there is one (P9.55).
    pub next_cursor: Option<&'a str>,
    /// How long the list stays good, in milliseconds; modern clients only, cut to 60 s (P9.61).
    pub ttl_ms: u64,
    /// The gateway's own `serverInfo`; modern clients only (P5.18).
    pub server_info: &'a Json,
    /// Further members of `_meta`, such as the vendor key that names missing servers (P9.14, P9.70).
    pub meta: &'a [(&'a str, Json)],
}

impl ListResult<'_> {
    /// Writes the result with these items for a client of revision `to`. Towards modern clients it is
    /// complete and private (P5.18, P9.60, P9.62).
    pub fn write<'i>(&self, items: impl IntoIterator<Item = &'i Bytes>, to: Revision) -> Bytes {
        let mut text = Vec::from(b"{");
        if to.era() == Era::Modern {
            text.extend_from_slice(br#""resultType":"complete","ttlMs":"#);
            let ttl_ms = self.ttl_ms.min(TTL_MAX_MS);
            text.extend_from_slice(itoa::Buffer::new().format(ttl_ms).as_bytes());
            text.extend_from_slice(br#","cacheScope":"private","#);
        }
        quote_into(&mut text, self.member);
        text.extend_from_slice(b":[");
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                text.push(b',');
            }
            text.extend_from_slice(item);
        }
        text.push(b']');
        if let Some(cursor) = self.next_cursor {
            text.extend_from_slice(br#","nextCursor":"#);
            quote_into(&mut text, cursor);
        }
        let own_meta = self.own_meta(to);
        if !own_meta.is_empty() {
            text.extend_from_slice(br#","_meta":"#);
            text.extend_from_slice(&own_meta.finish());
        }
        text.push(b'}');
        text.into()
    }

    fn own_meta(&self, to: Revision) -> ObjectEdit {
        let mut own_meta = ObjectEdit::new();
        if to.era() == Era::Modern {
            own_meta = own_meta.set(meta::SERVER_INFO, self.server_info.clone());
        }
        for (name, value) in self.meta {
            own_meta = own_meta.set(name, value.clone());
        }
        own_meta
    }
}
