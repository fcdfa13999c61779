//! S-83, S-84: every change has its row, and no row can be changed unnoticed.

use std::sync::Arc;

use rusqlite::Connection;
use toolgate_namespace::WorkspaceSlug;
use toolgate_store::{AuditHead, Open, Store, StoreError};
use toolgate_vault::MasterKey;

use crate::fixtures::{House, NOW, actor, refuses, secret_name, tool};

/// One change of each kind.
fn busy_house() -> House {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let server = house.add_server(&scope, "github", 1);
    let tools = [tool(&server.id, "search", 0)];
    house
        .store
        .save_tools(&scope, &actor(), &server.id, &tools)
        .unwrap();
    house
        .store
        .set_tool_enabled(&scope, &actor(), &server.id, "search", false)
        .unwrap();
    let token = house.add_token(&scope, 1);
    house.put_secret(&scope, None, "API_TOKEN");
    house
        .store
        .revoke_token(&scope, &actor(), &token.id, NOW)
        .unwrap();
    house
        .store
        .delete_secret(&scope, &actor(), None, &secret_name("API_TOKEN"))
        .unwrap();
    house.store.set_setting(&actor(), "url", "x").unwrap();
    house
        .store
        .remove_server(&scope, &actor(), &server.id)
        .unwrap();
    house.store.delete_workspace(&scope, &actor()).unwrap();
    house
}

#[test]
fn s85_every_change_has_its_row() {
    let house = busy_house();
    let mut actions: Vec<_> = house
        .store
        .audit(100)
        .unwrap()
        .into_iter()
        .map(|row| row.action)
        .collect();
    actions.reverse();
    let expected = [
        "key.adopt",
        "workspace.create",
        "server.add",
        "tools.save",
        "tool.disable",
        "token.create",
        "secret.set",
        "token.revoke",
        "secret.delete",
        "setting.change",
        "server.remove",
        "workspace.delete",
    ];
    assert_eq!(actions, expected);
    let head = house.store.verify_audit(None).unwrap();
    assert_eq!(head.sequence, 12);
    assert_eq!(head, house.store.audit_head().unwrap());
    assert_eq!(house.store.generation().unwrap(), 12);
}

#[test]
fn rows_tell_who_what_and_where() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let token = house.add_token(&scope, 1);
    let row = house.store.workspace_audit(&scope, 1).unwrap().remove(0);
    assert_eq!(row.actor, "operator uid 1000");
    assert_eq!(row.action, "token.create");
    assert_eq!(row.workspace.as_ref(), Some(scope.workspace()));
    assert_eq!(
        (row.object.as_str(), row.detail.as_str()),
        (token.id.as_str(), "token 1")
    );
    assert!(row.at > 1_700_000_000_000);
}

#[test]
fn s83_a_refused_change_leaves_no_row() {
    let house = House::new();
    let before = house.store.audit_head().unwrap();
    let slug = WorkspaceSlug::try_from("acme").unwrap();
    house.store.scope(&slug).unwrap_err();
    let scope = house.workspace("acme", 1);
    house
        .store
        .delete_secret(&scope, &actor(), None, &secret_name("NONE"))
        .unwrap_err();
    assert_eq!(
        house.store.audit_head().unwrap().sequence,
        before.sequence + 1
    );
}

#[test]
fn s83_no_audit_key_no_change() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let locked = Store::open(&house.dir, Open::MustExist).unwrap();
    refuses(
        locked.delete_workspace(&scope, &actor()),
        "changing the store without its master key",
    );
    assert_eq!(locked.workspaces().unwrap().len(), 1, "reading works");
}

#[test]
fn s08_another_master_key_is_refused_and_nothing_written() {
    let mut house = House::new();
    house.workspace("acme", 1);
    let dir = house.dir.clone();
    // Closed for a moment, so that everything is in the one file.
    house.store = Store::in_memory().unwrap();
    let before = std::fs::read(dir.control_db()).unwrap();
    let wrong = MasterKey::generate().unwrap();
    let expected = format!(
        "unlocking the store: it belongs to master key {}, the one given is {}",
        house.key.id().as_str(),
        wrong.id().as_str()
    );
    let store = Store::open(&dir, Open::MustExist).unwrap();
    refuses(store.unlock(Arc::new(wrong), &actor()), &expected);
    assert_eq!(std::fs::read(dir.control_db()).unwrap(), before);
    house.store = house.other_store();
    let check = house.store.key_check().unwrap().unwrap();
    assert_eq!(check.id, house.key.id().as_str());
    assert!(check.is(&house.key));
}

/// Runs `sql` behind the store's back; the chain must not hold afterwards.
#[track_caller]
fn tampering(sql: &str, expected: &str) {
    let house = busy_house();
    Connection::open(house.dir.control_db())
        .unwrap()
        .execute_batch(sql)
        .unwrap();
    refuses(house.store.verify_audit(None), expected);
}

#[test]
fn s84_edits_are_found() {
    let changed = "checking the audit chain: it breaks at row 3, the row was changed";
    tampering("UPDATE audit SET at = at + 1 WHERE sequence = 3", changed);
    tampering(
        "UPDATE audit SET actor = 'gateway' WHERE sequence = 3",
        changed,
    );
    tampering(
        "UPDATE audit SET action = 'server.ad' WHERE sequence = 3",
        changed,
    );
    tampering(
        "UPDATE audit SET workspace_id = NULL WHERE sequence = 3",
        changed,
    );
    tampering(
        "UPDATE audit SET object = 'srv_0' WHERE sequence = 3",
        changed,
    );
    tampering("UPDATE audit SET detail = '' WHERE sequence = 3", changed);
    tampering(
        "UPDATE audit SET after = zeroblob(32) WHERE sequence = 3",
        changed,
    );
    tampering(
        "UPDATE audit SET before = after, after = NULL WHERE sequence = 3",
        changed,
    );
    tampering(
        "UPDATE audit SET mac = zeroblob(32) WHERE sequence = 3",
        changed,
    );
}

#[test]
fn s84_deletions_swaps_and_insertions_are_found() {
    tampering(
        "DELETE FROM audit WHERE sequence = 4",
        "checking the audit chain: it breaks at row 4, a row is missing",
    );
    tampering(
        "DELETE FROM audit WHERE sequence = 1",
        "checking the audit chain: it breaks at row 1, a row is missing",
    );
    tampering(
        "DELETE FROM audit WHERE sequence = 4;
         UPDATE audit SET sequence = sequence - 1 WHERE sequence = 5",
        "checking the audit chain: it breaks at row 4, it does not follow the row before it",
    );
    tampering(
        "UPDATE audit SET sequence = 99 WHERE sequence = 4;
         UPDATE audit SET sequence = 4 WHERE sequence = 5;
         UPDATE audit SET sequence = 5 WHERE sequence = 99",
        "checking the audit chain: it breaks at row 4, it does not follow the row before it",
    );
    tampering(
        "INSERT INTO audit SELECT 13, at, actor, action, workspace_id, object, detail, before, after,
            mac, mac, key_id FROM audit WHERE sequence = 12",
        "checking the audit chain: it breaks at row 13, the row was changed",
    );
}

#[test]
fn s84_a_cut_tail_is_found_with_a_checkpoint() {
    let house = busy_house();
    let checkpoint = house.store.audit_head().unwrap();
    house.store.set_setting(&actor(), "url", "y").unwrap();
    let head = house.store.verify_audit(Some(checkpoint)).unwrap();
    assert_eq!(head.sequence, checkpoint.sequence + 1);

    let tamper = Connection::open(house.dir.control_db()).unwrap();
    tamper
        .execute_batch("DELETE FROM audit WHERE sequence > 10")
        .unwrap();
    house.store.verify_audit(None).unwrap();
    refuses(
        house.store.verify_audit(Some(checkpoint)),
        "checking the audit chain: it breaks at row 11, the end of the chain was cut off",
    );
    // Rows that grow again after the cut are other rows.
    house.store.set_setting(&actor(), "url", "z").unwrap();
    house.store.set_setting(&actor(), "url", "zz").unwrap();
    refuses(
        house.store.verify_audit(Some(checkpoint)),
        "checking the audit chain: it breaks at row 12, the row is not the one the checkpoint saw",
    );
}

#[test]
fn an_empty_checkpoint_is_always_in_the_chain() {
    let house = House::new();
    let empty = AuditHead {
        sequence: 0,
        mac: [0; 32],
    };
    assert_eq!(house.store.verify_audit(Some(empty)).unwrap().sequence, 1);
}

#[test]
fn another_key_cannot_vouch_for_the_chain() {
    let house = busy_house();
    let other = MasterKey::generate().unwrap();
    Connection::open(house.dir.control_db())
        .unwrap()
        .execute(
            "UPDATE key_check SET key_id = ?1, mac = ?2",
            (other.id().as_str(), other.check_value()),
        )
        .unwrap();
    let store = Store::open(&house.dir, Open::MustExist).unwrap();
    let store = store.unlock(Arc::new(other), &actor()).unwrap();
    assert!(matches!(
        store.verify_audit(None),
        Err(StoreError::AuditBroken { sequence: 1, .. })
    ));
}
