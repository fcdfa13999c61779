//! Wrapping and unwrapping data keys (S-06, S-09).

use toolgate_vault::{KeyError, KeyId, MasterKey, WorkspaceKey, WrappedKey};

fn made() -> (MasterKey, WorkspaceKey, WrappedKey) {
    let master = MasterKey::generate().unwrap();
    let (key, wrapped) = master.new_workspace_key("ws_a").unwrap();
    (master, key, wrapped)
}

#[track_caller]
fn check_refused(master: &MasterKey, workspace: &str, wrapped: &WrappedKey) {
    let error = master.unwrap_workspace_key(workspace, wrapped).unwrap_err();
    assert_eq!(error, KeyError::Unwrap);
    assert!(error.hint().is_some());
}

#[test]
fn a_wrapped_key_unwraps_to_itself() {
    let (master, key, wrapped) = made();
    let unwrapped = master.unwrap_workspace_key("ws_a", &wrapped).unwrap();
    assert_eq!(unwrapped.id(), key.id());
    assert_eq!(unwrapped.dangerous_bytes(), key.dangerous_bytes());
    assert_eq!((&wrapped.id, &wrapped.master), (key.id(), master.id()));
    assert_eq!((wrapped.sealed[0], wrapped.sealed.len()), (1, 61));
}

/// S-09 `aad_swap`, the part about data keys.
#[test]
fn nothing_but_the_whole_original_unwraps() {
    let (master, _, wrapped) = made();
    check_refused(&master, "ws_b", &wrapped);
    check_refused(&master, "", &wrapped);
    check_refused(&MasterKey::generate().unwrap(), "ws_a", &wrapped);

    let (_, other) = master.new_workspace_key("ws_a").unwrap();
    check_refused(
        &master,
        "ws_a",
        &WrappedKey {
            id: other.id.clone(),
            ..wrapped.clone()
        },
    );
    check_refused(
        &master,
        "ws_a",
        &WrappedKey {
            sealed: other.sealed,
            ..wrapped.clone()
        },
    );
    let foreign = KeyId::parse("kek_00112233445566778899aabbccddeeff").unwrap();
    check_refused(
        &master,
        "ws_a",
        &WrappedKey {
            master: foreign,
            ..wrapped
        },
    );
}

#[test]
fn no_changed_byte_and_no_truncation_unwraps() {
    let (master, _, wrapped) = made();
    for bit in 0..wrapped.sealed.len() * 8 {
        let mut changed = wrapped.clone();
        changed.sealed[bit / 8] ^= 1 << (bit % 8);
        check_refused(&master, "ws_a", &changed);
    }
    for length in 0..wrapped.sealed.len() {
        let mut shorter = wrapped.clone();
        shorter.sealed.truncate(length);
        check_refused(&master, "ws_a", &shorter);
    }
}

/// S-12: the data key and its id stay; what it sealed needs no second look.
#[test]
fn a_rotation_wraps_the_same_key_under_another_master() {
    let (old, key, wrapped) = made();
    let new = MasterKey::generate().unwrap();
    let opened = old.unwrap_workspace_key("ws_a", &wrapped).unwrap();
    let rewrapped = new.wrap_workspace_key("ws_a", &opened).unwrap();
    assert_eq!((&rewrapped.id, &rewrapped.master), (key.id(), new.id()));
    let again = new.unwrap_workspace_key("ws_a", &rewrapped).unwrap();
    assert_eq!(again.dangerous_bytes(), key.dangerous_bytes());
    check_refused(&old, "ws_a", &rewrapped);
}

#[test]
fn s14_debug_shows_ids_only() {
    let (master, key, _) = made();
    assert_eq!(
        format!("{master:?}"),
        format!("MasterKey {{ id: {}, .. }}", master.id())
    );
    assert_eq!(
        format!("{key:?}"),
        format!("WorkspaceKey {{ id: {}, .. }}", key.id())
    );
    assert_eq!(format!("{:?}", master.dangerous_handle_key()), "[REDACTED]");
}
