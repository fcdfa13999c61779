//! Results carried from one revision to another (P5.18, P6.15, P9.11, P9.12, P9.60–P9.62, P9.68).

use toolgate_protocol::mcp::{ResultType, adapt_result, adapt_result_parts, is_error, result_type};
use toolgate_protocol::{Json, Revision};

use crate::{json, text};

const V24: Revision = Revision::V2024_11_05;
const V25_03: Revision = Revision::V2025_03_26;
const V25_06: Revision = Revision::V2025_06_18;
const V25_11: Revision = Revision::V2025_11_25;
const V26: Revision = Revision::V2026_07_28;

fn ours() -> Json {
    json(r#"{"name":"toolgate","version":"1"}"#)
}

#[track_caller]
fn check(method: &str, result: &str, from: Revision, to: Revision, expected: &str) {
    let result = json(result);
    let adapted = adapt_result(method, &result, from, to, &ours());
    assert_eq!(text(&adapted), expected, "{from} to {to}");
    let parts = adapt_result_parts(method, &result, from, to, &ours());
    assert_eq!(text(parts.concat()), expected, "{from} to {to}, in parts");
}

/// The same bytes come back.
#[track_caller]
fn check_untouched(method: &str, result: &str, from: Revision, to: Revision) {
    let result = json(result);
    let adapted = adapt_result(method, &result, from, to, &ours());
    assert_eq!(adapted.as_ptr(), result.bytes().as_ptr(), "{from} to {to}");
    assert_eq!(adapted.len(), result.bytes().len(), "{from} to {to}");
}

#[test]
fn kinds_of_result() {
    assert_eq!(result_type(&json("{}")), ResultType::Complete);
    assert_eq!(
        result_type(&json(r#"{"resultType":"complete"}"#)),
        ResultType::Complete
    );
    assert_eq!(
        result_type(&json(r#"{"resultType":"input_required"}"#)),
        ResultType::InputRequired
    );
    assert_eq!(
        result_type(&json(r#"{"resultType":"task"}"#)),
        ResultType::Task
    );
    // P3.13.
    for odd in [
        r#"{"resultType":"later"}"#,
        r#"{"resultType":null}"#,
        r#"{"resultType":"Complete"}"#,
        "[]",
    ] {
        assert_eq!(result_type(&json(odd)), ResultType::Unknown, "{odd}");
    }
    assert!(is_error(&json(r#"{"content":[],"isError":true}"#)));
    assert!(!is_error(&json(r#"{"content":[],"isError":false}"#)));
    assert!(!is_error(&json(r#"{"content":[{"isError":true}]}"#)));
}

/// Same-era pairs are pass-through.
#[test]
fn nothing_to_change_is_nothing_copied() {
    let content =
        r#"{"content":[{"type":"text","text":"x"}],"structuredContent":{"n":1.0},"_meta":{"k":1}}"#;
    for (from, to) in [
        (V25_06, V25_06),
        (V25_06, V25_11),
        (V25_11, V25_11),
        (V24, V25_11),
    ] {
        check_untouched("tools/call", content, from, to);
    }
    check_untouched("tools/call", r#"{ "content" : [] }"#, V24, V24);
    check_untouched(
        "tools/call",
        r#"{"resultType":"complete","content":[],"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"up"}}}"#,
        V26,
        V26,
    );
    check_untouched("tools/call", "null", V25_11, V26);
}

/// P5.18: modern clients get `resultType` and `serverInfo`.
#[test]
fn legacy_results_are_completed_for_modern_clients() {
    let info =
        r#""_meta":{"io.modelcontextprotocol/serverInfo":{"name":"toolgate","version":"1"}}"#;
    check(
        "tools/call",
        r#"{"content":[ ]}"#,
        V25_11,
        V26,
        &format!(r#"{{"resultType":"complete",{info},"content":[ ]}}"#),
    );
    check(
        "tools/call",
        r#"{"_meta":{"k":1},"content":[]}"#,
        V25_11,
        V26,
        r#"{"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"toolgate","version":"1"},"k":1},"content":[]}"#,
    );
    check(
        "prompts/get",
        "{}",
        V25_11,
        V26,
        &format!(r#"{{"resultType":"complete",{info}}}"#),
    );
    // P9.60: caching hints on the six cacheable methods, none on the others.
    check(
        "resources/read",
        r#"{"contents":[]}"#,
        V25_06,
        V26,
        &format!(
            r#"{{"resultType":"complete",{info},"ttlMs":0,"cacheScope":"private","contents":[]}}"#
        ),
    );
}

/// P9.60, P9.62: what a modern server says of caching is kept, but never public.
#[test]
fn caching_hints_of_modern_servers() {
    let own = r#""_meta":{"io.modelcontextprotocol/serverInfo":{"name":"up"}}"#;
    check(
        "resources/read",
        &format!(
            r#"{{"resultType":"complete","ttlMs":5000,"cacheScope":"public","contents":[],{own}}}"#
        ),
        V26,
        V26,
        &format!(
            r#"{{"cacheScope":"private","resultType":"complete","ttlMs":5000,"contents":[],{own}}}"#
        ),
    );
    check(
        "resources/read",
        &format!(r#"{{"resultType":"complete","ttlMs":-1,"cacheScope":"private",{own}}}"#),
        V26,
        V26,
        &format!(r#"{{"ttlMs":0,"resultType":"complete","cacheScope":"private",{own}}}"#),
    );
    // None on questions.
    check_untouched(
        "resources/read",
        &format!(r#"{{"resultType":"input_required","inputRequests":{{}},{own}}}"#),
        V26,
        V26,
    );
}

/// P6.15, P9.68: legacy clients see none of the modern members, and empty results are exactly `{}`.
#[test]
fn modern_results_are_plain_for_legacy_clients() {
    let result = r#"{"resultType":"complete","ttlMs":1,"cacheScope":"public","requestState":"s","inputRequests":{},"_meta":{"io.modelcontextprotocol/serverInfo":{}}}"#;
    for to in [V24, V25_03, V25_06, V25_11] {
        check("completion/complete", result, V26, to, "{}");
        check(
            "resources/read",
            r#"{"contents":[ 1 ],"ttlMs":0}"#,
            V26,
            to,
            r#"{"contents":[ 1 ]}"#,
        );
        check(
            "tools/call",
            r#"{"content":[],"_meta":{"io.modelcontextprotocol/x":1,"com.example/k":2}}"#,
            V26,
            to,
            r#"{"content":[],"_meta":{"com.example/k":2}}"#,
        );
    }
    // Core tasks exist in one revision.
    let related =
        r#"{"content":[],"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"1"}}}"#;
    check_untouched("tools/call", related, V25_11, V25_11);
    check("tools/call", related, V25_11, V25_06, r#"{"content":[]}"#);
    // An empty `_meta` that was empty before is not ours to touch.
    check_untouched("tools/call", r#"{"content":[],"_meta":{}}"#, V25_11, V25_11);
}

/// P9.11: structured results by revision.
#[test]
fn structured_content() {
    let object = r#"{"content":[{"type":"text","text":"x"}],"structuredContent":{"n":1.0}}"#;
    let without = r#"{"content":[{"type":"text","text":"x"}]}"#;
    check_untouched("tools/call", object, V25_06, V25_11);
    for to in [V24, V25_03] {
        check("tools/call", object, V26, to, without);
    }
    let list = r#"{"content":[{"type":"text","text":"x"}],"structuredContent":[1]}"#;
    for to in [V24, V25_03, V25_06, V25_11] {
        check("tools/call", list, V26, to, without);
        // Nothing would be left to read, so the JSON becomes text.
        check(
            "tools/call",
            r#"{"content":[],"structuredContent":[ 1.0, "a" ]}"#,
            V26,
            to,
            r#"{"content":[{"type":"text","text":"[ 1.0, \"a\" ]"}]}"#,
        );
        check(
            "tools/call",
            r#"{"structuredContent":7}"#,
            V26,
            to,
            r#"{"content":[{"type":"text","text":"7"}]}"#,
        );
    }
    check(
        "tools/call",
        r#"{"content":[{"type":"image","data":"","mimeType":"image/png"}],"structuredContent":{"a":1}}"#,
        V25_06,
        V25_03,
        r#"{"content":[{"type":"image","data":"","mimeType":"image/png"},{"type":"text","text":"{\"a\":1}"}]}"#,
    );
}

/// P9.12, 6.3: blocks newer than the client's revision become text.
#[test]
fn newer_blocks_become_text() {
    let audio = r#"{"type":"audio","mimeType":"audio/wav","data":"AAAAAA=="}"#;
    let link = r#"{"type":"resource_link","uri":"x://\"y\"","name":"n","mimeType":"text/plain"}"#;
    let known = r#"{"type":"text","text":"t"},{"type":"image","data":""},{"type":"resource","resource":{ "uri":"u" }}"#;
    let odd = r#"{"type":"hologram"}"#;
    let result = format!(r#"{{"content":[{known},{audio},{link},{odd}]}}"#);
    let link_note = r#"{"type":"text","text":"[resource: x://\"y\", text/plain]"}"#;
    let odd_note = r#"{"type":"text","text":"[hologram: left out, this protocol version has no such content]"}"#;
    let audio_note = r#"{"type":"text","text":"[audio: audio/wav, 4 bytes]"}"#;
    check(
        "tools/call",
        &result,
        V26,
        V24,
        &format!(r#"{{"content":[{known},{audio_note},{link_note},{odd_note}]}}"#),
    );
    check(
        "tools/call",
        &result,
        V25_06,
        V25_03,
        &format!(r#"{{"content":[{known},{audio},{link_note},{odd_note}]}}"#),
    );
    for to in [V25_06, V25_11] {
        check_untouched("tools/call", &result, V25_11, to);
    }
    // P3.14: what a server of the client's own revision sends is passed.
    check_untouched("tools/call", &result, V24, V24);
    check_untouched("tools/call", &result, V24, V25_03);

    check(
        "prompts/get",
        &format!(
            r#"{{"messages":[{{"role":"user","content":{audio}}},{{"role":"user","content":{{"type":"text","text":"t"}}}}]}}"#
        ),
        V26,
        V24,
        &format!(
            r#"{{"messages":[{{"role":"user","content":{audio_note}}},{{"role":"user","content":{{"type":"text","text":"t"}}}}]}}"#
        ),
    );
}

#[test]
fn large_results_are_not_copied() {
    let large = format!(
        r#"{{"content":[{{"type":"text","text":"{}"}}]}}"#,
        "x".repeat(100_000)
    );
    let result = json(&large);
    let parts = adapt_result_parts("tools/call", &result, V25_11, V26, &ours());
    let copied: usize = parts
        .iter()
        .filter(|part| !result.bytes().as_ptr_range().contains(&part.as_ptr()))
        .map(bytes::Bytes::len)
        .sum();
    assert!(copied < 200, "{copied} bytes");
}

/// Section 10: whatever the method and the pair of revisions, what the server said stays byte for byte; modern
/// clients get the members of their era, legacy clients get none of them.
#[test]
fn every_method_in_every_pair() {
    let info =
        r#""_meta":{"io.modelcontextprotocol/serverInfo":{"name":"toolgate","version":"1"}}"#;
    let methods = [
        (
            "tools/call",
            r#""content":[{"type":"text","text":"x"}],"vendor":{ "n":1.0 }"#,
            false,
        ),
        (
            "prompts/get",
            r#""messages":[{"role":"user","content":{"type":"text","text":"x"}}],"vendor":1e400"#,
            false,
        ),
        (
            "completion/complete",
            r#""completion":{ "values":["a"],"total":9007199254740993 }"#,
            false,
        ),
        (
            "resources/read",
            r#""contents":[{"uri":"x://a","text":"x","_meta":{"k":1}}]"#,
            true,
        ),
        (
            "resources/list",
            r#""resources":[{"uri":"x://a","name":"a"}],"nextCursor":"""#,
            true,
        ),
        (
            "resources/templates/list",
            r#""resourceTemplates":[]"#,
            true,
        ),
        ("prompts/list", r#""prompts":[]"#, true),
        ("tools/list", r#""tools":[]"#, true),
    ];
    for (method, members, cacheable) in methods {
        let legacy = format!("{{{members}}}");
        let hints = if cacheable {
            r#""ttlMs":0,"cacheScope":"private","#
        } else {
            ""
        };
        let modern = format!(r#"{{"resultType":"complete",{info},{hints}{members}}}"#);
        for from in [V24, V25_03, V25_06, V25_11] {
            for to in [V24, V25_03, V25_06, V25_11] {
                check_untouched(method, &legacy, from, to);
            }
            check(method, &legacy, from, V26, &modern);
        }
        for to in [V24, V25_03, V25_06, V25_11] {
            check(method, &modern, V26, to, &legacy);
        }
        check_untouched(method, &modern, V26, V26);
    }
}

/// P3.13, section 10: before 2026-07-28 the member means nothing, so a legacy server cannot ask with it.
#[test]
fn legacy_results_are_complete_whatever_they_say() {
    let info = r#""_meta":{"io.modelcontextprotocol/serverInfo":{"name":"up"}}"#;
    for claimed in ["\"input_required\"", "\"task\"", "\"complete\"", "7"] {
        check(
            "tools/call",
            &format!(r#"{{"content":[],{info},"resultType":{claimed}}}"#),
            V25_11,
            V26,
            &format!(r#"{{"resultType":"complete","content":[],{info}}}"#),
        );
    }
}

/// P9.12 for prompts: links and unknown blocks as in tool results.
#[test]
fn newer_blocks_of_prompts_become_text() {
    let message = |block: &str| format!(r#"{{"role":"user","content":{block}}}"#);
    let link = message(r#"{"type":"resource_link","uri":"x://y","name":"n"}"#);
    let embedded = message(r#"{"type":"resource","resource":{"uri":"x://z","text":""}}"#);
    let note = message(r#"{"type":"text","text":"[resource: x://y]"}"#);
    let result = format!(r#"{{"description":"d","messages":[{link},{embedded}]}}"#);
    for to in [V24, V25_03] {
        for from in [V25_06, V25_11] {
            check(
                "prompts/get",
                &result,
                from,
                to,
                &format!(r#"{{"description":"d","messages":[{note},{embedded}]}}"#),
            );
        }
    }
    check_untouched("prompts/get", &result, V25_06, V25_06);
    check_untouched("prompts/get", r#"{"messages":{}}"#, V25_11, V24);
}
