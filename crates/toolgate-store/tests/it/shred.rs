//! S-13 `shred_bytes`: what was deleted is in none of the files.

use std::fs;

use toolgate_store::Shred;

use crate::fixtures::{House, actor, secret_name};

impl House {
    /// Whether the bytes occur in any file of the data directory.
    pub(crate) fn holds(&self, needle: &[u8]) -> bool {
        assert!(needle.len() >= 16, "short needles are found by chance");
        fs::read_dir(self.dir.path()).unwrap().any(|entry| {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            bytes.windows(needle.len()).any(|window| window == needle)
        })
    }
}

#[test]
fn s13_a_deleted_secret_leaves_no_bytes() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    // One that fits a page and one that needs overflow pages.
    let small = house.put_secret(&scope, None, "SMALL_KEY");
    let large = house.seal(&scope, None, "LARGE_KEY", &"fake ".repeat(3_000));
    house.store.put_secret(&scope, &actor(), &large).unwrap();
    let large_tail = &large.sealed.sealed[large.sealed.sealed.len() - 64..];
    assert!(house.holds(&small.sealed.sealed) && house.holds(large_tail));

    for name in ["SMALL_KEY", "LARGE_KEY"] {
        let shred = house
            .store
            .delete_secret(&scope, &actor(), None, &secret_name(name));
        assert_eq!(shred.unwrap(), Shred::Done);
    }
    assert!(!house.holds(&small.sealed.sealed));
    assert!(!house.holds(large_tail));
    assert!(!house.holds(&large.sealed.sealed[..64]));
}

#[test]
fn s13_a_deleted_workspace_leaves_no_key_and_no_ciphertext() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let server = house.add_server(&scope, "github", 1);
    let of_workspace = house.put_secret(&scope, None, "API_TOKEN");
    let of_server = house.put_secret(&scope, Some(&server.id), "API_TOKEN");
    let key = house.store.workspace_key(&scope).unwrap();
    assert!(house.holds(&key.sealed));
    let deleted = house.store.delete_workspace(&scope, &actor()).unwrap();
    assert_eq!(deleted.shred, Shred::Done);
    for bytes in [
        &key.sealed,
        &of_workspace.sealed.sealed,
        &of_server.sealed.sealed,
    ] {
        assert!(!house.holds(bytes));
    }
}

#[test]
fn s13_a_removed_server_leaves_no_ciphertext() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let server = house.add_server(&scope, "github", 1);
    let secret = house.put_secret(&scope, Some(&server.id), "API_TOKEN");
    assert!(house.holds(&secret.sealed.sealed));
    let shred = house
        .store
        .remove_server(&scope, &actor(), &server.id)
        .unwrap();
    assert_eq!(shred, Shred::Done);
    assert!(!house.holds(&secret.sealed.sealed));
}

#[test]
fn s16_lists_hold_no_ciphertext() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    house.put_secret(&scope, None, "API_TOKEN");
    let listed = format!("{:?}", house.store.list_secrets(&scope).unwrap());
    assert!(!listed.contains("sealed"), "{listed}");
}
