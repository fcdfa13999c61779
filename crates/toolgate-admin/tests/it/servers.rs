//! Servers and their tools (product.md sections 3.1 and 8, P9.6, S-70 to S-72).

use toolgate_admin::{
    ChildSettings, Classification, ClassifiedBy, Fault, HttpKind, NewServer, NewTransport, Prefix,
    Probe, WorkspaceScope,
};

use crate::home::{Home, bearer, http, server};

const READ: &str = r#"{"readOnlyHint":true}"#;

#[track_caller]
fn refused(home: &Home, scope: &WorkspaceScope, new: &NewServer, fault: Fault) -> String {
    let error = home.admin.add_server(scope, new).unwrap_err();
    assert_eq!(error.fault(), fault, "{error}");
    error.hint().unwrap_or_default()
}

#[test]
fn a_server_by_url_is_added_and_listed() {
    let (home, scope) = Home::with_team();
    let added = home
        .admin
        .add_server(&scope, &bearer("github", "github-token"))
        .unwrap();
    assert_eq!(added.server.missing_secrets, ["GITHUB_TOKEN"]);
    assert_eq!(added.probe, Probe::SecretsMissing);
    assert!(added.allowance.is_none());
    let listed = home.admin.list_servers(&scope).unwrap();
    assert_eq!(listed[0].server, "github");
    assert_eq!(listed[0].url.as_deref(), Some("https://1.1.1.1/mcp"));
    assert_eq!(listed[0].secrets, ["GITHUB_TOKEN"]);
    assert!(listed[0].enabled);
}

#[test]
fn s65_a_private_address_is_allowed_for_itself_and_said() {
    let (home, scope) = Home::with_team();
    let added = home
        .admin
        .add_server(&scope, &http("notes", "http://127.0.0.1:9000/mcp"))
        .unwrap();
    let allowance = added.allowance.unwrap();
    assert_eq!(allowance.origin, "127.0.0.1:9000");
    assert!(allowance.plain_http);
    assert!(allowance.address.unwrap().contains("loopback"));
    assert_eq!(
        added.server.allowed_origin.as_deref(),
        Some("127.0.0.1:9000")
    );
    assert_eq!(added.probe, Probe::GatewayNotRunning);
    let metadata = http("meta", "http://169.254.169.254/");
    let hint = refused(&home, &scope, &metadata, Fault::Invalid);
    assert!(hint.contains("--allow-metadata-address"));
}

#[test]
fn s71_a_command_is_kept_as_a_full_path() {
    let (home, scope) = Home::with_team();
    let stdio = |argv: &[&str], env: &[&str], allow: &[&str]| {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        server(
            "files",
            NewTransport::Stdio {
                argv: owned(argv),
                env: owned(env),
                child: ChildSettings {
                    steering_env: owned(allow),
                    ..ChildSettings::default()
                },
            },
        )
    };
    let missing = stdio(&["no-such-program-here"], &[], &[]);
    refused(&home, &scope, &missing, Fault::Invalid);
    let steering = stdio(&["sh"], &["LD_PRELOAD"], &[]);
    let hint = refused(&home, &scope, &steering, Fault::Invalid);
    assert!(hint.contains("--allow-env LD_PRELOAD"));
    let added = home
        .admin
        .add_server(
            &scope,
            &stdio(&["sh", "-c", "{NOT} $FILLED"], &["api-key"], &[]),
        )
        .unwrap();
    let command = added.server.command.unwrap();
    assert!(command[0].starts_with('/'), "{command:?}");
    assert_eq!(command[1..], ["-c", "{NOT} $FILLED"]);
    assert_eq!(added.server.secrets, ["API_KEY"]);
}

#[test]
fn names_are_slugs_and_taken_once() {
    let (home, scope) = Home::with_team();
    let new = http("github", "https://1.1.1.1/mcp");
    home.admin.add_server(&scope, &new).unwrap();
    let hint = refused(&home, &scope, &new, Fault::Refused);
    assert!(hint.contains("mcp remove github"));
    for slug in ["", "GitHub", "a__b", "-a", "2a"] {
        let new = http(slug, "https://1.1.1.1/mcp");
        refused(&home, &scope, &new, Fault::Invalid);
    }
    // The same server in another workspace is another link (S1).
    home.admin.create_workspace("other", "").unwrap();
    let other = home.admin.scope("other").unwrap();
    home.admin.add_server(&other, &new).unwrap();
}

#[test]
fn a_workspace_has_at_most_fifty_servers() {
    let (home, scope) = Home::with_team();
    for number in 0..50 {
        let slug = format!("s{number}");
        home.admin
            .add_server(&scope, &http(&slug, "https://1.1.1.1/mcp"))
            .unwrap();
    }
    let more = http("more", "https://1.1.1.1/mcp");
    refused(&home, &scope, &more, Fault::Refused);
    let listed = home.admin.list_servers(&scope).unwrap();
    let order: Vec<String> = (0..50).map(|number| format!("s{number}")).collect();
    let found: Vec<&str> = listed.iter().map(|server| server.server.as_str()).collect();
    assert_eq!(found, order);
}

#[test]
fn p9_6_a_server_without_prefix_is_alone() {
    let (home, scope) = Home::with_team();
    let bare = |slug: &str| NewServer {
        prefix: Prefix::None,
        ..http(slug, "https://1.1.1.1/mcp")
    };
    home.admin.add_server(&scope, &bare("bare")).unwrap();
    let prefixed = http("github", "https://1.1.1.1/mcp");
    let hint = refused(&home, &scope, &prefixed, Fault::Refused);
    assert!(hint.contains("mcp disable github"), "{hint}");
    home.admin.switch_server(&scope, "bare", false).unwrap();
    home.admin.add_server(&scope, &prefixed).unwrap();
    let error = home.admin.switch_server(&scope, "bare", true).unwrap_err();
    assert_eq!(error.fault(), Fault::Refused);
    refused(&home, &scope, &bare("second"), Fault::Refused);
    home.admin.remove_server(&scope, "github").unwrap();
    home.admin.switch_server(&scope, "bare", true).unwrap();
    home.save_tools(&scope, "bare", &[("search", READ)]);
    let tools = home.admin.list_tools(&scope, None).unwrap();
    assert_eq!(tools[0].exposed.as_deref(), Some("search"));
}

#[test]
fn tools_are_listed_with_what_they_do_and_who_says_so() {
    let (home, scope) = Home::with_team();
    for slug in ["b-first", "a-second"] {
        home.admin
            .add_server(&scope, &http(slug, "https://1.1.1.1/mcp"))
            .unwrap();
        home.save_tools(&scope, slug, &[("search", READ), ("create", "{}")]);
    }
    let tools = home.admin.list_tools(&scope, None).unwrap();
    let names: Vec<&str> = tools
        .iter()
        .filter_map(|tool| tool.exposed.as_deref())
        .collect();
    // P9.7: the order of links, then the server's own; never alphabetical.
    assert_eq!(
        names,
        [
            "b-first__search",
            "b-first__create",
            "a-second__search",
            "a-second__create"
        ]
    );
    assert_eq!(tools[0].classification, Classification::ReadOnly);
    // S-54: absent hints mean the worst.
    assert_eq!(tools[1].classification, Classification::Destructive);
    assert_eq!(tools[0].classified_by, ClassifiedBy::Server);
    assert_eq!(tools[1].classified_by, ClassifiedBy::Nobody);
    assert_eq!(tools[1].description.as_deref(), Some("Does create"));

    home.admin
        .classify_tool(&scope, "b-first", "create", Classification::Write)
        .unwrap();
    home.admin
        .switch_tool(&scope, "b-first", "search", false)
        .unwrap();
    let tools = home.admin.list_tools(&scope, Some("b-first")).unwrap();
    assert_eq!(tools.len(), 2);
    assert!(!tools[0].enabled);
    assert_eq!(tools[1].classification, Classification::Write);
    assert_eq!(tools[1].classified_by, ClassifiedBy::Admin);

    // What was said outlives the next listing of the server.
    home.save_tools(&scope, "b-first", &[("create", "{}"), ("search", READ)]);
    let tools = home.admin.list_tools(&scope, Some("b-first")).unwrap();
    assert_eq!(tools[0].classification, Classification::Write);
    assert!(!tools[1].enabled);
}

#[test]
fn unknown_servers_and_tools_are_not_found() {
    let (home, scope) = Home::with_team();
    home.admin
        .add_server(&scope, &http("github", "https://1.1.1.1/mcp"))
        .unwrap();
    let errors = [
        home.admin.remove_server(&scope, "nope").unwrap_err(),
        home.admin
            .switch_server(&scope, "no slug", true)
            .unwrap_err(),
        home.admin.list_tools(&scope, Some("nope")).unwrap_err(),
        home.admin
            .switch_tool(&scope, "github", "nope", true)
            .unwrap_err(),
        home.admin
            .classify_tool(&scope, "github", "nope", Classification::Write)
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.fault(), Fault::NotFound, "{error}");
        assert!(error.hint().is_some(), "{error}");
    }
}

#[test]
fn s26_headers_are_checked_before_anything_is_saved() {
    let (home, scope) = Home::with_team();
    let with = |header: &str| {
        server(
            "search",
            NewTransport::Http {
                url: "https://1.1.1.1/mcp".into(),
                http: HttpKind::Auto,
                bearer: None,
                headers: vec![header.into()],
                allow_metadata: false,
            },
        )
    };
    for header in [
        "X-Key: literal",
        "Host: {A}",
        "X-Key {A}",
        "X-Key: {a}\r\nX: {B}",
    ] {
        let hint = refused(&home, &scope, &with(header), Fault::Invalid);
        assert!(!hint.is_empty(), "{header}");
    }
    assert!(home.admin.list_servers(&scope).unwrap().is_empty());
    home.admin
        .add_server(&scope, &with("X-Key: {SEARCH_KEY}"))
        .unwrap();
}
