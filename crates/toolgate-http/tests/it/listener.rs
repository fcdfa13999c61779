//! S-57: who may listen where.

use std::net::SocketAddr;

use toolgate_http::{Listener, ServeError};

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
async fn s57_behind_a_proxy_is_the_operators_word() {
    let listener = Listener::bind_behind_proxy(address("0.0.0.0:0")).unwrap();
    assert_ne!(listener.local_addr().port(), 0);
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
