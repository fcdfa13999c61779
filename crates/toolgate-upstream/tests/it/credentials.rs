//! Secrets on their way out, and what must not go with them.

use toolgate_namespace::{Injection, ServerSpec};
use toolgate_testkit::{Script, Server};
use toolgate_upstream::{Delivery, UpstreamErrorKind};

use crate::support::{Fixed, Rig, echo_of, http_spec, stdio_spec};

/// Obviously not a secret.
const FAKE: &str = "fake-secret-for-tests-only";
const FAKE_BEARER: &str = "Bearer fake-secret-for-tests-only";

fn bearer() -> Fixed {
    Fixed {
        headers: vec![("authorization", FAKE_BEARER)],
        ..Fixed::default()
    }
}

#[tokio::test]
async fn every_request_carries_the_injected_headers() {
    let server = Server::new()
        .require_header("authorization", FAKE_BEARER)
        .tool("t", "x")
        .start()
        .await;
    let rig = Rig::build(http_spec(server.url(), &server.origin()), bearer(), None);
    assert_eq!(rig.text("t").await, "x");
    rig.upstream.close().await;
    for request in server.requests() {
        assert_eq!(
            request.header("authorization"),
            Some(FAKE_BEARER),
            "{}",
            request.method
        );
    }
}

#[tokio::test]
async fn s27_upstreams_see_the_allowlist_and_nothing_else() {
    let server = Server::new()
        .tool("echo", Script::new().echo())
        .start()
        .await;
    let rig = Rig::build(http_spec(server.url(), &server.origin()), bearer(), None);
    let echo = echo_of(&rig.text("echo").await);
    let mut names: Vec<&str> = echo["headers"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    let expected = [
        "accept",
        "accept-encoding",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "mcp-protocol-version",
        "mcp-session-id",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_missing_secret_is_named_and_nothing_is_sent() {
    let server = Server::new().tool("t", "x").start().await;
    let missing = Fixed {
        missing: Some("GITHUB_TOKEN"),
        ..Fixed::default()
    };
    let rig = Rig::build(http_spec(server.url(), &server.origin()), missing, None);
    let error = rig.call("t").await.unwrap_err();
    assert_eq!(
        error.kind,
        UpstreamErrorKind::SecretMissing("GITHUB_TOKEN".to_owned())
    );
    assert_eq!(error.outcome, Delivery::NotSent);
    assert!(error.hint().unwrap().contains("GITHUB_TOKEN"));
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn a_secret_in_the_address_is_used_and_never_shown() {
    let server = Server::new()
        .tool("t", Script::new().html(500))
        .start()
        .await;
    let configured = format!("http://{}/{{KEY}}/mcp", server.origin());
    let mut spec = http_spec(&configured, &server.origin());
    spec.injections.push(Injection::Url {
        secret: "KEY".to_owned(),
    });
    let url = format!("http://{}/{FAKE}/mcp?k={FAKE}", server.origin());
    let rig = Rig::build(
        spec,
        Fixed {
            url: Some(url),
            ..Fixed::default()
        },
        None,
    );
    let error = rig.call("t").await.unwrap_err();
    assert_eq!(error.kind, UpstreamErrorKind::Refused(500));
    let path = format!("/{FAKE}/mcp?k={FAKE}");
    assert!(server.requests().iter().all(|request| request.path == path));
    assert_eq!(rig.verdict().unwrap().fingerprint, configured);
    let shown = format!("{error} {error:?} {:?} {:?}", error.hint(), rig.upstream);
    assert!(!shown.contains(FAKE), "{shown}");
}

#[tokio::test]
async fn s64_an_address_that_nobody_allowed_is_not_contacted() {
    let server = Server::new().tool("t", "x").start().await;
    let spec = http_spec(server.url(), &server.origin());
    let rig = Rig::with(ServerSpec {
        allowed_origin: None,
        ..spec
    });
    let error = rig.call("t").await.unwrap_err();
    assert_eq!(
        error.kind,
        UpstreamErrorKind::Unreachable("its address is not allowed")
    );
    assert_eq!(error.outcome, Delivery::NotSent);
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn s72_children_get_a_clean_environment_and_their_secrets() {
    let secrets = Fixed {
        env: vec![("API_KEY", FAKE)],
        ..Fixed::default()
    };
    let rig = Rig::build(stdio_spec(&[]), secrets, None);
    let env = echo_of(&rig.text("env").await);
    let env = env.as_object().unwrap();
    assert_eq!(env["API_KEY"], FAKE);
    let known = [
        "API_KEY", "PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ", "USER", "LOGNAME",
    ];
    for name in env.keys() {
        assert!(known.contains(&name.as_str()), "{name} was inherited");
    }
    rig.upstream.close().await;
}

#[tokio::test]
async fn s72_a_secret_cannot_steer_the_loader() {
    let secrets = Fixed {
        env: vec![("LD_PRELOAD", FAKE)],
        ..Fixed::default()
    };
    let error = Rig::build(stdio_spec(&[]), secrets, None)
        .call("env")
        .await
        .unwrap_err();
    assert!(
        matches!(error.kind, UpstreamErrorKind::Unreachable(_)),
        "{error}"
    );
    assert_eq!(error.outcome, Delivery::NotSent);
}
