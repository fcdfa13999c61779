//! S-08 `wrong_kek_refused`: the key check, and the MACs under the master key.

use std::collections::HashSet;

use toolgate_vault::MasterKey;

#[test]
fn only_the_same_key_matches() {
    let (one, other) = (
        MasterKey::generate().unwrap(),
        MasterKey::generate().unwrap(),
    );
    let stored = one.check_value();
    assert!(one.matches(&stored));
    assert!(!other.matches(&stored));
    assert!(!one.matches(&[]));
    assert!(!one.matches(&stored[..31]));
    for bit in 0..256 {
        let mut changed = stored;
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!one.matches(&changed));
    }
}

/// S-06 `key_separation`, as far as it shows from outside: one message, five keys, no value twice.
#[test]
fn no_two_uses_share_a_key() {
    let (one, other) = (
        MasterKey::generate().unwrap(),
        MasterKey::generate().unwrap(),
    );
    let mut values = HashSet::new();
    for key in [&one, &other] {
        assert!(values.insert(key.check_value()));
        assert!(values.insert(key.audit_mac(b"")));
        assert!(values.insert(key.audit_mac(b"row")));
        assert!(values.insert(key.manifest_mac("", [])));
        assert!(values.insert(*key.dangerous_handle_key().expose()));
    }
    assert_eq!(one.audit_mac(b"row"), one.audit_mac(b"row"));
}
