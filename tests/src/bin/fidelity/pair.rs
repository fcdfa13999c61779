//! Who talks to whom.

use crate::offer::Offer;

/// The newest revision, the first of the modern era.
pub(crate) const MODERN: &str = "2026-07-28";

/// What a server offers under one name, and what the gateway calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// The server's own name or URI.
    pub(crate) own: String,
    /// What a client of the gateway calls it.
    pub(crate) shown: String,
}

impl Named {
    pub(crate) fn same(name: &str) -> Self {
        Self {
            own: name.to_owned(),
            shown: name.to_owned(),
        }
    }
}

/// A client of one revision before a server of one era.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair<'a> {
    /// The revision of the client.
    pub(crate) client: &'static str,
    pub(crate) server: &'a Offer,
}

impl Pair<'_> {
    pub(crate) fn is_modern_client(&self) -> bool {
        self.client == MODERN
    }

    pub(crate) fn name(&self) -> String {
        let server = if self.server.modern {
            MODERN
        } else {
            "2025-11-25"
        };
        format!("{} client, {server} server", self.client)
    }
}
