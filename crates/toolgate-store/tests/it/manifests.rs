//! S-17 `row_rollback`: an older valid row put back is reported and that secret refused; others keep working.

use rusqlite::{Connection, params};
use toolgate_store::{ManifestFinding, SecretRow};

use crate::fixtures::{House, actor, secret_name};

impl House {
    fn findings(&self) -> Vec<(String, ManifestFinding)> {
        let refused = self.store.load().unwrap().refused;
        let mut found: Vec<_> = refused
            .iter()
            .map(|one| (one.name.as_str().to_owned(), one.finding))
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }

    fn usable(&self) -> Vec<String> {
        let secrets = self.store.load().unwrap().secrets;
        secrets
            .iter()
            .map(|row| row.name.as_str().to_owned())
            .collect()
    }

    /// Writes a row behind the store's back.
    fn put_back(&self, row: &SecretRow) {
        Connection::open(self.dir.control_db())
            .unwrap()
            .execute(
                "UPDATE secrets SET version = ?2, sealed = ?3, key_id = ?4 WHERE name = ?1",
                params![
                    row.name.as_str(),
                    row.version,
                    row.sealed.sealed,
                    row.sealed.key.as_str()
                ],
            )
            .unwrap();
    }
}

#[test]
fn s17_row_rollback() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let old = house.put_secret(&scope, None, "ROTATED");
    house.put_secret(&scope, None, "ROTATED");
    house.put_secret(&scope, None, "OTHER");
    assert_eq!(house.findings(), []);

    house.put_back(&old);
    let rolled_back = ("ROTATED".to_owned(), ManifestFinding::Replaced);
    assert_eq!(house.findings(), std::slice::from_ref(&rolled_back));
    assert_eq!(house.usable(), ["OTHER"]);

    // Another change of the same workspace does not take it in.
    house.put_secret(&scope, None, "THIRD");
    assert_eq!(house.findings(), [rolled_back]);
    // Setting it again mends it.
    house.put_secret(&scope, None, "ROTATED");
    assert_eq!(house.findings(), []);
}

#[test]
fn s17_a_row_that_appears_or_goes_is_reported() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    house.put_secret(&scope, None, "GONE");
    house.put_secret(&scope, None, "HERE");
    let connection = Connection::open(house.dir.control_db()).unwrap();
    connection
        .execute_batch(
            "INSERT INTO secrets (workspace_id, name, version, key_id, sealed, created_at)
            SELECT workspace_id, 'ADDED', version, key_id, sealed, created_at FROM secrets
            WHERE name = 'HERE'; DELETE FROM secrets WHERE name = 'GONE'",
        )
        .unwrap();
    assert_eq!(
        house.findings(),
        [
            ("ADDED".to_owned(), ManifestFinding::Added),
            ("GONE".to_owned(), ManifestFinding::Removed),
        ]
    );
    assert_eq!(house.usable(), ["HERE"]);
}

#[test]
fn s17_a_changed_manifest_vouches_for_nothing() {
    for change in [
        "DELETE FROM manifests",
        "UPDATE manifests SET entries = '[]'",
        "UPDATE manifests SET entries = replace(entries, '\"version\":1', '\"version\":2')",
        "UPDATE manifests SET mac = zeroblob(32)",
        "UPDATE manifests SET entries = 'nonsense'",
    ] {
        let house = House::new();
        let (scope, other) = (house.workspace("acme", 1), house.workspace("other", 2));
        house.put_secret(&scope, None, "KEY");
        house.put_secret(&other, None, "OTHER");
        let connection = Connection::open(house.dir.control_db()).unwrap();
        let of_one = format!("{change} WHERE workspace_id = '{}'", scope.workspace());
        connection.execute_batch(&of_one).unwrap();
        let expected = ("KEY".to_owned(), ManifestFinding::NoManifest);
        assert_eq!(house.findings(), [expected], "{change}");
        assert_eq!(house.usable(), ["OTHER"], "{change}");
        house.put_secret(&scope, None, "KEY");
        assert_eq!(house.findings(), [], "{change}");
    }
}

#[test]
fn s17_deleted_secrets_and_servers_leave_the_manifest_whole() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let server = house.add_server(&scope, "github", 1);
    house.put_secret(&scope, Some(&server.id), "API_TOKEN");
    house.put_secret(&scope, None, "API_TOKEN");
    house.put_secret(&scope, None, "EXTRA");
    let name = secret_name("EXTRA");
    house
        .store
        .delete_secret(&scope, &actor(), None, &name)
        .unwrap();
    assert_eq!(house.findings(), []);
    house
        .store
        .remove_server(&scope, &actor(), &server.id)
        .unwrap();
    assert_eq!(house.findings(), []);
    assert_eq!(house.usable(), ["API_TOKEN"]);
}
