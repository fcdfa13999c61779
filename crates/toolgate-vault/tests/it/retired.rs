//! S-12: what is left of a master key opens under its successor alone, whole and in its place.

use toolgate_vault::{KeyError, KeyId, MasterKey, SealedRetiredKeys};

fn sealed(old: &MasterKey, new: &MasterKey) -> SealedRetiredKeys {
    new.seal_retired(&old.retire(7)).unwrap()
}

#[test]
fn what_is_left_is_what_there_was() {
    let (old, new) = (
        MasterKey::generate().unwrap(),
        MasterKey::generate().unwrap(),
    );
    let stored = sealed(&old, &new);
    assert_eq!((&stored.id, &stored.master), (old.id(), new.id()));
    let left = new.open_retired(&stored).unwrap();
    assert_eq!((left.id(), left.audit_until()), (old.id(), 7));
    assert_eq!(left.audit_mac(b"row"), old.audit_mac(b"row"));
    assert_ne!(left.audit_mac(b"row"), new.audit_mac(b"row"));
    assert_eq!(
        left.dangerous_handle_key().expose(),
        old.dangerous_handle_key().expose()
    );
    // And again under the key after that.
    let third = MasterKey::generate().unwrap();
    let again = third.seal_retired(&left).unwrap();
    let left = third.open_retired(&again).unwrap();
    assert_eq!(left.audit_mac(b"row"), old.audit_mac(b"row"));
}

#[test]
fn anything_else_does_not_open() {
    let (old, new) = (
        MasterKey::generate().unwrap(),
        MasterKey::generate().unwrap(),
    );
    let stored = sealed(&old, &new);
    let refused = |key: &MasterKey, stored: SealedRetiredKeys| {
        assert_eq!(key.open_retired(&stored).unwrap_err(), KeyError::Unwrap);
    };
    refused(&old, stored.clone());
    refused(&MasterKey::generate().unwrap(), stored.clone());
    let other = KeyId::parse("kek_00112233445566778899aabbccddeeff").unwrap();
    refused(
        &new,
        SealedRetiredKeys {
            id: other.clone(),
            ..stored.clone()
        },
    );
    refused(
        &new,
        SealedRetiredKeys {
            master: other,
            ..stored.clone()
        },
    );
    refused(
        &new,
        SealedRetiredKeys {
            audit_until: 8,
            ..stored.clone()
        },
    );
    for at in 0..stored.sealed.len() {
        let mut changed = stored.clone();
        changed.sealed[at] ^= 1;
        refused(&new, changed);
        refused(
            &new,
            SealedRetiredKeys {
                sealed: stored.sealed[..at].to_vec(),
                ..stored.clone()
            },
        );
    }
    // Nor what another use of the same key sealed.
    let (_, wrapped) = new.new_workspace_key("ws_a").unwrap();
    refused(
        &new,
        SealedRetiredKeys {
            sealed: wrapped.sealed,
            ..stored
        },
    );
}

#[test]
fn s14_debug_shows_no_key() {
    let key = MasterKey::generate().unwrap();
    let shown = format!("{:?}", key.retire(1));
    assert!(
        shown.starts_with("RetiredKeys { id: kek_") && shown.ends_with(".. }"),
        "{shown}"
    );
}
