//! R-14 and P8.22: a request is sent again only if not one byte of it was written.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;
use toolgate_http::Sent;
use toolgate_http::egress::SendErrorKind;

use crate::support::{RawServer, endpoint, exchange, ok, post, soon};

/// The server closes each connection after its first answer, without having said so.
#[tokio::test]
async fn r14_a_kept_connection_that_was_closed_is_replaced_silently() {
    let closed = Arc::new(Notify::new());
    let tell = Arc::clone(&closed);
    let server = RawServer::start(move |_, mut connection| {
        let tell = Arc::clone(&tell);
        async move {
            connection.request().await;
            connection.send(ok("one")).await;
            drop(connection);
            tell.notify_one();
        }
    })
    .await;
    let endpoint = endpoint(server.address);
    for round in 1..=20 {
        assert_eq!(exchange(&endpoint, post("{}")).await.1, "one");
        soon(closed.notified()).await;
        assert_eq!(server.connections(), round);
    }
}

/// The server takes the second request and dies: it may have acted, so nobody asks again.
#[tokio::test]
async fn r14_a_request_that_was_written_is_never_sent_again() {
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&requests);
    let server = RawServer::start(move |_, mut connection| {
        let counter = Arc::clone(&counter);
        async move {
            connection.request().await;
            connection.send(ok("first")).await;
            if connection.request().await.is_some() {
                counter.fetch_add(1, Ordering::SeqCst);
            }
        }
    })
    .await;
    let endpoint = endpoint(server.address);
    assert_eq!(exchange(&endpoint, post("{}")).await.1, "first");
    let error = soon(endpoint.send(post("{\"effect\":true}")))
        .await
        .unwrap_err();
    assert_eq!(error.sent, Sent::Unknown);
    assert!(matches!(error.kind, SendErrorKind::Closed(_)), "{error:?}");
    assert_eq!(
        (requests.load(Ordering::SeqCst), server.connections()),
        (1, 1)
    );
}

/// The connection is cut at every byte of the answer: one effect each, and never a second try.
#[tokio::test]
async fn r14_cut_at_every_byte_of_the_answer() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    let effects = Arc::new(AtomicUsize::new(0));
    for cut in 0..answer.len() {
        let counter = Arc::clone(&effects);
        let server = RawServer::start(move |_, mut connection| {
            let counter = Arc::clone(&counter);
            async move {
                connection.request().await;
                counter.fetch_add(1, Ordering::SeqCst);
                connection.send(&answer[..cut]).await;
            }
        })
        .await;
        match soon(endpoint(server.address).send(post("{}"))).await {
            Err(error) => assert_eq!(error.sent, Sent::Unknown, "cut at {cut}"),
            Ok(response) => {
                assert!(
                    soon(response.into_body().collect()).await.is_err(),
                    "cut at {cut}"
                );
            }
        }
        assert_eq!(effects.load(Ordering::SeqCst), cut + 1);
    }
}

/// A new connection that closes before the request could be written: nothing was sent, and it is
/// the caller who decides whether to try again.
#[tokio::test]
async fn r14_a_server_that_closes_at_once_gets_one_connection() {
    let server = RawServer::start(|_, connection| async move {
        // A reset rather than a close, so that the request can't be written into the void.
        connection.stream.set_zero_linger().unwrap();
        drop(connection);
    })
    .await;
    let error = soon(endpoint(server.address).send(post("{}")))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error.kind,
            SendErrorKind::Closed(_) | SendErrorKind::Connect(_)
        ),
        "{error:?}"
    );
    assert_eq!(server.connections(), 1);
}
