//! Two processes, one store: gateway and admin.

use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use toolgate_store::{ChangeWatcher, DataDir, Open, Store};

use crate::fixtures::{House, NOW, actor};

/// Polls until something changed, as the gateway does.
#[track_caller]
fn wait_for_change(watcher: &mut ChangeWatcher) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !watcher.poll().unwrap() {
        assert!(Instant::now() < deadline, "no change was seen");
        thread::yield_now();
    }
}

#[test]
fn s41_a_watcher_sees_what_another_handle_commits() {
    let house = House::new();
    let admin = house.other_store();
    let mut watcher = ChangeWatcher::open(&house.dir).unwrap();
    assert!(!watcher.poll().unwrap());

    let scope = house.workspace("acme", 1);
    wait_for_change(&mut watcher);
    assert!(!watcher.poll().unwrap(), "each change is told once");

    let token = house.add_token(&scope, 1);
    wait_for_change(&mut watcher);
    admin
        .revoke_token(&scope, &actor(), &token.id, NOW)
        .unwrap();
    wait_for_change(&mut watcher);
    assert_eq!(watcher.generation(), house.store.load().unwrap().generation);
    assert_eq!(house.store.load().unwrap().tokens[0].revoked_at, Some(NOW));
}

#[test]
fn bookkeeping_wakes_nobody() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let token = house.add_token(&scope, 1);
    let mut watcher = ChangeWatcher::open(&house.dir).unwrap();
    house.store.touch_tokens(&[(token.id, NOW)]).unwrap();
    house.store.raise_clock(NOW, 0).unwrap();
    assert!(!watcher.poll().unwrap());
}

#[test]
fn r03_two_writers_lose_nothing() {
    const EACH: usize = 60;
    let house = House::new();
    let stores = [house.store.clone(), house.other_store()];
    thread::scope(|scope| {
        for (who, store) in stores.iter().enumerate() {
            scope.spawn(move || {
                for n in 0..EACH {
                    let name = format!("setting-{who}-{n}");
                    store.set_setting(&actor(), &name, "x").unwrap();
                }
            });
        }
    });
    let loaded = house.store.load().unwrap();
    assert_eq!(loaded.settings.iter().count(), 2 * EACH);
    // One change was the adoption of the key.
    assert_eq!(loaded.generation, 2 * EACH as u64 + 1);
    assert_eq!(
        house.store.verify_audit(None).unwrap().sequence,
        loaded.generation
    );
}

#[test]
fn handles_that_open_at_once_migrate_once() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = DataDir::new(temporary.path().join("data"));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| Store::open(&dir, Open::CreateIfMissing).unwrap());
        }
    });
    assert_eq!(
        Store::open(&dir, Open::MustExist)
            .unwrap()
            .generation()
            .unwrap(),
        0
    );
}

const CHILD_DIR: &str = "TOOLGATE_TEST_CHILD_DIR";

/// Not a test of its own: what the second process of the next test does.
#[test]
fn child_changes_a_setting() {
    let Some(path) = std::env::var_os(CHILD_DIR) else {
        return;
    };
    let dir = DataDir::new(path);
    let owner = std::fs::metadata(dir.key_file()).unwrap().uid();
    let key = toolgate_vault::MasterKeySource::File(dir.key_file());
    let key = toolgate_vault::MasterKey::load(key, owner).unwrap();
    let store = Store::open(&dir, Open::MustExist).unwrap();
    let store = store.unlock(std::sync::Arc::new(key), &actor()).unwrap();
    store
        .set_setting(&actor(), "from", "the other process")
        .unwrap();
}

#[test]
fn s41_a_watcher_sees_what_another_process_commits() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = DataDir::new(temporary.path().join("data"));
    let store = Store::open(&dir, Open::CreateIfMissing).unwrap();
    let key = toolgate_vault::MasterKey::create_file(&dir.key_file()).unwrap();
    let store = store.unlock(std::sync::Arc::new(key), &actor()).unwrap();
    let mut watcher = ChangeWatcher::open(&dir).unwrap();

    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sharing::child_changes_a_setting"])
        .env(CHILD_DIR, dir.path())
        .spawn()
        .unwrap();
    wait_for_change(&mut watcher);
    assert_eq!(
        store.setting("from").unwrap().as_deref(),
        Some("the other process")
    );
    assert!(child.wait().unwrap().success());
    store.verify_audit(None).unwrap();
}
