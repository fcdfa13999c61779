//! Round trips of workspaces, tokens, secrets, settings, snapshots and the clock.

use toolgate_namespace::WorkspaceId;
use toolgate_policy::{MemberId, RateLimit};
use toolgate_policy::{Role, Token, ToolRules};
use toolgate_store::settings::RETENTION_DAYS;
use toolgate_store::{
    ClockMark, Deleted, SecretUse, ServerSnapshotRow, Shred, Store, StoreError, TokenChange,
    Workspace,
};

use crate::fixtures::{House, NOW, actor, refuses, secret_name, token, workspace_slug};
use crate::people::join_with;

#[test]
fn a_workspace_comes_back_as_it_was_made() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let expected = Workspace {
        id: WorkspaceId::from_random([1; 16]),
        slug: workspace_slug("acme"),
        name: "The acme workspace".to_owned(),
        description: String::new(),
        read_only_all: false,
        strict_records: false,
        created_at: NOW,
    };
    assert_eq!(house.store.workspace(&scope).unwrap().workspace, expected);
    assert_eq!(house.store.load().unwrap().workspaces, [expected]);
    assert_eq!(scope.slug().as_str(), "acme");
}

#[test]
fn workspaces_are_listed_by_slug_with_what_they_hold() {
    let house = House::new();
    let b = house.workspace("bravo", 2);
    house.workspace("alpha", 1);
    house.add_server(&b, "github", 1);
    let revoked = house.add_token(&b, 1);
    house.add_token(&b, 2);
    house
        .store
        .revoke_token(&b, &actor(), &revoked.id, NOW)
        .unwrap();
    let listed: Vec<_> = house
        .store
        .workspaces()
        .unwrap()
        .into_iter()
        .map(|w| (w.workspace.slug.to_string(), w.servers, w.tokens))
        .collect();
    assert_eq!(
        listed,
        [("alpha".to_owned(), 0, 0), ("bravo".to_owned(), 1, 1)]
    );
}

#[test]
fn a_taken_slug_is_refused() {
    let house = House::new();
    house.workspace("acme", 1);
    let id = WorkspaceId::from_random([9; 16]);
    let (_, key) = house.key.new_workspace_key(id.as_str()).unwrap();
    let again = toolgate_store::NewWorkspace {
        id,
        slug: workspace_slug("acme"),
        name: "again".to_owned(),
        description: String::new(),
        key,
        created_at: NOW,
    };
    refuses(
        house.store.create_workspace(&actor(), again),
        "the workspace `acme` already exists",
    );
}

#[test]
fn an_unknown_workspace_has_no_scope() {
    let house = House::new();
    refuses(
        house.store.scope(&workspace_slug("nobody")),
        "no workspace `nobody`",
    );
}

#[test]
fn a_workspace_changes_all_but_its_identity() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let before = house.store.workspace(&scope).unwrap().workspace;
    let wanted = Workspace {
        slug: workspace_slug("other"),
        name: "New name".to_owned(),
        description: "what for".to_owned(),
        read_only_all: true,
        strict_records: false,
        created_at: 0,
        ..before.clone()
    };
    house
        .store
        .update_workspace(&scope, &actor(), &wanted)
        .unwrap();
    let after = house.store.workspace(&scope).unwrap().workspace;
    assert_eq!(
        after,
        Workspace {
            slug: before.slug,
            created_at: before.created_at,
            ..wanted
        }
    );
}

#[test]
fn s13_deleting_a_workspace_takes_everything_with_it() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let server = house.add_server(&scope, "github", 1);
    house.add_token(&scope, 1);
    house.put_secret(&scope, None, "API_TOKEN");
    house.put_secret(&scope, Some(&server.id), "API_TOKEN");
    let deleted = house.store.delete_workspace(&scope, &actor()).unwrap();
    let expected = Deleted {
        tokens: 1,
        servers: 1,
        secrets: 2,
        shred: Shred::Done,
    };
    assert_eq!(deleted, expected);
    let left = house.store.load().unwrap();
    assert!(left.workspaces.is_empty() && left.keys.is_empty() && left.secrets.is_empty());
    assert!(left.servers.is_empty() && left.tokens.is_empty());
    // The old scope opens nothing any more.
    refuses(house.store.workspace_key(&scope), "no workspace `acme`");
    refuses(
        house
            .store
            .create_token(&scope, &actor(), &token(&scope, 2)),
        "no workspace `acme`",
    );
}

#[test]
fn tokens_come_back_as_they_were_made() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let plain = house.add_token(&scope, 1);
    let mut other = Token {
        role: Role::Admin,
        rules: ToolRules::all(),
        rate_limit: RateLimit::Off,
        member: Some(MemberId::from_random([5; 16])),
        expires_at: None,
        ..token(&scope, 2)
    };
    join_with(&house, &scope, "alice@example.com", &other);
    assert_eq!(
        house.store.list_tokens(&scope).unwrap(),
        [plain.clone(), other.clone()]
    );

    house
        .store
        .revoke_token(&scope, &actor(), &other.id, NOW + 5)
        .unwrap();
    house
        .store
        .revoke_token(&scope, &actor(), &other.id, NOW + 9)
        .unwrap();
    other.revoked_at = Some(NOW + 5);
    assert_eq!(house.store.load().unwrap().tokens, [plain, other]);
}

#[test]
fn s35_a_digest_is_stored_once() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let first = house.add_token(&scope, 1);
    let same_digest = Token {
        digest: first.digest,
        ..token(&scope, 2)
    };
    let outcome = house.store.create_token(&scope, &actor(), &same_digest);
    assert!(matches!(
        outcome,
        Err(StoreError::Taken { what: "token", .. })
    ));
}

#[test]
fn s39_last_used_only_moves_forward_and_is_no_change() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let token = house.add_token(&scope, 1);
    let secret = house.put_secret(&scope, None, "API_TOKEN");
    let generation = house.store.generation().unwrap();

    let secret_use = |at| SecretUse {
        workspace: scope.workspace().clone(),
        server: None,
        name: secret.name.clone(),
        at,
    };
    house
        .store
        .touch_tokens(&[(token.id.clone(), NOW + 60)])
        .unwrap();
    house.store.touch_tokens(&[(token.id, NOW + 1)]).unwrap();
    house
        .store
        .touch_secrets(&[secret_use(NOW + 70), secret_use(NOW)])
        .unwrap();

    let loaded = house.store.load().unwrap();
    assert_eq!(loaded.tokens[0].last_used_at, Some(NOW + 60));
    assert_eq!(loaded.secrets[0].last_used_at, Some(NOW + 70));
    assert_eq!(loaded.generation, generation);
}

#[test]
fn secrets_keep_one_version_and_count_on() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    assert_eq!(house.put_secret(&scope, None, "github-token").version, 1);
    let second = house.put_secret(&scope, None, "GITHUB_TOKEN");
    assert_eq!(second.version, 2, "S-18: both spellings are one secret");
    assert_eq!(house.store.load().unwrap().secrets, [second]);
    let listed = house.store.list_secrets(&scope).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].name.as_str(), listed[0].version),
        ("GITHUB_TOKEN", 2)
    );
}

#[test]
fn of_two_writers_of_one_version_the_second_is_refused() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let first = house.seal(&scope, None, "KEY_A", "not-a-real-secret");
    let second = house.seal(&scope, None, "KEY_A", "another-fake-secret");
    house.store.put_secret(&scope, &actor(), &first).unwrap();
    refuses(
        house.store.put_secret(&scope, &actor(), &second),
        "the secret `KEY_A` was changed by somebody else in the meantime",
    );
}

#[test]
fn a_server_secret_and_a_workspace_secret_of_one_name_are_two() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let server = house.add_server(&scope, "github", 1);
    house.put_secret(&scope, None, "API_TOKEN");
    house.put_secret(&scope, Some(&server.id), "API_TOKEN");
    let name = secret_name("API_TOKEN");
    house
        .store
        .delete_secret(&scope, &actor(), None, &name)
        .unwrap();
    let left = house.store.load().unwrap().secrets;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].server, Some(server.id));
    refuses(
        house.store.delete_secret(&scope, &actor(), None, &name),
        "no secret `API_TOKEN` in this workspace",
    );
}

#[test]
fn settings_are_kept_and_known_ones_checked() {
    let house = House::new();
    assert_eq!(house.store.load().unwrap().settings.retention_days(), 30);
    house
        .store
        .set_setting(&actor(), RETENTION_DAYS, "7")
        .unwrap();
    house
        .store
        .set_setting(&actor(), "url", "http://127.0.0.1:1")
        .unwrap();
    assert_eq!(
        house.store.setting("url").unwrap().as_deref(),
        Some("http://127.0.0.1:1")
    );
    assert_eq!(house.store.setting("nothing").unwrap(), None);
    let settings = house.store.load().unwrap().settings;
    assert_eq!(settings.retention_days(), 7);
    assert_eq!(settings.iter().count(), 2);
    for bad in ["0", "-1", "3651", "a week", ""] {
        refuses(
            house.store.set_setting(&actor(), RETENTION_DAYS, bad),
            "setting `retention_days`: it must be a number of days from 1 to 3650",
        );
    }
}

#[test]
fn server_snapshots_tell_gateways_only_of_news() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let server = house.add_server(&scope, "github", 1);
    let first = ServerSnapshotRow {
        server: server.id.clone(),
        revision: "2025-11-25".to_owned(),
        http_kind: "streamable".to_owned(),
        capabilities: b"{\"tools\":{}}".to_vec(),
        server_info: b"{\"name\":\"x\"}".to_vec(),
        instructions: None,
        fingerprint: "abc".to_owned(),
        at: NOW,
    };
    house.store.save_server_snapshot(&scope, &first).unwrap();
    let generation = house.store.generation().unwrap();
    let later = ServerSnapshotRow {
        at: NOW + 1,
        ..first.clone()
    };
    house.store.save_server_snapshot(&scope, &later).unwrap();
    assert_eq!(house.store.generation().unwrap(), generation);
    let stored = house.store.server_snapshots(&scope).unwrap();
    assert_eq!(stored, std::slice::from_ref(&later));
    let changed = ServerSnapshotRow {
        instructions: Some("be kind".to_owned()),
        ..later
    };
    house.store.save_server_snapshot(&scope, &changed).unwrap();
    assert_eq!(house.store.generation().unwrap(), generation + 1);
    assert_eq!(house.store.load().unwrap().server_snapshots, [changed]);
}

#[test]
fn s38_the_clock_is_never_lowered() {
    let house = House::new();
    let raise = |store: &Store, to| store.raise_clock(to, 0).unwrap().high_water_ms;
    assert_eq!(raise(&house.store, NOW), NOW);
    assert_eq!(raise(&house.store, NOW - 1), NOW);
    assert_eq!(raise(&house.other_store(), 0), NOW);
    assert_eq!(raise(&house.store, NOW + 1), NOW + 1);
    assert_eq!(house.store.clock().unwrap().high_water_ms, NOW + 1);
}

/// The one way back is a person's word, and it is in the audit log.
#[test]
fn s38_a_corrected_clock_is_not_raised_by_whoever_has_not_heard_of_it() {
    let house = House::new();
    let (wrong, rows) = (NOW + 1_000_000, house.store.verify_audit(None).unwrap());
    house.store.raise_clock(wrong, 0).unwrap();
    let generation = house.store.generation().unwrap();
    let before = house.store.correct_clock(&actor(), NOW).unwrap();
    assert_eq!(before.high_water_ms, wrong);
    assert_eq!(house.store.generation().unwrap(), generation + 1);
    let audited = house.store.verify_audit(None).unwrap();
    assert_eq!(audited.sequence, rows.sequence + 1);

    let late = house.store.raise_clock(wrong + 1, 0).unwrap();
    let corrected = |high_water_ms| ClockMark {
        high_water_ms,
        corrections: 1,
    };
    assert_eq!(late, corrected(NOW));
    let raised = house.store.raise_clock(NOW + 5, 1).unwrap();
    assert_eq!(raised, corrected(NOW + 5));
    assert_eq!(house.store.load().unwrap().clock, raised);
}

#[test]
fn s40_a_token_can_be_given_other_rights() {
    let house = House::new();
    let scope = house.workspace("team", 1);
    let token = token(&scope, 1);
    house.store.create_token(&scope, &actor(), &token).unwrap();
    let rules = ToolRules::parse(["a__*"]).unwrap();
    let change = TokenChange {
        role: Some(Role::ReadOnly),
        rules: Some(rules.clone()),
    };
    let generation = house.store.generation().unwrap();
    let changed = house
        .store
        .change_token(&scope, &actor(), &token.id, &change)
        .unwrap();
    assert_eq!((changed.role, &changed.rules), (Role::ReadOnly, &rules));
    assert_eq!(house.store.list_tokens(&scope).unwrap(), [changed]);
    assert_eq!(house.store.generation().unwrap(), generation + 1);
    // Nothing to change is no change.
    house
        .store
        .change_token(&scope, &actor(), &token.id, &change)
        .unwrap();
    assert_eq!(house.store.generation().unwrap(), generation + 1);
}

#[test]
fn a_store_in_memory_is_ready_for_use() {
    let store = Store::in_memory().unwrap();
    store.set_setting(&actor(), "a", "b").unwrap();
    assert_eq!(store.setting("a").unwrap().as_deref(), Some("b"));
    assert_eq!(store.verify_audit(None).unwrap().sequence, 2);
}
