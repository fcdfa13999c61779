//! P8.20: a call is cancelled by closing its connection.

use http_body_util::BodyExt;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;

use crate::support::{RawServer, endpoint, exchange, ok, post, soon};

/// A server that sends `start`, says so, and then waits for the connection's end.
async fn waiting(start: &'static str) -> (RawServer, mpsc::Receiver<&'static str>) {
    let (tell, told) = mpsc::channel(8);
    let server = RawServer::start(move |_, mut connection| {
        let tell = tell.clone();
        async move {
            connection.request().await;
            connection.send(start).await;
            tell.send("asked").await.unwrap();
            // Not a byte more is sent, so only the socket itself can bring the news.
            let end = connection.stream.read(&mut [0; 16]).await;
            assert!(matches!(end, Ok(0) | Err(_)));
            tell.send("closed").await.unwrap();
        }
    })
    .await;
    (server, told)
}

#[tokio::test]
async fn p820_dropping_a_request_without_an_answer_closes_its_connection() {
    let (server, mut told) = waiting("").await;
    let endpoint = endpoint(server.address);
    let mut sending = Box::pin(endpoint.send(post("{}")));
    tokio::select! {
        _ = &mut sending => panic!("there is no answer"),
        asked = soon(told.recv()) => assert_eq!(asked, Some("asked")),
    }
    drop(sending);
    assert_eq!(soon(told.recv()).await, Some("closed"));
}

#[tokio::test]
async fn p820_dropping_an_unfinished_body_closes_its_connection() {
    for start in [
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n:hi\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        "HTTP/1.1 200 OK\r\n\r\nuntil the end",
    ] {
        let (server, mut told) = waiting(start).await;
        let endpoint = endpoint(server.address);
        let mut response = soon(endpoint.send(post("{}"))).await.unwrap();
        assert!(soon(response.frame()).await.unwrap().is_ok());
        assert_eq!(soon(told.recv()).await, Some("asked"));
        drop(response);
        assert_eq!(soon(told.recv()).await, Some("closed"), "{start}");
    }
}

#[tokio::test]
async fn p820_dropping_a_body_that_was_never_read_closes_its_connection() {
    let (server, mut told) = waiting("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n").await;
    let endpoint = endpoint(server.address);
    drop(soon(endpoint.send(post("{}"))).await.unwrap());
    assert_eq!(soon(told.recv()).await, Some("asked"));
    assert_eq!(soon(told.recv()).await, Some("closed"));
}

#[tokio::test]
async fn a_finished_body_keeps_its_connection() {
    let server = RawServer::answering(ok("whole")).await;
    let endpoint = endpoint(server.address);
    let mut response = soon(endpoint.send(post("{}"))).await.unwrap();
    // The last frame is the end: nobody needs to ask for one more.
    assert!(soon(response.frame()).await.unwrap().is_ok());
    drop(response);
    exchange(&endpoint, post("{}")).await;
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn dropping_the_endpoint_closes_its_unused_connections() {
    let (closed, mut was_closed) = mpsc::channel(1);
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
    let endpoint = endpoint(server.address);
    exchange(&endpoint, post("{}")).await;
    drop(endpoint);
    soon(was_closed.recv()).await.unwrap();
}
