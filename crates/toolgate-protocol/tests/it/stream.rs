//! Results that are read as they come: the same verdict and the same meaning as when they are whole.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::Value;
use toolgate_protocol::mcp::{adapt_result, is_error, linked_uris};
use toolgate_protocol::stream::{Audience, NoPass, PassEnd, ResultPass, StreamScan};
use toolgate_protocol::{Body, Json, JsonLimits, Message, Outcome, Revision, parse_body};

const ID: u64 = 7;

fn verdict(text: &[u8], size: usize) -> bool {
    let mut scan = StreamScan::new(&JsonLimits::UPSTREAM);
    text.chunks(size).all(|chunk| scan.push(chunk).is_ok()) && scan.end().is_ok()
}

#[track_caller]
fn check_verdict(text: &[u8]) {
    let whole = Json::parse(Bytes::copy_from_slice(text), &JsonLimits::UPSTREAM);
    for size in [1, 2, 3, 5, 7, 64, 65, 100_000] {
        assert_eq!(
            verdict(text, size),
            whole.is_ok(),
            "chunks of {size}: {:?}, whole: {whole:?}",
            String::from_utf8_lossy(text)
        );
    }
}

/// S-31, P3.7, P3.17: what the scan of the whole accepts, and nothing else.
#[test]
fn s31_a_text_in_chunks_is_judged_as_the_whole() {
    let long = "x".repeat(300);
    let names: Vec<String> = (0..40).map(|n| format!("\"{long}{n}\":{n}")).collect();
    let again = format!("{{{},\"{long}3\":0}}", names.join(","));
    let names = format!("{{{}}}", names.join(","));
    let quotes = format!("\"{}\"", "a\\\"\\\\b\\/\\n\\u00e9".repeat(40));
    let control = format!("\"{long}\u{1}\"");
    let deep = format!("{}1{}", "[".repeat(64), "]".repeat(64));
    let too_deep = format!("{}1{}", "[".repeat(65), "]".repeat(65));
    for text in [
        "",
        " ",
        "1",
        "-1.5e+3",
        "-",
        "01",
        "1.",
        "1e",
        "1 2",
        "true",
        "tru",
        "truex",
        "nul",
        "\"a\"",
        "\"a",
        "\"\\u12\"",
        "\"\\u00e9\"",
        "\"\\x\"",
        "\"\\ud800\"",
        "{}",
        "{\"a\"}",
        "{\"a\":1,}",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1,\"\\u0061\":2}",
        "{\"a\":{\"a\":1},\"b\":[{\"a\":1}]}",
        "{\"a\":1}}",
        "[1}",
        "{1:2}",
        " [ 1 , { } , [ ] ] ",
        "\u{feff}1",
        "\"\u{e9}\u{1f600}\"",
        "\u{e9}",
        &long,
        &names,
        &again,
        &quotes,
        &control,
        &deep,
        &too_deep,
    ] {
        check_verdict(text.as_bytes());
    }
    check_verdict(b"\"\xff\"");
    check_verdict(b"\"\xe2\x82\"");
    check_verdict(b"\"\xe2\x82\xac \xf0\x9f\x98\x80\"");
    check_verdict(b"\"\xed\xa0\x80\"");
    check_verdict(b"{\"\xe2\x82\":1}");
}

/// What comes out of a pass: the text and the end.
fn passed(
    text: &[u8],
    size: usize,
    from: Revision,
    method: &str,
    to: Revision,
) -> Result<(Vec<u8>, PassEnd), NoPass> {
    let audience = Audience {
        method: method.to_owned().into(),
        to,
        server_info: Json::literal(r#"{"name":"gateway"}"#),
    };
    let mut pass = ResultPass::new(ID, from, audience);
    let mut out = Vec::new();
    for chunk in text.chunks(size) {
        pass.push(&Bytes::copy_from_slice(chunk), &mut out)?;
    }
    let end = pass.end()?;
    out.push(end.rest.clone());
    Ok((out.concat(), end))
}

/// The result as the way of the whole has it.
fn whole(text: &[u8], from: Revision, method: &str, to: Revision) -> Option<(Bytes, Json)> {
    let body = parse_body(Bytes::copy_from_slice(text), &JsonLimits::UPSTREAM).ok()?;
    let Body::One(Message::Response(response)) = body else {
        return None;
    };
    let ours = response
        .id
        .as_ref()
        .and_then(toolgate_protocol::RequestId::as_u64)
        == Some(ID);
    let Outcome::Result(result) = response.outcome else {
        return None;
    };
    let info = Json::literal(r#"{"name":"gateway"}"#);
    ours.then(|| (adapt_result(method, &result, from, to, &info), result))
}

#[track_caller]
fn check_pass(text: &[u8], size: usize, from: Revision, method: &str, to: Revision) {
    let whole = whole(text, from, method, to);
    match passed(text, size, from, method, to) {
        Ok((out, end)) => {
            let (expected, result) = whole.expect("the whole is refused");
            let value = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap();
            assert_eq!(
                value(&out),
                value(&expected),
                "{}",
                String::from_utf8_lossy(text)
            );
            assert_eq!(end.is_error, is_error(&result));
            assert_eq!(end.uris, linked_uris(&result));
        }
        Err(NoPass::Json(_)) => assert!(whole.is_none(), "{}", String::from_utf8_lossy(text)),
        Err(NoPass::Other(_)) => {}
    }
}

fn answer(result: &str) -> String {
    format!("{{\"jsonrpc\":\"2.0\",\"id\":{ID},\"result\":{result}}}")
}

/// P5.18, P6.15, P9.11, P9.60, P9.68: the changes for every pair of revisions.
#[test]
fn p6_15_a_result_on_its_way_is_changed_as_the_whole_is() {
    let results = [
        r#"{"content":[{"type":"text","text":"a"}]}"#,
        r#" { "resultType" : "complete" , "content" : [ { "type" : "text" } ] , "isError" : true } "#,
        r#"{"resultType":"complete","ttlMs":5,"cacheScope":"public"}"#,
        r#"{"ttlMs":-1,"contents":[],"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s"},"x":1}}"#,
        r#"{"_meta":{"io.modelcontextprotocol/x":1},"content":[]}"#,
        r#"{"a":1,"_meta":{},"b":{"_meta":1},"requestState":"s"}"#,
        r#"{"content":[{"type":"text"}],"structuredContent":[1],"isError":false}"#,
        r#"{"structuredContent":{"a":[1,{"b":2}]},"content":[]}"#,
        r#"{"content":[{"type":"resource_link","uri":"a:\u0062"},{"resource":{"uri":"c:d","type":1},"type":"resource"},{"type":"text","uri":"n:o"}]}"#,
        r#"{"messages":[{"role":"user","content":{"type":"resource","resource":{"uri":"m:1"}}},{"content":{"uri":"m:2","type":"resource_link"}}]}"#,
        r#"{"content":{"type":"resource_link","uri":"x:y"}}"#,
        "{}",
    ];
    for result in results {
        for method in ["tools/call", "resources/read", "prompts/get"] {
            for from in Revision::ALL {
                for to in Revision::ALL {
                    let converts = method == "prompts/get" && to <= Revision::V2025_03_26;
                    let text = answer(result);
                    for size in [1, 3, 1000] {
                        if !converts && suits(&text, from, method, to) {
                            check_pass(text.as_bytes(), size, from, method, to);
                        }
                    }
                }
            }
        }
    }
}

fn suits(text: &str, from: Revision, method: &str, to: Revision) -> bool {
    let audience = Audience {
        method: method.to_owned().into(),
        to,
        server_info: Json::empty_object(),
    };
    let mut pass = ResultPass::new(ID, from, audience);
    pass.push(&Bytes::copy_from_slice(text.as_bytes()), &mut Vec::new())
        .is_ok()
        && pass.suits()
}

/// A modern server may say behind a long state that it asks: nothing goes on before there is something to hand on.
#[test]
fn what_may_ask_is_waited_for() {
    let latest = Revision::LATEST;
    let begun = |result: &str| format!("{{\"jsonrpc\":\"2.0\",\"id\":{ID},\"result\":{result}");
    let cases = [
        (r#"{"requestState":"x"#, false),
        (r#"{"_meta":{"k":1},"inputRequests":{"a":"#, false),
        (r#"{"content":[],"requestState":"x"#, false),
        (r#"{"_meta":{"k":"#, false),
        (r#"{"_meta":{"k":1},"content":[{"#, true),
        (r#"{"resultType":"complete","structuredContent":{"#, true),
    ];
    for (result, goes_on) in cases {
        let text = begun(result);
        assert_eq!(
            suits(&text, latest, "tools/call", latest),
            goes_on,
            "{text}"
        );
    }
    let legacy = Revision::V2025_11_25;
    // To a legacy one the word means nothing.
    let text = begun(r#"{"requestState":"x"#);
    assert!(suits(&text, legacy, "tools/call", latest));
}

/// What goes on unchanged goes on byte for byte.
#[test]
fn s31_an_unchanged_result_keeps_its_bytes() {
    let result =
        "{ \"content\" : [ {\"type\":\"text\",\"text\":\"\\u00e9\\/\"} ],\n \"n\":1.50e0 }";
    let revision = Revision::V2025_11_25;
    for size in 1..80 {
        let text = answer(result);
        let (out, _) = passed(text.as_bytes(), size, revision, "tools/call", revision).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), result);
    }
}

/// What comes out does not depend on where it was cut, in names, in escapes, in what is looked into and in what is not.
#[test]
fn a_result_comes_out_the_same_wherever_it_is_cut() {
    let result = r#"{"structuredContent":{"rows":[{"id":1.5e3,"n\u0061me":"\\\"\u00e9","of":[null,true,{"a":{},"type":"t"}]},{"type":"x","uri":"y:z"}]},"content":[{"type":"text","text":"a longer text\nwith \"escapes\" in it, and more than one block of bytes before its end"},{"type":"resource","resource":{"uri":"c:d"}}],"_meta":{"k":[{"k":1}]},"isError":true}"#;
    let latest = Revision::LATEST;
    let text = answer(result);
    let run = |chunks: &[&[u8]]| {
        let audience = Audience {
            method: "tools/call".into(),
            to: latest,
            server_info: Json::empty_object(),
        };
        let mut pass = ResultPass::new(ID, latest, audience);
        let mut out = Vec::new();
        for chunk in chunks {
            let chunk = Bytes::copy_from_slice(chunk);
            pass.push(&chunk, &mut out).unwrap();
        }
        (out.concat(), pass.end().unwrap())
    };
    let whole = run(&[text.as_bytes()]);
    assert_eq!(whole.1.uris, ["c:d"]);
    for at in 0..=text.len() {
        let (first, second) = text.as_bytes().split_at(at);
        assert_eq!(run(&[first, second]), whole, "cut at {at}");
    }
    for size in 1..200 {
        let chunks: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
        assert_eq!(run(&chunks), whole, "chunks of {size}");
    }
    // What nobody is told of is judged all the same.
    let broken = text.replace(r#""type":"t""#, r#""\u0061":1"#);
    for size in 1..200 {
        assert!(passed(broken.as_bytes(), size, latest, "tools/call", latest).is_err());
    }
}

/// P3.6, P3.13, S-31: what is not a plain result of this request is not handed on.
#[test]
fn p3_6_only_the_own_plain_result_passes() {
    for text in [
        "[]".to_owned(),
        "1".to_owned(),
        answer("[]"),
        answer("{\"resultType\":\"input_required\"}"),
        answer("{\"resultType\":\"task\"}"),
        answer("{\"resultType\":1}"),
        answer("{}").replace(":7", ":8"),
        answer("{}").replace(":7", ":\"7\""),
        answer("{}").replace("\"2.0\"", "\"1.0\""),
        answer("{}").replace("\"jsonrpc\":\"2.0\",", ""),
        answer("{}").replace("\"id\":7,", ""),
        answer("{}").replace("\"result\"", "\"Result\""),
        answer("{}").replace("\"id\":7", "\"id\":7,\"ID\":8"),
        answer("{}").replace("\"id\":7", "\"id\":7,\"error\":{}"),
        answer("{}").replace("\"id\":7", "\"id\":7,\"method\":\"x\""),
        answer("{\"a\":1,\"a\":2}"),
        answer("{}").replace("}}", "},\"result\":{}}"),
        r#"{"result":{},"id":7,"jsonrpc":"2.0"}"#.to_owned(),
    ] {
        for size in [1, 1000] {
            let latest = Revision::LATEST;
            let passed = passed(text.as_bytes(), size, latest, "tools/call", latest);
            assert!(passed.is_err(), "{text}");
        }
    }
    let late = r#"{"id":7,"result":{},"x":[{"id":1}],"jsonrpc":"2\u002e0"}"#;
    assert!(
        passed(
            late.as_bytes(),
            1,
            Revision::LATEST,
            "tools/call",
            Revision::LATEST
        )
        .is_ok()
    );
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,2})?([eE][+-]?[0-9])?",
        "\"([a-z\u{e9}\u{1f600}]|\\\\n|\\\\u00[0-9a-f]{2}|\\\\\\\\|\\\\\"){0,80}\"",
    ];
    let name = "(a|b|\\\\u0061|[a-z]{1,9}|type|uri|resource)";
    leaf.prop_recursive(4, 60, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6)
                .prop_map(|v| format!("[{}]", v.join(", "))),
            proptest::collection::vec((name, inner), 0..6).prop_map(|v| {
                let members: Vec<String> = v.iter().map(|(k, v)| format!("\"{k}\" :{v}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

fn fixed() -> proptest::test_runner::Config {
    proptest::test_runner::Config {
        rng_seed: proptest::test_runner::RngSeed::Fixed(60),
        failure_persistence: None,
        cases: 512,
        ..proptest::test_runner::Config::default()
    }
}

proptest! {
    #![proptest_config(fixed())]

    /// The same verdict as the scan of the whole, also after a byte was changed, however the text was cut.
    #[test]
    fn s31_any_text_in_any_chunks_is_judged_as_the_whole(
        text in json(),
        at in any::<prop::sample::Index>(),
        byte in proptest::option::of(any::<u8>()),
        size in 1..200_usize,
    ) {
        let mut text = text.into_bytes();
        if let Some(byte) = byte {
            let at = at.index(text.len());
            text[at] = byte;
        }
        let whole = Json::parse(Bytes::copy_from_slice(&text), &JsonLimits::UPSTREAM);
        prop_assert_eq!(verdict(&text, size), whole.is_ok(), "{:?}", String::from_utf8_lossy(&text));
    }

    /// The same result, for any members in any order.
    #[test]
    fn p6_15_any_result_means_the_same_on_its_way(
        members in proptest::collection::vec((
            prop::sample::select(vec![
                "content", "messages", "isError", "_meta", "resultType", "ttlMs", "cacheScope",
                "requestState", "x", "\\u005fmeta", "structuredContent",
            ]),
            prop_oneof![
                json(),
                Just("true".to_owned()),
                Just("\"complete\"".to_owned()),
                Just("{\"io.modelcontextprotocol/serverInfo\":{},\"k\":1}".to_owned()),
                Just("[{\"type\":\"text\"},{\"type\":\"resource_link\",\"uri\":\"a:b\"}]".to_owned()),
            ],
        ), 0..6),
        space in "[ \n]{0,2}",
        size in 1..100_usize,
        from in prop::sample::select(Revision::ALL.to_vec()),
        to in prop::sample::select(Revision::ALL.to_vec()),
        method in prop::sample::select(vec!["tools/call", "resources/read", "prompts/get"]),
    ) {
        let members: Vec<String> = members
            .iter()
            .map(|(name, value)| format!("{space}\"{name}\"{space}:{space}{value}{space}"))
            .collect();
        let text = answer(&format!("{{{}{space}}}", members.join(",")));
        if suits(&text, from, method, to) {
            check_pass(text.as_bytes(), size, from, method, to);
        }
    }
}
