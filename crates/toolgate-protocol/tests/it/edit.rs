//! Edits splice bytes: what is not touched stays as it was (P2.3, P3.12).

use proptest::prelude::*;
use toolgate_protocol::{Json, ObjectEdit};

use crate::{json, object, text};

#[test]
fn members_are_replaced_where_they_stand() {
    let edited = object(r#"{ "z" : 1.0, "name":"a", "x":[ 1 ] }"#)
        .edit()
        .set("name", json("\"b\""));
    assert_eq!(text(edited.finish()), r#"{"z" : 1.0,"name":"b","x":[ 1 ]}"#);
}

#[test]
fn members_are_appended_put_first_and_removed() {
    let source = object(r#"{"a":1,"b":2,"c":3}"#);
    assert_eq!(
        text(source.edit().set("d", Json::number(4)).finish()),
        r#"{"a":1,"b":2,"c":3,"d":4}"#
    );
    assert_eq!(
        text(source.edit().put_first("b", Json::number(9)).finish()),
        r#"{"b":9,"a":1,"c":3}"#
    );
    assert_eq!(text(source.edit().remove("b").finish()), r#"{"a":1,"c":3}"#);
    assert_eq!(
        text(source.edit().retain(|name| name == "b").finish()),
        r#"{"b":2}"#
    );
    assert_eq!(text(source.edit().retain(|_| false).finish()), "{}");
    assert_eq!(text(ObjectEdit::new().finish()), "{}");
    let built = ObjectEdit::new()
        .set("q\"", Json::from_text("\n"))
        .set("q\"", Json::integer(-1));
    assert_eq!(text(built.finish()), r#"{"q\"":-1}"#);
}

#[test]
fn nothing_changed_gives_the_same_bytes() {
    let source = object(r#"{ "a" : 1 }"#);
    let same = source.edit().remove("b").retain(|_| true).finish();
    assert_eq!(same.as_ptr(), source.bytes().as_ptr());
    assert_eq!(text(same), r#"{ "a" : 1 }"#);
}

#[test]
fn large_members_are_not_copied_in_parts() {
    let large = "x".repeat(10_000);
    let source = object(&format!(r#"{{"content":"{large}","a":1}}"#));
    let parts = source
        .edit()
        .put_first("resultType", Json::from_text("complete"))
        .finish_parts();
    assert!(
        parts
            .iter()
            .any(|part| source.bytes().as_ptr_range().contains(&part.as_ptr()))
    );
    let whole = source
        .edit()
        .put_first("resultType", Json::from_text("complete"))
        .finish();
    assert_eq!(parts.concat(), whole);
}

/// An object as a list of raw members with different names.
fn members() -> impl Strategy<Value = Vec<(String, String)>> {
    let value = prop_oneof![
        any::<f64>()
            .prop_filter("finite", |n| n.is_finite())
            .prop_map(|n| n.to_string()),
        Just("[ 1 , {\"x\" : 2} ]".to_owned()),
        Just("9007199254740993".to_owned()),
        any::<String>().prop_map(|text| Json::from_text(&text).as_str().to_owned()),
    ];
    prop::collection::btree_map("[a-e]{1,2}", value, 0..8)
        .prop_map(|members| members.into_iter().collect())
}

proptest! {
    /// Every untouched member keeps its bytes and its place among the others.
    #[test]
    fn other_members_keep_their_bytes(members in members(), key in "[a-f]{1,2}", remove in any::<bool>()) {
        let raw: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\" :  {value}")).collect();
        let source = object(&format!("{{ {} }}", raw.join(" , ")));
        let edit = source.edit();
        let edited = if remove { edit.remove(&key) } else { edit.set(&key, Json::number(7)) }.object();

        let others = |object: &toolgate_protocol::Object| -> Vec<(String, String)> {
            object
                .iter()
                .filter(|(name, _)| *name != key)
                .map(|(name, value)| (name.into_owned(), value.as_str().to_owned()))
                .collect()
        };
        prop_assert_eq!(others(&edited), others(&source));
        prop_assert_eq!(edited.contains(&key), !remove);
        let result = text(edited.bytes());
        for ((name, _), raw) in members.iter().zip(&raw) {
            prop_assert!(*name == key || result.contains(raw.as_str()));
        }
    }
}
