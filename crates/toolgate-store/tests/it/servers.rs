//! Servers and their tools.

use std::time::Duration;

use toolgate_namespace::{
    ChildSettings, EraSetting, Injection, Isolation, Prefix, ServerSpec, Timeouts, Transport, Trust,
};
use toolgate_policy::Classification;
use toolgate_store::{StoreError, ToolRow, ToolState};

use crate::fixtures::{House, actor, http_server, refuses, secret_name, server_slug, tool};

fn stdio_server(house: &House) -> ServerSpec {
    let scope = house
        .store
        .scope(&crate::fixtures::workspace_slug("acme"))
        .unwrap();
    ServerSpec {
        transport: Transport::Stdio {
            argv: vec!["/usr/bin/server".to_owned(), "--flag with space".to_owned()],
            child: ChildSettings {
                wrapper: vec!["/usr/bin/bwrap".to_owned(), "--unshare-net".to_owned()],
                cwd: Some("/srv/files".to_owned()),
                max_memory_bytes: None,
                ..ChildSettings::default()
            },
        },
        era: EraSetting::Auto,
        prefix: Prefix::None,
        isolation: Isolation::Session,
        injections: vec![
            Injection::Env {
                secret: "FILES_KEY".to_owned(),
            },
            Injection::Header {
                name: "x-key".to_owned(),
                template: "k {OTHER_KEY}".to_owned(),
            },
        ],
        timeouts: Timeouts {
            connect: Duration::from_millis(1),
            list: Duration::from_millis(2),
            call_idle: Duration::from_millis(3),
            call_max: Duration::from_millis(4),
        },
        enabled: false,
        allowed_origin: None,
        trust: Trust::default(),
        version: 7,
        ..http_server(&scope, "files", 2)
    }
}

#[test]
fn servers_come_back_as_they_were_added() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let stdio = stdio_server(&house);
    house.store.add_server(&scope, &actor(), &stdio).unwrap();
    let http = house.add_server(&scope, "github", 1);
    assert_eq!(
        house.store.servers(&scope).unwrap(),
        [http.clone(), stdio.clone()]
    );
    assert_eq!(
        house.store.server(&scope, &server_slug("files")).unwrap(),
        stdio
    );
    assert_eq!(house.store.load().unwrap().servers, [http, stdio]);
}

#[test]
fn names_are_unique_within_a_workspace_only() {
    let house = House::new();
    let a = house.workspace("alpha", 1);
    let b = house.workspace("bravo", 2);
    house.add_server(&a, "github", 1);
    house.add_server(&b, "github", 2);
    refuses(
        house
            .store
            .add_server(&a, &actor(), &http_server(&a, "github", 3)),
        "the server `github` already exists",
    );
}

#[test]
fn s47_each_change_is_a_new_version() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let spec = house.add_server(&scope, "github", 1);
    let version = || house.store.servers(&scope).unwrap()[0].version;
    let changed = ServerSpec {
        slug: server_slug("renamed"),
        era: EraSetting::Modern,
        version: 99,
        ..spec.clone()
    };
    house
        .store
        .update_server(&scope, &actor(), &changed)
        .unwrap();
    let stored = house.store.servers(&scope).unwrap().remove(0);
    assert_eq!(
        (stored.slug.as_str(), stored.era, stored.version),
        ("github", EraSetting::Modern, 2)
    );
    house
        .store
        .set_server_enabled(&scope, &actor(), &spec.id, false)
        .unwrap();
    assert_eq!(version(), 3);
    house
        .store
        .set_server_enabled(&scope, &actor(), &spec.id, false)
        .unwrap();
    assert_eq!(version(), 3, "nothing changed");
}

#[test]
fn s47_a_secret_gives_a_new_version_to_the_servers_that_use_it() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let github = house.add_server(&scope, "github", 1);
    let gitlab = house.add_server(&scope, "gitlab", 2);
    house
        .store
        .add_server(&scope, &actor(), &{
            ServerSpec {
                id: http_server(&scope, "x", 3).id,
                display_order: 3,
                version: 1,
                ..stdio_server(&house)
            }
        })
        .unwrap();
    let versions = || -> Vec<u64> {
        house
            .store
            .servers(&scope)
            .unwrap()
            .iter()
            .map(|s| s.version)
            .collect()
    };
    house.put_secret(&scope, None, "API_TOKEN");
    assert_eq!(versions(), [2, 2, 1]);
    house.put_secret(&scope, Some(&github.id), "API_TOKEN");
    assert_eq!(versions(), [3, 2, 1]);
    house.put_secret(&scope, None, "OTHER_KEY");
    assert_eq!(versions(), [3, 2, 2], "named in a header's template");
    house.put_secret(&scope, None, "UNUSED_KEY");
    assert_eq!(versions(), [3, 2, 2]);
    house
        .store
        .delete_secret(&scope, &actor(), None, &secret_name("API_TOKEN"))
        .unwrap();
    assert_eq!(versions(), [4, 3, 2]);
    assert_eq!(gitlab.version, 1);
}

#[test]
fn removing_a_server_takes_its_tools_and_its_own_secrets() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let server = house.add_server(&scope, "github", 1);
    house.put_secret(&scope, Some(&server.id), "API_TOKEN");
    let shared = house.put_secret(&scope, None, "API_TOKEN");
    let tools = [tool(&server.id, "search", 0)];
    house
        .store
        .save_tools(&scope, &actor(), &server.id, &tools)
        .unwrap();
    house
        .store
        .remove_server(&scope, &actor(), &server.id)
        .unwrap();
    let left = house.store.load().unwrap();
    assert!(left.servers.is_empty() && left.tools.is_empty());
    assert_eq!(left.secrets, [shared]);
    refuses(
        house.store.server(&scope, &server_slug("github")),
        "no server `github` in this workspace",
    );
}

#[test]
fn tools_come_back_in_order() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let server = house.add_server(&scope, "github", 1);
    let tools = [
        tool(&server.id, "search", 0),
        ToolRow {
            classification: Some(Classification::Destructive),
            enabled: false,
            state: ToolState::Held,
            ..tool(&server.id, "delete", 1)
        },
    ];
    house
        .store
        .save_tools(&scope, &actor(), &server.id, &tools)
        .unwrap();
    assert_eq!(house.store.tools(&scope).unwrap(), tools);
    assert_eq!(house.store.load().unwrap().tools, tools);
}

#[test]
fn saving_tools_again_keeps_what_an_admin_said() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let server = house.add_server(&scope, "github", 1);
    let id = &server.id;
    let tools = [tool(id, "search", 0), tool(id, "gone", 1)];
    house
        .store
        .save_tools(&scope, &actor(), id, &tools)
        .unwrap();
    let word = Some(Classification::ReadOnly);
    house
        .store
        .classify_tool(&scope, &actor(), id, "search", word)
        .unwrap();
    house
        .store
        .set_tool_enabled(&scope, &actor(), id, "search", false)
        .unwrap();

    let generation = house.store.generation().unwrap();
    house
        .store
        .save_tools(&scope, &actor(), id, &tools)
        .unwrap();
    assert_eq!(
        house.store.generation().unwrap(),
        generation,
        "nothing new was listed"
    );

    let changed = ToolRow {
        hash: [9; 32],
        state: ToolState::Held,
        ..tool(id, "search", 3)
    };
    house
        .store
        .save_tools(&scope, &actor(), id, std::slice::from_ref(&changed))
        .unwrap();
    let expected = ToolRow {
        classification: word,
        enabled: false,
        ..changed
    };
    assert_eq!(house.store.tools(&scope).unwrap(), [expected]);
}

#[test]
fn s51_only_what_was_shown_is_approved() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let server = house.add_server(&scope, "github", 1);
    let held = ToolRow {
        state: ToolState::Held,
        ..tool(&server.id, "search", 1)
    };
    house
        .store
        .save_tools(&scope, &actor(), &server.id, &[held])
        .unwrap();
    let approve = |shown| {
        house
            .store
            .approve_tool(&scope, &actor(), &server.id, "search", &shown)
    };
    refuses(
        approve([7; 32]),
        "the tool `search` was changed by somebody else in the meantime",
    );
    assert_eq!(house.store.tools(&scope).unwrap()[0].state, ToolState::Held);
    approve([1; 32]).unwrap();
    assert_eq!(
        house.store.tools(&scope).unwrap()[0].state,
        ToolState::Approved
    );
    refuses(
        house
            .store
            .set_tool_enabled(&scope, &actor(), &server.id, "other", true),
        "no tool `other` in this workspace",
    );
}

#[test]
fn a_list_that_repeats_a_name_or_mixes_servers_is_refused() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    let a = house.add_server(&scope, "github", 1).id;
    let b = house.add_server(&scope, "gitlab", 2).id;
    let save = |tools: &[ToolRow]| house.store.save_tools(&scope, &actor(), &a, tools);
    let repeated = save(&[tool(&a, "x", 0), tool(&a, "x", 1)]);
    assert!(matches!(
        repeated,
        Err(StoreError::Taken { what: "tool", .. })
    ));
    let mixed = save(&[tool(&b, "x", 0)]);
    assert!(matches!(
        mixed,
        Err(StoreError::OutOfScope { what: "tool" })
    ));
}

#[test]
fn r09_settings_of_an_older_version_have_the_defaults() {
    let settings = |text| serde_json::from_str::<ChildSettings>(text).unwrap();
    assert_eq!(settings("{}"), ChildSettings::default());
    let stored = settings(r#"{"max_files": null, "of_a_newer_version": 1}"#);
    assert_eq!(stored.max_files, None);
    let defaults = ChildSettings::default();
    assert_eq!(stored.max_memory_bytes, defaults.max_memory_bytes);
    // What was stored before there were settings.
    let old: Transport = serde_json::from_str(r#"{"kind":"stdio","argv":["/bin/sh"]}"#).unwrap();
    let argv = vec!["/bin/sh".to_owned()];
    let child = defaults;
    assert_eq!(old, Transport::Stdio { argv, child });
}
