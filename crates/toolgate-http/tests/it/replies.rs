//! What leaves for a reply, byte for byte; and that one broken request is one broken request.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream;
use http_body_util::BodyExt;
use hyper::body::Body;
use hyper::{Request, Response, StatusCode};
use proptest::prelude::*;
use toolgate_http::serve::{BodyError, BodyPace, BrokenOff, content_length};
use toolgate_http::{ReplyBody, ServeLimits, read_body};

use crate::support::{RawClient, echo_path, served, soon};

fn slices() -> [Bytes; 4] {
    [
        Bytes::from_static(b"{\"result\":"),
        Bytes::new(),
        Bytes::from_static(b"1"),
        Bytes::from_static(b"}"),
    ]
}

#[tokio::test]
async fn parts_arrive_as_one_body_of_announced_length() {
    let server = served(ServeLimits::default(), |_| async {
        Response::new(ReplyBody::parts(slices()))
    });
    let mut client = RawClient::connect(server.address).await;
    let answer = client.get("/").await;
    assert!(answer.contains("content-length: 12\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n{\"result\":1}"), "{answer}");
}

#[tokio::test]
async fn an_empty_reply_has_length_zero() {
    let server = served(ServeLimits::default(), |_| async {
        Response::new(ReplyBody::empty())
    });
    let mut client = RawClient::connect(server.address).await;
    assert!(client.get("/").await.contains("content-length: 0\r\n"));
    assert!(
        client.get("/again").await.contains("200 OK"),
        "the connection goes on"
    );
}

#[tokio::test]
async fn parts_are_handed_over_without_a_copy() {
    let sent = slices();
    let mut body = ReplyBody::parts(sent.clone());
    let expected: Vec<_> = sent
        .iter()
        .filter(|slice| !slice.is_empty())
        .map(|slice| slice.as_ptr())
        .collect();
    let mut handed = Vec::new();
    while let Some(frame) = body.frame().await {
        handed.push(frame.unwrap().into_data().unwrap().as_ptr());
    }
    assert_eq!(handed, expected);
}

proptest! {
    #[test]
    fn the_size_of_parts_is_exact_all_the_way(sizes in prop::collection::vec(0_usize..50, 0..8)) {
        let mut left: u64 = sizes.iter().sum::<usize>() as u64;
        let mut body = ReplyBody::parts(sizes.iter().map(|size| Bytes::from(vec![1; *size])));
        let mut cx = Context::from_waker(std::task::Waker::noop());
        loop {
            prop_assert_eq!(body.size_hint().exact(), Some(left));
            prop_assert_eq!(body.is_end_stream(), left == 0);
            match Pin::new(&mut body).poll_frame(&mut cx) {
                Poll::Ready(Some(frame)) => left -= frame.unwrap().data_ref().unwrap().len() as u64,
                Poll::Ready(None) => break,
                Poll::Pending => prop_assert!(false, "slices are always there"),
            }
        }
        prop_assert_eq!(left, 0);
    }
}

#[tokio::test]
async fn a_stream_leaves_piece_by_piece_and_ends_well() {
    let (more, receive) = tokio::sync::mpsc::channel::<Bytes>(1);
    let receive = Arc::new(tokio::sync::Mutex::new(Some(receive)));
    let server = served(ServeLimits::default(), move |_| {
        let receive = Arc::clone(&receive);
        async move {
            let receive = receive.lock().await.take().unwrap();
            let pieces = stream::unfold(receive, |mut receive| async {
                Some((receive.recv().await?, receive))
            });
            Response::new(ReplyBody::stream(pieces))
        }
    });
    let mut client = RawClient::connect(server.address).await;
    client
        .send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await;
    assert!(client.answer().await.contains("transfer-encoding: chunked"));
    more.send(Bytes::from_static(b"data: 1\n\n")).await.unwrap();
    // The first piece is here before the second exists.
    let mut first = [0; 14];
    soon(tokio::io::AsyncReadExt::read_exact(
        &mut client.stream,
        &mut first,
    ))
    .await
    .unwrap();
    assert_eq!(&first, b"9\r\ndata: 1\n\n\r\n");
    more.send(Bytes::from_static(b"data: 2\n\n")).await.unwrap();
    drop(more);
    assert_eq!(client.rest().await, "9\r\ndata: 2\n\n\r\n0\r\n\r\n");
}

#[tokio::test]
async fn a_stream_that_breaks_off_does_not_look_whole() {
    let server = served(ServeLimits::default(), |_| async {
        let pieces = [Ok(Bytes::from_static(b"half")), Err(BrokenOff)];
        Response::new(ReplyBody::try_stream(stream::iter(pieces)))
    });
    let mut client = RawClient::connect(server.address).await;
    client
        .send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await;
    let all = client.rest().await;
    assert!(!all.ends_with("0\r\n\r\n"), "{all}");
}

#[tokio::test]
async fn s63_a_panic_is_a_500_for_its_own_request_only() {
    let server = served(
        ServeLimits::default(),
        |request: Request<hyper::body::Incoming>| async move {
            assert_ne!(request.uri().path(), "/panic", "as asked");
            echo_path(request).await
        },
    );
    let mut bystander = RawClient::connect(server.address).await;
    assert!(bystander.get("/before").await.ends_with("/before"));
    let mut client = RawClient::connect(server.address).await;
    assert!(client.get("/panic").await.starts_with("HTTP/1.1 500 "));
    assert!(
        client.get("/after").await.ends_with("/after"),
        "even its own connection goes on"
    );
    assert!(bystander.get("/after").await.ends_with("/after"));
}

#[tokio::test]
async fn an_oversize_body_is_a_413_that_the_client_can_read() {
    let server = served(
        ServeLimits::default(),
        |request: Request<hyper::body::Incoming>| async move {
            let announced = content_length(request.headers());
            let body = read_body(request.into_body(), announced, 1000, BodyPace::default()).await;
            let mut reply = Response::new(ReplyBody::empty());
            *reply.status_mut() = body.map_or_else(BodyError::status, |_| StatusCode::OK);
            reply
        },
    );
    for (framing, expected) in [
        (
            "Content-Length: 1000\r\n\r\n".to_owned() + &"x".repeat(1000),
            "200",
        ),
        (
            "Content-Length: 1001\r\n\r\n".to_owned() + &"x".repeat(1001),
            "413",
        ),
        // The client goes on sending long after the answer; a reset would destroy it.
        (
            "Content-Length: 4000000\r\n\r\n".to_owned() + &"x".repeat(4_000_000),
            "413",
        ),
        (
            "Transfer-Encoding: chunked\r\n\r\n3e9\r\n".to_owned()
                + &"x".repeat(1001)
                + "\r\n0\r\n\r\n",
            "413",
        ),
    ] {
        let mut client = RawClient::connect(server.address).await;
        client
            .send(format!("POST / HTTP/1.1\r\nHost: localhost\r\n{framing}"))
            .await;
        let answer = client.answer().await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {expected} ")),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn s60_headers_have_a_size_and_a_number() {
    let server = served(ServeLimits::default(), echo_path);
    let long = |length: usize| format!("X-Long: {}\r\n", "x".repeat(length));
    let many = |count: usize| "X-Many: 1\r\n".repeat(count);
    for (headers, expected) in [
        (long(15_000), "200"),
        (long(17_000), "431"),
        (many(99), "200"),
        (many(100), "431"),
    ] {
        let mut client = RawClient::connect(server.address).await;
        client
            .send(format!(
                "GET / HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n"
            ))
            .await;
        let answer = client.answer().await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {expected} ")),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn r15_a_client_that_leaves_cancels_the_handler_and_the_stream() {
    struct Counted(Arc<AtomicUsize>, tokio::sync::mpsc::Sender<()>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
            let _ = self.1.try_send(());
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let (tell, mut told) = tokio::sync::mpsc::channel(8);
    let counter = Arc::clone(&dropped);
    let server = served(
        ServeLimits::default(),
        move |request: Request<hyper::body::Incoming>| {
            let guard = Counted(Arc::clone(&counter), tell.clone());
            async move {
                if request.uri().path() == "/waits" {
                    std::future::pending::<()>().await;
                }
                let endless = stream::unfold(guard, |guard| async {
                    std::future::pending::<()>().await;
                    Some((Bytes::new(), guard))
                });
                Response::new(ReplyBody::stream(endless))
            }
        },
    );
    for path in ["/waits", "/streams"] {
        let mut client = RawClient::connect(server.address).await;
        client
            .send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
            .await;
        if path == "/streams" {
            client.answer().await;
        }
        drop(client);
        soon(told.recv()).await;
    }
    assert_eq!(dropped.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn s62_ambiguous_framing_is_one_request_or_none() {
    let server = served(ServeLimits::default(), echo_path);
    let bad = [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "X-Null: a\0b\r\n",
        " folded: x\r\n",
        "Name : x\r\n",
        "No colon\r\n",
    ];
    for headers in bad {
        let mut client = RawClient::connect(server.address).await;
        let request = format!("POST / HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        client
            .send(format!(
                "{request}0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
            ))
            .await;
        let all = client.rest().await;
        assert!(all.starts_with("HTTP/1.1 400 "), "{headers}: {all}");
        assert_eq!(all.matches("HTTP/1.1").count(), 1, "{headers}: {all}");
    }
}
