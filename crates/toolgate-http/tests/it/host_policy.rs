//! S-58: the table of hosts and origins. Each refusal is a 403 (P5.1).

use hyper::header::{HOST, HeaderValue, ORIGIN};
use hyper::{HeaderMap, Uri};
use toolgate_http::HostPolicy;
use toolgate_http::serve::HostError::{
    self, HostMalformed, HostNotAllowed, OriginMalformed, OriginNotAllowed,
};

fn policy() -> HostPolicy {
    HostPolicy::loopback()
        .allow_host("gateway.example.com")
        .unwrap()
        .allow_host("tools.example.com:8443")
        .unwrap()
        .allow_host("[2001:db8::7]:80")
        .unwrap()
        .allow_origin("https://app.example.com")
        .unwrap()
        .allow_origin("http://app.example.net:3000")
        .unwrap()
}

#[track_caller]
fn check(hosts: &[&[u8]], origins: &[&[u8]], expected: Result<(), HostError>) {
    let mut headers = HeaderMap::new();
    for host in hosts {
        headers.append(HOST, HeaderValue::from_bytes(host).unwrap());
    }
    for origin in origins {
        headers.append(ORIGIN, HeaderValue::from_bytes(origin).unwrap());
    }
    let result = policy().check(&Uri::from_static("/ws/default"), &headers);
    assert_eq!(result, expected, "{headers:?}");
}

#[test]
fn s58_hosts() {
    let table: &[(&str, Result<(), HostError>)] = &[
        ("localhost", Ok(())),
        ("localhost:8080", Ok(())),
        ("LOCALHOST:8080", Ok(())),
        ("127.0.0.1", Ok(())),
        ("127.0.0.1:1", Ok(())),
        ("127.0.0.1:65535", Ok(())),
        ("[::1]", Ok(())),
        ("[::1]:8080", Ok(())),
        ("[0:0:0:0:0:0:0:1]:8080", Ok(())),
        ("gateway.example.com", Ok(())),
        ("gateway.example.com:443", Ok(())),
        ("gateway.example.com:12345", Ok(())),
        ("Gateway.Example.COM", Ok(())),
        ("tools.example.com:8443", Ok(())),
        ("[2001:db8::7]", Ok(())),
        ("[2001:db8::7]:80", Ok(())),
        ("[2001:db8:0::7]:80", Ok(())),
        // Not ours.
        ("evil.example", Err(HostNotAllowed)),
        ("evil.example:8080", Err(HostNotAllowed)),
        ("localhost.evil.example", Err(HostNotAllowed)),
        ("evil.localhost", Err(HostNotAllowed)),
        ("notlocalhost", Err(HostNotAllowed)),
        ("localhost.", Err(HostNotAllowed)),
        ("127.0.0.2", Err(HostNotAllowed)),
        ("127.0.0.1.evil.example", Err(HostNotAllowed)),
        ("0.0.0.0:8080", Err(HostNotAllowed)),
        ("[::]:8080", Err(HostNotAllowed)),
        ("169.254.169.254", Err(HostNotAllowed)),
        ("a.gateway.example.com", Err(HostNotAllowed)),
        ("gateway.example.com.evil.example", Err(HostNotAllowed)),
        ("tools.example.com", Err(HostNotAllowed)),
        ("tools.example.com:443", Err(HostNotAllowed)),
        ("tools.example.com:8444", Err(HostNotAllowed)),
        ("[2001:db8::7]:81", Err(HostNotAllowed)),
        ("app.example.com", Err(HostNotAllowed)),
        // Not a host.
        ("", Err(HostMalformed)),
        (":8080", Err(HostMalformed)),
        ("localhost:", Err(HostMalformed)),
        ("localhost:0", Err(HostMalformed)),
        ("localhost:65536", Err(HostMalformed)),
        ("localhost:80:80", Err(HostMalformed)),
        ("localhost:8080x", Err(HostMalformed)),
        ("localhost:+80", Err(HostMalformed)),
        ("localhost,evil.example", Err(HostMalformed)),
        ("localhost evil.example", Err(HostMalformed)),
        ("localhost@evil.example", Err(HostMalformed)),
        ("localhost/evil", Err(HostMalformed)),
        ("localhost#", Err(HostMalformed)),
        ("local%68ost", Err(HostMalformed)),
        ("http://localhost", Err(HostMalformed)),
        ("[::1", Err(HostMalformed)),
        ("::1", Err(HostMalformed)),
        ("[::1%25lo]", Err(HostMalformed)),
        ("loc\talhost", Err(HostMalformed)),
    ];
    for (host, expected) in table {
        check(&[host.as_bytes()], &[], *expected);
    }
    check(&[], &[], Err(HostMalformed));
    check(&[b"localhost", b"localhost"], &[], Err(HostMalformed));
    check(&[b"localhost", b"evil.example"], &[], Err(HostMalformed));
    check(&[b"localh\xc3\xb6st"], &[], Err(HostMalformed));
}

#[test]
fn s58_origins() {
    let table: &[(&str, Result<(), HostError>)] = &[
        ("http://localhost", Ok(())),
        ("http://localhost:6274", Ok(())),
        ("https://localhost:6274", Ok(())),
        ("http://127.0.0.1:3000", Ok(())),
        ("http://[::1]:3000", Ok(())),
        ("https://gateway.example.com", Ok(())),
        ("https://gateway.example.com:8443", Ok(())),
        ("https://tools.example.com:8443", Ok(())),
        ("https://app.example.com", Ok(())),
        ("https://app.example.com:443", Ok(())),
        ("https://APP.example.com", Ok(())),
        ("http://app.example.net:3000", Ok(())),
        // Other sites, other schemes, other ports.
        ("http://evil.example", Err(OriginNotAllowed)),
        ("https://evil.example", Err(OriginNotAllowed)),
        ("http://localhost.evil.example", Err(OriginNotAllowed)),
        ("http://127.0.0.1.evil.example", Err(OriginNotAllowed)),
        ("http://gateway.example.com", Err(OriginNotAllowed)),
        ("https://tools.example.com", Err(OriginNotAllowed)),
        ("http://app.example.com", Err(OriginNotAllowed)),
        ("https://app.example.com:8443", Err(OriginNotAllowed)),
        ("https://app.example.net:3000", Err(OriginNotAllowed)),
        ("http://app.example.net", Err(OriginNotAllowed)),
        ("https://sub.app.example.com", Err(OriginNotAllowed)),
        // Not an origin.
        ("null", Err(OriginMalformed)),
        ("", Err(OriginMalformed)),
        ("localhost", Err(OriginMalformed)),
        ("//localhost", Err(OriginMalformed)),
        ("http://", Err(OriginMalformed)),
        ("http://localhost/", Err(OriginMalformed)),
        ("http://localhost/path", Err(OriginMalformed)),
        ("http://user@localhost", Err(OriginMalformed)),
        ("http://localhost?", Err(OriginMalformed)),
        ("http://localhost:x", Err(OriginMalformed)),
        ("http://localhost http://evil.example", Err(OriginMalformed)),
        ("http://localhost,http://evil.example", Err(OriginMalformed)),
        ("file:///etc/passwd", Err(OriginMalformed)),
        ("chrome-extension://abcdef", Err(OriginMalformed)),
        ("HTTP://localhost", Err(OriginMalformed)),
    ];
    for (origin, expected) in table {
        check(&[b"localhost:8080"], &[origin.as_bytes()], *expected);
    }
    let local: &[u8] = b"http://localhost";
    check(&[b"localhost"], &[local, local], Err(OriginMalformed));
    check(
        &[b"localhost"],
        &[local, b"http://evil.example"],
        Err(OriginMalformed),
    );
    check(&[b"evil.example"], &[local], Err(HostNotAllowed));
}

/// HTTP/2 has the name in the request line.
#[track_caller]
fn check_authority(uri: &str, host: Option<&str>, expected: Result<(), HostError>) {
    let mut headers = HeaderMap::new();
    if let Some(host) = host {
        headers.insert(HOST, host.parse().unwrap());
    }
    assert_eq!(
        policy().check(&uri.parse().unwrap(), &headers),
        expected,
        "{uri} {host:?}"
    );
}

#[test]
fn s58_authorities() {
    check_authority("http://localhost:8080/ws", None, Ok(()));
    check_authority("http://localhost:8080/ws", Some("LOCALHOST:8080"), Ok(()));
    check_authority("https://gateway.example.com/ws", None, Ok(()));
    check_authority("http://evil.example/ws", None, Err(HostNotAllowed));
    check_authority(
        "http://evil.example/ws",
        Some("localhost"),
        Err(HostMalformed),
    );
    check_authority(
        "http://localhost/ws",
        Some("evil.example"),
        Err(HostMalformed),
    );
    check_authority("http://user@localhost/ws", None, Err(HostMalformed));
}

#[test]
fn what_cannot_be_a_host_or_an_origin_is_refused_in_the_configuration() {
    for bad in [
        "",
        "*",
        "*.example.com",
        "https://example.com",
        "example.com/",
        "a b",
        "x:0",
    ] {
        assert!(HostPolicy::loopback().allow_host(bad).is_err(), "{bad:?}");
    }
    for bad in [
        "",
        "*",
        "null",
        "example.com",
        "ftp://example.com",
        "https://example.com/",
    ] {
        let error = HostPolicy::loopback().allow_origin(bad).unwrap_err();
        assert!(error.to_string().contains("origin"), "{error}");
    }
}
