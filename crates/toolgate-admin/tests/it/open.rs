//! Opening: first start, second start, wrong and missing keys (S-07, S-08, R-08).

use std::fs;
use std::os::unix::fs::PermissionsExt;

use toolgate_admin::{Admin, DataDir, OpenError};
use toolgate_vault::MasterKey;

use crate::home::{Home, actor};

#[test]
fn a_first_start_makes_key_and_store_for_its_owner_alone() {
    let home = Home::new();
    for path in [home.dir().key_file(), home.dir().control_db()] {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", path.display());
    }
    let mode = fs::metadata(home.dir().path())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_second_start_finds_what_the_first_made() {
    let (home, _) = Home::with_team();
    let again = Admin::open(home.dir(), actor()).unwrap();
    assert_eq!(again.list_workspaces().unwrap().len(), 1);
}

#[test]
fn r08_a_store_without_its_key_is_refused_and_no_key_is_made() {
    let (home, _) = Home::with_team();
    fs::remove_file(home.dir().key_file()).unwrap();
    let error = Admin::open(home.dir(), actor()).unwrap_err();
    assert!(matches!(error, OpenError::KeyMissing { .. }), "{error}");
    assert!(error.hint().unwrap().contains("master.key"));
    assert!(!home.dir().key_file().exists());
}

#[test]
fn s08_a_wrong_key_is_refused_and_nothing_is_written() {
    let (home, _) = Home::with_team();
    let dir = home.dir();
    drop(home.admin);
    fs::remove_file(dir.key_file()).unwrap();
    MasterKey::create_file(&dir.key_file()).unwrap();
    let before = fs::read(dir.control_db()).unwrap();
    let error = Admin::open(dir.clone(), actor()).unwrap_err();
    assert!(matches!(error, OpenError::Store(_)), "{error}");
    assert!(error.hint().is_some());
    assert_eq!(fs::read(dir.control_db()).unwrap(), before);
}

#[test]
fn s07_a_key_that_others_can_read_is_refused() {
    let (home, _) = Home::with_team();
    fs::set_permissions(home.dir().key_file(), fs::Permissions::from_mode(0o644)).unwrap();
    let error = Admin::open(home.dir(), actor()).unwrap_err();
    assert!(matches!(error, OpenError::Key(_)), "{error}");
    assert!(error.hint().unwrap().contains("chmod 600"));
}

#[test]
fn two_first_starts_at_once_agree_on_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let dir = DataDir::new(folder.path().join("tg"));
    let starts: Vec<_> = (0..4)
        .map(|number| {
            let dir = dir.clone();
            std::thread::spawn(move || {
                let admin = Admin::open(dir, actor()).unwrap();
                admin
                    .create_workspace(&format!("team {number}"), "")
                    .unwrap();
            })
        })
        .collect();
    for start in starts {
        start.join().unwrap();
    }
    let admin = Admin::open(dir, actor()).unwrap();
    assert_eq!(admin.list_workspaces().unwrap().len(), 4);
}
