//! S-60: every wait of ours for a client ends. The limits are short here; what closes a connection
//! and what doesn't is the same.

use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::io::AsyncReadExt;
use tokio::time::Instant;
use toolgate_http::{ReplyBody, ServeLimits};

use crate::support::{RawClient, echo_path, served, soon};

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_mins(10);

/// Limits of which none is ever reached.
fn patient() -> ServeLimits {
    ServeLimits {
        first_byte: LONG,
        header: LONG,
        idle: LONG,
        write_stall: LONG,
        ..ServeLimits::default()
    }
}

/// How long the server lets the client be after it sent `bytes`.
async fn closed_after(limits: ServeLimits, bytes: &str) -> (Duration, String) {
    let server = served(limits, echo_path);
    let mut client = RawClient::connect(server.address).await;
    let start = Instant::now();
    client.send(bytes).await;
    let rest = client.rest().await;
    (start.elapsed(), rest)
}

#[tokio::test]
async fn s60_no_byte() {
    let limits = ServeLimits {
        first_byte: SHORT,
        ..patient()
    };
    let (elapsed, rest) = closed_after(limits, "").await;
    assert!(elapsed >= SHORT && rest.is_empty());
}

#[tokio::test]
async fn s60_half_a_header() {
    let limits = ServeLimits {
        header: SHORT,
        ..patient()
    };
    let (elapsed, rest) = closed_after(limits, "POST / HTTP/1.1\r\nHost: loc").await;
    assert!(elapsed >= SHORT && rest.is_empty());
}

#[tokio::test]
async fn s60_half_a_preface_is_no_way_around() {
    let limits = ServeLimits {
        first_byte: SHORT,
        ..patient()
    };
    let (elapsed, rest) = closed_after(limits, "PRI * HTTP/2").await;
    assert!(elapsed >= SHORT && rest.is_empty());
}

/// A byte now and then doesn't move the limit.
#[tokio::test]
async fn s60_a_dripping_header() {
    let server = served(
        ServeLimits {
            header: SHORT,
            ..patient()
        },
        echo_path,
    );
    let mut client = RawClient::connect(server.address).await;
    let start = Instant::now();
    client.send("GET / HTTP/1.1\r\n").await;
    let (mut read, mut write) = client.stream.split();
    let drip = async {
        // Each turn waits for the clock, not for the server.
        let mut clock = tokio::time::interval(SHORT / 6);
        loop {
            clock.tick().await;
            if tokio::io::AsyncWriteExt::write_all(&mut write, b"X: y\r\n")
                .await
                .is_err()
            {
                std::future::pending::<()>().await;
            }
        }
    };
    let mut rest = Vec::new();
    tokio::select! {
        closed = soon(read.read_to_end(&mut rest)) => drop(closed),
        () = drip => {}
    }
    assert!(start.elapsed() >= SHORT && rest.is_empty());
    assert!(start.elapsed() < SHORT * 10, "{:?}", start.elapsed());
}

/// The second header's limit is its own, although the timer was set for the idle time.
#[tokio::test]
async fn s60_half_a_second_header() {
    let server = served(
        ServeLimits {
            header: SHORT,
            ..patient()
        },
        echo_path,
    );
    let mut client = RawClient::connect(server.address).await;
    assert!(client.get("/first").await.ends_with("/first"));
    let start = Instant::now();
    client.send("GET /second HTTP/1.1\r\n").await;
    assert_eq!(client.rest().await, "");
    assert!(start.elapsed() >= SHORT && start.elapsed() < SHORT * 10);
}

/// An idle connection has the idle time, not the header's, and each request renews it.
#[tokio::test]
async fn s60_idle_keep_alive() {
    // Far more than the pauses, so that a busy machine is not taken for an idle client.
    let idle = SHORT * 5;
    let limits = ServeLimits {
        header: SHORT,
        idle,
        ..patient()
    };
    let server = served(limits, echo_path);
    let mut client = RawClient::connect(server.address).await;
    let mut clock = tokio::time::interval(SHORT * 2);
    for _ in 0..4 {
        clock.tick().await;
        assert!(client.get("/x").await.ends_with("/x"));
    }
    let start = Instant::now();
    assert_eq!(client.rest().await, "");
    assert!(start.elapsed() >= idle * 9 / 10, "{:?}", start.elapsed());
}

#[tokio::test]
async fn s60_a_client_that_does_not_read_its_answer() {
    let limits = ServeLimits {
        write_stall: SHORT,
        idle: LONG,
        ..patient()
    };
    let server = served(limits, |_| async {
        Response::new(ReplyBody::full(Bytes::from(vec![b'x'; 32 * 1024 * 1024])))
    });
    let mut client = RawClient::connect(server.address).await;
    let start = Instant::now();
    client
        .send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await;
    // Reading begins when the connection must be cut already.
    tokio::time::sleep(SHORT * 3).await;
    let read = client.rest().await.len();
    assert!(read < 32 * 1024 * 1024, "{read}");
    assert!(start.elapsed() >= SHORT);
}

/// A slow reader is no dead one: the answer outlasts the stall limit and the idle limit, and the
/// idle time begins when it is over.
#[tokio::test]
async fn s60_a_client_that_reads_slowly_gets_its_answer() {
    const LENGTH: usize = 48 * 1024 * 1024;
    let limits = ServeLimits {
        write_stall: SHORT,
        idle: SHORT * 2,
        ..patient()
    };
    let server = served(limits, |request: Request<Incoming>| async move {
        if request.uri().path() == "/again" {
            return echo_path(request).await;
        }
        Response::new(ReplyBody::full(Bytes::from(vec![b'x'; LENGTH])))
    });
    let mut client = RawClient::connect(server.address).await;
    client
        .send("GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await;
    let start = Instant::now();
    let mut clock = tokio::time::interval(SHORT / 6);
    let mut chunk = vec![0; LENGTH / 40];
    let mut read = 0;
    while read < LENGTH {
        clock.tick().await;
        let bytes = soon(client.stream.read(&mut chunk)).await.unwrap();
        assert_ne!(bytes, 0, "cut at {read} after {:?}", start.elapsed());
        read += bytes;
    }
    assert!(
        start.elapsed() > SHORT * 4,
        "it took long enough to prove something"
    );
    assert!(client.get("/again").await.ends_with("/again"));
}

/// A stream that has nothing to say is not idle.
#[tokio::test]
async fn s60_a_quiet_stream_stays_open() {
    let limits = ServeLimits {
        header: SHORT / 3,
        idle: SHORT / 3,
        write_stall: SHORT / 3,
        ..patient()
    };
    let server = served(limits, |_| async {
        let late = stream::once(async {
            tokio::time::sleep(SHORT * 2).await;
            Bytes::from_static(b"late")
        });
        Response::new(ReplyBody::stream(late))
    });
    let mut client = RawClient::connect(server.address).await;
    client
        .send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await;
    assert!(client.rest().await.ends_with("4\r\nlate\r\n0\r\n\r\n"));
}

#[tokio::test]
async fn the_number_of_connections_is_bounded_and_the_next_one_waits() {
    let server = served(
        ServeLimits {
            max_connections: 2,
            ..patient()
        },
        echo_path,
    );
    let mut first = RawClient::connect(server.address).await;
    let mut second = RawClient::connect(server.address).await;
    assert!(first.get("/1").await.ends_with("/1"));
    assert!(second.get("/2").await.ends_with("/2"));
    let mut third = RawClient::connect(server.address).await;
    third
        .send("GET /3 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await;
    let waits = tokio::time::timeout(SHORT, third.stream.readable()).await;
    assert!(waits.is_err(), "there is no room yet");
    drop(first);
    assert!(third.answer().await.ends_with("/3"));
}
