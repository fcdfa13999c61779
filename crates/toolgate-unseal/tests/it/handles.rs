//! S-44 `handle_replay`: a handle opens whole, for its purpose, in its context, and not otherwise.

use proptest::prelude::*;
use toolgate_unseal::{HandleError, Handles};
use toolgate_vault::{MasterKey, Secret};

use crate::support::fixed;

fn handles() -> Handles {
    Handles::new(Secret::new([0x5a; 32]))
}

#[test]
fn opens_what_was_sealed() {
    let handles = handles();
    for plaintext in [&b""[..], b"x", b"{\"session\":1}", &[0; 1000]] {
        let handle = handles.seal("session", plaintext).unwrap();
        assert!(
            handle
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'),
            "{handle}"
        );
        assert_eq!(handle.len(), ((29 + plaintext.len()) * 4).div_ceil(3));
        assert_eq!(handles.open("session", &handle).unwrap(), plaintext);
        assert_ne!(
            handles.seal("session", plaintext).unwrap(),
            handle,
            "a fresh nonce each"
        );
    }
}

/// Handles outlive a restart, but not a change of the master key.
#[test]
fn handles_belong_to_the_master_key() {
    let master = MasterKey::generate().unwrap();
    let handle = Handles::new(master.dangerous_handle_key())
        .seal("session", b"x")
        .unwrap();
    assert_eq!(
        Handles::new(master.dangerous_handle_key())
            .open("session", &handle)
            .unwrap(),
        b"x"
    );
    let other = MasterKey::generate().unwrap();
    assert_eq!(
        Handles::new(other.dangerous_handle_key()).open("session", &handle),
        Err(HandleError)
    );
}

/// S-12: handles that clients carry while the master key is rotated go on to open, and no longer than that.
#[test]
fn s12_handles_survive_a_rotation_while_the_retired_key_is_kept() {
    let (old, new) = (
        MasterKey::generate().unwrap(),
        MasterKey::generate().unwrap(),
    );
    let handles = Handles::new(old.dangerous_handle_key());
    let before = handles.seal("session", b"x").unwrap();
    let kept = vec![old.retire(0).dangerous_handle_key()];
    handles.renew(new.dangerous_handle_key(), kept);
    assert_eq!(handles.open("session", &before).unwrap(), b"x");
    let after = handles.seal("session", b"y").unwrap();
    assert_eq!(
        Handles::new(new.dangerous_handle_key())
            .open("session", &after)
            .unwrap(),
        b"y",
        "sealed under the new key"
    );
    handles.renew(new.dangerous_handle_key(), Vec::new());
    assert_eq!(handles.open("session", &before), Err(HandleError));
    assert_eq!(handles.open("session", &after).unwrap(), b"y");
}

#[test]
fn another_purpose_does_not_open_it() {
    let handles = handles();
    let handle = handles.seal("session", b"x").unwrap();
    for purpose in ["cursor", "", "Session", "session ", "sessio"] {
        assert_eq!(
            handles.open(purpose, &handle),
            Err(HandleError),
            "{purpose}"
        );
    }
}

#[test]
fn another_context_does_not_open_it() {
    let handles = handles();
    let context: [&[u8]; 3] = [b"tok_a", b"ws_a", b"tools/call"];
    let handle = handles.seal_bound("state", &context, b"x").unwrap();
    let open = |context: &[&[u8]]| handles.open_bound("state", context, &handle);
    assert_eq!(open(&context).unwrap(), b"x");
    assert!(open(&[b"tok_b", b"ws_a", b"tools/call"]).is_err());
    assert!(open(&[b"tok_a", b"ws_b", b"tools/call"]).is_err());
    assert!(open(&[b"tok_a", b"ws_a", b"tools/list"]).is_err());
    assert!(open(&[b"ws_a", b"tok_a", b"tools/call"]).is_err());
    assert!(open(&[b"tok_a", b"ws_a", b"tools", b"/call"]).is_err());
    assert!(open(&[b"tok_aws_a", b"tools/call"]).is_err());
    assert!(open(&[b"tok_a", b"ws_a"]).is_err());
    assert!(open(&[b"tok_a", b"ws_a", b"tools/call", b""]).is_err());
    assert!(open(&[]).is_err());
    assert!(handles.open("state", &handle).is_err());
}

/// F-15: one handle has one text; every changed bit of it is refused, as text and as bytes.
#[test]
fn f15_no_changed_and_no_shorter_handle_opens() {
    let handles = handles();
    // Three lengths, so that the last character holds all, four or two bits.
    for plaintext in [&b"a"[..], b"ab", b"abc"] {
        let handle = handles.seal("session", plaintext).unwrap();
        for bit in 0..handle.len() * 8 {
            let mut changed = handle.clone().into_bytes();
            changed[bit / 8] ^= 1 << (bit % 8);
            if let Ok(changed) = String::from_utf8(changed) {
                assert_eq!(
                    handles.open("session", &changed),
                    Err(HandleError),
                    "bit {bit}"
                );
            }
        }
        for length in 0..handle.len() {
            assert_eq!(handles.open("session", &handle[..length]), Err(HandleError));
        }
        for longer in [
            format!("{handle}="),
            format!("{handle}A"),
            format!("{handle}\n"),
            format!(" {handle}"),
        ] {
            assert_eq!(handles.open("session", &longer), Err(HandleError));
        }
    }
}

proptest! {
    #![proptest_config(fixed())]

    #[test]
    fn only_the_same_purpose_and_context_open_it(
        (purpose, context, plaintext) in ("[ab]{0,2}", context(), proptest::collection::vec(any::<u8>(), 0..64)),
        (other_purpose, other_context) in ("[ab]{0,2}", context()),
    ) {
        let borrowed: Vec<&[u8]> = context.iter().map(Vec::as_slice).collect();
        let other: Vec<&[u8]> = other_context.iter().map(Vec::as_slice).collect();
        let handle = handles().seal_bound(&purpose, &borrowed, &plaintext).unwrap();
        let opened = handles().open_bound(&other_purpose, &other, &handle);
        if purpose == other_purpose && context == other_context {
            prop_assert_eq!(opened.unwrap(), plaintext);
        } else {
            prop_assert_eq!(opened, Err(HandleError));
        }
    }

    #[test]
    fn forged_text_never_opens(text in "[A-Za-z0-9_=-]{0,90}|\\PC{0,40}") {
        prop_assert_eq!(handles().open("session", &text), Err(HandleError));
    }
}

fn context() -> impl Strategy<Value = Vec<Vec<u8>>> {
    proptest::collection::vec(proptest::collection::vec(0..2_u8, 0..3), 0..3)
}
