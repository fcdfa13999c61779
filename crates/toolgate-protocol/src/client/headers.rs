//! A view of HTTP headers, so that this crate knows no HTTP library.

use crate::upstream::{decode_header_value, trim_header_value};

/// The header that names the revision.
pub const PROTOCOL_VERSION: &str = "mcp-protocol-version";
/// The header that mirrors `method` (P5.11).
pub const MCP_METHOD: &str = "mcp-method";
/// The header that mirrors the name, URI or task id (P5.11).
pub const MCP_NAME: &str = "mcp-name";

/// Looks headers up by name.
pub trait Headers {
    /// The one value of `name`, which is compared without regard to case.
    fn header(&self, name: &str) -> HeaderLookup<'_>;
}

/// What a header lookup finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderLookup<'a> {
    /// The header is there once; white space around the value does not matter.
    One(&'a str),
    /// The header is not there.
    Absent,
    /// The header is there more than once, or is not visible ASCII.
    Malformed,
}

impl<'a> HeaderLookup<'a> {
    /// The value as it stands, trimmed (P5.12).
    pub(super) fn trimmed(self) -> Option<&'a str> {
        match self {
            Self::One(value) => Some(trim_header_value(value)),
            Self::Absent | Self::Malformed => None,
        }
    }

    /// Whether this is the header that mirrors `text`, written plainly or in base64 (P5.12).
    pub(super) fn mirrors(self, text: &str) -> bool {
        match self {
            Self::One(value) => decode_header_value(value).is_ok_and(|decoded| decoded == text),
            Self::Absent | Self::Malformed => false,
        }
    }
}

/// Headers as a list of names and values, for tests and for callers without a map.
#[derive(Debug, Clone, Copy)]
pub struct HeaderList<'a>(pub &'a [(&'a str, &'a str)]);

impl Headers for HeaderList<'_> {
    fn header(&self, name: &str) -> HeaderLookup<'_> {
        let mut found = self
            .0
            .iter()
            .filter(|(header, _)| header.eq_ignore_ascii_case(name));
        match (found.next(), found.next()) {
            (None, _) => HeaderLookup::Absent,
            (Some((_, value)), None) if value.is_ascii() => HeaderLookup::One(value),
            (Some(_), _) => HeaderLookup::Malformed,
        }
    }
}
