//! The dashboard's files. What is answered here needs no credential and says nothing of the installation.

use hyper::Response;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use toolgate_http::ReplyBody;

/// The file at this path; `None` when there is none.
pub(crate) fn asset(path: &str) -> Option<Response<ReplyBody>> {
    if path != "/" {
        return None;
    }
    let page = "Toolgate's management API is here; /openapi.json says what it offers.\n";
    let mut response = Response::new(ReplyBody::full(page.into()));
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Some(response)
}
