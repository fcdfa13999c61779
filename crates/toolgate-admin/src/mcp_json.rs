//! The block that editors take: a workspace under its slug, with URL and token ready to use.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

/// `{"mcpServers": {"team": {"type": "http", "url": …, "headers": {"Authorization": "Bearer mwt_…"}}}}`.
///
/// It holds a token, so it is made once, for the report that shows the token anyway.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct McpJson {
    #[serde(rename = "mcpServers")]
    servers: BTreeMap<String, Entry>,
}

#[derive(Clone, Serialize, JsonSchema)]
struct Entry {
    #[serde(rename = "type")]
    kind: &'static str,
    url: String,
    headers: Headers,
}

#[derive(Clone, Serialize, JsonSchema)]
struct Headers {
    #[serde(rename = "Authorization")]
    authorization: String,
}

impl McpJson {
    pub(crate) fn new(slug: &str, url: &str, token: &str) -> Self {
        let entry = Entry {
            kind: "http",
            url: url.to_owned(),
            headers: Headers {
                authorization: format!("Bearer {token}"),
            },
        };
        Self {
            servers: BTreeMap::from([(slug.to_owned(), entry)]),
        }
    }

    /// As a person pastes it.
    pub fn pretty(&self) -> String {
        // Strings under string keys always serialise.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_is_what_editors_read() {
        let block = McpJson::new("team", "http://127.0.0.1:8420/ws/team", "mwt_x");
        assert_eq!(
            serde_json::to_string(&block).unwrap(),
            r#"{"mcpServers":{"team":{"type":"http","url":"http://127.0.0.1:8420/ws/team","headers":{"Authorization":"Bearer mwt_x"}}}}"#
        );
        assert!(!format!("{block:?}").contains("mwt_x"));
    }
}
