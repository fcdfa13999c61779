//! S-10 `nonce_policy`: nonces are fresh.

use std::collections::HashSet;

use toolgate_vault::{MasterKey, Secret, SecretContext};

#[test]
fn a_million_encryptions_repeat_no_nonce() {
    const ENCRYPTIONS: usize = 1_000_000;
    let (key, _) = MasterKey::generate()
        .unwrap()
        .new_workspace_key("ws_a")
        .unwrap();
    let value = Secret::check_value("not-a-real-secret".to_owned()).unwrap();
    let context = SecretContext {
        workspace: "ws_a",
        server: None,
        name: "KEY",
        version: 1,
    };
    let mut seen = HashSet::with_capacity(ENCRYPTIONS);
    for _ in 0..ENCRYPTIONS {
        let sealed = key.seal(context, &value).unwrap().sealed;
        assert_eq!(
            (sealed[0], sealed.len()),
            (1, 1 + 12 + value.expose().len() + 16)
        );
        let nonce: [u8; 12] = sealed[1..13].try_into().unwrap();
        assert!(seen.insert(nonce));
    }
}
