use bytes::Bytes;
use hyper::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, FORWARDED, HOST, HeaderName,
    HeaderValue, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use hyper::{HeaderMap, Method};

/// A request to an endpoint.
#[derive(Debug)]
pub struct OutRequest {
    /// The method.
    pub method: Method,
    /// Path and query; `None` for the endpoint's own.
    pub path_and_query: Option<String>,
    /// The headers, all of them chosen by the caller; none of [`is_forbidden_header`].
    pub headers: HeaderMap,
    /// The body, sent with its length and without a copy.
    pub body: Bytes,
}

/// Whether a header may not be set by whoever builds a request: the connection's own, those that
/// speak for another hop, and cookies (S-27).
pub fn is_forbidden_header(name: &HeaderName) -> bool {
    // The standard names compare as numbers.
    if [
        HOST,
        CONNECTION,
        CONTENT_LENGTH,
        TRANSFER_ENCODING,
        TE,
        TRAILER,
        UPGRADE,
        EXPECT,
        ACCEPT_ENCODING,
        COOKIE,
        FORWARDED,
    ]
    .contains(name)
    {
        return true;
    }
    let name = name.as_str();
    name == "keep-alive"
        || name == "http2-settings"
        || name.starts_with("proxy-")
        || name.starts_with("x-forwarded-")
        || name.starts_with("x-mcp-secret-")
}

/// A header value that must not be shown, or `None` if it holds a control character or more than
/// visible ASCII (S-26). It is marked sensitive.
pub fn secret_header_value(bytes: &[u8]) -> Option<HeaderValue> {
    let plain = bytes.iter().all(|byte| matches!(byte, b' '..=b'~'));
    let mut value = HeaderValue::from_bytes(bytes).ok().filter(|_| plain)?;
    value.set_sensitive(true);
    Some(value)
}
