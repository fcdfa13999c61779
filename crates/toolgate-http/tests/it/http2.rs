//! S-61: HTTP/2 with prior knowledge on the same port.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use toolgate_http::{ReplyBody, ServeLimits};

use crate::support::{Served, echo_path, served, soon};

type Client = SendRequest<Full<Bytes>>;

async fn connect(server: &Served) -> (Client, JoinHandle<hyper::Result<()>>) {
    let stream = soon(TcpStream::connect(server.address)).await.unwrap();
    let (client, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    (client, tokio::spawn(connection))
}

fn get(path: &str) -> Request<Full<Bytes>> {
    Request::get(format!("http://localhost{path}"))
        .body(Full::default())
        .unwrap()
}

async fn text(client: &mut Client, path: &str) -> String {
    let response = soon(client.send_request(get(path))).await.unwrap();
    let body = soon(response.into_body().collect())
        .await
        .unwrap()
        .to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test]
async fn s61_requests_run_side_by_side_on_one_connection() {
    let server = served(ServeLimits::default(), echo_path);
    let (client, _connection) = connect(&server).await;
    let all = (0..50).map(|number| {
        let mut client = client.clone();
        async move { text(&mut client, &format!("/{number}")).await }
    });
    let answers = futures::future::join_all(all).await;
    assert_eq!(answers[49], "/49");
}

#[tokio::test]
async fn s63_a_panic_is_a_500_for_its_own_stream_only() {
    let server = served(
        ServeLimits::default(),
        |request: Request<hyper::body::Incoming>| async move {
            assert_ne!(request.uri().path(), "/panic", "as asked");
            echo_path(request).await
        },
    );
    let (mut client, _connection) = connect(&server).await;
    assert_eq!(
        soon(client.send_request(get("/panic")))
            .await
            .unwrap()
            .status(),
        500
    );
    assert_eq!(text(&mut client, "/after").await, "/after");
}

#[tokio::test]
async fn s61_the_header_list_is_bounded() {
    let server = served(ServeLimits::default(), echo_path);
    let (mut client, _connection) = connect(&server).await;
    let mut long = get("/");
    long.headers_mut()
        .insert("x-long", "x".repeat(17_000).parse().unwrap());
    let answer = soon(client.send_request(long)).await;
    assert!(answer.is_err() || answer.unwrap().status() == 431);
    assert_eq!(
        text(&mut client, "/after").await,
        "/after",
        "other streams go on"
    );
}

#[tokio::test]
async fn s60_an_idle_connection_closes_and_a_quiet_stream_does_not() {
    let short = Duration::from_millis(200);
    let limits = ServeLimits {
        idle: short,
        write_stall: Duration::from_mins(10),
        ..ServeLimits::default()
    };
    let server = served(
        limits,
        move |request: Request<hyper::body::Incoming>| async move {
            if request.uri().path() == "/slow" {
                tokio::time::sleep(short * 3).await;
            }
            echo_path(request).await
        },
    );
    let (mut client, connection) = connect(&server).await;
    assert_eq!(text(&mut client, "/slow").await, "/slow");
    let _ = soon(connection).await.unwrap();
}

/// A client that grants no window keeps the reply from moving; the connection is cut.
#[tokio::test]
async fn s60_a_client_that_does_not_read_its_answer() {
    let short = Duration::from_millis(300);
    let limits = ServeLimits {
        write_stall: short,
        ..ServeLimits::default()
    };
    let server = served(limits, |_| async {
        let pieces = std::iter::repeat_n(Bytes::from(vec![b'x'; 60_000]), 1000);
        Response::new(ReplyBody::stream(futures::stream::iter(pieces)))
    });
    let (mut client, connection) = connect(&server).await;
    let unread = soon(client.send_request(get("/"))).await.unwrap();
    let _ = soon(connection).await.unwrap();
    assert!(soon(unread.into_body().collect()).await.is_err());
}

#[tokio::test]
async fn r23_streams_in_flight_finish() {
    let server = served(
        ServeLimits::default(),
        |request: Request<hyper::body::Incoming>| async move {
            if request.uri().path() == "/slow" {
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            echo_path(request).await
        },
    );
    let (mut client, connection) = connect(&server).await;
    assert_eq!(text(&mut client, "/first").await, "/first");
    let mut busy = client.clone();
    let slow = tokio::spawn(async move { text(&mut busy, "/slow").await });
    // The second answer shows that the slow request, sent before it, has arrived.
    tokio::task::yield_now().await;
    assert_eq!(text(&mut client, "/second").await, "/second");
    server.signal.drain();
    assert_eq!(soon(slow).await.unwrap(), "/slow");
    soon(server.task).await.unwrap();
    let _ = soon(connection).await.unwrap();
}
