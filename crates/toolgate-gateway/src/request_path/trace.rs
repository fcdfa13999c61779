//! Trace context: carried in `_meta`, whichever way the client sent it (P9.69).

use hyper::header::{HeaderMap, HeaderName};
use toolgate_policy::RawToken;
use toolgate_protocol::{Json, Object};

static TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
static TRACE_STATE: HeaderName = HeaderName::from_static("tracestate");

/// The parameters with the `traceparent` and `tracestate` headers in `_meta`, where it has none of its own.
pub(super) fn with_trace(params: Object, headers: &HeaderMap) -> Object {
    let Some(parent) = text(headers, &TRACE_PARENT).filter(|parent| is_trace_parent(parent)) else {
        return params;
    };
    let meta = params.object("_meta").unwrap_or_default();
    if meta.contains("traceparent") {
        return params;
    }
    let mut edit = meta.edit().set("traceparent", Json::from_text(parent));
    let state = text(headers, &TRACE_STATE);
    // The one header of a client that reaches a server as it is (S-28).
    if let Some(state) = state.filter(|state| !RawToken::is_in(state.as_bytes())) {
        edit = edit.set("tracestate", Json::from_text(state));
    }
    params.edit().set("_meta", edit.json()).object()
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// W3C Trace Context, section 3.2: version, trace, parent and flags in lower-case hexadecimal.
fn is_trace_parent(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    lengths == [2, 32, 16, 2] && text.split('-').all(|part| part.chars().all(is_hex))
}

#[cfg(test)]
mod tests {
    use toolgate_protocol::JsonLimits;

    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[track_caller]
    fn check(params: &str, header: &str, expected: &str) {
        let params = Object::parse(params.to_owned().into(), &JsonLimits::CLIENT).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", header.parse().unwrap());
        let traced = with_trace(params, &headers);
        assert_eq!(traced.json().as_str(), expected);
    }

    #[test]
    fn p9_69_a_header_is_carried_where_meta_says_nothing() {
        let expected = format!(r#"{{"name":"a","_meta":{{"traceparent":"{PARENT}"}}}}"#);
        check(r#"{"name":"a"}"#, PARENT, &expected);
        let own = r#"{"_meta":{"traceparent":"own"}}"#;
        check(own, PARENT, own);
    }

    #[test]
    fn p9_69_a_header_of_another_form_is_not_carried() {
        for header in [
            "",
            "00",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        ] {
            check("{}", header, "{}");
        }
    }
}
