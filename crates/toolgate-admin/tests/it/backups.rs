//! a backup counts when it was verified, and is reported as not made when it was not.

use std::fs;

use toolgate_admin::{
    AdminError, Fault, NewToken, Secret, SecretOwner, SecretsTried, existing_key, restore_backup,
    verify_backup,
};
use toolgate_store::control::{ControlReply, ControlRequest};

use crate::home::{FakeGateway, Home, actor};

fn answer(request: &ControlRequest) -> ControlReply {
    match request {
        ControlRequest::TrySecrets { data_dir } => {
            assert!(data_dir.join("control.db").exists(), "a scratch copy");
            ControlReply::Tried {
                opened: 1,
                failed: Vec::new(),
            }
        }
        _ => ControlReply::Done { generation: 1 },
    }
}

fn no_secret_opens(request: &ControlRequest) -> ControlReply {
    match request {
        ControlRequest::TrySecrets { .. } => ControlReply::Tried {
            opened: 0,
            failed: vec!["team".to_owned()],
        },
        _ => ControlReply::Done { generation: 1 },
    }
}

fn with_secret() -> Home {
    let (home, scope) = Home::with_team();
    let value = Secret::new("not-a-real-secret".to_owned());
    home.admin
        .set_secret(&scope, SecretOwner::Workspace, "API_TOKEN", &value)
        .unwrap();
    home
}

/// litestream 752: copies were fine, and could not be restored. So a backup counts when it was restored and opened.
#[test]
fn r10_the_gateway_tries_the_secrets_of_a_backup() {
    let home = with_secret();
    let made = home.admin.create_backup(None, false).unwrap();
    assert_eq!(made.verified.secrets, SecretsTried::NoGateway);

    let _gateway = FakeGateway::start(&home.dir(), answer);
    let made = home.admin.create_backup(None, false).unwrap();
    assert_eq!(
        made.verified.secrets,
        SecretsTried::Opened { workspaces: 1 }
    );
    let left: Vec<_> = home
        .files()
        .into_iter()
        .filter(|path| path.to_string_lossy().contains("scratch"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn r10_a_backup_that_does_not_verify_is_not_made() {
    let home = with_secret();
    let _gateway = FakeGateway::start(&home.dir(), no_secret_opens);
    let file = home.folder.path().join("copy.db");
    let error = home.admin.create_backup(Some(&file), false).unwrap_err();
    assert!(matches!(error, AdminError::NotVerified { .. }), "{error:?}");
    assert!(error.to_string().contains("counts as not made"));
    let beside = fs::read_dir(home.folder.path()).unwrap().count();
    assert_eq!(beside, 1, "neither the file nor half of it");
    let audit = home
        .admin
        .list_audit(&toolgate_admin::AuditQuery::newest(1))
        .unwrap();
    assert_eq!(audit[0].action, "secret.set", "nor a row that says it was");
}

#[test]
fn r10_damaged_foreign_and_tampered_files_do_not_verify() {
    let home = with_secret();
    let key = existing_key(
        &home.dir(),
        toolgate_admin::GivenKeySources::default(),
        None,
    )
    .unwrap();
    let file = home.folder.path().join("copy.db");
    home.admin.create_backup(Some(&file), false).unwrap();
    verify_backup(&home.dir(), &key, &file).unwrap();
    let whole = fs::read(&file).unwrap();

    let bad = home.folder.path().join("bad.db");
    let with = |bytes: &[u8]| {
        fs::write(&bad, bytes).unwrap();
        verify_backup(&home.dir(), &key, &bad)
    };
    assert!(with(&whole[..whole.len() / 2]).is_err());
    assert!(with(b"").is_err());
    assert!(with(b"not a database, but a text").is_err());
    let at = whole
        .windows(9)
        .position(|window| window == b"key.adopt")
        .unwrap();
    let mut tampered = whole.clone();
    tampered[at] ^= 1;
    let error = with(&tampered).unwrap_err();
    let AdminError::NotVerified { source, .. } = error else {
        panic!("{error:?}")
    };
    assert!(source.to_string().contains("breaks at row 1"), "{source}");

    let other = Home::new();
    let other_key = existing_key(
        &other.dir(),
        toolgate_admin::GivenKeySources::default(),
        None,
    )
    .unwrap();
    assert!(verify_backup(&other.dir(), &other_key, &file).is_err());
}

#[test]
fn r10_a_restore_says_what_it_undid() {
    let (home, scope) = Home::with_team();
    let token = home
        .admin
        .create_token(&scope, &NewToken::named("alice"))
        .unwrap();
    let key = existing_key(
        &home.dir(),
        toolgate_admin::GivenKeySources::default(),
        None,
    )
    .unwrap();
    let file = home.folder.path().join("copy.db");
    home.admin.create_backup(Some(&file), false).unwrap();
    home.admin.revoke_token(&scope, &token.id).unwrap();
    home.admin.settle(None).unwrap();

    let refused = restore_backup(&home.dir(), &key, &actor(), &file, false).unwrap_err();
    assert_eq!(
        refused.fault(),
        Fault::Refused,
        "it is open here: {refused}"
    );

    let (folder, dir) = (
        home.folder,
        toolgate_admin::DataDir::new(home.admin.dir().path()),
    );
    drop(home.admin);
    let restored = restore_backup(&dir, &key, &actor(), &file, false).unwrap();
    assert_eq!(
        restored.changes_undone,
        Some(2),
        "the backup's own row, and the revocation"
    );
    assert_eq!(restored.revived_tokens, [token.id]);
    let admin = toolgate_admin::Admin::open(dir, actor()).unwrap();
    let rows = admin
        .list_audit(&toolgate_admin::AuditQuery::newest(1))
        .unwrap();
    assert_eq!(rows[0].action, "backup.restore");
    drop(folder);
}
