//! Where the gateway listens, with whose certificate, and whom it believes (S-57, S-58, S-59, S-37).

#![expect(clippy::unwrap_used, reason = "a test's helpers fail like the test")]

use std::time::Duration;

use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{HeaderMap, Method};
use serde_json::json;
use toolgate_http::{Endpoint, OutRequest, SendError};
use toolgate_testkit::Client;
use toolgate_tests::Installation;

use crate::authority::Authority;
use crate::world::{World, soon};

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

async fn ping(endpoint: &Endpoint, token: &str) -> Result<u16, SendError> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, "application/json".parse().unwrap());
    headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    let request = OutRequest {
        method: Method::POST,
        path_and_query: None,
        headers,
        body: PING.into(),
    };
    let response = soon("an answer", endpoint.send(request)).await?;
    let status = response.status().as_u16();
    soon("its body", response.into_body().collect())
        .await
        .expect("a whole body");
    Ok(status)
}

fn text(path: &std::path::Path) -> &str {
    path.to_str().expect("a plain path")
}

/// CVE-2026-23744: a gateway that listened on every interface without being asked. S-57 `bind_rules`.
#[test]
fn cve_2026_23744_bind_rules() {
    let installation = Installation::new();
    let refused = |flags: &[&str], code: i32, words: &[&str]| {
        let mut process = installation.launch(flags);
        assert_eq!(process.wait().code(), Some(code), "{flags:?}");
        for word in words {
            toolgate_tests::eventually(&format!("{flags:?} tells of {word}"), || {
                process.stderr().contains(word).then_some(())
            });
        }
    };
    for address in ["0.0.0.0:0", "192.0.2.1:8420"] {
        let words = ["loopback", "--tls-cert", "--tls-key", "--behind-proxy"];
        refused(&["--listen", address], 1, &words);
    }
    refused(&["--tls-cert", "c.pem"], 2, &["--tls-key"]);
    refused(&["--behind-proxy", "0.0.0.0/0"], 2, &["everybody"]);
    let missing = ["--tls-cert", "/nowhere.pem", "--tls-key", "/nowhere.pem"];
    refused(&missing, 1, &["/nowhere.pem"]);
    // A guest is whoever is on this machine, so nobody may come from elsewhere.
    let guests = ["--anonymous", "default", "--behind-proxy", "10.0.0.2"];
    refused(&guests, 1, &["without tokens"]);
    // The default is loopback, and the two ways open the others.
    let gateway = installation.start();
    assert!(
        gateway.url.starts_with("http://127.0.0.1:"),
        "{}",
        gateway.url
    );
    let flags = ["--listen", "0.0.0.0:0", "--behind-proxy", "10.1.0.0/16"];
    let behind = installation.start_with(&flags);
    assert!(behind.url.starts_with("http://0.0.0.0:"), "{}", behind.url);
}

#[tokio::test(flavor = "multi_thread")]
async fn s59_tls_with_a_certificate_that_is_renewed_while_connections_go_on() {
    let installation = Installation::new();
    installation.workspace("team");
    let token = installation.unlimited("team").token;
    let (first, second, third) = (Authority::new(), Authority::new(), Authority::new());
    let (certificate, key) = first.issue(&installation);
    let flags = [
        "--listen",
        "0.0.0.0:0",
        "--tls-cert",
        text(&certificate),
        "--tls-key",
        text(&key),
    ];
    let mut gateway = installation.start_with(&flags);
    assert!(
        gateway.url.starts_with("https://0.0.0.0:"),
        "{}",
        gateway.url
    );
    gateway.url = gateway.url.replace("0.0.0.0", "127.0.0.1");
    let kept = first.endpoint(&gateway.workspace("team"));
    assert_eq!(ping(&kept, &token).await.unwrap(), 200);
    assert!(
        ping(&second.endpoint(&gateway.workspace("team")), &token)
            .await
            .is_err()
    );

    // Files that can't be used change nothing, and the change is seen without being told.
    std::fs::write(&key, "not a key").unwrap();
    toolgate_tests::eventually("the log tells of the bad key", || {
        gateway
            .process
            .stderr()
            .contains("old one stays in force")
            .then_some(())
    });
    assert_eq!(
        ping(&first.endpoint(&gateway.workspace("team")), &token)
            .await
            .unwrap(),
        200
    );
    second.issue(&installation);
    soon("the new certificate is served", async {
        while ping(&second.endpoint(&gateway.workspace("team")), &token)
            .await
            .is_err()
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;

    third.issue(&installation);
    gateway.process.signal("HUP");
    soon("SIGHUP is heard", async {
        while ping(&third.endpoint(&gateway.workspace("team")), &token)
            .await
            .is_err()
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(
        ping(&kept, &token).await.unwrap(),
        200,
        "the old connection goes on"
    );
    assert!(gateway.stop().success());
}

/// TLS on the port means TLS only.
#[tokio::test(flavor = "multi_thread")]
async fn s57_plain_text_on_the_tls_port_gets_nothing() {
    let installation = Installation::new();
    let (certificate, key) = Authority::new().issue(&installation);
    let gateway =
        installation.start_with(&["--tls-cert", text(&certificate), "--tls-key", text(&key)]);
    let address = gateway.url.trim_start_matches("https://");
    let ask = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let answer = soon("the end", raw(address, ask)).await;
    assert!(!answer.starts_with("HTTP"), "{answer}");
}

/// A failed authentication on behalf of `source`, if the proxy may say so.
async fn guess(url: &str, token: &str, source: Option<&str>) -> toolgate_testkit::Reply {
    let mut client = Client::new(url).bearer(token);
    if let Some(source) = source {
        client = client.header("x-forwarded-for", source);
    }
    client
        .post(&json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn s37_guessing_is_bounded_and_valid_tokens_pass() {
    let world = World::new(&[]);
    let (url, valid) = (world.url(), world.token.token.clone());
    let wrong = format!("mwt_{}", "A".repeat(49));
    // Whoever is no named proxy counts as itself, whatever it claims.
    for number in 0..20 {
        let claimed = format!("192.0.2.{number}");
        assert_eq!(
            guess(&url, &wrong, Some(&claimed)).await.status,
            401,
            "{number}"
        );
    }
    let refused = guess(&url, &wrong, Some("198.51.100.1")).await;
    assert_eq!(refused.status, 429);
    let wait: u64 = refused.headers["retry-after"].parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(
        String::from_utf8_lossy(&refused.body).contains("20 a minute"),
        "the limit is named"
    );
    // Every cause is refused alike, and neither token nor address is locked.
    assert_eq!(guess(&url, "nonsense", None).await.status, 429);
    let nowhere = world.gateway.workspace("nowhere");
    assert_eq!(guess(&nowhere, &valid, None).await.status, 429);
    for _ in 0..50 {
        assert_eq!(guess(&url, &valid, None).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s57_a_named_proxy_says_whose_failure_it_is() {
    let installation = Installation::new();
    installation.workspace("team");
    let valid = installation.unlimited("team").token;
    let gateway = installation.start_with(&["--behind-proxy", "127.0.0.1"]);
    let (url, wrong) = (gateway.workspace("team"), format!("mwt_{}", "A".repeat(49)));
    let guesser = "203.0.113.5, 192.0.2.1";
    for _ in 0..20 {
        assert_eq!(guess(&url, &wrong, Some(guesser)).await.status, 401);
    }
    assert_eq!(guess(&url, &wrong, Some(guesser)).await.status, 429);
    // Only the last hop counts: what the guesser puts in front changes nothing.
    assert_eq!(
        guess(&url, &wrong, Some("8.8.8.8, 192.0.2.1")).await.status,
        429
    );
    assert_eq!(guess(&url, &wrong, Some("192.0.2.2")).await.status, 401);
    assert_eq!(guess(&url, &wrong, None).await.status, 401);
    assert_eq!(guess(&url, &valid, Some(guesser)).await.status, 200);
    // One IPv6 customer is one source.
    for number in 0..20 {
        let source = format!("2001:db8::{number:x}");
        assert_eq!(guess(&url, &wrong, Some(&source)).await.status, 401);
    }
    assert_eq!(
        guess(&url, &wrong, Some("2001:db8::ffff")).await.status,
        429
    );
    assert_eq!(
        guess(&url, &wrong, Some("2001:db8:0:1::1")).await.status,
        401
    );
}

/// S-66: the environment's proxies are nobody's business.
#[tokio::test(flavor = "multi_thread")]
async fn s66_proxies_of_the_environment_are_not_used() {
    let server = toolgate_testkit::Server::new()
        .tool("t", "direct")
        .start()
        .await;
    let trap = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", trap.local_addr().unwrap());
    let installation = Installation::new();
    installation.workspace("team");
    crate::world::add(&installation, "s", &server, &[]);
    let token = installation.unlimited("team").token;
    let names = [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ];
    let set: Vec<_> = names.iter().map(|name| format!("{name}={proxy}")).collect();
    let mut wrapper = vec!["env"];
    wrapper.extend(set.iter().map(String::as_str));
    let gateway = installation.start_under(&wrapper, &[]);
    let mut client = Client::new(&gateway.workspace("team")).bearer(&token);
    let params = json!({ "name": "s__t", "arguments": {} });
    let reply = client.modern("tools/call", params).await;
    assert_eq!(reply.text(), "direct");
    trap.set_nonblocking(true).unwrap();
    assert!(trap.accept().is_err(), "nobody asked the proxy");
}

/// CVE-2025-66414 and -66416 (SDKs with no check by default), CVE-2025-64443, CVE-2026-34742, CVE-2026-42559: a page that
/// rebinds its name to loopback is refused by a gateway nobody configured (S-58).
#[tokio::test(flavor = "multi_thread")]
async fn cve_2025_66414_dns_rebinding_is_refused_by_default() {
    let world = World::new(&[]);
    let own = world.gateway.url.trim_start_matches("http://").to_owned();
    let ask = async |host: &str, origin: Option<&str>| {
        let origin = origin.map_or_else(String::new, |origin| format!("Origin: {origin}\r\n"));
        let token = &world.token.token;
        let request = format!(
            "POST /ws/team HTTP/1.1\r\nHost: {host}\r\n{origin}Authorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{PING}",
            PING.len()
        );
        let answer = soon("an answer", raw(&own, request.as_bytes())).await;
        answer[9..12].to_owned()
    };
    for host in [
        "evil.example",
        "evil.example:8420",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "0.0.0.0",
        "",
    ] {
        assert_eq!(ask(host, None).await, "403", "{host}");
    }
    for origin in [
        "http://evil.example",
        "https://evil.example:8420",
        "null",
        "http://localhost.evil.example",
    ] {
        assert_eq!(ask("localhost", Some(origin)).await, "403", "{origin}");
    }
    for host in ["localhost", "localhost:8420", "127.0.0.1", "[::1]", &own] {
        assert_eq!(ask(host, None).await, "200", "{host}");
    }
    assert_eq!(ask(&own, Some("http://localhost:3000")).await, "200");
}

/// Sends these bytes and reads what comes until the connection ends.
async fn raw(address: &str, bytes: &[u8]) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A reset is as good an end as any.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
