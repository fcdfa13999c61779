//! What is asked of a running gateway, and when.

use toolgate_admin::{
    ChildSettings, Classification, Fault, GatewayState, NewToken, NewTransport, Probe, ProbedTool,
    Secret, SecretOwner,
};
use toolgate_store::control::{ControlReply, ControlRequest, HeldServer, LoggedLine};

use crate::home::{FakeGateway, Home, bearer, http, server};

fn answer(request: &ControlRequest) -> ControlReply {
    match request {
        ControlRequest::Changed => ControlReply::Done { generation: 1 },
        ControlRequest::Reseal => ControlReply::Resealed {
            secrets: 0,
            keys: 0,
        },
        ControlRequest::Ping => ControlReply::Pong {
            url: "http://127.0.0.1:9999".into(),
        },
        ControlRequest::TrySecrets { .. } => ControlReply::Tried {
            opened: 0,
            failed: vec!["team".into()],
        },
        ControlRequest::Probe { server, .. } if server.as_str() == "broken" => {
            ControlReply::Failed {
                error: "connecting: refused".into(),
                hint: Some("start it".into()),
            }
        }
        ControlRequest::Probe { server, .. } => ControlReply::Probed {
            revision: "2025-11-25".into(),
            server_info: serde_json::json!({ "name": "fake" }),
            tools: vec![ProbedTool {
                name: "search".into(),
                exposed: format!("{server}__search"),
                classification: Classification::ReadOnly,
                held: false,
                description: Some("Searches".into()),
            }],
        },
        ControlRequest::Alerts | ControlRequest::TestAlert { .. } | ControlRequest::Usage => {
            ControlReply::Alerts { alerts: Vec::new() }
        }
        ControlRequest::Logs { .. } => ControlReply::Logs {
            lines: ["first", "last"].map(logged).into(),
        },
        ControlRequest::Held { .. } => ControlReply::Held {
            servers: vec![HeldServer {
                server: "files".try_into().unwrap(),
                reason: "its process ended with code 3".into(),
                retry_after_ms: 41_500,
                often: true,
            }],
        },
        ControlRequest::Status => ControlReply::Failed {
            error: "not asked here".into(),
            hint: None,
        },
    }
}

fn logged(text: &str) -> LoggedLine {
    LoggedLine {
        at_ms: 0,
        text: text.into(),
    }
}

/// A workspace with a server that is a child process, `files`, and one that is not, `far`.
fn with_child() -> (Home, toolgate_admin::WorkspaceScope) {
    let (home, scope) = Home::with_team();
    let child = NewTransport::Stdio {
        argv: vec!["/bin/sh".into()],
        env: Vec::new(),
        child: ChildSettings::default(),
    };
    home.admin
        .add_server(&scope, &server("files", child))
        .unwrap();
    let far = http("far", "https://1.1.1.1/mcp");
    home.admin.add_server(&scope, &far).unwrap();
    (home, scope)
}

#[test]
fn s75_the_output_of_a_child_comes_from_the_gateway() {
    let (home, scope) = with_child();
    let logs = |server, limit| home.admin.server_logs(&scope, server, limit);
    assert_eq!(logs("files", 9).unwrap_err().fault(), Fault::GatewayNeeded);
    let _gateway = FakeGateway::start(&home.dir(), answer);
    let texts = |limit| -> Vec<String> {
        let lines = logs("files", limit).unwrap();
        lines.into_iter().map(|line| line.text).collect()
    };
    assert_eq!(texts(9), ["first", "last"]);
    assert_eq!(texts(1), ["last"]);
    assert_eq!(logs("far", 9).unwrap_err().fault(), Fault::Invalid);
    assert_eq!(logs("nobody", 9).unwrap_err().fault(), Fault::NotFound);
}

#[test]
fn r19_a_held_server_is_listed_with_its_reason_and_found_by_doctor() {
    let (home, scope) = with_child();
    let held = |home: &Home| -> Vec<bool> {
        let servers = home.admin.list_servers(&scope).unwrap();
        servers.iter().map(|server| server.held.is_some()).collect()
    };
    assert_eq!(held(&home), [false, false], "nobody to ask");
    let _gateway = FakeGateway::start(&home.dir(), answer);
    assert_eq!(held(&home), [true, false]);
    let found = toolgate_admin::doctor(&home.dir()).unwrap();
    let told = |text: &str| found.iter().any(|finding| finding.message.contains(text));
    assert!(
        told("its process ended with code 3; its next start is in 42 s"),
        "{found:?}"
    );
}

#[test]
fn every_change_is_applied_before_the_function_returns() {
    let (home, scope) = Home::with_team();
    let gateway = FakeGateway::start(&home.dir(), answer);
    let made = home
        .admin
        .create_token(&scope, &NewToken::named("alice"))
        .unwrap();
    assert_eq!(made.gateway, GatewayState::Applied);
    assert_eq!(made.url, "http://127.0.0.1:9999/ws/team");
    let revoked = home.admin.revoke_token(&scope, &made.id).unwrap();
    assert_eq!(revoked.gateway, GatewayState::Applied);
    let changes = gateway.asked();
    let changes = changes
        .iter()
        .filter(|asked| **asked == ControlRequest::Changed);
    assert_eq!(changes.count(), 2);
}

#[test]
fn adding_a_server_shows_what_the_gateway_found_there() {
    let (home, scope) = Home::with_team();
    let _gateway = FakeGateway::start(&home.dir(), answer);
    let added = home
        .admin
        .add_server(&scope, &http("notes", "https://1.1.1.1/mcp"))
        .unwrap();
    let Probe::Ok {
        revision, tools, ..
    } = added.probe
    else {
        panic!("{:?}", added.probe)
    };
    assert_eq!(revision, "2025-11-25");
    assert_eq!(tools[0].exposed, "notes__search");
    assert_eq!(added.server.tools, 1);
}

#[test]
fn a_server_that_does_not_answer_is_added_all_the_same() {
    let (home, scope) = Home::with_team();
    let _gateway = FakeGateway::start(&home.dir(), answer);
    let added = home
        .admin
        .add_server(&scope, &http("broken", "https://1.1.1.1/mcp"))
        .unwrap();
    assert!(matches!(added.probe, Probe::Failed { .. }));
    assert_eq!(home.admin.list_servers(&scope).unwrap().len(), 1);
}

#[test]
fn a_server_is_contacted_when_its_last_secret_is_set_and_not_before() {
    let (home, scope) = Home::with_team();
    let gateway = FakeGateway::start(&home.dir(), answer);
    let probes = || {
        let asked = gateway.asked();
        let probes = asked
            .iter()
            .filter(|asked| matches!(asked, ControlRequest::Probe { .. }));
        probes.count()
    };
    let added = home
        .admin
        .add_server(&scope, &bearer("github", "TOKEN"))
        .unwrap();
    assert_eq!(added.probe, Probe::SecretsMissing);
    assert_eq!(probes(), 0);
    let value = Secret::new("fake-value-1".to_owned());
    let owner = SecretOwner::Server("github");
    let saved = home
        .admin
        .set_secret(&scope, owner, "TOKEN", &value)
        .unwrap();
    assert!(matches!(saved.probe, Some(Probe::Ok { .. })));
    assert_eq!(probes(), 1);
    // Its tools are known now: a new value is no reason to bother it.
    home.save_tools(&scope, "github", &[("search", "{}")]);
    let saved = home
        .admin
        .set_secret(&scope, owner, "TOKEN", &value)
        .unwrap();
    assert_eq!(saved.probe, None);
    assert_eq!(probes(), 1);
}

#[test]
fn testing_a_workspace_asks_every_enabled_server() {
    let (home, scope) = Home::with_team();
    for slug in ["notes", "broken", "off"] {
        home.admin
            .add_server(&scope, &http(slug, "https://1.1.1.1/mcp"))
            .unwrap();
    }
    home.admin.switch_server(&scope, "off", false).unwrap();
    let error = home.admin.test_workspace(&scope).unwrap_err();
    assert_eq!(error.fault(), Fault::GatewayNeeded);
    assert!(error.hint().unwrap().contains("toolgate --data-dir"));

    let _gateway = FakeGateway::start(&home.dir(), answer);
    let tested = home.admin.test_workspace(&scope).unwrap();
    assert!(!tested.ok);
    assert_eq!(tested.total, 1);
    assert_eq!(tested.tools[0].tool, "notes__search");
    assert_eq!(tested.servers.len(), 2);
    assert_eq!(tested.servers[1].hint.as_deref(), Some("start it"));
}

#[test]
fn a_gateway_that_answers_nonsense_is_said_and_the_change_stands() {
    let (home, scope) = Home::with_team();
    let _gateway = FakeGateway::start(&home.dir(), |_| ControlReply::Failed {
        error: "no".into(),
        hint: None,
    });
    let made = home
        .admin
        .create_token(&scope, &NewToken::named("alice"))
        .unwrap();
    assert_eq!(made.gateway, GatewayState::Unconfirmed);
    assert_eq!(home.admin.list_tokens(&scope).unwrap().len(), 2);
}
