//! Keys: what is told of them, and how they are replaced without a gateway (S-10, S-12).

use toolgate_admin::{
    Admin, Fault, GatewayState, GivenKeySources, KeyState, KeysToRotate, NewMasterKey, Secret,
    SecretOwner,
};

use crate::home::{Home, actor};

fn value() -> Secret<String> {
    Secret::new("not-a-real-secret".to_owned())
}

#[test]
fn the_status_counts_and_shows_no_key() {
    let (home, scope) = Home::with_team();
    for name in ["ONE", "TWO", "TWO"] {
        home.admin
            .set_secret(&scope, SecretOwner::Workspace, name, &value())
            .unwrap();
    }
    let status = home.admin.keys_status().unwrap();
    assert!(status.master.id.starts_with("kek_"));
    assert!(status.master.source.starts_with("file "));
    assert_eq!((status.master.retired, &status.unfinished), (0, &None));
    let keys = &status.workspaces[0].keys;
    assert_eq!(keys.len(), 1);
    assert_eq!(
        (keys[0].state, keys[0].encryptions, keys[0].secrets),
        (KeyState::Active, 3, 2)
    );
    let shown = serde_json::to_string(&status).unwrap();
    let key = std::fs::read_to_string(home.dir().key_file()).unwrap();
    assert!(
        !shown.contains(key.trim()) && !shown.contains("sealed"),
        "{shown}"
    );
}

#[test]
fn s12_a_workspace_without_secrets_needs_no_gateway() {
    let (home, scope) = Home::with_team();
    let rotate = |which| {
        home.admin
            .rotate_keys(which, &NewMasterKey::InPlace)
            .unwrap()
    };
    let rotated = rotate(KeysToRotate::Workspace(&scope));
    assert!(rotated.complete);
    assert_eq!(rotated.gateway, GatewayState::NotRunning);
    assert_eq!(
        (rotated.workspaces.as_slice(), rotated.master),
        (&["team".to_owned()][..], None)
    );
    // With a secret in it the old key stays until a gateway has sealed that anew.
    home.admin
        .set_secret(&scope, SecretOwner::Workspace, "KEY", &value())
        .unwrap();
    let rotated = rotate(KeysToRotate::All);
    assert!(rotated.master.is_some() && !rotated.complete);
    let status = home.admin.keys_status().unwrap();
    assert!(status.unfinished.unwrap().contains("team"));
    let keys: Vec<_> = status.workspaces[0]
        .keys
        .iter()
        .map(|key| (key.state, key.secrets))
        .collect();
    assert_eq!(keys, [(KeyState::Active, 0), (KeyState::Retired, 1)]);
    // What is set from now on is under the new key.
    home.admin
        .set_secret(&scope, SecretOwner::Workspace, "KEY", &value())
        .unwrap();
    let rotated = rotate(KeysToRotate::Master);
    assert!(rotated.complete, "nothing is under the old key any more");
}

#[test]
fn s12_a_key_that_is_no_file_needs_one() {
    let (home, _) = Home::with_team();
    let text = std::fs::read_to_string(home.dir().key_file()).unwrap();
    let given = GivenKeySources {
        variable: Some(Secret::new(text)),
        ..GivenKeySources::default()
    };
    let admin = Admin::open_with(home.dir(), given, actor()).unwrap();
    let error = admin
        .rotate_keys(KeysToRotate::Master, &NewMasterKey::InPlace)
        .unwrap_err();
    assert_eq!(error.fault(), Fault::Refused);
    assert!(error.hint().unwrap().contains("--new-key-file"), "{error}");
}

#[test]
fn s18_a_secret_is_rotated_only_if_it_is_set() {
    let (home, scope) = Home::with_team();
    let rotate = |name| {
        home.admin
            .rotate_secret(&scope, SecretOwner::Workspace, name, &value())
    };
    assert_eq!(rotate("KEY").unwrap_err().fault(), Fault::NotFound);
    home.admin
        .set_secret(&scope, SecretOwner::Workspace, "KEY", &value())
        .unwrap();
    let rotated = rotate("KEY").unwrap();
    assert_eq!((rotated.version, rotated.used_by), (2, Vec::new()));
    assert_eq!(rotate("key").unwrap_err().fault(), Fault::Refused);
}
