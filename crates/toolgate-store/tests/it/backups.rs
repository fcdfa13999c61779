//! what was sealed is compared, copies are whole, and a copy takes the place of a store.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread;

use rusqlite::Connection;
use toolgate_store::{CallsJournal, DataDir, Open, Store, StoreError, backup};

use crate::fixtures::{House, actor, refuses};

fn edit(house: &House, sql: &str) {
    Connection::open(house.dir.control_db())
        .unwrap()
        .execute_batch(sql)
        .unwrap();
}

fn open(house: &House) -> Result<Store, StoreError> {
    let key = std::sync::Arc::clone(&house.key);
    Store::open(&house.dir, Open::MustExist)?.unlock(key, &actor())
}

#[test]
fn r08_a_changed_byte_in_a_plain_column_is_found() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    house.add_token(&scope, 1);
    assert!(house.store.seal_contents().unwrap());
    assert!(!house.store.seal_contents().unwrap(), "sealed already");
    open(&house).unwrap();

    let damaged = "opening the store: what is in it is not what change 3 left there";
    edit(&house, "UPDATE tokens SET role = 'admin'");
    refuses(open(&house), damaged);
    edit(&house, "UPDATE tokens SET role = 'developer'");
    open(&house).unwrap();
    edit(&house, "UPDATE workspaces SET name = 'x'");
    refuses(open(&house), damaged);
}

#[test]
fn r08_bookkeeping_and_changes_break_no_seal() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let token = house.add_token(&scope, 1);
    house.store.seal_contents().unwrap();
    house.store.touch_tokens(&[(token.id.clone(), 5)]).unwrap();
    house.store.raise_clock(7, 0).unwrap();
    open(&house).unwrap();
    house
        .store
        .revoke_token(&scope, &actor(), &token.id, 9)
        .unwrap();
    open(&house).unwrap();
    assert!(house.store.seal_contents().unwrap());
    open(&house).unwrap();
}

/// side by side with a newer program, whose seal may cover tables that this one does not know.
#[test]
fn r09_the_seal_of_another_schema_is_nobodys_damage() {
    let house = House::new();
    house.workspace("acme", 1);
    house.store.seal_contents().unwrap();
    edit(
        &house,
        "UPDATE content_seal SET mac = zeroblob(32), sealed_by = sealed_by || '9'",
    );
    open(&house).unwrap();
    assert!(house.store.seal_contents().unwrap(), "it seals for itself");
}

#[test]
fn r08_a_counter_that_went_back_is_damage() {
    let house = House::new();
    house.workspace("acme", 1);
    house.store.seal_contents().unwrap();
    edit(&house, "UPDATE changes SET generation = 1");
    assert!(matches!(
        open(&house),
        Err(StoreError::ContentsDamaged { .. })
    ));
}

#[test]
fn r10_a_copy_under_load_is_of_one_moment() {
    let house = House::new();
    let folder = tempfile::tempdir().unwrap();
    let writer = house.other_store();
    thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for n in 0..150 {
                writer.set_setting(&actor(), &format!("s{n}"), "x").unwrap();
            }
        });
        for copy in 0..5 {
            let dir = DataDir::new(folder.path().join(copy.to_string()));
            dir.create().unwrap();
            house.store.copy_to(&dir.control_db()).unwrap();
            let mode = fs::metadata(dir.control_db()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            let store = Store::open(&dir, Open::MustExist).unwrap();
            let key = std::sync::Arc::clone(&house.key);
            let store = store.unlock(key, &actor()).unwrap();
            let head = store.verify_audit(None).unwrap();
            let settings = store.load().unwrap().settings.iter().count() as u64;
            assert_eq!(head.sequence, settings + 1, "changes and rows agree");
        }
        writing.join().unwrap();
    });
}

#[test]
fn r10_a_copy_overwrites_nothing_and_leaves_nothing_half() {
    let house = House::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy.db");
    fs::write(&file, b"mine").unwrap();
    assert!(matches!(
        house.store.copy_to(&file),
        Err(StoreError::BackupExists { .. })
    ));
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    let nowhere = folder.path().join("no/such/folder/copy.db");
    assert!(house.store.copy_to(&nowhere).is_err());
}

#[test]
fn r10_a_store_in_use_is_not_replaced() {
    let mut house = House::new();
    house.workspace("acme", 1);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy.db");
    house.store.copy_to(&file).unwrap();
    let dir = house.dir.clone();
    let outcome = backup::replace(&dir, &file, None);
    assert!(
        matches!(outcome, Err(StoreError::InUse { .. })),
        "{outcome:?}"
    );
    assert!(file.exists());

    house.store.set_setting(&actor(), "url", "later").unwrap();
    house.store = Store::in_memory().unwrap();
    let aside = backup::replace(&dir, &file, None).unwrap().unwrap();
    house.store = open(&house).unwrap();
    assert_eq!(house.store.setting("url").unwrap(), None);
    let kept = DataDir::new(aside);
    let kept = Store::open(&kept, Open::MustExist).unwrap();
    assert_eq!(kept.setting("url").unwrap().as_deref(), Some("later"));
}

#[test]
fn r10_a_damaged_store_is_replaced_too() {
    let mut house = House::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy.db");
    house.store.copy_to(&file).unwrap();
    house.store = Store::in_memory().unwrap();
    fs::write(house.dir.control_db(), [0x5a; 9_000]).unwrap();
    backup::replace(&house.dir, &file, None).unwrap();
    open(&house).unwrap();
}

#[test]
fn r09_a_migration_begins_with_a_copy() {
    let house = House::new();
    let _calls = CallsJournal::open(&house.dir).unwrap();
    assert!(
        !house.dir.backups().exists(),
        "a new store has nothing to lose"
    );
    // As a program of the first schema left it.
    let dir = DataDir::new(house.dir.path().join("old"));
    dir.create().unwrap();
    let old = Connection::open(dir.control_db()).unwrap();
    old.execute_batch(include_str!("../../src/migrations/control_1.sql"))
        .unwrap();
    old.pragma_update(None, "application_id", i32::from_be_bytes(*b"TGct"))
        .unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    drop(old);
    Store::open(&dir, Open::MustExist).unwrap();
    let copies: Vec<_> = fs::read_dir(dir.backups()).unwrap().collect();
    assert_eq!(copies.len(), 1);
    let copy = copies[0].as_ref().unwrap().path();
    let name = copy.file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.starts_with("control-schema-1-"), "{name}");
    assert_eq!(
        fs::metadata(&copy).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let version: i32 = Connection::open(&copy)
        .unwrap()
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, 1, "the copy is from before");
    Store::open(&dir, Open::MustExist).unwrap();
    assert_eq!(fs::read_dir(dir.backups()).unwrap().count(), 1);
}
