//! Values compared by what they mean, not by how they are written (P11.9).

use proptest::prelude::*;
use toolgate_protocol::mcp::canonical_by_value;

use crate::{json, text};

#[track_caller]
fn check(value: &str, expected: &str) {
    assert_eq!(text(canonical_by_value(&json(value))), expected, "{value}");
}

#[test]
fn p11_9_spellings_of_one_number() {
    for one in ["1", "1.0", "1e0", "10e-1", "0.1E+1", "1.000e00"] {
        check(one, "1");
    }
    for zero in ["0", "-0", "0.0", "-0e5", "0e99999999999999999999"] {
        check(zero, "0");
    }
    check("1500", "15e2");
    check("1.5e3", "15e2");
    check("-0.001", "-1e-3");
    check("[100, 1e2]", "[1e2,1e2]");
}

#[test]
fn p11_9_numbers_are_never_rounded() {
    let differ = [
        ("9007199254740992", "9007199254740993"),
        ("0.1", "0.10000000000000000000000000001"),
        ("1e400", "1e401"),
        ("1", "-1"),
        ("1", "\"1\""),
        ("1e99999999999999999999", "1e99999999999999999998"),
        ("0", "null"),
    ];
    for (one, other) in differ {
        assert_ne!(
            canonical_by_value(&json(one)),
            canonical_by_value(&json(other)),
            "{one} {other}"
        );
    }
    // Beyond counting a number equals its own spelling only, and no other.
    check("1.0e99999999999999999999", "1.0e99999999999999999999");
    check("10e9223372036854775807", "10e9223372036854775807");
}

#[test]
fn p11_9_order_space_and_escapes_do_not_matter() {
    check(
        r#" { "b" : [ true , null , "\u00e9\/" ] , "\u0061" : { "y" : 1.0 , "x" : {} } } "#,
        r#"{"a":{"x":{},"y":1},"b":[true,null,"é/"]}"#,
    );
    check(r#"["a",["b"]]"#, r#"["a",["b"]]"#);
    check(r#"{"1":1,"10":1,"2":1}"#, r#"{"1":1,"10":1,"2":1}"#);
}

proptest! {
    /// P11.9: whatever another serialiser makes of the arguments, they stay the same arguments.
    #[test]
    fn p11_9_serialising_again_changes_nothing(
        members in prop::collection::btree_map(any::<String>(), (any::<String>(), any::<i64>(), any::<f32>()), 0..5),
    ) {
        let value: serde_json::Value = members
            .iter()
            .map(|(name, (text, whole, part))| {
                (name.clone(), serde_json::json!([text, whole, part, null]))
            })
            .collect::<serde_json::Map<_, _>>()
            .into();
        let compact = serde_json::to_string(&value).unwrap();
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        let once = canonical_by_value(&json(&compact));
        prop_assert_eq!(&once, &canonical_by_value(&json(&pretty)));
        prop_assert_eq!(&once, &canonical_by_value(&json(&text(&once))));
    }

    /// A number shifted by a power of ten and back is the same number.
    #[test]
    fn p11_9_the_point_may_float(digits in 1..i64::MAX, zeros in 0_usize..40) {
        let plain = digits.to_string();
        let shifted = format!("{digits}{}e-{zeros}", "0".repeat(zeros));
        prop_assert_eq!(
            canonical_by_value(&json(&plain)),
            canonical_by_value(&json(&shifted))
        );
        let next = (digits + 1).to_string();
        prop_assert_ne!(canonical_by_value(&json(&plain)), canonical_by_value(&json(&next)));
    }
}
