//! Opening: modes, missing, damaged, foreign and newer files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use tempfile::TempDir;
use toolgate_store::{CallsJournal, CallsReader, ChangeWatcher, DataDir, Open, Store, StoreError};
use toolgate_vault::MasterKey;

use crate::fixtures::{House, actor, refuses};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn everything_is_for_the_owner_only() {
    let house = House::new();
    let _calls = CallsJournal::open(&house.dir).unwrap();
    assert_eq!(mode(house.dir.path()), 0o700);
    for entry in fs::read_dir(house.dir.path()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    assert_eq!(mode(&house.dir.control_db()), 0o600);
    assert_eq!(mode(&house.dir.calls_db()), 0o600);
}

#[test]
fn r08_a_missing_store_is_not_made_where_one_must_be() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = DataDir::new(temporary.path());
    let expected = format!(
        "opening the store: there is none at {}",
        dir.control_db().display()
    );
    refuses(Store::open(&dir, Open::MustExist), &expected);
    refuses(ChangeWatcher::open(&dir), &expected);
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        0,
        "nothing was made"
    );
}

#[test]
fn r08_traces_of_a_store_are_not_covered_by_a_new_one() {
    for trace in ["calls.db", "control.db-wal", "audit.checkpoints"] {
        let temporary = tempfile::tempdir().unwrap();
        let dir = DataDir::new(temporary.path());
        fs::write(dir.path().join(trace), b"x").unwrap();
        let outcome = Store::open(&dir, Open::CreateIfMissing);
        assert!(
            matches!(outcome, Err(StoreError::Missing { .. })),
            "{trace}"
        );
        assert!(!dir.control_db().exists());
        // Emptied is no better than gone: SQLite would throw the log away and begin anew.
        fs::write(dir.control_db(), b"").unwrap();
        let outcome = Store::open(&dir, Open::CreateIfMissing);
        assert!(
            matches!(outcome, Err(StoreError::Damaged { .. })),
            "{trace}"
        );
        assert_eq!(fs::read(dir.path().join(trace)).unwrap(), b"x");
    }
}

#[test]
fn r08_an_empty_file_is_a_store_only_where_one_may_be_made() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = DataDir::new(temporary.path());
    fs::write(dir.control_db(), b"").unwrap();
    let outcome = Store::open(&dir, Open::MustExist);
    assert!(matches!(outcome, Err(StoreError::Damaged { .. })));
    Store::open(&dir, Open::CreateIfMissing).unwrap();
}

/// The database file of a store with twenty workspaces.
fn filled() -> Vec<u8> {
    filled_with_key().0
}

fn filled_with_key() -> (Vec<u8>, Arc<MasterKey>) {
    let house = House::new();
    for n in 0..20 {
        house.workspace(&format!("workspace-{n}"), n);
    }
    let House { store, dir, .. } = &house;
    assert_eq!(store.workspaces().unwrap().len(), 20);
    // Everything into the main file, so that there is something to damage.
    Connection::open(dir.control_db())
        .unwrap()
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    (fs::read(dir.control_db()).unwrap(), Arc::clone(&house.key))
}

/// Opens a store whose file holds `bytes`; the directory must outlive it.
fn open_bytes(bytes: &[u8]) -> (TempDir, Result<Store, StoreError>) {
    let temporary = tempfile::tempdir().unwrap();
    let dir = DataDir::new(temporary.path());
    fs::write(dir.control_db(), bytes).unwrap();
    let outcome = Store::open(&dir, Open::CreateIfMissing);
    (temporary, outcome)
}

#[track_caller]
fn check_damaged(whole: &[u8], damage: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = whole.to_vec();
    damage(&mut bytes);
    let error = open_bytes(&bytes).1.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(error.hint().unwrap().contains("toolgatectl backup restore"));
}

#[test]
fn r08_damage_is_found_at_start() {
    let whole = filled();
    let (_directory, store) = open_bytes(&whole);
    assert_eq!(store.unwrap().workspaces().unwrap().len(), 20);
    check_damaged(&whole, |bytes| {
        bytes[..16].copy_from_slice(b"not a database!!");
    });
    check_damaged(&whole, |bytes| bytes.truncate(bytes.len() / 2));
    check_damaged(&whole, |bytes| bytes.truncate(100));
    // The schema's page: its cell pointers point anywhere.
    check_damaged(&whole, |bytes| bytes[100..400].fill(0xff));
    // The head of some page in the middle.
    check_damaged(&whole, |bytes| {
        let middle = (bytes.len() / 2) & !4095;
        bytes[middle..middle + 64].fill(0xff);
    });
}

#[test]
fn r08_random_damage_is_refused_or_harmless() {
    let (whole, key) = filled_with_key();
    // Position and bit of each flip come from a multiplicative generator: the same in every run.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for flip in 0..200 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let bit = usize::try_from(state >> 17).unwrap() % (whole.len() * 8);
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        // Whatever opens can be read, or says which value cannot.
        let (_directory, outcome) = open_bytes(&bytes);
        let unlocked = outcome.and_then(|store| store.unlock(Arc::clone(&key), &actor()));
        let Ok(store) = unlocked else { continue };
        match store.load() {
            Ok(loaded) => assert!(loaded.workspaces.len() <= 20, "flip {flip}"),
            Err(
                StoreError::Unreadable { .. }
                | StoreError::Sqlite { .. }
                | StoreError::WrongKey { .. },
            ) => (),
            Err(error) => panic!("flip {flip}: {error}"),
        }
    }
}

#[test]
fn r08_another_programs_database_is_left_alone() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = DataDir::new(temporary.path());
    let foreign = Connection::open(dir.control_db()).unwrap();
    foreign
        .execute_batch("CREATE TABLE recipes (name TEXT)")
        .unwrap();
    drop(foreign);
    let before = fs::read(dir.control_db()).unwrap();
    let expected = format!(
        "opening the store {}: it is the database of another program",
        dir.control_db().display()
    );
    refuses(Store::open(&dir, Open::CreateIfMissing), &expected);
    let after = Connection::open(dir.control_db()).unwrap();
    let tables: i64 = after
        .query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tables, 1);
    assert_eq!(before.len(), fs::read(dir.control_db()).unwrap().len());
}

#[test]
fn calls_and_control_are_not_taken_for_each_other() {
    let house = House::new();
    drop(CallsJournal::open(&house.dir).unwrap());
    let copy = tempfile::tempdir().unwrap();
    let swapped = DataDir::new(copy.path());
    fs::copy(house.dir.calls_db(), swapped.control_db()).unwrap();
    let outcome = Store::open(&swapped, Open::MustExist);
    assert!(matches!(outcome, Err(StoreError::Foreign { .. })));
}

#[test]
fn r09_a_newer_store_is_refused() {
    let house = House::new();
    let _calls = CallsJournal::open(&house.dir).unwrap();
    let bump = |path| {
        let connection = Connection::open(path).unwrap();
        connection
            .pragma_update(None, "user_version", 1_000)
            .unwrap();
        connection
            .execute_batch("UPDATE compatibility SET oldest = 1000, program = 'toolgate 9.0.0'")
            .unwrap();
    };
    bump(house.dir.control_db());
    bump(house.dir.calls_db());
    let error = Store::open(&house.dir, Open::MustExist).unwrap_err();
    let expected = format!(
        "opening the store {}: it has schema 1000, made by toolgate 9.0.0, and this program knows schemas up to ",
        house.dir.control_db().display()
    );
    assert!(error.to_string().starts_with(&expected), "{error}");
    assert!(error.hint().unwrap().contains("newer version"));
    let newer = |outcome: Result<(), StoreError>| matches!(outcome, Err(StoreError::Newer { .. }));
    assert!(newer(ChangeWatcher::open(&house.dir).map(drop)));
    assert!(newer(CallsJournal::open(&house.dir).map(drop)));
    assert!(newer(CallsReader::open(&house.dir).map(drop)));
}

#[test]
fn a_value_of_a_newer_version_is_named_not_guessed() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    house.add_token(&scope, 1);
    let edit = Connection::open(house.dir.control_db()).unwrap();
    edit.execute_batch("UPDATE tokens SET role = 'emperor'")
        .unwrap();
    let error = house.store.load().unwrap_err();
    assert!(matches!(error, StoreError::Unreadable { .. }), "{error}");
    assert!(
        error
            .to_string()
            .starts_with("loading the installation: a stored value cannot be read")
    );
}
