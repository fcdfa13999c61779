//! We are the client: headers, `_meta` and params of what goes to servers (sections 8 and 9.11).

mod header_value;
mod headers;
mod meta;
mod params;

pub(crate) use header_value::trim_header_value;
pub use header_value::{InvalidHeaderValue, decode_header_value, encode_header_value};
pub use headers::modern_headers;
pub use meta::{OwnMeta, legacy_meta, modern_meta};
pub use params::{Forwarded, call_params, call_params_with};
