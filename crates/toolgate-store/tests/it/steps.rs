//! S-83: a fault at each step of each change: never a change without its row, nor a row without its change.
//!
//! Each table in turn refuses to be written, by a trigger behind the store's back; so the change stops
//! after every prefix of its statements.

use rusqlite::Connection;
use toolgate_namespace::{ServerId, ServerIdentity};
use toolgate_policy::{Classification, OperatorKeyId, Role, Token, TokenDigest};
use toolgate_store::{
    OperatorKey, OperatorRow, StoreError, TokenChange, Workspace, WorkspaceScope,
};

use crate::fixtures::{House, NOW, actor, secret_name, tool};

/// A house with one of everything, and another thing to make or change.
struct Ready {
    house: House,
    scope: WorkspaceScope,
    server: ServerId,
    token: Token,
    operator_key: OperatorKeyId,
}

impl Ready {
    fn new() -> Self {
        let house = House::new();
        let scope = house.workspace("acme", 1);
        let server = house.add_server(&scope, "github", 1).id;
        let tools = [tool(&server, "search", 0)];
        house
            .store
            .save_tools(&scope, &actor(), &server, &tools)
            .unwrap();
        let token = house.add_token(&scope, 1);
        house.put_secret(&scope, None, "API_TOKEN");
        let first = operator("a@example.com");
        house.store.create_operator(&actor(), &first, true).unwrap();
        let key = OperatorKey {
            id: OperatorKeyId::from_random([1; 16]),
            digest: TokenDigest([1; 32]),
            ..operator_key()
        };
        house.store.create_operator_key(&actor(), &key).unwrap();
        Self {
            operator_key: key.id,
            house,
            scope,
            server,
            token,
        }
    }
}

fn operator(email: &str) -> OperatorRow {
    OperatorRow {
        id: format!("op_{email}"),
        email: email.to_owned(),
        password: Some("$argon2id$".to_owned()),
        created_at: NOW,
        joined_at: Some(NOW),
        last_used_at: None,
    }
}

fn operator_key() -> OperatorKey {
    OperatorKey {
        id: OperatorKeyId::from_random([2; 16]),
        name: "deploy".to_owned(),
        digest: TokenDigest([2; 32]),
        created_at: NOW,
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    }
}

type Act = fn(&Ready) -> Result<(), StoreError>;

/// S-85: every act that changes the store, with the event it leaves.
const ACTS: &[(&str, Act)] = &[
    ("workspace.create", |ready| {
        let (house, id) = (&ready.house, "ws_00000000000000000000000002");
        let id = toolgate_namespace::WorkspaceId::try_from(id)
            .unwrap_or_else(|_| toolgate_namespace::WorkspaceId::from_random([2; 16]));
        let (_, key) = house.key.new_workspace_key(id.as_str()).unwrap();
        let new = toolgate_store::NewWorkspace {
            id,
            slug: crate::fixtures::workspace_slug("other"),
            name: "Other".to_owned(),
            description: String::new(),
            key,
            created_at: NOW,
        };
        house.store.create_workspace(&actor(), new).map(drop)
    }),
    ("workspace.change", |ready| {
        let found = ready.house.store.workspace(&ready.scope)?.workspace;
        let changed = Workspace {
            name: "Renamed".to_owned(),
            ..found
        };
        ready
            .house
            .store
            .update_workspace(&ready.scope, &actor(), &changed)
    }),
    ("workspace.delete", |ready| {
        let deleted = ready.house.store.delete_workspace(&ready.scope, &actor());
        deleted.map(drop)
    }),
    ("server.add", |ready| {
        let spec = crate::fixtures::http_server(&ready.scope, "gitlab", 2);
        ready.house.store.add_server(&ready.scope, &actor(), &spec)
    }),
    ("server.remove", |ready| {
        let store = &ready.house.store;
        store
            .remove_server(&ready.scope, &actor(), &ready.server)
            .map(drop)
    }),
    ("server.disable", |ready| {
        let store = &ready.house.store;
        store.set_server_enabled(&ready.scope, &actor(), &ready.server, false)
    }),
    ("tools.save", |ready| {
        let tools = [
            tool(&ready.server, "search", 0),
            tool(&ready.server, "new", 1),
        ];
        let store = &ready.house.store;
        store.save_tools(&ready.scope, &actor(), &ready.server, &tools)
    }),
    ("tool.disable", |ready| {
        let store = &ready.house.store;
        store.set_tool_enabled(&ready.scope, &actor(), &ready.server, "search", false)
    }),
    ("tool.classify", |ready| {
        let store = &ready.house.store;
        let class = Some(Classification::ReadOnly);
        store.classify_tool(&ready.scope, &actor(), &ready.server, "search", class)
    }),
    ("tool.settle", |ready| {
        let store = &ready.house.store;
        let tool = (&ready.server, "search");
        store.settle_tool(&ready.scope, &actor(), tool, false, None)
    }),
    ("operator_key.create", |ready| {
        let key = operator_key();
        ready.house.store.create_operator_key(&actor(), &key)
    }),
    ("operator_key.revoke", |ready| {
        let (store, key) = (&ready.house.store, ready.operator_key.clone());
        store.revoke_operator_key(&actor(), &key, NOW)
    }),
    ("token.create", |ready| {
        let token = crate::fixtures::token(&ready.scope, 2);
        ready
            .house
            .store
            .create_token(&ready.scope, &actor(), &token)
    }),
    ("token.revoke", |ready| {
        let store = &ready.house.store;
        store.revoke_token(&ready.scope, &actor(), &ready.token.id, NOW)
    }),
    ("secret.set", |ready| {
        let house = &ready.house;
        let row = house.seal(&ready.scope, None, "API_TOKEN", "not-a-real-secret-2");
        house.store.put_secret(&ready.scope, &actor(), &row)
    }),
    ("secret.delete", |ready| {
        let store = &ready.house.store;
        store
            .delete_secret(&ready.scope, &actor(), None, &secret_name("API_TOKEN"))
            .map(drop)
    }),
    ("operator.create", |ready| {
        let operator = operator("b@example.com");
        let store = &ready.house.store;
        store.create_operator(&actor(), &operator, false)
    }),
    ("operator.password", |ready| {
        let store = &ready.house.store;
        store
            .set_operator_password(&actor(), "a@example.com", "$other", NOW)
            .map(drop)
    }),
    ("operator.remove", |ready| {
        let store = &ready.house.store;
        store.remove_operator(&actor(), "a@example.com").map(drop)
    }),
    ("session.start", |ready| {
        let store = &ready.house.store;
        store.note_sign_in(&actor(), "op_1", "a@example.com")
    }),
    ("session.refuse", |ready| {
        let store = &ready.house.store;
        store.note_failed_sign_ins(&actor(), "192.0.2.1")
    }),
    ("setting.change", |ready| {
        ready.house.store.set_setting(&actor(), "url", "x")
    }),
    ("key.rotate", |ready| {
        let store = &ready.house.store;
        store.rotate_workspace_key(&ready.scope, &actor()).map(drop)
    }),
    ("token.change", |ready| {
        let change = TokenChange {
            role: Some(Role::ReadOnly),
            rules: None,
        };
        let (store, token) = (&ready.house.store, &ready.token.id);
        store
            .change_token(&ready.scope, &actor(), token, &change)
            .map(drop)
    }),
    ("clock.correct", |ready| {
        ready.house.store.correct_clock(&actor(), NOW).map(drop)
    }),
    ("server.pin", |ready| {
        let seen = ServerIdentity::default().named("github");
        let store = &ready.house.store;
        store
            .observe_server(&ready.scope, &actor(), &ready.server, &seen)
            .map(drop)
    }),
    ("backup.create", |ready| {
        ready.house.store.note_backup(&actor(), "x.db", 1)
    }),
    ("backup.restore", |ready| {
        ready.house.store.note_restore(&actor(), "x.db", 1)
    }),
];

fn tables(raw: &Connection) -> Vec<String> {
    const SQL: &str = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
    let mut statement = raw.prepare(SQL).unwrap();
    let names = statement.query_map([], |row| row.get(0)).unwrap();
    names.collect::<Result<_, _>>().unwrap()
}

/// Every row of every table.
fn contents(raw: &Connection) -> Vec<String> {
    let mut contents = Vec::new();
    for table in tables(raw) {
        let mut rows = raw.prepare(&["SELECT * FROM ", &table].concat()).unwrap();
        let columns = rows.column_count();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values = (0..columns).map(|at| row.get_ref(at).unwrap());
            contents.push(format!("{table}: {:?}", values.collect::<Vec<_>>()));
        }
    }
    contents
}

/// Which tables an act writes, and how: `INSERT audit` and the like.
fn steps(act: Act) -> Vec<(String, String)> {
    let ready = Ready::new();
    let raw = Connection::open(ready.house.dir.control_db()).unwrap();
    let tables = tables(&raw);
    raw.execute_batch("CREATE TABLE steps (verb TEXT, name TEXT, UNIQUE (verb, name))")
        .unwrap();
    for table in tables {
        for verb in ["INSERT", "UPDATE", "DELETE"] {
            let note = format!(
                "CREATE TRIGGER note_{verb}_{table} AFTER {verb} ON {table} BEGIN
                INSERT OR IGNORE INTO steps VALUES ('{verb}', '{table}'); END"
            );
            raw.execute_batch(&note).unwrap();
        }
    }
    act(&ready).unwrap();
    let mut statement = raw.prepare("SELECT verb, name FROM steps").unwrap();
    let steps = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    steps.unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn s83_a_fault_at_each_step_leaves_neither_change_nor_row() {
    let mut stopped = 0;
    for (event, act) in ACTS {
        let steps = steps(*act);
        assert!(steps.iter().any(|(_, table)| table == "audit"), "{event}");
        let ready = Ready::new();
        let raw = Connection::open(ready.house.dir.control_db()).unwrap();
        let before = contents(&raw);
        for (verb, table) in steps {
            let fault = format!(
                "CREATE TRIGGER fault BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, 'fault'); END"
            );
            raw.execute_batch(&fault).unwrap();
            assert!(act(&ready).is_err(), "{event}, {verb} on {table}");
            assert_eq!(contents(&raw), before, "{event}, {verb} on {table}");
            raw.execute_batch("DROP TRIGGER fault").unwrap();
            stopped += 1;
        }
        ready.house.store.verify_audit(None).unwrap();
        act(&ready).unwrap();
    }
    assert!(stopped >= 3 * ACTS.len() - 2, "{stopped} steps");
}

#[test]
fn s85_each_act_leaves_exactly_its_event() {
    for (event, act) in ACTS {
        let ready = Ready::new();
        let store = &ready.house.store;
        let before = store.audit_head().unwrap().sequence;
        let generation = store.generation().unwrap();
        act(&ready).unwrap();
        assert_eq!(store.audit_head().unwrap().sequence, before + 1, "{event}");
        assert_eq!(store.generation().unwrap(), generation + 1, "{event}");
        assert_eq!(store.audit(1).unwrap()[0].action, *event);
    }
}

/// S-85: an event in the source that no act above leaves has no proof.
#[test]
fn s85_the_inventory_is_complete() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut known: Vec<&str> = ACTS.iter().map(|(event, _)| *event).collect();
    // Left by opening a new store, and by the other direction of an act above.
    known.extend([
        "key.adopt",
        "server.change",
        "server.enable",
        "tool.enable",
        "tool.approve",
        // Of what the gateway observes, and of a second step; pins.rs and data_keys.rs go through them.
        "server.quarantine",
        "server.approve",
        "tools.baseline",
        "tools.observe",
        "key.destroy",
        // Of people, and of a setting taken back; people.rs and plans.rs go through them.
        "member.invite",
        "member.join",
        "member.remove",
        "invitation.revoke",
        "team.invite",
        "team.join",
        "team.remove",
        "setting.unset",
    ]);
    let nouns = [
        "workspace",
        "server",
        "tool",
        "tools",
        "token",
        "operator_key",
        "secret",
        "setting",
        "key",
        "backup",
        "pin",
        "member",
        "invitation",
        "team",
        "operator",
        "session",
    ];
    let mut found = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if !path.is_file() {
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        for literal in source.split('"').skip(1).step_by(2) {
            let Some((noun, verb)) = literal.split_once('.') else {
                continue;
            };
            let is_event =
                nouns.contains(&noun) && verb.bytes().all(|byte| byte.is_ascii_lowercase());
            if !is_event || verb == "db" || verb == "rs" {
                continue;
            }
            found += 1;
            assert!(
                known.contains(&literal),
                "`{literal}` in {} is not in ACTS",
                path.display()
            );
        }
    }
    assert!(found >= known.len() / 2, "{found}");
}
