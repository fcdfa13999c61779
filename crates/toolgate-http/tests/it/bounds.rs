//! S-68: an answer is bounded in every way before it is read.

use std::error::Error;

use toolgate_http::egress::{InBodyError, ProtocolFault, SendErrorKind};
use toolgate_http::{EgressConfig, Sent};

use crate::support::{RawServer, endpoint, endpoint_with, exchange, ok, post, soon};

fn small() -> EgressConfig {
    EgressConfig {
        max_response_bytes: 1000,
        ..EgressConfig::default()
    }
}

fn chunked(length: usize) -> String {
    let half = "x".repeat(length / 2);
    let rest = "x".repeat(length - length / 2);
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    format!(
        "{head}{:x}\r\n{half}\r\n{:x}\r\n{rest}\r\n0\r\n\r\n",
        half.len(),
        rest.len()
    )
}

#[tokio::test]
async fn s68_the_body_limit_holds_at_every_edge() {
    for length in [999, 1000, 1001] {
        for answer in [ok(&"x".repeat(length)), chunked(length)] {
            let server = RawServer::answering(answer).await;
            let endpoint = endpoint_with(small(), server.address);
            let response = soon(endpoint.send(post("{}"))).await.unwrap();
            let body = soon(response.into_body().collect()).await;
            match body {
                Ok(body) => assert_eq!((body.len(), length <= 1000), (length, true)),
                Err(InBodyError::TooLarge { max }) => assert_eq!((max, length), (1000, 1001)),
                Err(other) => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn s68_an_announced_length_is_refused_before_it_comes() {
    let server = RawServer::answering("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n").await;
    let endpoint = endpoint_with(small(), server.address);
    let response = soon(endpoint.send(post("{}"))).await.unwrap();
    let error = soon(response.into_body().collect()).await.unwrap_err();
    assert!(
        error.to_string().contains("1000 bytes"),
        "the error names the limit: {error}"
    );
}

#[tokio::test]
async fn s68_an_endless_answer_ends_its_connection_only() {
    let server = RawServer::start(|number, mut connection| async move {
        connection.request().await;
        if number > 0 {
            connection.send(ok("fine")).await;
            return;
        }
        connection
            .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await;
        while tokio::io::AsyncWriteExt::write_all(&mut connection.stream, b"5\r\nxxxxx\r\n")
            .await
            .is_ok()
        {}
    })
    .await;
    let endpoint = endpoint_with(small(), server.address);
    let response = soon(endpoint.send(post("{}"))).await.unwrap();
    assert!(soon(response.into_body().collect()).await.is_err());
    assert_eq!(exchange(&endpoint, post("{}")).await.1, "fine");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_streams_limit_is_its_readers() {
    let server = RawServer::answering(ok(&"x".repeat(5000))).await;
    let endpoint = endpoint_with(small(), server.address);
    let response = soon(endpoint.send(post("{}"))).await.unwrap();
    assert_eq!(
        soon(response.into_body().limited(5000).collect())
            .await
            .unwrap()
            .len(),
        5000
    );
}

#[track_caller]
fn fault(kind: &SendErrorKind) -> ProtocolFault {
    match kind {
        SendErrorKind::Protocol(fault) => *fault,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn s68_a_coding_that_cannot_be_undone_is_refused() {
    for coding in [
        "deflate",
        "compress",
        "identity, gzip",
        "gzip, gzip",
        "gzip, br",
        "gzip;q=1",
        "*",
        "",
        "gzip\r\nContent-Encoding: br",
        "gzip\r\nContent-Encoding: gzip",
        "identity\r\nContent-Encoding: deflate",
        "\u{7f}",
    ] {
        let answer =
            format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: 1\r\n\r\nx");
        let server = RawServer::answering(answer).await;
        let error = soon(endpoint(server.address).send(post("{}")))
            .await
            .unwrap_err();
        let expected = match coding {
            // Not even a header value.
            "\u{7f}" => ProtocolFault::Malformed,
            _ => ProtocolFault::Encoded,
        };
        assert_eq!(
            (fault(&error.kind), error.sent),
            (expected, Sent::Unknown),
            "{coding}"
        );
    }
    let fine = "HTTP/1.1 200 OK\r\nContent-Encoding: Identity\r\nContent-Length: 1\r\n\r\nx";
    let server = RawServer::answering(fine).await;
    assert_eq!(exchange(&endpoint(server.address), post("{}")).await.1, "x");
    let nothing = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n";
    let server = RawServer::answering(nothing).await;
    assert_eq!(exchange(&endpoint(server.address), post("{}")).await.1, "");
}

#[tokio::test]
async fn s68_headers_have_a_size_and_a_number() {
    let long = |length: usize| format!("X-Long: {}\r\n", "x".repeat(length));
    let many = |count: usize| "X-Many: 1\r\n".repeat(count);
    for (headers, fits) in [
        (long(15_000), true),
        (long(17_000), false),
        (many(99), true),
        (many(100), false),
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{headers}\r\n");
        let server = RawServer::answering(answer).await;
        match soon(endpoint(server.address).send(post("{}"))).await {
            Ok(_) => assert!(fits),
            Err(error) => {
                assert_eq!(
                    (fault(&error.kind), fits),
                    (ProtocolFault::HeaderTooLarge, false)
                );
                assert_eq!(error.sent, Sent::Unknown);
            }
        }
    }
}

#[tokio::test]
async fn s68_what_is_not_http_is_a_fault_of_the_server() {
    for garbage in [
        "hello\r\n\r\n",
        "HTTP/1.1 abc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nBad header\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
    ] {
        let server = RawServer::answering(garbage).await;
        let error = soon(endpoint(server.address).send(post("{}")))
            .await
            .unwrap_err();
        assert_eq!(
            (fault(&error.kind), error.sent),
            (ProtocolFault::Malformed, Sent::Unknown),
            "{garbage:?}"
        );
        assert!(!error.to_string().contains("hello"), "S-21: {error}");
        assert!(error.source().is_none());
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let server = RawServer::start(move |_, mut connection| async move {
            connection.request().await;
            connection.send(answer).await;
        })
        .await;
        let response = soon(endpoint(server.address).send(post("{}")))
            .await
            .unwrap();
        let error = soon(response.into_body().collect()).await.unwrap_err();
        assert!(matches!(error, InBodyError::Broken(_)), "{error:?}");
    }
}
