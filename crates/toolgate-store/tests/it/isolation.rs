//! S-45, S-46: ids of workspace A given with the scope of B behave as ids that never existed.

use toolgate_namespace::{ServerId, ServerSpec};
use toolgate_policy::{Token, TokenId};
use toolgate_store::{SecretRow, ServerSnapshotRow, StoreError, TokenChange, WorkspaceScope};

use crate::fixtures::{House, NOW, actor, http_server, refuses, secret_name, token, tool};

/// What one operation says about something of another workspace, and about something that never was.
#[track_caller]
fn same<T: std::fmt::Debug>(
    what: &str,
    foreign: Result<T, StoreError>,
    foreign_name: &str,
    unknown: Result<T, StoreError>,
    unknown_name: &str,
) {
    let foreign = foreign
        .unwrap_err()
        .to_string()
        .replace(foreign_name, "NAME");
    let unknown = unknown
        .unwrap_err()
        .to_string()
        .replace(unknown_name, "NAME");
    assert_eq!(foreign, unknown, "{what}");
}

#[test]
fn s46_foreign_ids_read_as_unknown() {
    let house = House::new();
    let (a, b) = (house.workspace("alpha", 1), house.workspace("bravo", 2));
    let server = house.add_server(&a, "github", 1).id;
    let token = house.add_token(&a, 1).id;
    house.put_secret(&a, None, "API_TOKEN");
    let tools = [tool(&server, "search", 0)];
    house
        .store
        .save_tools(&a, &actor(), &server, &tools)
        .unwrap();
    let before = house.store.load().unwrap();

    let store = &house.store;
    let nowhere = ServerId::from_random([99; 16]);
    let (foreign, unknown) = (server.as_str(), nowhere.as_str());

    let remove = |id| store.remove_server(&b, &actor(), id);
    same(
        "remove",
        remove(&server),
        foreign,
        remove(&nowhere),
        unknown,
    );
    let enable = |id| store.set_server_enabled(&b, &actor(), id, false);
    same(
        "enable",
        enable(&server),
        foreign,
        enable(&nowhere),
        unknown,
    );
    let save = |id: &ServerId| store.save_tools(&b, &actor(), id, &[tool(id, "x", 0)]);
    same("tools", save(&server), foreign, save(&nowhere), unknown);
    let classify = |id| store.classify_tool(&b, &actor(), id, "search", None);
    same(
        "classify",
        classify(&server),
        foreign,
        classify(&nowhere),
        unknown,
    );
    let approve = |id| store.approve_tool(&b, &actor(), id, "search", &[0; 32]);
    same(
        "approve",
        approve(&server),
        foreign,
        approve(&nowhere),
        unknown,
    );
    let snapshot = |id: &ServerId| store.save_server_snapshot(&b, &empty_snapshot(id));
    same(
        "snapshot",
        snapshot(&server),
        foreign,
        snapshot(&nowhere),
        unknown,
    );
    let update = |id: &ServerId| {
        let spec = ServerSpec {
            id: id.clone(),
            ..http_server(&b, "github", 1)
        };
        store.update_server(&b, &actor(), &spec)
    };
    same(
        "update",
        update(&server),
        foreign,
        update(&nowhere),
        unknown,
    );

    let no_token = TokenId::from_random([99; 16]);
    let revoke = |id| store.revoke_token(&b, &actor(), id, NOW);
    same(
        "revoke",
        revoke(&token),
        token.as_str(),
        revoke(&no_token),
        no_token.as_str(),
    );
    let delete = |name| store.delete_secret(&b, &actor(), None, &secret_name(name));
    same(
        "secret",
        delete("API_TOKEN"),
        "API_TOKEN",
        delete("NO_TOKEN"),
        "NO_TOKEN",
    );
    let put = |id: &ServerId| {
        let row = SecretRow {
            server: Some(id.clone()),
            ..house.seal(&b, None, "KEY_A", "not-a-real-secret")
        };
        store.put_secret(&b, &actor(), &row)
    };
    same("put", put(&server), foreign, put(&nowhere), unknown);

    let after = house.store.load().unwrap();
    assert_eq!(after.generation, before.generation, "nothing was changed");
}

#[test]
fn s46_foreign_tokens_cannot_be_changed() {
    let house = House::new();
    let (a, b) = (house.workspace("alpha", 1), house.workspace("bravo", 2));
    let (token, nobody) = (house.add_token(&a, 1).id, TokenId::from_random([99; 16]));
    let change = |id| {
        house
            .store
            .change_token(&b, &actor(), id, &TokenChange::default())
    };
    let (foreign, unknown) = (token.as_str(), nobody.as_str());
    same("change", change(&token), foreign, change(&nobody), unknown);
}

#[test]
fn s45_lists_hold_one_workspace_only() {
    let house = House::new();
    let (a, b) = (house.workspace("alpha", 1), house.workspace("bravo", 2));
    let server = house.add_server(&a, "github", 1);
    house.add_token(&a, 1);
    house.put_secret(&a, None, "API_TOKEN");
    let tools = [tool(&server.id, "search", 0)];
    house
        .store
        .save_tools(&a, &actor(), &server.id, &tools)
        .unwrap();
    house
        .store
        .save_server_snapshot(&a, &empty_snapshot(&server.id))
        .unwrap();

    let counts = |scope: &WorkspaceScope| {
        [
            house.store.servers(scope).unwrap().len(),
            house.store.list_tokens(scope).unwrap().len(),
            house.store.list_secrets(scope).unwrap().len(),
            house.store.tools(scope).unwrap().len(),
            house.store.server_snapshots(scope).unwrap().len(),
        ]
    };
    assert_eq!(counts(&a), [1; 5]);
    assert_eq!(counts(&b), [0; 5]);
    assert_eq!(
        house
            .store
            .next_version(&a, None, &secret_name("API_TOKEN"))
            .unwrap(),
        2
    );
    assert_eq!(
        house
            .store
            .next_version(&b, None, &secret_name("API_TOKEN"))
            .unwrap(),
        1
    );
    assert!(
        house
            .store
            .workspace_audit(&b, 100)
            .unwrap()
            .iter()
            .all(|row| row.detail == "bravo")
    );
    assert_ne!(
        house.store.workspace_key(&a).unwrap(),
        house.store.workspace_key(&b).unwrap()
    );
}

#[test]
fn s45_values_of_another_workspace_are_refused() {
    let house = House::new();
    let (a, b) = (house.workspace("alpha", 1), house.workspace("bravo", 2));
    let spec = http_server(&a, "github", 1);
    let refused = "a server that belongs elsewhere was given";
    refuses(house.store.add_server(&b, &actor(), &spec), refused);
    refuses(house.store.update_server(&b, &actor(), &spec), refused);
    let foreign: Token = token(&a, 1);
    refuses(
        house.store.create_token(&b, &actor(), &foreign),
        "a token that belongs elsewhere was given",
    );
    let secret = house.seal(&a, None, "KEY_A", "not-a-real-secret");
    refuses(
        house.store.put_secret(&b, &actor(), &secret),
        "a secret that belongs elsewhere was given",
    );
    let workspace = house.store.workspace(&a).unwrap().workspace;
    refuses(
        house.store.update_workspace(&b, &actor(), &workspace),
        "a workspace that belongs elsewhere was given",
    );
}

fn empty_snapshot(server: &ServerId) -> ServerSnapshotRow {
    ServerSnapshotRow {
        server: server.clone(),
        revision: String::new(),
        http_kind: String::new(),
        capabilities: Vec::new(),
        server_info: Vec::new(),
        instructions: None,
        fingerprint: String::new(),
        at: NOW,
    }
}
