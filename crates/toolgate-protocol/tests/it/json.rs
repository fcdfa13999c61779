//! Reading values: zero copy, text kept, and never more lenient than another parser (S-31).

use bytes::Bytes;
use proptest::prelude::*;
use toolgate_protocol::{Json, JsonError, JsonKind, JsonLimits, Object};

use crate::{json, object};

#[test]
fn kinds_and_readings() {
    let value = json(
        r#" {"n":null,"t":true,"i":-0,"big":9007199254740993,"f":1.0,"s":"a\u0062\n","a":[1, "x" ,{}],"o":{"k":"v"}} "#,
    );
    assert_eq!(value.kind(), JsonKind::Object);
    let members = value.object().unwrap();
    assert_eq!(members.get("n").unwrap().kind(), JsonKind::Null);
    assert_eq!(members.get("t").unwrap().as_bool(), Some(true));
    assert_eq!(members.get("i").unwrap().as_str(), "-0");
    assert_eq!(members.get("i").unwrap().as_i64(), Some(0));
    assert_eq!(
        members.get("big").unwrap().as_u64(),
        Some(9_007_199_254_740_993)
    );
    assert_eq!(members.get("f").unwrap().as_u64(), None);
    assert_eq!(members.text("s").unwrap(), "ab\n");
    let elements = members.get("a").unwrap().array().unwrap();
    assert_eq!(
        elements.iter().map(Json::as_str).collect::<Vec<_>>(),
        ["1", "\"x\"", "{}"]
    );
    assert_eq!(members.object("o").unwrap().text("k").unwrap(), "v");
    assert!(members.get("missing").is_none());
    assert_eq!(members.len(), 8);
    assert_eq!(
        members.keys().collect::<Vec<_>>(),
        ["n", "t", "i", "big", "f", "s", "a", "o"]
    );
}

#[test]
fn values_are_slices_of_the_message() {
    let message = Bytes::from(r#"{"a":{"b":[1,2,{"c":"deep"}]}}"#);
    let whole = Object::parse(message.clone(), &JsonLimits::CLIENT).unwrap();
    let inner = whole
        .object("a")
        .unwrap()
        .get("b")
        .unwrap()
        .array()
        .unwrap()[2]
        .clone();
    let within = message.as_ptr_range();
    assert!(within.contains(&inner.bytes().as_ptr()));
    assert!(!within.contains(&inner.detached().bytes().as_ptr()));
}

#[test]
fn members_are_found_by_their_decoded_name() {
    let members = object(r#"{"na\u006de":1,"a\/b":2,"\ud83d\ude00":3}"#);
    assert_eq!(members.get("name").unwrap().as_u64(), Some(1));
    assert_eq!(members.get("a/b").unwrap().as_u64(), Some(2));
    assert_eq!(members.get("😀").unwrap().as_u64(), Some(3));
}

#[test]
fn only_objects_are_objects() {
    assert_eq!(
        Object::parse("[]".into(), &JsonLimits::CLIENT),
        Err(JsonError::NotAnObject)
    );
    assert!(json("[]").object().is_none());
    assert!(json("{}").array().is_none());
    assert!(json("{}").object().unwrap().is_empty());
}

/// P3.17: a lone surrogate from a server stays the escape it is; decoded it is U+FFFD.
#[test]
fn lone_surrogates_from_servers_pass_as_escapes() {
    let value = json(r#""a\ud800b\udc00\ud83d\ude00""#);
    assert_eq!(value.as_str(), r#""a\ud800b\udc00\ud83d\ude00""#);
    assert_eq!(value.text().unwrap(), "a\u{fffd}b\u{fffd}😀");
}

#[test]
fn debug_shows_no_payload() {
    assert_eq!(
        format!("{:?}", json(r#""canary""#)),
        "Json(String, 8 bytes)"
    );
}

/// JSON-like text: sometimes valid, often nearly.
fn nearly_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("1e400".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| n.to_string()),
        any::<String>().prop_map(|s| serde_json::to_string(&s).unwrap()),
        "[\\x00-\\x7f]{0,6}".prop_map(|s| format!("\"{s}\"")),
        "\\\\u[0-9a-fd]{4}(\\\\u[0-9a-fd]{4})?".prop_map(|s| format!("\"{s}\"")),
        "[-+0-9.eE]{1,6}",
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        let key = prop_oneof!["[ab]", "[ab]|\\\\u0061"].prop_map(|name| format!("\"{name}\""));
        let space = "[ \\t\\r\\n]{0,2}";
        prop_oneof![
            (prop::collection::vec(inner.clone(), 0..5), space)
                .prop_map(|(items, space)| format!("[{space}{}{space}]", items.join(","))),
            (prop::collection::vec((key, inner), 0..4), space).prop_map(|(members, space)| {
                let members: Vec<_> = members
                    .into_iter()
                    .map(|(key, value)| format!("{key}{space}:{value}"))
                    .collect();
                format!("{{{}{space}}}", members.join(","))
            }),
        ]
    })
}

/// Any bytes, or nearly-JSON with a byte changed.
fn hostile_bytes() -> impl Strategy<Value = Vec<u8>> {
    let mutated = (nearly_json(), any::<prop::sample::Index>(), any::<u8>()).prop_map(
        |(text, index, byte)| {
            let mut bytes = text.into_bytes();
            if !bytes.is_empty() {
                let at = index.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        },
    );
    prop_oneof![
        3 => nearly_json().prop_map(String::into_bytes),
        3 => mutated,
        1 => prop::collection::vec(any::<u8>(), 0..64),
    ]
}

/// What `serde_json` makes of it, without its limits on the size of numbers.
fn second_parser_accepts(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes)
        .is_ok_and(|text| serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok())
}

/// Whether an object anywhere names a member twice, by `serde_json`'s decoding of the names.
fn names_a_member_twice(text: &str) -> bool {
    struct Members;
    impl<'de> serde::de::Visitor<'de> for Members {
        type Value = Vec<(String, Box<serde_json::value::RawValue>)>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(
            self,
            mut map: A,
        ) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = map.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }
    if let Ok(items) = serde_json::from_str::<Vec<Box<serde_json::value::RawValue>>>(text) {
        return items.iter().any(|item| names_a_member_twice(item.get()));
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let Ok(members) = serde::Deserializer::deserialize_map(&mut reader, Members) else {
        return false;
    };
    let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair[0] == pair[1])
        || members
            .iter()
            .any(|(_, value)| names_a_member_twice(value.get()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// S-31: accepted here means accepted by a second parser, and no name twice.
    #[test]
    fn accepts_only_what_a_second_parser_accepts(bytes in hostile_bytes()) {
        let ours = Json::parse(bytes.clone().into(), &JsonLimits::UPSTREAM);
        if let Ok(value) = &ours {
            prop_assert!(second_parser_accepts(&bytes));
            prop_assert!(!names_a_member_twice(value.as_str()));
        }
    }

    /// And the other way: what is refused as no JSON is refused there too.
    #[test]
    fn refuses_as_syntax_only_what_a_second_parser_refuses(bytes in hostile_bytes()) {
        let ours = Json::parse(bytes.clone().into(), &JsonLimits::UPSTREAM);
        if let Err(JsonError::Syntax { .. } | JsonError::Utf8 { .. }) = ours {
            prop_assert!(!second_parser_accepts(&bytes));
        }
    }

    /// Indexing on demand finds what a second parser finds.
    #[test]
    fn members_and_elements_are_those_of_a_second_parser(text in nearly_json()) {
        let Ok(value) = Json::parse(text.clone().into(), &JsonLimits::CLIENT) else { return Ok(()) };
        let Ok(other) = serde_json::from_str::<serde_json::Value>(&text) else { return Ok(()) };
        same_value(&value, &other)?;
    }

    /// A string comes back from its JSON form.
    #[test]
    fn strings_survive_quoting(text in any::<String>()) {
        let quoted = Json::from_text(&text);
        prop_assert_eq!(quoted.text().unwrap(), text.as_str());
        prop_assert_eq!(serde_json::from_slice::<String>(quoted.bytes()).unwrap(), text);
        prop_assert!(Json::parse(quoted.bytes().clone(), &JsonLimits::CLIENT).is_ok());
    }

    /// What is put before a string reads so, and the rest stays as it was spelt.
    #[test]
    fn prefixes_leave_the_spelling(prefix in any::<String>(), text in any::<String>()) {
        let spelt = Json::from_text(&text);
        let prefixed = spelt.prefixed(&prefix).unwrap();
        prop_assert_eq!(prefixed.text().unwrap(), format!("{prefix}{text}"));
        prop_assert!(prefixed.as_str().ends_with(&spelt.as_str()[1..]));
        prop_assert!(Json::number(1).prefixed(&prefix).is_none());
    }

    /// Long strings take another road than short ones; a stop anywhere in them is seen.
    #[test]
    fn a_control_character_anywhere_is_seen(length in 0_usize..300, at in 0_usize..300, byte in 0_u8..0x20) {
        let mut text = vec![b'x'; length];
        text.insert(at.min(length), byte);
        let body = [b"\"".as_slice(), &text, b"\""].concat();
        let refused = Json::parse(body.into(), &JsonLimits::CLIENT);
        prop_assert_eq!(
            refused,
            Err(JsonError::Syntax { what: "a control character inside a string", offset: at.min(length) + 1 })
        );
    }

    /// Strings full of escapes are read in blocks; they are judged as a second parser judges them, and the
    /// value beside them is found.
    #[test]
    fn escapes_anywhere_are_judged_alike(
        pieces in prop::collection::vec(
            prop_oneof![
                6 => "[ -!#-\\[\\]-~]{0,40}",
                6 => Just("\\\\".to_owned()),
                6 => "\\\\[\"nrtbf/\\\\]",
                2 => Just("\\u00e9".to_owned()),
                2 => Just("\\ud83d\\ude00".to_owned()),
                2 => Just("é".to_owned()),
                1 => "\\\\[ -~]",
                1 => Just("\\u12".to_owned()),
                1 => Just("\n".to_owned()),
                1 => Just("\\".to_owned()),
            ],
            0..24,
        ),
    ) {
        let text = format!("[\"{}\",7]", pieces.concat());
        let ours = Json::parse(text.clone().into(), &JsonLimits::UPSTREAM);
        prop_assert_eq!(ours.is_ok(), second_parser_accepts(text.as_bytes()));
        if let (Ok(value), Ok(other)) = (ours, serde_json::from_str::<serde_json::Value>(&text)) {
            same_value(&value, &other)?;
        }
    }

    /// Invalid UTF-8 anywhere is seen.
    #[test]
    fn a_stray_byte_anywhere_is_seen(length in 0_usize..300, at in 0_usize..300) {
        let mut text = vec![b'x'; length];
        text.insert(at.min(length), 0xff);
        let body = [b"\"".as_slice(), &text, b"\""].concat();
        let refused = Json::parse(body.into(), &JsonLimits::CLIENT);
        prop_assert_eq!(refused, Err(JsonError::Utf8 { offset: at.min(length) + 1 }));
    }
}

fn same_value(ours: &Json, other: &serde_json::Value) -> Result<(), TestCaseError> {
    match other {
        serde_json::Value::Object(members) => {
            let object = ours.object().unwrap();
            prop_assert_eq!(object.len(), members.len());
            for (name, value) in object.iter() {
                same_value(&value, &members[&*name])?;
            }
        }
        serde_json::Value::Array(items) => {
            let elements = ours.array().unwrap();
            prop_assert_eq!(elements.len(), items.len());
            for (element, item) in elements.iter().zip(items) {
                same_value(element, item)?;
            }
        }
        serde_json::Value::String(text) => prop_assert_eq!(ours.text().unwrap(), text.as_str()),
        scalar => {
            let read: serde_json::Value = serde_json::from_slice(ours.bytes()).unwrap();
            prop_assert_eq!(&read, scalar);
        }
    }
    Ok(())
}
