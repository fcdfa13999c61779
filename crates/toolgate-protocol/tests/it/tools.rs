//! Tool and prompt definitions, read from servers and shown to clients (P9.8–P9.11, 6.3, S-50).

use proptest::prelude::*;
use toolgate_protocol::mcp::{HeaderParamType, InvalidTool, prompt_for_client};
use toolgate_protocol::{Era, Revision, ToolDefinition};

use crate::{json, text};

const MODERN: Revision = Revision::V2026_07_28;

#[track_caller]
fn tool(definition: &str, from: Revision) -> ToolDefinition {
    ToolDefinition::parse(json(definition), from).unwrap()
}

#[test]
fn what_policy_reads() {
    let read = tool(
        r#"{"name":"t","annotations":{"readOnlyHint":true,"destructiveHint":false,"x":1}}"#,
        Revision::V2025_06_18,
    );
    assert_eq!(
        (&*read.name, read.read_only_hint, read.destructive_hint),
        ("t", Some(true), Some(false))
    );
    let silent = tool(
        r#"{"name":"t","annotations":{"readOnlyHint":"yes"}}"#,
        MODERN,
    );
    assert_eq!(
        (silent.read_only_hint, silent.destructive_hint),
        (None, None)
    );
    for nameless in ["{}", r#"{"name":""}"#, r#"{"name":1}"#, "[]", "null"] {
        assert_eq!(
            ToolDefinition::parse(json(nameless), MODERN),
            Err(InvalidTool::NoName)
        );
    }
}

fn schema(property: &str) -> String {
    format!(r#"{{"name":"t","inputSchema":{{"type":"object","properties":{{{property}}}}}}}"#)
}

/// P9.9: what an annotation may be, and where it may stand.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn header_annotations() {
    let deep = tool(
        &schema(
            r#""a":{"type":"string","x-mcp-header":"Region"},
               "o":{"type":"object","properties":{"n":{"type":"integer","x-mcp-header":"Count"}}},
               "properties":{"type":"boolean","x-mcp-header":"Dry"},
               "x-mcp-header":{"type":"string"},
               "d":{"type":"object","default":{"x-mcp-header":"data, not schema"}}"#,
        ),
        MODERN,
    );
    let params: Vec<(&str, String, HeaderParamType)> = deep
        .header_params
        .iter()
        .map(|param| (&*param.header, param.path.join("/"), param.kind))
        .collect();
    assert_eq!(
        params,
        [
            ("mcp-param-region", "a".to_owned(), HeaderParamType::String),
            (
                "mcp-param-count",
                "o/n".to_owned(),
                HeaderParamType::Integer
            ),
            (
                "mcp-param-dry",
                "properties".to_owned(),
                HeaderParamType::Boolean
            ),
        ]
    );

    for (name, property) in [
        ("empty", r#""a":{"type":"string","x-mcp-header":""}"#),
        (
            "space",
            r#""a":{"type":"string","x-mcp-header":"My Region"}"#,
        ),
        (
            "colon",
            r#""a":{"type":"string","x-mcp-header":"Region:x"}"#,
        ),
        (
            "control character",
            r#""a":{"type":"string","x-mcp-header":"Region\u0001"}"#,
        ),
        (
            "line end",
            r#""a":{"type":"string","x-mcp-header":"Region\r\nX: y"}"#,
        ),
        (
            "not ASCII",
            r#""a":{"type":"string","x-mcp-header":"Régiön"}"#,
        ),
        ("not a string", r#""a":{"type":"string","x-mcp-header":7}"#),
        ("object", r#""a":{"type":"object","x-mcp-header":"Region"}"#),
        ("array", r#""a":{"type":"array","x-mcp-header":"Region"}"#),
        ("null", r#""a":{"type":"null","x-mcp-header":"Region"}"#),
        ("number", r#""a":{"type":"number","x-mcp-header":"Region"}"#),
        ("no type", r#""a":{"x-mcp-header":"Region"}"#),
        (
            "several types",
            r#""a":{"type":["string","null"],"x-mcp-header":"Region"}"#,
        ),
        (
            "twice",
            r#""a":{"type":"string","x-mcp-header":"R"},"b":{"type":"string","x-mcp-header":"R"}"#,
        ),
        (
            "twice without regard to case",
            r#""a":{"type":"string","x-mcp-header":"R"},"b":{"type":"string","x-mcp-header":"r"}"#,
        ),
        (
            "under items",
            r#""a":{"type":"array","items":{"type":"string","x-mcp-header":"R"}}"#,
        ),
        (
            "under anyOf",
            r#""a":{"anyOf":[{"type":"string","x-mcp-header":"R"}]}"#,
        ),
        (
            "under properties under items",
            r#""a":{"items":{"properties":{"b":{"type":"string","x-mcp-header":"R"}}}}"#,
        ),
        (
            "under patternProperties",
            r#""a":{"patternProperties":{"b":{"type":"string","x-mcp-header":"R"}}}"#,
        ),
        (
            "spelt with an escape",
            r#""a":{"type":"object","x-mcp-heade\u0072":"Region"}"#,
        ),
    ] {
        let parsed = ToolDefinition::parse(json(&schema(property)), MODERN);
        assert!(
            matches!(parsed, Err(InvalidTool::HeaderAnnotation(_))),
            "{name}"
        );
        // From legacy servers the annotation means nothing and is taken out.
        let stripped = tool(&schema(property), Revision::V2025_11_25);
        assert!(stripped.header_params.is_empty(), "{name}");
        assert!(
            !stripped.raw.as_str().contains("x-mcp"),
            "{name}: {}",
            stripped.raw.as_str()
        );
    }
    let root = r#"{"name":"t","inputSchema":{"type":"string","x-mcp-header":"R"}}"#;
    assert!(
        ToolDefinition::parse(json(root), MODERN).is_err(),
        "at the root"
    );
    let defs = r#"{"name":"t","inputSchema":{"$defs":{"d":{"type":"string","x-mcp-header":"R"}}}}"#;
    assert!(
        ToolDefinition::parse(json(defs), MODERN).is_err(),
        "under $defs"
    );
}

#[test]
fn stripping_leaves_everything_else() {
    let stripped = tool(
        r#"{"name":"t","inputSchema":{"type":"object", "properties":{"x-mcp-header":{"type":"string"},"a":{ "type":"string","x-mcp-header":"R" },"b":{ "default":{"x-mcp-header":1} }}},"z":1.0}"#,
        Revision::V2025_06_18,
    );
    assert_eq!(
        stripped.raw.as_str(),
        r#"{"name":"t","inputSchema":{"type":"object","properties":{"x-mcp-header":{"type":"string"},"a":{"type":"string"},"b":{ "default":{"x-mcp-header":1} }}},"z":1.0}"#
    );
    for plain in [
        r#"{ "name":"t","inputSchema":{} }"#,
        r#"{ "name":"t", "inputSchema" : {"title": "\u0041"} }"#,
    ] {
        let plain = json(plain);
        let same = ToolDefinition::parse(plain.clone(), Revision::V2025_06_18).unwrap();
        assert_eq!(same.raw.bytes().as_ptr(), plain.bytes().as_ptr());
    }
}

/// Section 6.3, P9.10, P9.50.
#[test]
fn what_clients_of_each_revision_see() {
    let full = tool(
        r#"{"name":"t","title":"T","description":"d","icons":[{"src":"https://x/i.png"}],"inputSchema":{"n":1.0},"outputSchema":{"type":"object"},"annotations":{"readOnlyHint":true},"execution":{"taskSupport":"optional"},"_meta":{"k":1},"vendor":[ ]}"#,
        MODERN,
    );
    let seen = |to| text(full.for_client("ws__t", to));
    let newest = r#"{"name":"ws__t","title":"T","description":"d","icons":[{"src":"https://x/i.png"}],"inputSchema":{"n":1.0},"outputSchema":{"type":"object"},"annotations":{"readOnlyHint":true},"_meta":{"k":1},"vendor":[ ]}"#;
    assert_eq!(seen(Revision::V2026_07_28), newest);
    assert_eq!(seen(Revision::V2025_11_25), newest);
    assert_eq!(seen(Revision::V2025_06_18), newest);
    assert_eq!(
        seen(Revision::V2025_03_26),
        r#"{"name":"ws__t","description":"d","inputSchema":{"n":1.0},"annotations":{"readOnlyHint":true},"vendor":[ ]}"#
    );
    assert_eq!(
        seen(Revision::V2024_11_05),
        r#"{"name":"ws__t","description":"d","inputSchema":{"n":1.0},"vendor":[ ]}"#
    );

    // An output schema of another root type: only for modern clients (P9.10).
    for root in [
        r#"{"type":"array"}"#,
        r#"{"anyOf":[]}"#,
        r#"{"type":["object"]}"#,
        "true",
    ] {
        let list = tool(&format!(r#"{{"name":"t","outputSchema":{root}}}"#), MODERN);
        for to in Revision::ALL {
            let kept = text(list.for_client("t", to)).contains("outputSchema");
            assert_eq!(kept, to.era() == Era::Modern, "{root} to {to}");
        }
    }
    assert!(!full.requires_task());
    assert!(
        tool(
            r#"{"name":"t","execution":{"taskSupport":"required"}}"#,
            MODERN
        )
        .requires_task()
    );
}

/// P9.6: nothing to change, nothing changed.
#[test]
fn an_unprefixed_definition_passes_as_it_is() {
    let plain = tool(r#"{ "name" : "t", "inputSchema":{} }"#, MODERN);
    assert_eq!(
        plain.for_client("t", MODERN).as_ptr(),
        plain.raw.bytes().as_ptr()
    );
}

/// P9.71.
#[test]
fn icons_have_safe_addresses() {
    let icons = r#"{"name":"t","icons":[{"src":"http://x/i"},{"src":"HTTPS://x/i"},{"src":"javascript:1"},{"src":"data:,x"},{}]}"#;
    let safe = r#"{"name":"t","icons":[{"src":"HTTPS://x/i"},{"src":"data:,x"}]}"#;
    assert_eq!(text(tool(icons, MODERN).for_client("t", MODERN)), safe);
    assert_eq!(text(prompt_for_client(&json(icons), "t", MODERN)), safe);
}

#[test]
fn prompts_are_renamed() {
    let prompt = json(r#"{"name":"p","title":"P","arguments":[{"name":"a"}],"icons":[]}"#);
    let seen = |to| text(prompt_for_client(&prompt, "ws__p", to));
    assert_eq!(
        seen(MODERN),
        r#"{"name":"ws__p","title":"P","arguments":[{"name":"a"}],"icons":[]}"#
    );
    assert_eq!(
        seen(Revision::V2024_11_05),
        r#"{"name":"ws__p","arguments":[{"name":"a"}]}"#
    );
}

/// Table 6.3: arguments have titles from 2025-06-18 on.
#[test]
fn arguments_of_prompts_lose_their_titles() {
    let titled =
        r#"{"name":"p","arguments":[{"name":"a","title":"A","required":true},{ "name":"b" },7]}"#;
    let untitled = r#"{"name":"p","arguments":[{"name":"a","required":true},{ "name":"b" },7]}"#;
    for to in Revision::ALL {
        let expected = if to <= Revision::V2025_03_26 {
            untitled
        } else {
            titled
        };
        assert_eq!(text(prompt_for_client(&json(titled), "p", to)), expected);
        let plain = json(untitled);
        let shown = prompt_for_client(&plain, "p", to);
        assert_eq!(shown.as_ptr(), plain.bytes().as_ptr(), "{to}");
    }
}

#[track_caller]
fn check_same_pin(one: &str, other: &str, same: bool) {
    let canonical = |definition| text(tool(definition, MODERN).canonical());
    assert_eq!(canonical(one) == canonical(other), same, "{one} {other}");
}

/// S-50, F-09: order-free, spelling-free, and every real change shows.
#[test]
fn pins_notice_changes_and_nothing_else() {
    check_same_pin(
        r#"{"name":"t","a":{"x":1,"y":[1,2]}}"#,
        r#"{ "a":{"y":[ 1,2 ],"x":1}, "name":"t" }"#,
        true,
    );
    check_same_pin(
        r#"{"name":"t","d":"a\/b"}"#,
        r#"{"name":"\u0074","d":"a/b"}"#,
        true,
    );
    check_same_pin(
        r#"{"name":"t","a":[1,2]}"#,
        r#"{"name":"t","a":[2,1]}"#,
        false,
    );
    check_same_pin(r#"{"name":"t","a":1}"#, r#"{"name":"t","a":"1"}"#, false);
    check_same_pin(r#"{"name":"t","a":1}"#, r#"{"name":"t","a":1.0}"#, false);
    check_same_pin(r#"{"name":"t","a":null}"#, r#"{"name":"t"}"#, false);
    check_same_pin(
        r#"{"name":"t","a":{},"b":{"c":1}}"#,
        r#"{"name":"t","a":{"c":1},"b":{}}"#,
        false,
    );
    check_same_pin(
        r#"{"name":"t","vendor":{"x":1}}"#,
        r#"{"name":"t","vendor":{"x":2}}"#,
        false,
    );
    assert_eq!(
        text(tool(r#"{"b":"\n\u00e9","name":"t"}"#, MODERN).canonical()),
        r#"{"b":"\né","name":"t"}"#
    );
}

proptest! {
    /// F-09: the canonical form of a canonical form is itself, whatever the order was.
    #[test]
    fn canonical_is_idempotent_and_order_free(
        members in prop::collection::btree_map(any::<String>(), any::<String>(), 0..6),
        seed in any::<prop::sample::Index>(),
    ) {
        let mut members: Vec<String> = members
            .iter()
            .filter(|(name, _)| *name != "name")
            .map(|(name, value)| {
                format!("{}:{}", serde_json::to_string(name).unwrap(), serde_json::to_string(value).unwrap())
            })
            .chain(["\"name\":\"t\"".to_owned()])
            .collect();
        let one = tool(&format!("{{{}}}", members.join(",")), MODERN).canonical();
        let turn = seed.index(members.len());
        members.rotate_left(turn);
        let other = tool(&format!("{{ {} }}", members.join(" , ")), MODERN).canonical();
        prop_assert_eq!(&one, &other);
        prop_assert_eq!(&tool(&text(&one), MODERN).canonical(), &one);
    }
}
