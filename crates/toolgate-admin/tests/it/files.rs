//! A workspace as a file: what is written out is what is put into force, and nothing is contacted (S-03).

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use proptest::prelude::*;
use toolgate_admin::{
    AdminError, Baseline, Changes, ChildSettings, Classification, ClassifiedBy, EraSetting, Fault,
    Isolation, NewServer, NewToken, NewTransport, Prefix, ProxyFile, ReadOnlyMay, Role, Secret,
    SecretOwner, Trust, WorkspaceFile, WorkspaceScope, WorkspaceSettings,
};
use toolgate_store::control::{ControlReply, ControlRequest};
use toolgate_store::{OfferedTool, Ruling};

use crate::home::{FakeGateway, Home, actor, bearer, http};

fn text(home: &Home, scope: &WorkspaceScope) -> String {
    home.admin.export_workspace(scope).unwrap().text().unwrap()
}

#[track_caller]
fn put(home: &Home, text: &str, prune: bool) -> toolgate_admin::FileApplied {
    let file = WorkspaceFile::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let plan = home.admin.plan_file(&file, None, prune).unwrap();
    home.admin.apply_file(plan).unwrap()
}

/// A workspace with something of everything.
fn full() -> (Home, WorkspaceScope) {
    let (home, scope) = Home::with_team();
    let settings = WorkspaceSettings {
        read_only: Some(ReadOnlyMay::All),
        strict_records: Some(true),
        ..WorkspaceSettings::default()
    };
    home.admin.update_workspace(&scope, settings).unwrap();
    home.admin
        .add_server(&scope, &bearer("github", "GITHUB_TOKEN"))
        .unwrap();
    home.save_tools(&scope, "github", &[("search", "{}"), ("delete", "{}")]);
    home.admin
        .switch_tool(&scope, "github", "delete", false)
        .unwrap();
    home.admin
        .classify_tool(&scope, "github", "search", Classification::ReadOnly)
        .unwrap();
    home.admin
        .add_server(&scope, &http("notes", "http://127.0.0.1:9000/mcp"))
        .unwrap();
    home.admin.switch_server(&scope, "notes", false).unwrap();
    let files = NewServer {
        slug: "files".into(),
        transport: NewTransport::Stdio {
            argv: vec!["sh".into(), "-c".into(), "{X} \"'#".into()],
            env: vec!["API_KEY".into()],
            child: ChildSettings {
                wrapper: vec!["env".into(), "A=b c".into()],
                max_memory_bytes: None,
                max_files: Some(99),
                ..ChildSettings::default()
            },
        },
        prefix: Prefix::Slug,
        era: EraSetting::Legacy,
        isolation: Isolation::Principal,
        timeout: Some(Duration::from_secs(10)),
        trust: Trust {
            changes: Changes::Hold,
            baseline: Baseline::Review,
        },
    };
    home.admin.add_server(&scope, &files).unwrap();
    let value = Secret::new("value-of-a-secret".to_owned());
    let owner = SecretOwner::Server("github");
    home.admin
        .set_secret(&scope, owner, "GITHUB_TOKEN", &value)
        .unwrap();
    for (name, limit) in [("bob", "off"), ("alice", "7"), ("alice", "8")] {
        let new = NewToken {
            role: Role::ReadOnly,
            expires_in: Some(Duration::from_hours(24)),
            tools: vec!["github__*".into(), "!github__delete".into()],
            rate_limit: Some(limit.into()),
            ..NewToken::named(name)
        };
        home.admin.create_token(&scope, &new).unwrap();
    }
    (home, scope)
}

#[test]
fn tokens_of_one_name_stand_in_the_file_by_what_they_say() {
    let token = |role: &str| format!("[[tokens]]\nname = \"bot\"\nrole = \"{role}\"\n");
    let (one, two) = (Home::new(), Home::new());
    for (home, roles) in [
        (&one, ["admin", "read-only", "developer"]),
        (&two, ["developer", "admin", "read-only"]),
    ] {
        let mut file = "version = 1\nslug = \"team\"\nname = \"Team\"\n".to_owned();
        file.extend(roles.map(token));
        put(home, &file, false);
    }
    let written = |home: &Home| text(home, &home.admin.scope("team").unwrap());
    assert_eq!(written(&one), written(&two));
}

#[test]
fn what_is_written_out_makes_an_equal_workspace_and_then_changes_nothing() {
    let (home, scope) = full();
    let first = text(&home, &scope);
    assert_eq!(
        first,
        text(&home, &scope),
        "two exports of one state are equal"
    );
    assert!(
        !first.contains("value-of-a-secret") && !first.contains("mwt_"),
        "{first}"
    );

    let other = Home::new();
    let applied = put(&other, &first, false);
    assert_eq!(applied.tokens.len(), 4);
    let made = other.admin.scope("team").unwrap();
    assert_eq!(text(&other, &made), first);
    let missing = [
        "toolgatectl secrets set github GITHUB_TOKEN --workspace team",
        "toolgatectl secrets set files API_KEY --workspace team",
    ];
    assert_eq!(applied.plan.next, missing);

    let before = other.store().audit_head().unwrap().sequence;
    let again = put(&other, &first, true);
    assert!(!again.applied && again.plan.changes.is_empty(), "{again:?}");
    assert_eq!(other.store().audit_head().unwrap().sequence, before);
}

#[test]
fn differences_are_shown_with_what_was_and_what_becomes() {
    let (home, scope) = full();
    let before = text(&home, &scope);
    let after = before
        .replace("timeout_ms = 10000\n", "")
        .replace("read_only = \"all\"", "read_only = \"annotated\"")
        .replace("name = \"team\"", "name = \"The team\"")
        .replace("delete = { enabled = false }", "")
        .replace("[servers.tools.delete]\nenabled = false\n", "");
    let file = WorkspaceFile::parse(&after).unwrap();
    let plan = home.admin.plan_file(&file, None, false).unwrap();
    let shown: BTreeSet<String> = plan
        .shown
        .changes
        .iter()
        .flat_map(|change| {
            change.fields.iter().map(move |field| {
                let (old, new) = (field.old.as_deref(), field.new.as_deref());
                format!(
                    "{} {} {}: {old:?} {new:?}",
                    change.change, change.name, field.field
                )
            })
        })
        .collect();
    let expected = [
        r#"changed files timeout_ms: Some("10000") None"#,
        r#"changed team called: Some("\"team\"") Some("\"The team\"")"#,
        r#"changed team read_only: Some("\"all\"") Some("\"annotated\"")"#,
    ];
    assert_eq!(shown, expected.map(str::to_owned).into());
    assert_eq!(
        plan.shown.kept,
        ["what was settled about tool github/delete"]
    );
    let sequence = home.store().audit_head().unwrap().sequence;
    assert_eq!(text(&home, &scope), before, "planning changes nothing");
    assert_eq!(home.store().audit_head().unwrap().sequence, sequence);

    put(&home, &after, true);
    assert_eq!(text(&home, &scope), after.replace("\n\n\n", "\n\n"));
}

#[test]
fn what_is_not_in_the_file_stays_unless_it_is_to_be_pruned() {
    let (home, scope) = full();
    let bare = "version = 1\nslug = \"team\"\nname = \"team\"\nread_only = \"all\"\nstrict_records = true\n";
    let applied = put(&home, bare, false);
    assert!(!applied.applied);
    assert_eq!(applied.plan.kept.len(), 3 + 4);
    let applied = put(&home, bare, true);
    assert!(
        applied
            .plan
            .changes
            .iter()
            .all(|change| change.change == "removed")
    );
    assert_eq!(applied.plan.changes.len(), 3 + 4);
    assert!(home.admin.list_servers(&scope).unwrap().is_empty());
    let tokens = home.admin.list_tokens(&scope).unwrap();
    assert!(tokens.iter().all(|token| token.status == "revoked"));
}

#[test]
fn s03_neither_planning_nor_applying_contacts_anything() {
    let (home, scope) = full();
    let written = text(&home, &scope);
    let other = Home::new();
    // A key first: a gateway runs where there is one.
    other.admin.create_workspace("first", "").unwrap();
    let gateway = FakeGateway::start(&other.dir(), |request| match request {
        ControlRequest::Ping => ControlReply::Pong {
            url: "http://127.0.0.1:1".to_owned(),
        },
        _ => ControlReply::Done { generation: 1 },
    });
    put(&other, &written, true);
    let made = other.admin.scope("team").unwrap();
    let new = http("more", "https://does-not-exist.invalid/mcp");
    other.admin.save_server(&made, &new).unwrap();
    let value = Secret::new("value-of-a-secret".to_owned());
    for (server, name) in [("github", "GITHUB_TOKEN"), ("files", "API_KEY")] {
        let owner = SecretOwner::Server(server);
        let set = other.admin.keep_secret(&made, owner, name, &value).unwrap();
        assert_eq!(set.probe, None);
    }
    for request in gateway.asked() {
        let harmless = matches!(request, ControlRequest::Changed | ControlRequest::Ping);
        assert!(harmless, "{request:?}");
    }
}

#[test]
fn s54_what_is_settled_about_a_tool_holds_from_its_first_list_on() {
    let (home, scope) = full();
    let other = Home::new();
    put(&other, &text(&home, &scope), false);
    let made = other.admin.scope("team").unwrap();
    let store = other.store();
    let server = store.server(&made, &"github".try_into().unwrap()).unwrap();
    let offered: Vec<OfferedTool> = ["search", "delete", "new"]
        .iter()
        .map(|name| OfferedTool {
            name: (*name).to_owned(),
            definition: format!(r#"{{"name":"{name}","inputSchema":{{}}}}"#).into_bytes(),
            hash: [9; 32],
        })
        .collect();
    let rule = |listed: toolgate_store::Listed<'_>| {
        assert!(
            listed.known.is_none() && listed.is_first,
            "nothing was pinned yet"
        );
        Ruling::Accept
    };
    store
        .observe_tools(&made, &actor(), &server.id, &offered, rule)
        .unwrap();
    let tools = other.admin.list_tools(&made, Some("github")).unwrap();
    let state: Vec<_> = tools
        .iter()
        .map(|tool| {
            (
                tool.tool.as_str(),
                tool.enabled,
                tool.classified_by,
                tool.state,
            )
        })
        .collect();
    assert_eq!(
        state,
        [
            ("search", true, ClassifiedBy::Admin, "approved"),
            ("delete", false, ClassifiedBy::Nobody, "approved"),
            ("new", true, ClassifiedBy::Nobody, "approved"),
        ]
    );
    assert_eq!(text(&other, &made), text(&home, &scope));
}

#[test]
fn the_order_of_the_file_is_the_order_of_the_servers() {
    let home = Home::new();
    let server =
        |name| format!("[[servers]]\nname = \"{name}\"\nurl = \"https://1.1.1.1/{name}\"\n");
    let head = "version = 1\nslug = \"team\"\nname = \"team\"\n".to_owned();
    put(&home, &(head.clone() + &server("a") + &server("b")), false);
    put(
        &home,
        &(head + &server("c") + &server("b") + &server("a")),
        false,
    );
    let scope = home.admin.scope("team").unwrap();
    let servers = home.admin.list_servers(&scope).unwrap();
    let names: Vec<&str> = servers
        .iter()
        .map(|server| server.server.as_str())
        .collect();
    assert_eq!(names, ["c", "b", "a"]);
}

#[test]
fn a_token_is_changed_where_it_can_be_and_the_rest_is_said() {
    let (home, scope) = full();
    let before = text(&home, &scope);
    let after = before.replace("rate_limit = \"off\"", "rate_limit = 5");
    let applied = put(&home, &after, true);
    assert!(!applied.applied);
    assert!(
        applied.plan.next[1].contains("token revoke team tok_"),
        "{:?}",
        applied.plan.next
    );
    let (others, bob) = before.split_once("name = \"bob\"").unwrap();
    let bob = bob.replacen("role = \"read-only\"", "role = \"developer\"", 1);
    let role = format!("{others}name = \"bob\"{bob}");
    let applied = put(&home, &role, true);
    assert_eq!(applied.plan.changes.len(), 1);
    assert!(applied.tokens.is_empty(), "it is changed, not made anew");
    assert_eq!(text(&home, &scope), role);
}

#[track_caller]
fn refused(text: &str, part: &str) {
    let home = Home::new();
    let text = format!("version = 1\nslug = \"team\"\nname = \"team\"\n{text}");
    let error = match WorkspaceFile::parse(&text) {
        Err(error) => AdminError::from(error),
        Ok(file) => home.admin.plan_file(&file, None, false).unwrap_err(),
    };
    let mut said = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    assert!(said.contains(part), "{said}");
    assert_eq!(error.fault(), Fault::Invalid, "{said}");
    assert!(home.admin.list_workspaces().unwrap().is_empty());
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_done() {
    refused("nope = 1", "line 4: unknown field `nope`");
    refused("[[servers]]\nname = \"a\"", "server `a` of the file");
    let server =
        |rest: &str| format!("[[servers]]\nname = \"a\"\nurl = \"https://1.1.1.1/x\"\n{rest}");
    refused(&server("command = [\"sh\"]"), "either `url` or `command`");
    refused(
        &server("env = [\"A\"]"),
        "`env` is for servers with `command`",
    );
    refused(&server("headers = [\"X: plain\"]"), "names no secret");
    refused(
        &server("allow = \"10.0.0.1:80\""),
        "the server's own host and port are `1.1.1.1:443`",
    );
    refused(&(server("") + &server("")), "the server `a` is there twice");
    refused(
        "[[servers]]\nname = \"a\"\ncommand = [\"no-such-program-at-all\"]",
        "no program",
    );
    refused(
        "[[servers]]\nname = \"a\"\nurl = \"http://169.254.169.254/\"",
        "metadata address",
    );
    refused("[[tokens]]\nname = \"a\"\ntools = [\"!x\"]", "allow none");
    refused(
        "[[tokens]]\nname = \"a\"\nrate_limit = \"fast\"",
        "`fast` is not a rate limit",
    );
    refused(
        "[[tokens]]\nname = \"a\"\nexpires_at = \"soon\"",
        "`soon` is not a time",
    );
    let old = WorkspaceFile::parse("version = 2\nslug = \"a\"\nname = \"ab\"").unwrap_err();
    assert!(old.to_string().contains("reads version 1"));
}

#[test]
fn s65_a_name_that_is_private_is_allowed_by_a_word_of_the_file() {
    let home = Home::new();
    let text = "version = 1\nslug = \"team\"\nname = \"team\"\n[[servers]]\nname = \"a\"\nurl = \"https://inside.example/x\"\nallow = \"inside.example:443\"\n";
    put(&home, text, false);
    let scope = home.admin.scope("team").unwrap();
    let server = home.admin.list_servers(&scope).unwrap().remove(0);
    assert_eq!(server.allowed_origin.as_deref(), Some("inside.example:443"));
    assert!(
        home.admin
            .export_workspace(&scope)
            .unwrap()
            .text()
            .unwrap()
            .contains("allow = \"inside.example:443\"")
    );
}

#[test]
fn a_proxy_file_of_either_form_becomes_a_server() {
    let newer = r#"{"id": "@acme/Stripe_Pay", "name": "Stripe", "tier": "proxy", "status": "live",
        "proxy_url": "https://{SHOPIFY_DOMAIN}/mcp", "auth_type": "bearer", "tools": [{"name": "believed"}],
        "env_vars": [{"key": "SHOPIFY_DOMAIN", "required": true},
                     {"key": "STRIPE_KEY", "how_to_set": "Dashboard, Developers"}]}"#;
    let file = ProxyFile::parse(newer, None).unwrap();
    assert_eq!(file.server.slug, "stripe-pay");
    assert_eq!(
        file.how_to_set,
        [("STRIPE_KEY".to_owned(), "Dashboard, Developers".to_owned())]
    );
    let (home, scope) = Home::with_team();
    let saved = home.admin.save_server(&scope, &file.server).unwrap();
    assert_eq!(
        saved.server.missing_secrets,
        ["SHOPIFY_DOMAIN", "STRIPE_KEY"]
    );

    let older =
        r#"{"name": "linear", "proxy_url": "https://1.1.1.1/mcp", "env_vars": ["LINEAR_KEY"]}"#;
    let NewTransport::Http { bearer, .. } = ProxyFile::parse(older, Some("lin"))
        .unwrap()
        .server
        .transport
    else {
        panic!("it is reached by URL");
    };
    assert_eq!(bearer.as_deref(), Some("LINEAR_KEY"));
    for wrong in [
        r#"{"name": "a", "proxy_url": "https://1.1.1.1/", "auth_type": "apikey", "env_vars": ["A"]}"#,
        r#"{"name": "a", "proxy_url": "https://1.1.1.1/", "tier": "build"}"#,
        r#"{"name": "a", "proxy_url": "https://1.1.1.1/", "env_vars": []}"#,
        r#"{"proxy_url": "https://1.1.1.1/"}"#,
    ] {
        assert!(ProxyFile::parse(wrong, None).is_err(), "{wrong}");
    }
}

fn some_server() -> impl Strategy<Value = String> {
    let options = prop::collection::btree_set(
        prop::sample::select(vec![
            "bearer = \"TOKEN\"\n",
            "headers = [\"x-key: {A} and {B}\"]\n",
            "transport = \"sse\"\n",
            "era = \"modern\"\n",
            "isolation = \"session\"\n",
            "timeout_ms = 1500\n",
            "changes = \"accept\"\n",
            "review = true\n",
            "enabled = false\n",
        ]),
        0..5,
    );
    let tools = prop::collection::btree_map("[a-z_.\"']{1,8}", any::<bool>(), 0..3);
    (options, tools, "[a-z]{1,5}").prop_map(|(options, tools, path)| {
        let mut text = format!("url = \"https://1.1.1.1/{path}\"\n");
        text.extend(options);
        for (tool, enabled) in tools {
            let does = if enabled { "write" } else { "destructive" };
            let name = serde_json::to_string(&tool).unwrap();
            let _ = writeln!(
                text,
                "tools.{name} = {{ enabled = {enabled}, does = \"{does}\" }}"
            );
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Whatever a file says: what is written out after it was applied says the same of an empty installation.
    #[test]
    fn export_apply_export_is_equal(
        name in "[a-zA-Z\"\\\\ é]{2,20}",
        description in "[^\\p{C}]{0,30}",
        servers in prop::collection::btree_map("[a-z][a-z0-9]{0,8}", some_server(), 0..4),
        roles in prop::collection::vec(prop::sample::select(vec!["admin", "developer", "read-only"]), 0..4),
    ) {
        prop_assume!(name.trim().chars().count() >= 2);
        let quote = |text: &str| serde_json::to_string(text).unwrap();
        let mut file = format!(
            "version = 1\nslug = \"team\"\nname = {}\ndescription = {}\n", quote(&name), quote(&description)
        );
        for (slug, server) in servers {
            let _ = write!(file, "[[servers]]\nname = \"{slug}\"\n{server}");
        }
        for role in roles {
            let _ = writeln!(file, "[[tokens]]\nname = \"t\"\nrole = \"{role}\"\nexpires_at = \"2199-01-01T00:00:00Z\"");
        }
        let (one, two) = (Home::new(), Home::new());
        put(&one, &file, true);
        let written = text(&one, &one.admin.scope("team").unwrap());
        put(&two, &written, true);
        prop_assert_eq!(&text(&two, &two.admin.scope("team").unwrap()), &written);
        prop_assert!(!put(&two, &written, true).applied);
        prop_assert!(!put(&two, &file, true).applied);
    }
}
