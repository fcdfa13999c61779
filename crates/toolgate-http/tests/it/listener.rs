//! S-57: who may listen where.

use std::net::{IpAddr, SocketAddr};

use tokio::io::AsyncWriteExt;
use toolgate_http::serve::Proxies;
use toolgate_http::{Listener, ServeError, ServeLimits};

use crate::support::{RawClient, echo_path, serving};

#[track_caller]
fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[tokio::test]
async fn s57_plain_text_is_for_loopback() {
    for loopback in ["127.0.0.1:0", "127.0.0.9:0"] {
        let listener = Listener::bind(address(loopback)).unwrap();
        assert_ne!(listener.local_addr().port(), 0);
    }
    for other in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80", "[2001:db8::1]:80"] {
        let refused = Listener::bind(address(other)).unwrap_err();
        assert!(
            matches!(refused, ServeError::PlainTextOffLoopback { .. }),
            "{refused:?}"
        );
        assert!(refused.hint().contains("certificate"));
    }
}

#[tokio::test]
async fn s57_bind_rules() {
    let named = || Proxies::new(vec!["10.0.0.2".parse().unwrap()]);
    // Without a named proxy it is the plain rule; with one, any address.
    for (at, proxies, allowed) in [
        ("127.0.0.1:0", Proxies::default(), true),
        ("[::1]:0", Proxies::default(), true),
        ("0.0.0.0:0", Proxies::default(), false),
        ("[::]:0", Proxies::default(), false),
        ("192.0.2.1:80", Proxies::default(), false),
        ("127.0.0.1:0", named(), true),
        ("0.0.0.0:0", named(), true),
    ] {
        let bound = Listener::bind_behind(address(at), proxies);
        assert_eq!(bound.is_ok(), allowed, "{at}: {bound:?}");
    }
}

/// An address of this machine that is not loopback, if it has one: what it would send from.
fn own_address() -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

#[tokio::test]
async fn s57_plain_text_off_loopback_is_for_the_named_proxy_alone() {
    let Some(own) = own_address() else {
        return; // A machine without a network has no other peers either.
    };
    for (proxy, served_from_there) in [("203.0.113.7".to_owned(), false), (own.to_string(), true)] {
        let proxies = Proxies::new(vec![proxy.parse().unwrap()]);
        let listener = Listener::bind_behind(address("0.0.0.0:0"), proxies).unwrap();
        let port = listener.local_addr().port();
        let served = serving(listener, ServeLimits::default(), echo_path);
        let ask = |to: SocketAddr| async move {
            let mut client = RawClient::connect(to).await;
            let asked = b"GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            // Whoever is turned away may find the connection gone already.
            let _ = client.stream.write_all(asked).await;
            client.rest().await.ends_with("/x")
        };
        assert_eq!(ask(SocketAddr::new(own, port)).await, served_from_there);
        assert!(ask(SocketAddr::from(([127, 0, 0, 1], port))).await);
        served.signal.drain();
    }
}

#[tokio::test]
async fn a_port_that_is_taken_says_so() {
    let first = Listener::bind(address("127.0.0.1:0")).unwrap();
    let refused = Listener::bind(first.local_addr()).unwrap_err();
    assert!(
        refused.to_string().starts_with("listening on 127.0.0.1:"),
        "{refused}"
    );
    assert!(
        refused.hint().contains("another process"),
        "{}",
        refused.hint()
    );
}
