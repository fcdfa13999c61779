//! What goes to servers: headers, `_meta`, params (P8.15, P9.15, P9.67).

use toolgate_protocol::upstream::{
    Forwarded, OwnMeta, call_params, call_params_with, legacy_meta, modern_headers, modern_meta,
};
use toolgate_protocol::{Json, JsonLimits, RequestId, Revision, parse_body, write};

use crate::{json, object, text};

#[test]
fn headers_name_what_the_server_knows() {
    let made = |method: &str, params: &str, bare: Option<&str>| -> Vec<String> {
        modern_headers(method, &object(params), bare, None)
            .into_iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect()
    };
    let version = "mcp-protocol-version: 2026-07-28";
    assert_eq!(
        made("tools/list", "{}", None),
        [version, "mcp-method: tools/list"]
    );
    assert_eq!(
        made("tools/call", r#"{"name":"ws__t"}"#, Some("t")),
        [version, "mcp-method: tools/call", "mcp-name: t"]
    );
    assert_eq!(
        made("prompts/get", r#"{"name":"p\u00fc"}"#, None),
        [
            version,
            "mcp-method: prompts/get",
            "mcp-name: =?base64?cMO8?="
        ]
    );
    assert_eq!(
        made("resources/read", r#"{"uri":"x://y"}"#, Some("not a URI")),
        [version, "mcp-method: resources/read", "mcp-name: x://y"]
    );
    assert_eq!(
        made("tasks/get", r#"{"taskId":"7"}"#, None),
        [version, "mcp-method: tasks/get", "mcp-name: 7"]
    );
}

/// A gateway that does not trace hands the place in a trace on, but not what travels with it.
#[test]
fn p9_69_trace_context_passes_and_baggage_does_not() {
    let client = object(
        r#"{"traceparent":"00-1","trace\u0073tate":"a=1","baggage":"user=7","traceparents":true}"#,
    );
    let passed = legacy_meta(Some(&client), None).unwrap();
    assert_eq!(
        passed.as_str(),
        r#"{"traceparent":"00-1","trace\u0073tate":"a=1","traceparents":true}"#
    );
}

/// P9.67: the client's own members pass; the reserved ones and the progress token are made anew.
#[test]
fn modern_meta_is_ours_and_what_may_pass() {
    let client = object(
        r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"sampling":{}},
            "progressToken":"theirs","com.example/x":{ "n":1.0 }}"#,
    );
    let capabilities = json(r#"{"elicitation":{}}"#);
    let info = json(r#"{"name":"toolgate","version":"0.1.0"}"#);
    let meta = modern_meta(
        Some(&client),
        Revision::V2026_07_28,
        &capabilities,
        &info,
        Some("info"),
        Some(&Json::number(9)),
    );
    assert_eq!(
        meta.as_str(),
        r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"toolgate","version":"0.1.0"},"io.modelcontextprotocol/clientCapabilities":{"elicitation":{}},"io.modelcontextprotocol/logLevel":"info","progressToken":9,"com.example/x":{ "n":1.0 }}"#
    );
    let least = modern_meta(
        None,
        Revision::V2026_07_28,
        &Json::empty_object(),
        &info,
        None,
        None,
    );
    assert!(!least.object().unwrap().contains("progressToken"));
}

#[test]
fn legacy_meta_is_left_out_when_empty() {
    let client =
        object(r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","progressToken":1}"#);
    assert_eq!(legacy_meta(Some(&client), None), None);
    assert_eq!(legacy_meta(None, None), None);
    assert_eq!(
        legacy_meta(None, Some(&Json::number(3))).unwrap().as_str(),
        r#"{"progressToken":3}"#
    );
    let other = object(r#"{"a":1,"progressToken":1}"#);
    assert_eq!(
        legacy_meta(Some(&other), None).unwrap().as_str(),
        r#"{"a":1}"#
    );
}

/// P9.15: arguments byte for byte, unknown members too.
#[test]
fn params_pass_but_for_what_is_ours() {
    let params = object(
        r#"{"arguments" : {"n":1e400, "z" : [ -0 ]},"name":"ws__t","_meta":{"a":1},"task":{},"inputResponses":{},"requestState":"s","x":[ ]}"#,
    );
    assert_eq!(
        text(call_params(&params, Some("t"), None)),
        r#"{"arguments" : {"n":1e400, "z" : [ -0 ]},"name":"t","x":[ ]}"#
    );
    assert_eq!(
        text(call_params(&params, None, Some(&json(r#"{"b":2}"#)))),
        r#"{"arguments" : {"n":1e400, "z" : [ -0 ]},"name":"ws__t","_meta":{"b":2},"x":[ ]}"#
    );
    let answers = [
        ("inputResponses", json(r#"{"q":{}}"#)),
        ("requestState", json("\"X\"")),
    ];
    assert_eq!(
        text(call_params_with(
            &object(r#"{"name":"t"}"#),
            None,
            None,
            &answers
        )),
        r#"{"name":"t","inputResponses":{"q":{}},"requestState":"X"}"#
    );
    let untouched = object(r#"{ "cursor" : "c" }"#);
    assert_eq!(
        call_params(&untouched, None, None).as_ptr(),
        untouched.bytes().as_ptr()
    );
}

/// P8.15, P9.15, P9.67: a request written at once is the one that its parts make, whatever its params hold.
#[test]
fn a_request_is_written_as_its_parts_are() {
    let (capabilities, info) = (json(r#"{"roots":{}}"#), json(r#"{"name":"g"}"#));
    let extra = [
        ("inputResponses", json(r#"{"q":{}}"#)),
        ("requestState", json("\"X\"")),
    ];
    for params in [
        "{}",
        r#"{ "cursor" : "c" }"#,
        r#"{"name":"ws__t","arguments":{"z":[ -0 ]}}"#,
        r#"{"_meta":{"a":1,"progressToken":7,"io.modelcontextprotocol/x":2}, "na\u006de":"t" ,"task":{}}"#,
        r#"{"_meta":{"baggage":"b"},"inputResponses":{},"x":[ ],"requestState":"s","name":"n"}"#,
        r#"{"_meta":"none","name":1}"#,
    ] {
        let params = object(params);
        let client_meta = params.object("_meta");
        for (bare_name, wants_progress, extra) in [
            (None, false, &[][..]),
            (Some("quo\"te"), true, &[]),
            (Some("t"), false, &extra),
            (None, true, &extra),
        ] {
            let id = RequestId::number(9);
            let token = wants_progress.then(|| id.to_json());
            let level = wants_progress.then_some("info");
            let modern = modern_meta(
                client_meta.as_ref(),
                Revision::LATEST,
                &capabilities,
                &info,
                level,
                token.as_ref(),
            );
            let own_meta = OwnMeta {
                revision: Revision::LATEST,
                capabilities: &capabilities,
                client_info: &info,
                log_level: level,
            };
            let legacy = legacy_meta(client_meta.as_ref(), token.as_ref());
            for (own_meta, meta) in [(Some(own_meta), Some(modern)), (None, legacy)] {
                let params_text = call_params_with(&params, bare_name, meta.as_ref(), extra);
                let forwarded = Forwarded {
                    id: &id,
                    method: "tools/call",
                    params: &params,
                    bare_name,
                    own_meta,
                    wants_progress,
                    extra,
                };
                let written = forwarded.write();
                assert_eq!(
                    text(&written),
                    text(write::request(&id, "tools/call", Some(&params_text)))
                );
                assert!(parse_body(written, &JsonLimits::UPSTREAM).is_ok());
            }
        }
    }
}
