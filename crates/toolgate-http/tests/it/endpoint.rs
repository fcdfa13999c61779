//! What goes out, to whom, and over which connection.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use proptest::prelude::*;
use tokio::io::AsyncReadExt;
use toolgate_http::egress::{
    AddressClass, Resolver, SendErrorKind, is_forbidden_header, secret_header_value,
};
use toolgate_http::{Egress, EgressConfig, EgressError, Endpoint, OutRequest, Sent};
use url::Url;

use crate::support::{PATIENCE, RawServer, endpoint, endpoint_with, exchange, ok, post, soon};

#[tokio::test]
async fn the_request_is_what_the_caller_said_and_no_more() {
    let server = RawServer::start(|_, mut connection| async move {
        while let Some(request) = connection.request().await {
            connection.send(ok(&request)).await;
        }
    })
    .await;
    let endpoint = endpoint(server.address);
    let mut request = post("{}");
    request
        .headers
        .insert("content-type", HeaderValue::from_static("application/json"));
    let (_, seen) = exchange(&endpoint, request).await;
    let expected = format!(
        "POST /mcp?a=1 HTTP/1.1\r\ncontent-type: application/json\r\nhost: {}\r\n\
         accept-encoding: identity\r\ncontent-length: 2\r\n\r\n{{}}",
        server.address
    );
    assert_eq!(seen, expected);

    let request = OutRequest {
        path_and_query: Some("/other?b=2".to_owned()),
        ..post("")
    };
    let (_, seen) = exchange(&endpoint, request).await;
    assert!(seen.starts_with("POST /other?b=2 HTTP/1.1\r\n"), "{seen}");
    assert!(seen.contains("content-length: 0\r\n"), "{seen}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn connections_are_kept_and_the_last_used_is_taken_first() {
    let server = RawServer::start(|number, mut connection| async move {
        while connection.request().await.is_some() {
            connection.send(ok(&number.to_string())).await;
        }
    })
    .await;
    let endpoint = endpoint(server.address);
    for _ in 0..10 {
        assert_eq!(exchange(&endpoint, post("{}")).await.1, "0");
    }
    assert_eq!(server.connections(), 1);

    // Two at once need two; then the one that came back last goes first.
    let first = soon(endpoint.send(post("{}"))).await.unwrap();
    let second = soon(endpoint.send(post("{}"))).await.unwrap();
    assert_eq!(soon(first.into_body().collect()).await.unwrap(), "0");
    assert_eq!(soon(second.into_body().collect()).await.unwrap(), "1");
    for _ in 0..3 {
        assert_eq!(exchange(&endpoint, post("{}")).await.1, "1");
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn unused_connections_are_few_and_not_kept_for_ever() {
    let server = RawServer::answering(ok("x")).await;
    let config = EgressConfig {
        max_idle_connections: 1,
        ..EgressConfig::default()
    };
    let one = endpoint_with(config, server.address);
    let first = soon(one.send(post("{}"))).await.unwrap();
    let second = soon(one.send(post("{}"))).await.unwrap();
    soon(first.into_body().collect()).await.unwrap();
    soon(second.into_body().collect()).await.unwrap();
    let again = [
        soon(one.send(post("{}"))).await.unwrap(),
        soon(one.send(post("{}"))).await.unwrap(),
    ];
    assert_eq!(server.connections(), 3, "one was kept, one was closed");
    drop(again);

    let config = EgressConfig {
        idle_timeout: Duration::from_millis(1),
        ..EgressConfig::default()
    };
    let forgetful = endpoint_with(config, server.address);
    exchange(&forgetful, post("{}")).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    exchange(&forgetful, post("{}")).await;
    assert_eq!(
        server.connections(),
        5,
        "a connection past its time is not used again"
    );
}

/// The server's own word is kept: a request must not meet its close on the way.
#[tokio::test]
async fn a_servers_keep_alive_limit_is_heeded() {
    let answer = "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1, max=9\r\nContent-Length: 0\r\n\r\n";
    let server = RawServer::answering(answer).await;
    let endpoint = endpoint(server.address);
    exchange(&endpoint, post("{}")).await;
    exchange(&endpoint, post("{}")).await;
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn an_unused_connection_closes_when_its_time_is_over() {
    let (closed, mut was_closed) = tokio::sync::mpsc::channel(1);
    let server = RawServer::start(move |_, mut connection| {
        let closed = closed.clone();
        async move {
            while connection.request().await.is_some() {
                connection.send(ok("x")).await;
            }
            closed.send(()).await.unwrap();
        }
    })
    .await;
    let config = EgressConfig {
        idle_timeout: Duration::from_millis(50),
        ..EgressConfig::default()
    };
    let endpoint = endpoint_with(config, server.address);
    exchange(&endpoint, post("{}")).await;
    soon(was_closed.recv()).await.unwrap();
}

/// A server that answers before it has read the request leaves a connection that never gets ready.
#[tokio::test]
async fn a_connection_that_is_still_writing_is_replaced() {
    let server = RawServer::start(|_, mut connection| async move {
        let _ = connection.stream.read(&mut [0; 64]).await;
        connection.send(ok("early")).await;
        std::future::pending::<()>().await;
    })
    .await;
    let endpoint = endpoint(server.address);
    for round in 1..=2 {
        let large = OutRequest {
            body: Bytes::from(vec![b'x'; 32 * 1024 * 1024]),
            ..post("")
        };
        assert_eq!(exchange(&endpoint, large).await.1, "early");
        assert_eq!(server.connections(), round);
    }
}

/// S-66 `redirect_matrix`: a redirect is an answer like any other, wherever it points. `ContextForge` followed them
/// until 1.0.2.
#[tokio::test]
async fn s66_redirect_matrix() {
    let other = RawServer::answering(ok("followed")).await;
    let elsewhere = format!("http://{}/", other.address);
    for status in [300, 301, 302, 303, 304, 305, 307, 308, 201, 202] {
        for location in [
            elsewhere.as_str(),
            "http://169.254.169.254/latest/meta-data/",
            "https://127.0.0.1/",
            "file:///etc/passwd",
            "gopher://127.0.0.1:70/",
            "//evil.example/",
            "/elsewhere",
            "../up",
            "",
        ] {
            let answer = format!(
                "HTTP/1.1 {status} X\r\nLocation: {location}\r\nRefresh: 0; url={location}\r\nContent-Length: 0\r\n\r\n"
            );
            let server = RawServer::answering(answer).await;
            assert_eq!(
                exchange(&endpoint(server.address), post("{}")).await,
                (status, String::new()),
                "{location}"
            );
            assert_eq!(server.connections(), 1, "{status} {location}");
        }
    }
    assert_eq!(other.connections(), 0);
}

#[track_caller]
fn refused(url: &str, allowed: Option<&str>) -> EgressError {
    let egress = Egress::new(EgressConfig::default()).unwrap();
    Endpoint::new(&egress, &Url::parse(url).unwrap(), allowed, PATIENCE).unwrap_err()
}

#[test]
fn s64_an_endpoint_is_checked_when_it_is_made() {
    let plain = refused("http://mcp.example.com/mcp", None);
    assert!(matches!(plain, EgressError::PlainHttp { .. }) && plain.hint().contains("operator"));
    assert!(matches!(
        refused("http://127.0.0.1:9000", None),
        EgressError::PlainHttp { .. }
    ));
    assert!(matches!(
        refused("http://127.0.0.1:9000", Some("127.0.0.1:9001")),
        EgressError::PlainHttp { .. }
    ));
    assert!(matches!(
        refused("ftp://mcp.example.com", None),
        EgressError::Scheme { .. }
    ));
    assert!(matches!(
        refused("file:///etc/passwd", None),
        EgressError::NoHost
    ));
    assert!(matches!(
        refused("https://user:pass@mcp.example.com", None),
        EgressError::Credentials
    ));
    assert!(matches!(
        refused("https://token@mcp.example.com", None),
        EgressError::Credentials
    ));
    assert!(matches!(
        refused("https://mcp.example.com", Some("lan")),
        EgressError::BadAllowance { .. }
    ));
    for inside in [
        "https://127.0.0.1",
        "https://2130706433",
        "https://[::ffff:10.0.0.1]",
        "https://0x7f.1",
    ] {
        assert!(
            matches!(refused(inside, None), EgressError::Blocked { .. }),
            "{inside}"
        );
    }
    let EgressError::Blocked { source, .. } = refused("https://169.254.169.254/latest", None)
    else {
        panic!()
    };
    assert_eq!(source.class, AddressClass::Metadata);
}

fn resolving(answer: impl Fn() -> Vec<SocketAddr> + Send + Sync + 'static) -> EgressConfig {
    EgressConfig {
        resolver: Resolver::from_fn(move |_, _| Ok(answer())),
        ..EgressConfig::default()
    }
}

fn named(config: EgressConfig, port: u16, allowed: bool) -> Endpoint {
    let egress = Egress::new(config).unwrap();
    let allowance = format!("mcp.example.com:{port}");
    let (scheme, allowance) = if allowed {
        ("http", Some(&*allowance))
    } else {
        ("https", None)
    };
    let url = Url::parse(&format!("{scheme}://mcp.example.com:{port}/mcp")).unwrap();
    Endpoint::new(&egress, &url, allowance, PATIENCE).unwrap()
}

#[tokio::test]
async fn s64_a_name_is_checked_when_it_is_resolved() {
    let server = RawServer::answering(ok("inside")).await;
    let (inside, outside) = (server.address, SocketAddr::from(([192, 0, 43, 8], 443)));
    // One address inside refuses the name, wherever it stands.
    for answer in [vec![inside], vec![inside, outside], vec![outside, inside]] {
        let endpoint = named(resolving(move || answer.clone()), inside.port(), false);
        let error = soon(endpoint.send(post("{}"))).await.unwrap_err();
        assert!(
            matches!(error.kind, SendErrorKind::Refused(blocked) if blocked.class == AddressClass::Loopback)
        );
        assert_eq!(error.sent, Sent::Nothing);
    }
    assert_eq!(server.connections(), 0);

    let allowed = named(resolving(move || vec![inside]), inside.port(), true);
    assert_eq!(exchange(&allowed, post("{}")).await.1, "inside");

    let nowhere = named(resolving(Vec::new), inside.port(), true);
    let error = soon(nowhere.send(post("{}"))).await.unwrap_err();
    assert!(matches!(error.kind, SendErrorKind::Resolve(_)) && error.sent == Sent::Nothing);
}

/// The name's answer alternates between an allowed address and a metadata service: what was checked
/// is what is connected to, so the second answer never gets a connection.
#[tokio::test]
async fn cve_2026_27826_rebinding_finds_no_gap() {
    let server = RawServer::start(|_, mut connection| async move {
        connection.request().await;
        connection
            .send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            .await;
    })
    .await;
    let (good, turn) = (server.address, AtomicUsize::new(0));
    let bad = SocketAddr::from(([169, 254, 169, 254], good.port()));
    let config = resolving(move || match turn.fetch_add(1, Ordering::SeqCst) % 2 {
        0 => vec![good],
        _ => vec![bad],
    });
    let endpoint = named(config, good.port(), true);
    let mut outcomes = [0, 0];
    for _ in 0..10_000 {
        match soon(endpoint.send(post("{}"))).await {
            Ok(response) => {
                soon(response.into_body().collect()).await.unwrap();
                outcomes[0] += 1;
            }
            Err(error) => {
                assert!(matches!(error.kind, SendErrorKind::Refused(_)), "{error:?}");
                outcomes[1] += 1;
            }
        }
    }
    assert_eq!(outcomes, [5_000, 5_000]);
}

#[tokio::test]
async fn the_next_address_is_tried_and_a_silent_one_has_its_share_only() {
    let server = RawServer::answering(ok("second")).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let good = server.address;
    let endpoint = named(resolving(move || vec![closed, good]), good.port(), true);
    assert_eq!(exchange(&endpoint, post("{}")).await.1, "second");

    let endpoint = named(resolving(move || vec![closed]), closed.port(), true);
    let error = soon(endpoint.send(post("{}"))).await.unwrap_err();
    assert!(matches!(error.kind, SendErrorKind::Connect(_)) && error.sent == Sent::Nothing);
}

#[tokio::test]
async fn s27_headers_that_are_not_the_callers_are_refused() {
    let server = RawServer::answering(ok("x")).await;
    let endpoint = endpoint(server.address);
    for name in [
        "host",
        "Host",
        "connection",
        "content-length",
        "transfer-encoding",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "keep-alive",
        "cookie",
        "forwarded",
        "x-forwarded-for",
        "X-Forwarded-Host",
        "x-forwarded-proto",
        "proxy-authorization",
        "proxy-connection",
        "accept-encoding",
        "x-mcp-secret-token",
        "http2-settings",
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_static("1"),
        );
        let error = soon(endpoint.send(OutRequest {
            headers,
            ..post("{}")
        }))
        .await
        .unwrap_err();
        assert!(
            matches!(error.kind, SendErrorKind::Header(_)) && error.sent == Sent::Nothing,
            "{name}"
        );
    }
    assert_eq!(server.connections(), 0);
    for name in [
        "authorization",
        "content-type",
        "accept",
        "mcp-method",
        "mcp-session-id",
        "x-api-key",
        "traceparent",
    ] {
        assert!(!is_forbidden_header(&name.parse().unwrap()), "{name}");
    }
}

#[tokio::test]
async fn a_path_cannot_leave_its_place() {
    let server = RawServer::answering(ok("x")).await;
    let endpoint = endpoint(server.address);
    for path in [
        "",
        "relative",
        "http://evil.example/",
        "*",
        "/a b",
        "/a\r\nX: y",
        "/\0",
    ] {
        let request = OutRequest {
            path_and_query: Some(path.to_owned()),
            ..post("{}")
        };
        let error = soon(endpoint.send(request)).await.unwrap_err();
        assert!(
            matches!(error.kind, SendErrorKind::Path) && error.sent == Sent::Nothing,
            "{path:?}"
        );
    }
}

/// S-26 `crlf_matrix`; CVE-2026-29791 and RUSTSEC-2017-0002 were values that became a header of their own.
#[test]
fn s26_cve_2026_29791_crlf_matrix() {
    for byte in (0..=0x1f).chain([0x7f, 0x80, 0xff]) {
        for place in [vec![byte, b'a'], vec![b'a', byte], vec![b'a', byte, b'b']] {
            assert_eq!(secret_header_value(&place), None, "{byte:#x}");
        }
    }
    let value = secret_header_value(b"Bearer not-a-real-token ~!").unwrap();
    assert!(value.is_sensitive());
    assert_eq!(format!("{value:?}"), "Sensitive");
}

proptest! {
    /// F-05, small.
    #[test]
    fn f05_a_secret_never_becomes_a_second_header(secret: Vec<u8>) {
        if let Some(value) = secret_header_value(&secret) {
            prop_assert_eq!(value.as_bytes(), &secret);
            prop_assert!(!secret.iter().any(u8::is_ascii_control));
        }
    }
}

#[test]
fn s20_debug_shows_the_origin_only() {
    let egress = Egress::new(EgressConfig::default()).unwrap();
    let url =
        Url::parse("https://mcp.example.com/hook/not-a-real-secret?key=not-a-real-key").unwrap();
    let endpoint = Endpoint::new(&egress, &url, None, PATIENCE).unwrap();
    assert_eq!(format!("{endpoint:?}"), "Endpoint(mcp.example.com:443)");
    assert_eq!(endpoint.url(), &url);
}
