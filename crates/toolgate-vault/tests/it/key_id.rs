//! Key ids: public, canonical, and of two kinds.

use toolgate_vault::{KeyError, KeyId, MasterKey};

#[track_caller]
fn check(text: &str, is_id: bool) {
    match KeyId::parse(text) {
        Ok(id) => assert!(is_id && id.as_str() == text && id.to_string() == text),
        Err(error) => assert!(!is_id && error == KeyError::Id && error.hint().is_some()),
    }
}

#[test]
fn ids_are_canonical() {
    check("key_00112233445566778899aabbccddeeff", true);
    check("kek_00112233445566778899aabbccddeeff", true);
    check("", false);
    check("key_", false);
    check("key_00112233445566778899aabbccddeef", false);
    check("key_00112233445566778899aabbccddeeff0", false);
    check("key_00112233445566778899AABBCCDDEEFF", false);
    check("key_00112233445566778899aabbccddeefg", false);
    check("tok_00112233445566778899aabbccddeeff", false);
    check("00112233445566778899aabbccddeeff", false);
    check(" key_00112233445566778899aabbccddeeff", false);
}

#[test]
fn made_ids_parse_and_differ() {
    let master = MasterKey::generate().unwrap();
    let (one, _) = master.new_workspace_key("ws_a").unwrap();
    let (two, _) = master.new_workspace_key("ws_a").unwrap();
    assert!(master.id().as_str().starts_with("kek_"));
    assert!(one.id().as_str().starts_with("key_"));
    assert_ne!(one.id(), two.id());
    for id in [master.id(), one.id()] {
        assert_eq!(&KeyId::parse(id.as_str()).unwrap(), id);
    }
}
