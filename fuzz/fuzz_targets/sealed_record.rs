//! F-13: of sealed records (secret versions, wrapped data keys, retired keys, handles) only genuine ones open, and only
//! in their place.
//!
//! The input says which record, in which place, and how its bytes differ from the genuine ones.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use toolgate_unseal::{Handles, Opener};
use toolgate_vault::{
    MasterKey, SealedRetiredKeys, SealedSecret, Secret, SecretContext, WrappedKey,
};

const CONTEXT: SecretContext<'static> = SecretContext {
    workspace: "ws_a",
    server: Some("srv_a"),
    name: "KEY",
    version: 2,
};

struct Genuine {
    master: MasterKey,
    opener: Opener,
    handles: Handles,
    secret: SealedSecret,
    wrapped: WrappedKey,
    retired: SealedRetiredKeys,
    handle: String,
}

static GENUINE: LazyLock<Genuine> = LazyLock::new(|| {
    let master = MasterKey::generate().expect("randomness");
    let (key, wrapped) = master.new_workspace_key("ws_a").expect("randomness");
    let value = Secret::new("not-a-real-secret".to_owned());
    let old = MasterKey::generate().expect("randomness");
    let handles = Handles::new(master.dangerous_handle_key());
    Genuine {
        opener: Opener::new(&key),
        secret: key.seal(CONTEXT, &value).expect("randomness"),
        retired: master.seal_retired(&old.retire(7)).expect("randomness"),
        handle: handles
            .seal_bound("state", &[b"token"], b"plain")
            .expect("randomness"),
        handles,
        wrapped,
        master,
    }
});

/// The genuine bytes with the input laid over them: exclusive or, then cut or grown to the length it asks for.
fn changed(genuine: &[u8], patch: &[u8]) -> Vec<u8> {
    let (length, patch) = match patch {
        [length, rest @ ..] => (usize::from(*length), rest),
        [] => (0, patch),
    };
    let mut bytes = genuine.to_vec();
    for (byte, change) in bytes.iter_mut().zip(patch) {
        *byte ^= change;
    }
    // 0 keeps the length; every other value is one of the lengths around it.
    if length > 0 {
        bytes.resize((genuine.len() + length).saturating_sub(128), 0);
    }
    bytes
}

fuzz_target!(|data: &[u8]| {
    let [which, place, patch @ ..] = data else {
        return;
    };
    let genuine = &*GENUINE;
    match which % 5 {
        0 => {
            let sealed = changed(&genuine.secret.sealed, patch);
            let context = match place % 6 {
                1 => SecretContext {
                    workspace: "ws_b",
                    ..CONTEXT
                },
                2 => SecretContext {
                    server: None,
                    ..CONTEXT
                },
                3 => SecretContext {
                    name: "KEY_",
                    ..CONTEXT
                },
                4 => SecretContext {
                    version: 1,
                    ..CONTEXT
                },
                _ => CONTEXT,
            };
            let is_genuine = context == CONTEXT && sealed == genuine.secret.sealed;
            let key = genuine.secret.key.clone();
            let opened = genuine.opener.open(context, &SealedSecret { key, sealed });
            assert_eq!(opened.is_ok(), is_genuine);
        }
        1 => {
            let sealed = changed(&genuine.wrapped.sealed, patch);
            let workspace = if place % 2 == 0 { "ws_a" } else { "ws_b" };
            let is_genuine = workspace == "ws_a" && sealed == genuine.wrapped.sealed;
            let row = WrappedKey {
                sealed,
                ..genuine.wrapped.clone()
            };
            let opened = genuine.master.unwrap_workspace_key(workspace, &row);
            assert_eq!(opened.is_ok(), is_genuine);
        }
        2 => {
            let sealed = changed(&genuine.retired.sealed, patch);
            let audit_until = u64::from(*place);
            let is_genuine = audit_until == 7 && sealed == genuine.retired.sealed;
            let row = SealedRetiredKeys {
                sealed,
                audit_until,
                ..genuine.retired.clone()
            };
            assert_eq!(genuine.master.open_retired(&row).is_ok(), is_genuine);
        }
        3 => {
            let text = changed(genuine.handle.as_bytes(), patch);
            let Ok(text) = std::str::from_utf8(&text) else {
                return;
            };
            let context: &[&[u8]] = if place % 2 == 0 {
                &[b"token"]
            } else {
                &[b"other"]
            };
            let is_genuine = place % 2 == 0 && text == genuine.handle;
            let opened = genuine.handles.open_bound("state", context, text);
            assert_eq!(opened.is_ok(), is_genuine);
        }
        // Bytes of nobody.
        _ => {
            let key = genuine.secret.key.clone();
            let row = SealedSecret {
                key,
                sealed: patch.to_vec(),
            };
            // The fuzzer sees what is compared, and so may come upon the genuine bytes.
            let is_genuine = patch == genuine.secret.sealed;
            assert_eq!(genuine.opener.open(CONTEXT, &row).is_ok(), is_genuine);
            let text = String::from_utf8_lossy(patch);
            assert!(genuine.handles.open("state", &text).is_err());
        }
    }
});
