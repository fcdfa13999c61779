//! Trace context: carried in `_meta`, whichever way the client sent it (P9.69).

use hyper::header::{HeaderMap, HeaderName};
use toolgate_analytics::CallTrace;
use toolgate_policy::RawToken;
use toolgate_protocol::{Json, Object};

use crate::tracer::{TraceParent, Tracer, told_server};

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

/// The parameters as the call's server gets them when somebody follows the trace (P9.69): what it does stands below
/// the call at the gateway, which stands below what the client said. What no client said well begins a new trace; one
/// that the client does not keep is handed on, and followed by nobody.
pub(super) fn in_span(
    params: Object,
    headers: &HeaderMap,
    tracer: &Tracer,
) -> (Object, Option<Box<CallTrace>>) {
    let meta = params.object("_meta").unwrap_or_default();
    let own = meta.text("traceparent");
    let said = own.as_deref().and_then(TraceParent::parse);
    let from_header = match said {
        Some(_) => None,
        None => text(headers, &TRACE_PARENT).and_then(TraceParent::parse),
    };
    let parent = said.or(from_header);
    if parent.is_some_and(|parent| !parent.is_sampled) {
        return (with_trace(params, headers), None);
    }
    let trace = tracer.call(parent);
    let mut edit = meta
        .edit()
        .set("traceparent", Json::from_text(&told_server(&trace)));
    if said.is_none() {
        // It belongs to the header's parent, or to one that could not be read.
        let state = from_header.and_then(|_| text(headers, &TRACE_STATE));
        let state = state.filter(|state| !RawToken::is_in(state.as_bytes()));
        edit = match state {
            Some(state) => edit.set("tracestate", Json::from_text(state)),
            None => edit.remove("tracestate"),
        };
    }
    let params = params.edit().set("_meta", edit.json()).object();
    (params, Some(Box::new(trace)))
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

    #[track_caller]
    fn check_span(params: &str, header: Option<&str>, trace: Option<&str>) -> Option<CallTrace> {
        let params = Object::parse(params.to_owned().into(), &JsonLimits::CLIENT).unwrap();
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert("traceparent", header.parse().unwrap());
            headers.insert("tracestate", "vendor=1".parse().unwrap());
        }
        let (params, span) = in_span(params, &headers, &Tracer::new().unwrap());
        let meta = params.object("_meta").unwrap();
        let told = meta.text("traceparent").unwrap();
        if let Some(span) = &span {
            assert_eq!(told, told_server(span));
        }
        if let Some(trace) = trace {
            assert_eq!(&told[3..35], trace);
        }
        span.map(|span| *span)
    }

    #[test]
    fn p9_69_the_gateway_stands_between_client_and_server() {
        let trace = &PARENT[3..35];
        let of_header = check_span("{}", Some(PARENT), Some(trace)).unwrap();
        assert_eq!(of_header.parent.unwrap()[0], 0xb7);
        let other = PARENT.replace("0af7", "1af7");
        let params = format!(r#"{{"_meta":{{"traceparent":"{other}","tracestate":"a=1"}}}}"#);
        let of_meta = check_span(&params, Some(PARENT), Some(&other[3..35])).unwrap();
        assert_ne!(of_meta.span_id, of_meta.server_span_id);
        let new = check_span("{}", None, None).unwrap();
        assert_eq!(new.parent, None);
        let malformed = r#"{"_meta":{"traceparent":"own","tracestate":"a=1"}}"#;
        assert_eq!(check_span(malformed, None, None).unwrap().parent, None);
        check_span(malformed, Some(PARENT), Some(trace)).unwrap();
    }

    #[test]
    fn p9_69_a_trace_that_nobody_keeps_is_handed_on() {
        let unsampled = PARENT.replace("-01", "-00");
        assert!(check_span("{}", Some(&unsampled), Some(&PARENT[3..35])).is_none());
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
