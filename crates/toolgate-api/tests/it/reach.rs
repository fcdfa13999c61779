//! What nobody sets over an API: commands, and addresses that are not public (design.md section 4, S-64, S-65).

use std::time::Duration;

use serde_json::{Value, json};
use toolgate_admin::{EraSetting, HttpKind, Isolation, NewServer, NewTransport, Prefix, Trust};

use crate::support::{Setup, code, of};

fn server(url: &str) -> Value {
    json!({ "server": "s", "url": url })
}

#[tokio::test]
async fn s64_private_addresses_are_refused_to_everybody() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    let path = of(&team.slug, "/servers");
    for url in [
        "http://127.0.0.1:9/mcp",
        "https://127.0.0.1/mcp",
        "https://10.0.0.8/mcp",
        "https://192.168.1.1/mcp",
        "https://[::1]/mcp",
        "https://[fd00::1]/mcp",
        "https://[::ffff:10.0.0.1]/mcp",
        "https://100.64.0.1/mcp",
        "https://0.0.0.0/mcp",
        "https://localhost/mcp",
        "https://2130706433/mcp",
        "http://1.1.1.1/mcp",
    ] {
        for credential in [&setup.key, &team.admin] {
            let reply = setup.by(credential).at(&path).post(&server(url)).await;
            assert_eq!(
                (reply.status, code(&reply).as_str()),
                (403, "forbidden"),
                "{url}: {}",
                reply.json()
            );
        }
    }
    for url in [
        "https://169.254.169.254/latest",
        "http://169.254.169.254/latest",
    ] {
        let reply = setup.send("POST", &path, &server(url)).await;
        assert!(
            [403, 422].contains(&reply.status),
            "{url}: {}",
            reply.json()
        );
    }
    let scope = setup.admin.scope(&team.slug).unwrap();
    assert!(setup.admin.list_servers(&scope).unwrap().is_empty());
}

#[tokio::test]
async fn s67_a_refusal_does_not_say_which_address_a_name_stands_for() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    let path = of(&team.slug, "/servers");
    let at = async |url: &str| {
        let reply = setup.by(&team.admin).at(&path).post(&server(url)).await;
        reply.json().to_string()
    };
    let named = at("https://localhost/mcp").await;
    assert!(
        !named.contains("127.0.0.1") && !named.contains("::1"),
        "{named}"
    );
    let plain = at("http://localhost/mcp").await;
    assert_eq!(named.replace(":443", ""), plain.replace(":80", ""));
}

/// What the operator allowed on the host is allowed in that workspace, for exactly that host and port.
#[tokio::test]
async fn s65_what_was_allowed_on_the_host_may_be_used() {
    let setup = Setup::new().await;
    let (team, other) = (setup.team("Team"), setup.team("Other"));
    let scope = setup.admin.scope(&team.slug).unwrap();
    let allowed = NewServer {
        slug: "first".into(),
        transport: NewTransport::Http {
            url: "http://127.0.0.1:9/mcp".into(),
            http: HttpKind::Auto,
            bearer: None,
            headers: Vec::new(),
            allow_metadata: false,
        },
        prefix: Prefix::Slug,
        era: EraSetting::Auto,
        isolation: Isolation::Auto,
        timeout: Some(Duration::from_secs(5)),
        trust: Trust::default(),
    };
    setup.admin.add_server(&scope, &allowed).unwrap();
    let path = of(&team.slug, "/servers");
    let same = server("http://127.0.0.1:9/other");
    assert_eq!(
        setup.by(&team.admin).at(&path).post(&same).await.status,
        201
    );
    let port = json!({ "server": "t", "url": "http://127.0.0.1:10/mcp" });
    assert_eq!(
        setup.by(&team.admin).at(&path).post(&port).await.status,
        403
    );
    let elsewhere = of(&other.slug, "/servers");
    assert_eq!(
        setup
            .by(&other.admin)
            .at(&elsewhere)
            .post(&same)
            .await
            .status,
        403
    );
}

/// There is no member that could name a program.
#[tokio::test]
async fn s71_no_command_over_the_api() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    let path = of(&team.slug, "/servers");
    for body in [
        json!({ "server": "s", "command": ["sh"] }),
        json!({ "server": "s", "url": "https://mcp.example.com", "argv": ["sh"] }),
        json!({ "server": "s", "transport": "stdio", "command": "sh" }),
        json!({ "server": "s", "url": "stdio:sh" }),
        json!({ "server": "s", "url": "file:///bin/sh" }),
    ] {
        let reply = setup.send("POST", &path, &body).await;
        assert!(
            [400, 422].contains(&reply.status),
            "{body}: {}",
            reply.json()
        );
    }
    let document = setup.get("/openapi.json").await;
    let wanted = &document["components"]["schemas"]["ServerWanted"]["properties"];
    assert_eq!(wanted.get("command").or(wanted.get("argv")), None);
}

/// The same in the crate below, whoever uses it: an admin that acts for somebody has no host.
#[tokio::test]
async fn acting_for_somebody_takes_no_host() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    let scope = setup.admin.scope(&team.slug).unwrap();
    let acting = setup.admin.acting_as(toolgate_admin::operator());
    let command = NewServer {
        slug: "sh".into(),
        transport: NewTransport::Stdio {
            argv: vec!["/bin/sh".into()],
            env: Vec::new(),
            child: toolgate_admin::ChildSettings::default(),
        },
        prefix: Prefix::Slug,
        era: EraSetting::Auto,
        isolation: Isolation::Auto,
        timeout: None,
        trust: Trust::default(),
    };
    let error = acting.add_server(&scope, &command).unwrap_err();
    assert!(matches!(error, toolgate_admin::AdminError::CommandOverApi));
}
