//! ending in good order.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use hyper::Response;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Instant;
use toolgate_http::{Drain, ReplyBody, ServeLimits};

use crate::support::{RawClient, echo_path, served, soon};

#[tokio::test]
async fn r23_requests_in_flight_finish_and_idle_connections_close() {
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (enter, wait) = (Arc::clone(&entered), Arc::clone(&release));
    let server = served(ServeLimits::default(), move |request| {
        let (enter, wait) = (Arc::clone(&enter), Arc::clone(&wait));
        async move {
            if request.uri().path() == "/slow" {
                enter.notify_one();
                wait.notified().await;
            }
            echo_path(request).await
        }
    });
    let mut idle = RawClient::connect(server.address).await;
    assert!(idle.get("/idle").await.ends_with("/idle"));
    let mut silent = RawClient::connect(server.address).await;
    let mut busy = RawClient::connect(server.address).await;
    busy.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await;
    soon(entered.notified()).await;

    server.signal.drain();
    assert_eq!(idle.rest().await, "", "an idle connection closes");
    assert_eq!(silent.rest().await, "", "and one that never said anything");
    assert!(
        soon(TcpStream::connect(server.address)).await.is_err(),
        "nobody new comes in"
    );
    assert!(
        !server.task.is_finished(),
        "the request in flight is waited for"
    );

    release.notify_one();
    let answer = busy.rest().await;
    assert!(
        answer.ends_with("/slow") && answer.contains("connection: close"),
        "{answer}"
    );
    soon(server.task).await.unwrap();
}

#[tokio::test]
async fn r23_what_does_not_finish_is_cut_after_the_grace() {
    let grace = Duration::from_millis(200);
    let limits = ServeLimits {
        drain_grace: grace,
        ..ServeLimits::default()
    };
    let server = served(limits, |_| async {
        Response::new(ReplyBody::stream(stream::pending::<Bytes>()))
    });
    let mut client = RawClient::connect(server.address).await;
    client
        .send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await;
    client.answer().await;
    let start = Instant::now();
    server.signal.drain();
    soon(server.task).await.unwrap();
    assert!(start.elapsed() >= grace);
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn r23_a_stream_that_watches_the_drain_ends_well() {
    let (signal, drain) = Drain::new();
    let server = served(ServeLimits::default(), move |_| {
        let drain = drain.clone();
        async move {
            let until_drained = stream::once(async move {
                drain.draining().await;
                Bytes::from_static(b"bye")
            });
            Response::new(ReplyBody::stream(until_drained))
        }
    });
    let mut client = RawClient::connect(server.address).await;
    client
        .send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await;
    client.answer().await;
    server.signal.drain();
    signal.drain();
    assert!(client.rest().await.ends_with("3\r\nbye\r\n0\r\n\r\n"));
    soon(server.task).await.unwrap();
}

#[tokio::test]
async fn a_drain_is_heard_before_and_after_and_when_the_switch_is_lost() {
    let (signal, drain) = Drain::new();
    assert!(!drain.is_draining());
    let early = tokio::spawn({
        let drain = drain.clone();
        async move { drain.draining().await }
    });
    signal.drain();
    signal.drain();
    assert!(drain.is_draining() && drain.clone().is_draining());
    soon(early).await.unwrap();
    soon(drain.draining()).await;

    let (signal, drain) = Drain::new();
    drop(signal);
    assert!(drain.is_draining());
    soon(drain.draining()).await;
}
