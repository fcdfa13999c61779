//! We are the server: which era is this request, and do its headers agree with its body
//! (sections 5 and 6 of the protocol brief, S-32).

mod era;
mod headers;
mod ladder;
mod param_headers;
mod rejection;

pub use era::{BATCH_MAX, ClientEra, decide, negotiate};
pub use headers::{HeaderList, HeaderLookup, Headers, MCP_METHOD, MCP_NAME, PROTOCOL_VERSION};
pub(crate) use ladder::mirrored_member;
pub use ladder::{
    Methods, ModernMeta, SUPPORTED_VERSIONS, check_modern, check_modern_with, is_log_level,
};
pub use param_headers::check_param_headers;
pub use rejection::Rejection;
