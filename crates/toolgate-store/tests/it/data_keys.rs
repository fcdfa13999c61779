//! Data keys: counted, replaced, shredded (S-10, S-12, S-13).

use rusqlite::Connection;
use toolgate_store::{KeyState, MAX_ENCRYPTIONS, Resealed, StoreError, WorkspaceScope};
use toolgate_vault::{KeyId, Secret, SecretContext};

use crate::fixtures::{House, actor, refuses, secret_name};

impl House {
    fn keys(&self, scope: &WorkspaceScope) -> Vec<(KeyState, u64, u64)> {
        let keys = self.store.workspace_keys(scope).unwrap();
        keys.iter()
            .map(|key| (key.state, key.encryptions, key.secrets))
            .collect()
    }

    /// What the gateway does behind the calls, with the value that all secrets here have.
    fn reseal(&self, scope: &WorkspaceScope, from: &KeyId) -> Vec<Resealed> {
        let loaded = self.store.load().unwrap();
        let new = self.store.sealing_key(scope).unwrap();
        let value = Secret::check_value("not-a-real-secret".to_owned()).unwrap();
        let under_old = loaded.secrets.iter().filter(|row| row.sealed.key == *from);
        under_old
            .map(|row| {
                let context = SecretContext {
                    workspace: scope.workspace().as_str(),
                    server: None,
                    name: row.name.as_str(),
                    version: row.version,
                };
                Resealed {
                    server: None,
                    name: row.name.clone(),
                    version: row.version,
                    from: from.clone(),
                    sealed: new.seal(context, &value).unwrap(),
                }
            })
            .collect()
    }

    fn sql(&self, sql: &str) {
        Connection::open(self.dir.control_db())
            .unwrap()
            .execute_batch(sql)
            .unwrap();
    }
}

#[test]
fn s10_every_encryption_is_counted_with_what_it_sealed() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    house.put_secret(&scope, None, "ONE");
    house.put_secret(&scope, None, "ONE");
    house.put_secret(&scope, None, "TWO");
    assert_eq!(house.keys(&scope), [(KeyState::Active, 3, 2)]);
    // A change that is refused counts nothing.
    let stale = house.seal(&scope, None, "TWO", "not-a-real-secret");
    house.put_secret(&scope, None, "TWO");
    assert!(house.store.put_secret(&scope, &actor(), &stale).is_err());
    assert_eq!(house.keys(&scope), [(KeyState::Active, 4, 2)]);
}

/// S-10 `nonce_policy`: the counter at the limit forces a new key id.
#[test]
fn s10_at_the_limit_another_key_becomes_active_by_itself() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let first = house.store.workspace_key(&scope).unwrap().id;
    house.sql(&format!(
        "UPDATE keys SET encryptions = {}",
        MAX_ENCRYPTIONS - 1
    ));
    let last = house.put_secret(&scope, None, "LAST");
    assert_eq!(last.sealed.key, first);
    let next = house.store.workspace_key(&scope).unwrap().id;
    assert_ne!(next, first);
    let keys = [
        (KeyState::Active, 0, 0),
        (KeyState::Retired, MAX_ENCRYPTIONS, 1),
    ];
    assert_eq!(house.keys(&scope), keys);
    assert_eq!(house.put_secret(&scope, None, "NEXT").sealed.key, next);
}

#[test]
fn s12_a_retired_key_seals_nothing_and_opens_what_it_sealed() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let early = house.seal(&scope, None, "EARLY", "not-a-real-secret");
    let old = house.put_secret(&scope, None, "OLD").sealed.key;
    let new = house.store.rotate_workspace_key(&scope, &actor()).unwrap();
    assert_eq!(house.store.workspace_key(&scope).unwrap().id, new);
    refuses(
        house.store.put_secret(&scope, &actor(), &early),
        "sealing with a data key that another one has replaced",
    );
    // Not destroyed while something is under it.
    assert_eq!(
        house.store.destroy_retired_keys(&scope, &actor()).unwrap(),
        []
    );
    assert_eq!(house.reseal(&scope, &old).len(), 1);
}

#[test]
fn s12_a_rotation_ends_when_nothing_is_under_the_old_key() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    for name in ["ONE", "TWO", "THREE"] {
        house.put_secret(&scope, None, name);
    }
    let old = house.store.workspace_key(&scope).unwrap();
    house.store.rotate_workspace_key(&scope, &actor()).unwrap();
    let mut resealed = house.reseal(&scope, &old.id);
    // One was set anew meanwhile: what was sealed from its old value must not come back.
    house.put_secret(&scope, None, "TWO");
    assert_eq!(house.store.reseal_secrets(&scope, &resealed).unwrap(), 2);
    // Twice is harmless.
    assert_eq!(house.store.reseal_secrets(&scope, &resealed).unwrap(), 0);
    resealed.clear();
    assert_eq!(house.store.load().unwrap().refused, []);
    assert!(house.holds(&old.sealed));
    let gone = house.store.destroy_retired_keys(&scope, &actor()).unwrap();
    assert_eq!(gone, [old.id]);
    assert!(
        !house.holds(&old.sealed),
        "S-13: the wrapped key is in no file"
    );
    let audit = house.store.audit(10).unwrap();
    let actions: Vec<&str> = audit.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(actions[..3], ["key.destroy", "secret.set", "key.rotate"]);
    house.store.verify_audit(None).unwrap();
}

#[test]
fn s12_what_a_key_of_another_workspace_sealed_is_not_taken() {
    let house = House::new();
    let (a, b) = (house.workspace("a", 1), house.workspace("b", 2));
    let row = house.put_secret(&a, None, "KEY");
    let foreign = house.put_secret(&b, None, "KEY");
    let swap = Resealed {
        server: None,
        name: secret_name("KEY"),
        version: row.version,
        from: row.sealed.key.clone(),
        sealed: foreign.sealed,
    };
    assert_eq!(house.store.reseal_secrets(&a, &[swap]).unwrap(), 0);
    assert_eq!(house.store.load().unwrap().secrets.len(), 2);
}

#[test]
fn a_store_of_the_first_schema_gets_counters_and_manifests_once() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    house.put_secret(&scope, None, "ONE");
    house.put_secret(&scope, None, "ONE");
    // As the first schema left it.
    house.sql(
        "DROP TABLE manifests; DROP TABLE retired_masters; DROP INDEX keys_active;
        ALTER TABLE keys DROP COLUMN state; ALTER TABLE keys DROP COLUMN encryptions;
        ALTER TABLE key_check DROP COLUMN since; ALTER TABLE key_check DROP COLUMN pending_file;
        DROP TABLE server_pins; DROP TABLE content_seal;
        ALTER TABLE tools DROP COLUMN offered; ALTER TABLE tools DROP COLUMN offered_hash;
        ALTER TABLE tools DROP COLUMN reason; ALTER TABLE tools DROP COLUMN present;
        ALTER TABLE audit DROP COLUMN key_id; ALTER TABLE workspaces DROP COLUMN strict_records;
        ALTER TABLE clock DROP COLUMN corrections;
        DROP TABLE operator_keys; DROP TABLE operators; DROP TABLE idempotency;
        DROP TABLE members; DROP TABLE invitations; DROP TABLE alert_memories;
        DROP TABLE alerts;
        DELETE FROM audit; PRAGMA user_version = 1",
    );
    let store = house.other_store();
    assert_eq!(house.keys(&scope), [(KeyState::Active, 2, 1)]);
    assert_eq!(store.load().unwrap().secrets.len(), 1);
    // A manifest that goes missing later is not made up again (S-17).
    house.sql("DELETE FROM manifests");
    let loaded = house.other_store().load().unwrap();
    assert_eq!((loaded.secrets.len(), loaded.refused.len()), (0, 1));
    assert!(matches!(
        house.store.workspace_key(&scope),
        Ok(key) if key.id == house.store.workspace_keys(&scope).unwrap()[0].id
    ));
    let unknown: Result<_, StoreError> = house.store.rotate_workspace_key(&scope, &actor());
    unknown.unwrap();
}
