//! The hostile corpus: one named case per malformation (S-31, P3.7, P3.9, P3.15–P3.17).

use toolgate_protocol::{JsonLimits, Message, codes, parse_message};

/// What becomes of a case.
enum Fate {
    /// A message on both sides.
    Accepted,
    /// -32700 on both sides.
    NotJson,
    /// -32600 on both sides.
    Refused,
    /// -32602 on both sides.
    BadParams,
    /// -32700 from a client, a message from a server (P3.17).
    UpstreamOnly,
}
use Fate::{Accepted, BadParams, NotJson, Refused, UpstreamOnly};

#[track_caller]
fn check(name: &str, body: &[u8], fate: &Fate) {
    let code = |limits| {
        parse_message(body.to_vec().into(), limits)
            .err()
            .map(|malformed| malformed.error.code)
    };
    let expected = match fate {
        Accepted => (None, None),
        NotJson => (Some(codes::PARSE_ERROR), Some(codes::PARSE_ERROR)),
        Refused => (Some(codes::INVALID_REQUEST), Some(codes::INVALID_REQUEST)),
        BadParams => (Some(codes::INVALID_PARAMS), Some(codes::INVALID_PARAMS)),
        UpstreamOnly => (Some(codes::PARSE_ERROR), None),
    };
    assert_eq!(
        (code(&JsonLimits::CLIENT), code(&JsonLimits::UPSTREAM)),
        expected,
        "{name}"
    );
    differential(name, body);
}

/// S-31: what we read, another parser reads the same way: the members that decide what happens, each once.
#[track_caller]
fn differential(name: &str, body: &[u8]) {
    let Ok(Message::Request(request)) = parse_message(body.to_vec().into(), &JsonLimits::CLIENT)
    else {
        return;
    };
    // Numbers beyond 64 bits are text to us and nothing to it.
    let Ok(other) = serde_json::from_slice::<serde_json::Value>(body) else {
        return;
    };
    assert_eq!(other["method"], *request.method, "{name}");
    assert_eq!(
        other["params"]["name"].as_str(),
        request.params.text("name").as_deref(),
        "{name}"
    );
    if other["params"].is_object() {
        let params: serde_json::Value = serde_json::from_slice(request.params.bytes()).unwrap();
        assert_eq!(other["params"], params, "{name}");
    }
}

/// A call whose arguments hold `value`.
fn with_value(value: &str) -> Vec<u8> {
    let head =
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"v":"#;
    format!("{head}{value}}}}}}}").into_bytes()
}

/// Containers inside one another, so that the innermost stands at `depth`.
fn nested(depth: usize) -> String {
    // The message, its params and its arguments are three levels already.
    format!("{}{}", "[".repeat(depth - 3), "]".repeat(depth - 3))
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn values_inside_arguments() {
    let members = |count: usize, last: &str| {
        let members: Vec<String> = (0..count).map(|n| format!(r#""member{n}":{n}"#)).collect();
        format!("{{{},{last}}}", members.join(","))
    };
    let cases: &[(&str, String, Fate)] = &[
        // What must survive as it is (P3.16, conformance.md section 9 number 18).
        ("number_1e400", "1e400".into(), Accepted),
        ("number_minus_zero", "-0".into(), Accepted),
        ("number_2_53_plus_1", "9007199254740993".into(), Accepted),
        (
            "number_thirty_digits",
            "0.123456789012345678901234567890".into(),
            Accepted,
        ),
        ("number_minus_zero_exponent", "-0E-0".into(), Accepted),
        (
            "string_all_escapes",
            r#""\"\\\/\b\f\n\r\t\u0041""#.into(),
            Accepted,
        ),
        (
            "string_surrogate_pair",
            r#""\ud83d\ude00""#.into(),
            Accepted,
        ),
        ("string_escaped_nul", r#""\u0000""#.into(), Accepted),
        ("string_line_separator", "\"\u{2028}\"".into(), Accepted),
        ("string_del", "\"\u{7f}\"".into(), Accepted),
        ("member_empty_name", r#"{"":1}"#.into(), Accepted),
        (
            "member_names_differ_in_case",
            r#"{"a":1,"A":2}"#.into(),
            Accepted,
        ),
        (
            "member_names_differ_in_normal_form",
            "{\"\u{e9}\":1,\"e\u{301}\":2}".into(),
            Accepted,
        ),
        (
            "same_name_in_two_objects",
            r#"[{"a":1},{"a":2},{"b":{"a":3},"a":4}]"#.into(),
            Accepted,
        ),
        ("depth_64", nested(64), Accepted),
        // Numbers that are none.
        ("number_leading_zero", "01".into(), NotJson),
        ("number_leading_plus", "+1".into(), NotJson),
        ("number_leading_point", ".5".into(), NotJson),
        ("number_trailing_point", "1.".into(), NotJson),
        ("number_minus_alone", "-".into(), NotJson),
        ("number_minus_leading_zero", "-01".into(), NotJson),
        ("number_empty_exponent", "1e".into(), NotJson),
        ("number_exponent_sign_alone", "1e+".into(), NotJson),
        ("number_fraction_then_exponent", "1.e5".into(), NotJson),
        ("number_hex", "0x10".into(), NotJson),
        ("number_underscore", "1_000".into(), NotJson),
        ("number_two_points", "1.2.3".into(), NotJson),
        ("nan", "NaN".into(), NotJson),
        ("infinity", "Infinity".into(), NotJson),
        ("minus_infinity", "-Infinity".into(), NotJson),
        // Words and structure.
        ("true_in_capitals", "True".into(), NotJson),
        ("true_cut", "tru".into(), NotJson),
        ("true_with_tail", "truex".into(), NotJson),
        ("null_in_capitals", "NULL".into(), NotJson),
        ("undefined", "undefined".into(), NotJson),
        ("single_quotes", "'a'".into(), NotJson),
        ("comment_line", "1//x\n".into(), NotJson),
        ("comment_block", "/**/1".into(), NotJson),
        ("array_trailing_comma", "[1,]".into(), NotJson),
        ("array_leading_comma", "[,1]".into(), NotJson),
        ("array_double_comma", "[1,,2]".into(), NotJson),
        ("array_no_comma", "[1 2]".into(), NotJson),
        ("array_closed_as_object", "[1}".into(), NotJson),
        ("object_trailing_comma", r#"{"a":1,}"#.into(), NotJson),
        ("object_no_colon", r#"{"a" 1}"#.into(), NotJson),
        ("object_no_value", r#"{"a":}"#.into(), NotJson),
        ("object_name_without_quotes", "{a:1}".into(), NotJson),
        ("object_number_as_name", "{1:1}".into(), NotJson),
        ("object_semicolon", r#"{"a":1;"b":2}"#.into(), NotJson),
        ("object_closed_as_array", r#"{"a":1]"#.into(), NotJson),
        ("space_no_break", "\u{a0}1".into(), NotJson),
        ("space_form_feed", "\u{c}1".into(), NotJson),
        ("space_vertical_tab", "\u{b}1".into(), NotJson),
        ("byte_order_mark_inside", "\u{feff}1".into(), NotJson),
        // Strings that are none.
        ("string_raw_newline", "\"a\nb\"".into(), NotJson),
        ("string_raw_tab", "\"a\tb\"".into(), NotJson),
        ("string_raw_nul", "\"a\0b\"".into(), NotJson),
        ("string_raw_unit_separator", "\"a\u{1f}b\"".into(), NotJson),
        ("string_escape_x", r#""\x41""#.into(), NotJson),
        ("string_escape_capital_u", r#""\U0041""#.into(), NotJson),
        ("string_escape_octal", r#""\101""#.into(), NotJson),
        ("string_escape_single_quote", r#""\'""#.into(), NotJson),
        ("string_escape_three_digits", r#""\u004""#.into(), NotJson),
        ("string_escape_no_hex", r#""\u00g1""#.into(), NotJson),
        ("string_escape_signed_hex", r#""\u+041""#.into(), NotJson),
        // Lone surrogates (P3.17).
        ("surrogate_high_alone", r#""\ud800""#.into(), UpstreamOnly),
        ("surrogate_low_alone", r#""\udc00""#.into(), UpstreamOnly),
        (
            "surrogate_high_twice",
            r#""\ud800\ud800""#.into(),
            UpstreamOnly,
        ),
        (
            "surrogates_swapped",
            r#""\udc00\ud800""#.into(),
            UpstreamOnly,
        ),
        (
            "surrogate_high_then_letter",
            r#""\ud800a""#.into(),
            UpstreamOnly,
        ),
        (
            "surrogate_high_then_escape",
            r#""\ud800\n""#.into(),
            UpstreamOnly,
        ),
        (
            "surrogate_high_then_plain_unit",
            r#""\ud800\u0041""#.into(),
            UpstreamOnly,
        ),
        (
            "surrogate_in_a_name",
            r#"{"\ud800":1}"#.into(),
            UpstreamOnly,
        ),
        // Duplicates at any depth, however they are spelt (P3.7).
        ("duplicate_member", r#"{"a":1,"a":1}"#.into(), Refused),
        (
            "duplicate_member_escaped",
            r#"{"a":1,"\u0061":2}"#.into(),
            Refused,
        ),
        (
            "duplicate_member_escaped_twice",
            r#"{"\u0061":1,"\u0061":2}"#.into(),
            Refused,
        ),
        (
            "duplicate_member_escaped_slash",
            r#"{"a/b":1,"a\/b":2}"#.into(),
            Refused,
        ),
        (
            "duplicate_member_surrogate_pair",
            "{\"😀\":1,\"\\ud83d\\ude00\":2}".into(),
            Refused,
        ),
        ("duplicate_empty_name", r#"{"":1,"":2}"#.into(), Refused),
        (
            "duplicate_deep",
            r#"[[{"x":[{"a":1,"b":2,"a":3}]}]]"#.into(),
            Refused,
        ),
        (
            "duplicate_after_nested",
            r#"{"a":{"b":1},"b":2,"a":3}"#.into(),
            Refused,
        ),
        (
            "duplicate_in_large_object",
            members(500, r#""member250":0"#),
            Refused,
        ),
        (
            "duplicate_in_large_object_escaped",
            members(500, r#""member\u0032\u0035\u0030":0"#),
            Refused,
        ),
        (
            "large_object_without_duplicate",
            members(500, r#""member500":0"#),
            Accepted,
        ),
        // Depth (P3.15).
        ("depth_65", nested(65), Refused),
        ("depth_10000", nested(10_000), Refused),
    ];
    for (name, value, fate) in cases {
        check(name, &with_value(value), fate);
    }
}

#[test]
fn whole_bodies() {
    let cases: &[(&str, &[u8], Fate)] = &[
        ("spaces_around", b" \r\n\t{\"jsonrpc\":\"2.0\",\"method\":\"m\"}\r\n ", Accepted),
        ("empty", b"", NotJson),
        ("only_spaces", b" \r\n\t ", NotJson),
        ("byte_order_mark", b"\xef\xbb\xbf{\"jsonrpc\":\"2.0\",\"method\":\"m\"}", NotJson),
        ("utf16", b"{\0\"\0", NotJson),
        ("two_values", br#"{"jsonrpc":"2.0","method":"m"}{}"#, NotJson),
        ("trailing_bracket", br#"{"jsonrpc":"2.0","method":"m"}}"#, NotJson),
        ("trailing_nul", b"{\"jsonrpc\":\"2.0\",\"method\":\"m\"}\0", NotJson),
        ("cut_in_object", br#"{"jsonrpc":"2.0","method":"m""#, NotJson),
        ("cut_in_string", br#"{"jsonrpc":"2.0","method":"m"#, NotJson),
        ("cut_in_escape", b"{\"jsonrpc\":\"2.0\",\"method\":\"m\\", NotJson),
        ("cut_after_colon", br#"{"jsonrpc":"#, NotJson),
        ("utf8_stray_continuation", b"{\"jsonrpc\":\"2.0\",\"method\":\"\x80\"}", NotJson),
        ("utf8_overlong_slash", b"{\"jsonrpc\":\"2.0\",\"method\":\"\xc0\xaf\"}", NotJson),
        ("utf8_surrogate", b"{\"jsonrpc\":\"2.0\",\"method\":\"\xed\xa0\x80\"}", NotJson),
        ("utf8_beyond_unicode", b"{\"jsonrpc\":\"2.0\",\"method\":\"\xf4\x90\x80\x80\"}", NotJson),
        ("utf8_cut", b"{\"jsonrpc\":\"2.0\",\"method\":\"\xe2\x82\"}", NotJson),
        ("utf8_bad_in_name", b"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"\xff\":1}", NotJson),
        ("utf8_bad_in_escaped_name", b"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"\\n\xff\":1}", NotJson),
        ("html", b"<html><body>502</body></html>", NotJson),
        ("a_string", br#""ping""#, Refused),
        ("a_number", b"1", Refused),
        ("null", b"null", Refused),
        ("empty_object", b"{}", Refused),
        ("batch", br#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, Refused),
        ("batch_empty", b"[]", Refused),
        ("no_jsonrpc", br#"{"id":1,"method":"ping"}"#, Refused),
        ("jsonrpc_number", br#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#, Refused),
        ("jsonrpc_one", br#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, Refused),
        ("jsonrpc_with_space", br#"{"jsonrpc":"2.0 ","id":1,"method":"ping"}"#, Refused),
        ("duplicate_method", br#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#, Refused),
        ("duplicate_id", br#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, Refused),
        ("duplicate_params", br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{},"params":{}}"#, Refused),
        ("duplicate_method_escaped", br#"{"jsonrpc":"2.0","id":1,"method":"ping","m\u0065thod":"x"}"#, Refused),
        ("duplicate_name", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}"#, Refused),
        // S-31: names that another parser takes for ours (Go folds case, the long s and the Kelvin sign).
        ("member_method_capital", br#"{"jsonrpc":"2.0","id":1,"method":"ping","Method":"x"}"#, Refused),
        ("member_id_capitals", br#"{"jsonrpc":"2.0","ID":1,"method":"ping"}"#, Refused),
        ("member_params_long_s", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"param\u{17f}\":{}}".as_bytes(), Refused),
        ("member_result_capital", br#"{"jsonrpc":"2.0","id":1,"Result":{}}"#, Refused),
        ("params_name_capital", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"Name":"b"}}"#, Refused),
        ("params_name_both", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","NAME":"b"}}"#, Refused),
        ("params_uri_capital", br#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"Uri":"b"}}"#, Refused),
        ("params_meta_capital", br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_Meta":{}}}"#, Refused),
        ("params_arguments_long_s", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"argument\u{17f}\":{}}}".as_bytes(), Refused),
        ("name_spelt_with_escape", br#"{"jsonrpc":"2.0","id":1,"m\u0065thod":"ping"}"#, Accepted),
        ("unknown_members", br#"{"jsonrpc":"2.0","id":1,"method":"ping","extra":{"Method":1},"x":[]}"#, Accepted),
        ("case_free_inside_arguments", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"Name":1,"NAME":2}}}"#, Accepted),
        // Ids (P3.2).
        ("id_null", br#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, Refused),
        ("id_fraction", br#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, Refused),
        ("id_one_point_zero", br#"{"jsonrpc":"2.0","id":1.0,"method":"ping"}"#, Refused),
        ("id_exponent", br#"{"jsonrpc":"2.0","id":1e2,"method":"ping"}"#, Refused),
        ("id_true", br#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#, Refused),
        ("id_object", br#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, Refused),
        ("id_array", br#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#, Refused),
        ("id_big", br#"{"jsonrpc":"2.0","id":123456789012345678901234567890,"method":"ping"}"#, Accepted),
        ("id_negative", br#"{"jsonrpc":"2.0","id":-7,"method":"ping"}"#, Accepted),
        ("id_empty_string", br#"{"jsonrpc":"2.0","id":"","method":"ping"}"#, Accepted),
        // Kinds of message (P3.1).
        ("method_number", br#"{"jsonrpc":"2.0","id":1,"method":7}"#, Refused),
        ("method_null", br#"{"jsonrpc":"2.0","id":1,"method":null}"#, Refused),
        ("method_and_result", br#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#, Refused),
        ("method_and_error", br#"{"jsonrpc":"2.0","id":1,"method":"m","error":{"code":1,"message":""}}"#, Refused),
        ("result_and_error", br#"{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}"#, Refused),
        ("id_alone", br#"{"jsonrpc":"2.0","id":1}"#, Refused),
        ("result_without_id", br#"{"jsonrpc":"2.0","result":{}}"#, Refused),
        ("result_with_null_id", br#"{"jsonrpc":"2.0","id":null,"result":{}}"#, Refused),
        ("error_with_null_id", br#"{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"m"}}"#, Accepted),
        ("error_without_id", br#"{"jsonrpc":"2.0","error":{"code":1,"message":"m"}}"#, Accepted),
        ("error_with_fraction_id", br#"{"jsonrpc":"2.0","id":1.5,"error":{"code":1,"message":"m"}}"#, Refused),
        ("error_text", br#"{"jsonrpc":"2.0","id":1,"error":"boom"}"#, Refused),
        ("error_code_text", br#"{"jsonrpc":"2.0","id":1,"error":{"code":"1","message":"m"}}"#, Refused),
        ("error_without_message", br#"{"jsonrpc":"2.0","id":1,"error":{"code":1}}"#, Refused),
        // Params (P3.9).
        ("params_array", br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#, BadParams),
        ("params_null", br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":null}"#, BadParams),
        ("params_string", br#"{"jsonrpc":"2.0","method":"m","params":"{}"}"#, BadParams),
    ];
    for (name, body, fate) in cases {
        check(name, body, fate);
    }
}

/// Every limit at limit − 1, limit and limit + 1 (security.md section 17).
#[test]
fn limits_at_their_edges() {
    // The message, its version, id, method, params, name and arguments, the array: 8 nodes beside the elements.
    let elements = |count: usize| format!("[{}]", vec!["0"; count].join(","));
    for (count, fate) in [(99_991, Accepted), (99_992, Accepted), (99_993, Refused)] {
        let body = with_value(&elements(count));
        let code = parse_message(body.into(), &JsonLimits::CLIENT)
            .err()
            .map(|m| m.error.code);
        let expected = match fate {
            Refused => Some(codes::INVALID_REQUEST),
            _ => None,
        };
        assert_eq!(code, expected, "{count} elements");
    }
    for (depth, fate) in [(63, Accepted), (64, Accepted), (65, Refused)] {
        check("depth", &with_value(&nested(depth)), &fate);
    }
    for (length, fate) in [(255, Accepted), (256, Accepted), (257, Refused)] {
        let id = "x".repeat(length);
        let body = format!(r#"{{"jsonrpc":"2.0","id":"{id}","method":"ping"}}"#);
        check("id length (P3.2)", body.as_bytes(), &fate);
    }
}

/// S-21: the refusal names the rule and the place, never the value.
#[test]
fn refusals_do_not_echo() {
    let canary = "canary5f1e";
    for body in [
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"{canary}":1,"{canary}":2}}}}"#
        ),
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{canary}\ud800"}}"#),
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":"{canary}"}}"#),
        format!(r#"{{"jsonrpc":"{canary}","id":1,"method":"ping"}}"#),
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping",{canary}}}"#),
    ] {
        let malformed = parse_message(body.into(), &JsonLimits::CLIENT).unwrap_err();
        assert!(!format!("{malformed:?}").contains(canary), "{malformed:?}");
    }
}
