//! `Mcp-Param-*` against the arguments, and made from them (P5.13, P8.17).

use toolgate_protocol::client::{HeaderList, check_param_headers};
use toolgate_protocol::upstream::modern_headers;
use toolgate_protocol::{Revision, ToolDefinition, codes};

use crate::{json, object};

fn tool() -> ToolDefinition {
    let definition = r#"{"name":"t","inputSchema":{"type":"object","properties":{
        "region":{"type":"string","x-mcp-header":"Region"},
        "count":{"type":"integer","x-mcp-header":"Count"},
        "dry":{"type":"boolean","x-mcp-header":"Dry-Run"},
        "deep":{"type":"object","properties":{"x":{"type":"string","x-mcp-header":"Deep"}}},
        "plain":{"type":"string"}}}}"#;
    ToolDefinition::parse(json(definition), Revision::V2026_07_28).unwrap()
}

#[track_caller]
fn check(arguments: &str, headers: &[(&str, &str)], agrees: bool) {
    let checked = check_param_headers(&tool(), Some(&object(arguments)), &HeaderList(headers));
    let expected = if agrees {
        Ok(())
    } else {
        Err(codes::HEADER_MISMATCH)
    };
    assert_eq!(
        checked.map_err(|error| error.code),
        expected,
        "{arguments} {headers:?}"
    );
}

#[test]
fn strings_are_compared_decoded() {
    check(r#"{"region":"eu"}"#, &[("Mcp-Param-Region", "eu")], true);
    check(
        r#"{"region":"eu"}"#,
        &[("mcp-param-REGION", "\t eu ")],
        true,
    );
    check(
        r#"{"region":"e\u0075"}"#,
        &[("Mcp-Param-Region", "eu")],
        true,
    );
    check(r#"{"region":"eu"}"#, &[("Mcp-Param-Region", "EU")], false);
    check(r#"{"region":"eu"}"#, &[], false);
    check(r#"{"region":""}"#, &[("Mcp-Param-Region", "")], true);
    check(r#"{"region":""}"#, &[], false);
    check(
        r#"{"region":"Hello"}"#,
        &[("Mcp-Param-Region", "=?base64?SGVsbG8=?=")],
        true,
    );
    check(
        r#"{"region":"Hello"}"#,
        &[("Mcp-Param-Region", "=?base64?SGVsbG8?=")],
        false,
    );
    check(
        r#"{"region":"SGVsbG8="}"#,
        &[("Mcp-Param-Region", "SGVsbG8=")],
        true,
    );
    // Only the whole form is base64.
    check(
        r#"{"region":"=?base64?SGVsbG8="}"#,
        &[("Mcp-Param-Region", "=?base64?SGVsbG8=")],
        true,
    );
    check(r#"{"region":" eu"}"#, &[("Mcp-Param-Region", " eu")], false);
    check(
        r#"{"region":" eu"}"#,
        &[("Mcp-Param-Region", "=?base64?IGV1?=")],
        true,
    );
    check(
        r#"{"region":"eu"}"#,
        &[("Mcp-Param-Region", "eu"), ("Mcp-Param-Region", "eu")],
        false,
    );
}

#[test]
fn integers_are_compared_by_value() {
    for (body, header) in [
        ("42", "42"),
        ("42", "42.0"),
        ("42.0", "42"),
        ("42", "4.2e1"),
        ("-7", "-7.00"),
        ("0", "-0"),
        ("1000000000000000000000", "1e21"),
        ("9007199254740993", "9007199254740993"),
    ] {
        check(
            &format!(r#"{{"count":{body}}}"#),
            &[("Mcp-Param-Count", header)],
            true,
        );
    }
    for (body, header) in [
        ("42", "43"),
        ("42", "-42"),
        ("42", "42abc"),
        ("42", "\"42\""),
        ("42", ""),
        ("42", "042"),
        ("42", "4.2"),
        // A float would not tell these apart.
        ("9007199254740993", "9007199254740992"),
        ("1e99999999999999999999", "1e99999999999999999998"),
    ] {
        check(
            &format!(r#"{{"count":{body}}}"#),
            &[("Mcp-Param-Count", header)],
            false,
        );
    }
}

#[test]
fn booleans_are_compared_as_words() {
    check(r#"{"dry":true}"#, &[("Mcp-Param-Dry-Run", "true")], true);
    check(r#"{"dry":false}"#, &[("Mcp-Param-Dry-Run", "false")], true);
    check(r#"{"dry":true}"#, &[("Mcp-Param-Dry-Run", "True")], false);
    check(r#"{"dry":true}"#, &[("Mcp-Param-Dry-Run", "1")], false);
}

#[test]
fn null_and_absent_expect_no_header() {
    check("{}", &[], true);
    check(r#"{"region":null,"count":null}"#, &[], true);
    check("{}", &[("Mcp-Param-Region", "eu")], false);
    check(r#"{"region":null}"#, &[("Mcp-Param-Region", "null")], false);
    check(
        "{}",
        &[("Mcp-Param-Other", "x"), ("Mcp-Param-Plain", "y")],
        true,
    );
    assert!(check_param_headers(&tool(), None, &HeaderList(&[])).is_ok());
}

#[test]
fn paths_are_exact() {
    check(r#"{"deep":{"x":"v"}}"#, &[("Mcp-Param-Deep", "v")], true);
    check(r#"{"deep":{"x":"v"}}"#, &[], false);
    check(r#"{"x":"v"}"#, &[], true);
    check(r#"{"deep":"v"}"#, &[], true);
}

/// P8.17, and what is made is what is checked.
#[test]
fn headers_are_made_from_the_arguments() {
    let params = object(
        r#"{"name":"ws__t","arguments":{"region":" Zürich","count":42.0,"dry":false,"deep":{"x":"a b"},"plain":"p"}}"#,
    );
    let headers = modern_headers("tools/call", &params, Some("t"), Some(&tool()));
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(
        headers,
        [
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/call"),
            ("mcp-name", "t"),
            ("mcp-param-region", "=?base64?IFrDvHJpY2g=?="),
            ("mcp-param-count", "42"),
            ("mcp-param-dry-run", "false"),
            ("mcp-param-deep", "a b"),
        ]
    );
    let arguments = params.object("arguments").unwrap();
    assert!(check_param_headers(&tool(), Some(&arguments), &HeaderList(&headers)).is_ok());

    let params = object(r#"{"name":"t","arguments":{"region":null,"dry":[]}}"#);
    assert_eq!(
        modern_headers("tools/call", &params, None, Some(&tool())).len(),
        3
    );
}
