//! What the scanner refuses, and how it says so.

use crate::jsonrpc::codes;

/// The bounds within which a text counts as JSON here.
///
/// Duplicate members, byte order marks and invalid UTF-8 are refused whatever the limits say (P3.7, P3.17).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonLimits {
    /// How many arrays and objects may stand inside one another; values above 64 count as 64.
    pub max_depth: usize,
    /// How many values the text may hold in all.
    pub max_nodes: usize,
    /// Whether `\ud800` without its partner may stand in a string (P3.17).
    pub lone_surrogates: bool,
}

impl JsonLimits {
    /// What a client may send (P3.15, P3.17): depth 64, 100,000 values, no lone surrogates.
    pub const CLIENT: Self = Self {
        max_depth: 64,
        max_nodes: 100_000,
        lone_surrogates: false,
    };
    /// What a server may send: depth 64, 2,000,000 values (a 16 MiB message of small values), and
    /// lone surrogates pass as the escapes they are (P3.17).
    pub const UPSTREAM: Self = Self {
        max_depth: 64,
        max_nodes: 2_000_000,
        lone_surrogates: true,
    };
}

/// Why a text is refused. Names the rule and the place, never the value (S-21).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The text is not JSON.
    #[error("reading JSON: {what} at byte {offset}")]
    Syntax {
        /// What stood where it may not, or was missing.
        what: &'static str,
        /// Where, counted from the start of the text.
        offset: usize,
    },
    /// The text is not UTF-8.
    #[error("reading JSON: invalid UTF-8 at byte {offset}")]
    Utf8 {
        /// Where the first bad byte stands.
        offset: usize,
    },
    /// A `\u` escape names half of a surrogate pair.
    #[error("reading JSON: lone surrogate at byte {offset}")]
    LoneSurrogate {
        /// Where the escape stands.
        offset: usize,
    },
    /// An object names a member twice.
    #[error("reading JSON: duplicate member at byte {offset}")]
    DuplicateMember {
        /// Where one of the two stands.
        offset: usize,
    },
    /// Too many arrays and objects inside one another.
    #[error("reading JSON: more than {max} levels deep at byte {offset}")]
    TooDeep {
        /// The limit.
        max: usize,
        /// Where the level too many opens.
        offset: usize,
    },
    /// Too many values.
    #[error("reading JSON: more than {max} values at byte {offset}")]
    TooManyNodes {
        /// The limit.
        max: usize,
        /// Where the value too many stands.
        offset: usize,
    },
    /// The text is too long to be indexed; transports stop far earlier (P3.15).
    #[error("reading JSON: longer than 4 GiB")]
    TooLong,
    /// The value is JSON but not an object.
    #[error("reading JSON: not an object")]
    NotAnObject,
}

impl JsonError {
    /// The JSON-RPC code: -32700 for what is not JSON, -32600 for JSON that we refuse (P3.7, P3.9,
    /// P3.15, P3.17).
    pub fn code(&self) -> i64 {
        match self {
            Self::Syntax { .. } | Self::Utf8 { .. } | Self::LoneSurrogate { .. } => {
                codes::PARSE_ERROR
            }
            Self::DuplicateMember { .. }
            | Self::TooDeep { .. }
            | Self::TooManyNodes { .. }
            | Self::TooLong
            | Self::NotAnObject => codes::INVALID_REQUEST,
        }
    }
}
