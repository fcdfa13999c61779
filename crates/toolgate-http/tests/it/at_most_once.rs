//! R-14 and P8.22: a request is sent again only if not one byte of it was written.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::AsyncReadExt;
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

/// A server on a thread of its own, which closes its first connection when told. Being told and
/// having closed go through std, so that the test's runtime is stopped in between.
struct ClosingServer {
    address: SocketAddr,
    close: std::sync::mpsc::Sender<()>,
    closed: std::sync::mpsc::Receiver<()>,
    /// Readable once it has closed.
    signal: tokio::net::UnixStream,
}

impl ClosingServer {
    fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (close, told) = std::sync::mpsc::channel();
        let (tell, closed) = std::sync::mpsc::channel();
        let (signal, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        signal.set_nonblocking(true).unwrap();
        std::thread::spawn(move || {
            let first = answer_one(&listener, "first");
            told.recv().unwrap();
            drop(first);
            theirs.write_all(b"!").unwrap();
            tell.send(()).unwrap();
            answer_one(&listener, "second");
        });
        Self {
            address,
            close,
            closed,
            signal: tokio::net::UnixStream::from_std(signal).unwrap(),
        }
    }

    fn close(&self) {
        self.close.send(()).unwrap();
        self.closed.recv().unwrap();
    }
}

fn answer_one(listener: &std::net::TcpListener, body: &str) -> std::net::TcpStream {
    let (mut stream, _) = listener.accept().unwrap();
    let mut request = [0; 1024];
    assert!(stream.read(&mut request).unwrap() > 0);
    stream.write_all(ok(body).as_bytes()).unwrap();
    stream
}

/// The close and the next call are seen in the same turn of the runtime, the call first: the
/// connection gives the request back, unread.
#[tokio::test]
async fn r14_a_connection_that_closes_as_it_is_used_is_replaced_silently() {
    let mut server = ClosingServer::start();
    let endpoint = endpoint(server.address);
    assert_eq!(exchange(&endpoint, post("{}")).await.1, "first");
    server.close();
    soon(server.signal.read_exact(&mut [0])).await.unwrap();
    assert_eq!(exchange(&endpoint, post("{}")).await.1, "second");
}

/// The runtime has had no chance to see the close at all. A connection that lay unused for a while
/// gives it one before anything is written.
#[tokio::test]
async fn r14_a_connection_that_closed_unseen_is_replaced_silently() {
    let server = ClosingServer::start();
    let endpoint = endpoint(server.address);
    assert_eq!(exchange(&endpoint, post("{}")).await.1, "first");
    // Time unused is what this is about; nothing is waited for.
    std::thread::sleep(Duration::from_millis(150));
    server.close();
    assert_eq!(exchange(&endpoint, post("{}")).await.1, "second");
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
