//! The key file that the first start makes.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::Barrier;
use std::thread;

use tempfile::TempDir;
use toolgate_vault::{MasterKey, MasterKeyError, MasterKeySource};

#[test]
fn a_new_file_is_private_and_loads_as_the_same_key() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("master.key");
    let made = MasterKey::create_file(&path).unwrap();

    let metadata = fs::metadata(&path).unwrap();
    assert_eq!(metadata.mode() & 0o7777, 0o600);
    assert_eq!(metadata.len(), 65);
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        1,
        "the draft is gone"
    );

    let loaded = MasterKey::load(MasterKeySource::File(path), metadata.uid()).unwrap();
    assert_eq!(loaded.id(), made.id());
    assert!(loaded.matches(&made.check_value()));
}

#[test]
fn an_existing_file_is_left_alone() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("master.key");
    for existing in ["", "somebody's key"] {
        fs::write(&path, existing).unwrap();
        let error = MasterKey::create_file(&path).unwrap_err();
        assert!(matches!(error, MasterKeyError::Exists { .. }), "{error:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), existing);
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            1,
            "the draft is gone"
        );
    }
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let dir = TempDir::new().unwrap();
    let error = MasterKey::create_file(&dir.path().join("missing/master.key")).unwrap_err();
    assert!(matches!(error, MasterKeyError::Write { .. }), "{error:?}");
    assert!(error.hint().is_some());
}

/// Gateway and admin may both be on their first start: one makes the key, the others find it whole.
#[test]
fn of_many_creators_one_wins_and_nobody_sees_half_a_key() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("master.key");
    let uid = fs::metadata(dir.path()).unwrap().uid();
    let start = Barrier::new(8);
    let ids: Vec<_> = thread::scope(|scope| {
        let creators: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    match MasterKey::create_file(&path) {
                        Ok(key) => (true, key.id().clone()),
                        Err(MasterKeyError::Exists { path }) => {
                            let key = MasterKey::load(MasterKeySource::File(path), uid).unwrap();
                            (false, key.id().clone())
                        }
                        Err(error) => panic!("{error:?}"),
                    }
                })
            })
            .collect();
        creators
            .into_iter()
            .map(|creator| creator.join().unwrap())
            .collect()
    });
    assert_eq!(ids.iter().filter(|(created, _)| *created).count(), 1);
    assert!(ids.iter().all(|(_, id)| id == &ids[0].1));
}
