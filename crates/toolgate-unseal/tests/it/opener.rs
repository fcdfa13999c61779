//! Opening secret versions (S-09).

use proptest::prelude::*;
use toolgate_unseal::{OpenError, Opener};
use toolgate_vault::{MasterKey, SealedSecret, Secret, SecretContext, WorkspaceKey};

use crate::support::fixed;

const CONTEXT: SecretContext<'static> = SecretContext {
    workspace: "ws_a",
    server: Some("srv_a"),
    name: "KEY",
    version: 2,
};

fn key() -> WorkspaceKey {
    MasterKey::generate()
        .unwrap()
        .new_workspace_key("ws_a")
        .unwrap()
        .0
}

fn seal(key: &WorkspaceKey) -> SealedSecret {
    key.seal(
        CONTEXT,
        &Secret::check_value("not-a-real-secret".to_owned()).unwrap(),
    )
    .unwrap()
}

#[track_caller]
fn check_refused(opener: &Opener, context: SecretContext<'_>, sealed: &SealedSecret) {
    let error = opener.open(context, sealed).unwrap_err();
    // Uniform: the cause does not show, the value even less.
    assert_eq!(
        error,
        OpenError {
            name: context.name.to_owned()
        }
    );
    assert_eq!(
        error.to_string(),
        format!("opening secret {}", context.name)
    );
    assert!(error.hint().unwrap().contains(context.name));
}

#[test]
fn opens_what_was_sealed() {
    let key = key();
    let opened = Opener::new(&key).open(CONTEXT, &seal(&key)).unwrap();
    assert_eq!(opened.expose(), "not-a-real-secret");
}

/// What a restart does: the data key comes back out of its wrapping.
#[test]
fn opens_after_a_restart() {
    let master = MasterKey::generate().unwrap();
    let (key, wrapped) = master.new_workspace_key("ws_a").unwrap();
    let sealed = seal(&key);
    drop(key);
    let opener = Opener::new(&master.unwrap_workspace_key("ws_a", &wrapped).unwrap());
    assert_eq!(
        opener.open(CONTEXT, &sealed).unwrap().expose(),
        "not-a-real-secret"
    );
}

/// `aad_swap`: a ciphertext in another place is refused, each place alone.
#[test]
fn a_moved_ciphertext_does_not_open() {
    let key = key();
    let opener = Opener::new(&key);
    let sealed = seal(&key);
    check_refused(
        &opener,
        SecretContext {
            workspace: "ws_b",
            ..CONTEXT
        },
        &sealed,
    );
    check_refused(
        &opener,
        SecretContext {
            server: Some("srv_b"),
            ..CONTEXT
        },
        &sealed,
    );
    check_refused(
        &opener,
        SecretContext {
            server: Some(""),
            ..CONTEXT
        },
        &sealed,
    );
    check_refused(
        &opener,
        SecretContext {
            server: None,
            ..CONTEXT
        },
        &sealed,
    );
    check_refused(
        &opener,
        SecretContext {
            name: "KEY2",
            ..CONTEXT
        },
        &sealed,
    );
    check_refused(
        &opener,
        SecretContext {
            version: 1,
            ..CONTEXT
        },
        &sealed,
    );
    check_refused(
        &opener,
        SecretContext {
            version: 3,
            ..CONTEXT
        },
        &sealed,
    );
}

#[test]
fn another_key_does_not_open_it_under_either_id() {
    let (key, other) = (key(), self::key());
    let sealed = seal(&key);
    check_refused(&Opener::new(&other), CONTEXT, &sealed);
    let renamed = SealedSecret {
        key: other.id().clone(),
        ..sealed
    };
    check_refused(&Opener::new(&other), CONTEXT, &renamed);
    check_refused(&Opener::new(&key), CONTEXT, &renamed);
}

/// Tables are not interchangeable either: a wrapped data key is no secret.
#[test]
fn a_wrapped_key_is_not_a_secret() {
    let master = MasterKey::generate().unwrap();
    let (key, wrapped) = master.new_workspace_key("ws_a").unwrap();
    let moved = SealedSecret {
        key: wrapped.id,
        sealed: wrapped.sealed,
    };
    check_refused(&Opener::new(&key), CONTEXT, &moved);
}

#[test]
fn every_truncation_and_every_flipped_bit_is_refused() {
    let key = key();
    let opener = Opener::new(&key);
    let sealed = seal(&key);
    for length in 0..sealed.sealed.len() {
        let mut shorter = sealed.clone();
        shorter.sealed.truncate(length);
        check_refused(&opener, CONTEXT, &shorter);
    }
    for bit in 0..sealed.sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed.sealed[bit / 8] ^= 1 << (bit % 8);
        check_refused(&opener, CONTEXT, &changed);
    }
    let mut longer = sealed;
    longer.sealed.push(0);
    check_refused(&opener, CONTEXT, &longer);
}

/// F-13: bytes nobody sealed do not open, nor panic.
#[test]
fn f13_random_bytes_do_not_open() {
    let key = key();
    let opener = Opener::new(&key);
    proptest!(fixed(), |(bytes in proptest::collection::vec(any::<u8>(), 0..80))| {
        let forged = SealedSecret { key: key.id().clone(), sealed: bytes };
        prop_assert!(opener.open(CONTEXT, &forged).is_err());
    });
}

#[test]
fn every_value_opens_as_it_was() {
    let key = key();
    let opener = Opener::new(&key);
    proptest!(fixed(), |(value in "\\PC{8,200}")| {
        let sealed = key.seal(CONTEXT, &Secret::check_value(value.clone()).unwrap()).unwrap();
        let plaintext = opener.open(CONTEXT, &sealed).unwrap();
        prop_assert_eq!(plaintext.expose(), &value);
    });
}

/// Opening takes no lock and no `&mut`: one opener serves all calls of a workspace.
#[test]
fn an_opener_is_shared_between_threads() {
    let key = key();
    let (opener, sealed) = (Opener::new(&key), seal(&key));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert!(opener.open(CONTEXT, &sealed).is_ok()));
        }
    });
    assert_eq!(format!("{opener:?}"), "Opener { .. }");
}
