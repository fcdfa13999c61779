//! Pins of tools and servers (S-50 to S-52).

use std::sync::Arc;

use rusqlite::Connection;
use toolgate_namespace::{ServerId, ServerIdentity, Trust, WorkspaceId};
use toolgate_policy::Classification;
use toolgate_store::{
    DataDir, Listed, OfferedTool, Open, Ruling, Store, StoreError, ToolRow, ToolState,
    WorkspaceScope,
};

use toolgate_vault::MasterKey;

use crate::fixtures::{House, actor, refuses};

/// A tool whose definition and hash are made of one number.
fn offered(name: &str, version: u8) -> OfferedTool {
    OfferedTool {
        name: name.to_owned(),
        definition: format!("{{\"name\":\"{name}\",\"v\":{version}}}").into_bytes(),
        hash: [version; 32],
    }
}

/// First lists are accepted, new tools held; versions over 100 break, others are kept.
fn rule(listed: Listed<'_>) -> Ruling {
    match (listed.is_first, listed.known) {
        (true, _) => Ruling::Accept,
        (false, None) => Ruling::Hold("it is new".into()),
        (false, Some(_)) if listed.offered.hash[0] > 200 => Ruling::Accept,
        (false, Some(_)) if listed.offered.hash[0] > 100 => Ruling::Hold("it breaks".into()),
        (false, Some(_)) => Ruling::Keep("its words changed".into()),
    }
}

struct Server {
    house: House,
    scope: WorkspaceScope,
    id: ServerId,
}

impl Server {
    fn new() -> Self {
        let house = House::new();
        let scope = house.workspace("acme", 1);
        let id = house.add_server(&scope, "github", 1).id;
        Self { house, scope, id }
    }

    fn lists(&self, tools: &[OfferedTool]) -> Vec<ToolRow> {
        let observed = self
            .house
            .store
            .observe_tools(&self.scope, &actor(), &self.id, tools, rule)
            .unwrap();
        assert_eq!(observed.generation, self.house.store.generation().unwrap());
        assert_eq!(observed.tools, self.house.store.tools(&self.scope).unwrap());
        observed.tools
    }

    fn only(&self, tools: &[OfferedTool]) -> ToolRow {
        let mut rows = self.lists(tools);
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows.remove(0)
    }

    fn last_action(&self) -> String {
        self.house.store.audit(1).unwrap()[0].action.clone()
    }

    fn sees(&self, name: &str) -> bool {
        let seen = ServerIdentity::default().named(name);
        let pin = self
            .house
            .store
            .observe_server(&self.scope, &actor(), &self.id, &seen)
            .unwrap();
        pin.seen.is_none()
    }
}

#[test]
fn s50_the_first_list_is_the_baseline_and_the_audit_says_so() {
    let server = Server::new();
    assert!(server.house.store.load().unwrap().server_pins.is_empty());
    let row = server.only(&[offered("a", 1)]);
    assert_eq!((row.state, row.present), (ToolState::Approved, true));
    assert_eq!(server.last_action(), "tools.baseline");
    let pins = server.house.store.load().unwrap().server_pins;
    assert!(pins[0].baseline_at.is_some());

    // The same again writes nothing.
    let generation = server.house.store.generation().unwrap();
    server.only(&[offered("a", 1)]);
    assert_eq!(server.house.store.generation().unwrap(), generation);
}

/// An empty first list is a baseline, too: what comes later is new.
#[test]
fn s50_nothing_is_a_baseline_as_well() {
    let server = Server::new();
    assert!(server.lists(&[]).is_empty());
    assert_eq!(server.only(&[offered("a", 1)]).state, ToolState::Held);
    assert_eq!(server.last_action(), "tools.observe");
}

#[test]
fn s50_what_changed_waits_beside_the_pin() {
    let server = Server::new();
    server.lists(&[offered("a", 1)]);
    let words = server.only(&[offered("a", 2)]);
    assert_eq!((words.state, words.hash), (ToolState::Approved, [1; 32]));
    assert_eq!(words.awaits(), Some(&[2; 32]));
    let breaks = server.only(&[offered("a", 101)]);
    assert_eq!((breaks.state, breaks.hash), (ToolState::Held, [1; 32]));
    assert_eq!(breaks.awaits(), Some(&[101; 32]));
    assert_eq!(breaks.reason.as_deref(), Some("it breaks"));
    let back = server.only(&[offered("a", 1)]);
    assert_eq!(
        (back.state, back.awaits(), back.reason.as_deref()),
        (ToolState::Approved, None, None)
    );
    let cosmetic = server.only(&[offered("a", 201)]);
    assert_eq!((cosmetic.hash, cosmetic.awaits()), ([201; 32], None));
}

#[test]
fn s50_what_was_never_approved_stays_held_whatever_it_becomes() {
    let server = Server::new();
    server.lists(&[]);
    server.lists(&[offered("a", 1)]);
    let changed = server.only(&[offered("a", 2)]);
    assert_eq!((changed.state, changed.hash), (ToolState::Held, [2; 32]));
    // Gone before anybody approved it, it is forgotten, and new when it comes back.
    assert!(server.lists(&[]).is_empty());
    assert_eq!(server.only(&[offered("a", 2)]).state, ToolState::Held);
}

#[test]
fn s50_what_is_gone_keeps_its_pin_and_what_an_admin_said() {
    let server = Server::new();
    server.lists(&[offered("a", 1), offered("b", 2)]);
    let word = Some(Classification::ReadOnly);
    let store = &server.house.store;
    store
        .classify_tool(&server.scope, &actor(), &server.id, "a", word)
        .unwrap();
    let rows = server.lists(&[offered("b", 2)]);
    assert_eq!((rows[1].name.as_str(), rows[1].present), ("a", false));
    let rows = server.lists(&[offered("a", 1), offered("b", 2)]);
    assert_eq!((rows[0].classification, rows[0].present), (word, true));
    assert_eq!(rows[0].state, ToolState::Approved);
}

/// R-27: a server that lists other tools each time does not fill the store.
#[test]
fn r27_pins_of_what_is_gone_are_bounded() {
    let server = Server::new();
    let many: Vec<_> = (0..400).map(|n| offered(&format!("t{n}"), 1)).collect();
    server.lists(&many);
    assert_eq!(server.lists(&[]).len(), 256);
}

#[test]
fn s51_approving_takes_the_offer_that_was_shown_and_no_other() {
    let server = Server::new();
    server.lists(&[offered("a", 1)]);
    server.lists(&[offered("a", 2)]);
    let store = &server.house.store;
    let approve = |shown| store.approve_tool(&server.scope, &actor(), &server.id, "a", &shown);
    for other in [[1; 32], [3; 32]] {
        refuses(
            approve(other),
            "the tool `a` was changed by somebody else in the meantime",
        );
    }
    approve([2; 32]).unwrap();
    let row = server.only(&[offered("a", 2)]);
    assert_eq!(
        (row.hash, row.awaits(), row.reason.as_deref()),
        ([2; 32], None, None)
    );
    assert_eq!(server.last_action(), "tool.approve");
}

#[test]
fn a_list_that_repeats_a_name_is_refused_whole() {
    let server = Server::new();
    let twice = [offered("a", 1), offered("a", 2)];
    let observed =
        server
            .house
            .store
            .observe_tools(&server.scope, &actor(), &server.id, &twice, rule);
    assert!(matches!(
        observed,
        Err(StoreError::Taken { what: "tool", .. })
    ));
    assert!(server.house.store.tools(&server.scope).unwrap().is_empty());
}

#[test]
fn s52_another_identity_stays_seen_until_it_is_approved() {
    let server = Server::new();
    assert!(server.sees("one"));
    assert_eq!(server.last_action(), "server.pin");
    assert!(server.sees("one") && server.sees(""));
    assert!(!server.sees("two"));
    assert_eq!(server.last_action(), "server.quarantine");
    // Going back to the old name is no way out.
    assert!(!server.sees("one"));
    let store = &server.house.store;
    let approve = |name: &str| {
        let shown = ServerIdentity::default().named(name);
        store.approve_server(&server.scope, &actor(), &server.id, &shown)
    };
    assert!(matches!(approve("three"), Err(StoreError::Conflict { .. })));
    approve("two").unwrap();
    assert_eq!(server.last_action(), "server.approve");
    assert!(server.sees("two"));
    assert!(!server.sees("one"));
}

/// S-46: servers of others read as unknown.
#[test]
fn s46_pins_of_other_workspaces_are_unknown() {
    let server = Server::new();
    let other = server.house.workspace("bravo", 2);
    let store = &server.house.store;
    let tools = [offered("a", 1)];
    let observed = store.observe_tools(&other, &actor(), &server.id, &tools, rule);
    assert!(matches!(observed, Err(StoreError::Unknown { .. })));
    let seen = ServerIdentity::default().named("x");
    let observed = store.observe_server(&other, &actor(), &server.id, &seen);
    assert!(matches!(observed, Err(StoreError::Unknown { .. })));
    assert!(store.server_pins(&other).unwrap().is_empty());
}

/// R-09: what an older version knew of tools counts as approved, and its servers have had their first list.
#[test]
fn r09_tools_of_an_older_store_stay_approved() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = DataDir::new(temporary.path());
    dir.create().unwrap();
    let old = Connection::open(dir.control_db()).unwrap();
    old.pragma_update(None, "journal_mode", "wal").unwrap();
    old.execute_batch(include_str!("../../src/migrations/control_1.sql"))
        .unwrap();
    let known = ServerId::from_random([1; 16]);
    let empty = ServerId::from_random([2; 16]);
    let workspace = WorkspaceId::from_random([3; 16]);
    let workspaces = "INSERT INTO workspaces VALUES (?1, 'acme', 'Acme', '', 0, 0)";
    old.execute(workspaces, [workspace.as_str()]).unwrap();
    let options = r#"{"transport":{"kind":"stdio","argv":["/bin/true"]}}"#;
    for (id, slug) in [(&known, "github"), (&empty, "gitlab")] {
        let servers = "INSERT INTO servers VALUES (?1, ?2, ?3, 1, 0, 1, ?4)";
        let row = (id.as_str(), workspace.as_str(), slug, options);
        old.execute(servers, row).unwrap();
    }
    let tools = "INSERT INTO tools VALUES (?1, 'a', 0, x'7b7d', ?2, NULL, 1, 'approved')";
    old.execute(tools, (known.as_str(), [1; 32])).unwrap();
    old.pragma_update(None, "application_id", i32::from_be_bytes(*b"TGct"))
        .unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    drop(old);

    let key = Arc::new(MasterKey::generate().unwrap());
    let store = Store::open(&dir, Open::MustExist).unwrap();
    let loaded = store.unlock(key, &actor()).unwrap().load().unwrap();
    let row = &loaded.tools[0];
    assert_eq!((row.state, row.present), (ToolState::Approved, true));
    assert_eq!(row.offer, None);
    assert_eq!(loaded.servers[0].trust, Trust::default());
    let pins = loaded.server_pins;
    assert_eq!(
        pins.len(),
        1,
        "the first list of the other is still to come"
    );
    assert_eq!((&pins[0].server, pins[0].baseline_at), (&known, Some(0)));
}
