//! S-62 `smuggling_corpus`: raw requests that two readers could take apart differently. Each carries a second request
//! where the other reader would find one. Either all is refused, or exactly one request is seen and the connection closes.
//! With two well-behaved requests instead, both are seen: the corpus can tell.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use hyper::{Request, Response};
use toolgate_http::serve::{BodyPace, content_length};
use toolgate_http::{ReplyBody, ServeLimits, read_body};

use crate::support::{RawClient, Served, served};

/// A server that reads bodies and counts what it sees.
fn counting() -> (Served, Arc<AtomicUsize>) {
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    let server = served(
        ServeLimits::default(),
        move |request: Request<hyper::body::Incoming>| {
            counter.fetch_add(1, Ordering::SeqCst);
            async move {
                let (parts, body) = request.into_parts();
                let length = content_length(&parts.headers);
                let status = match read_body(body, length, 4096, BodyPace::default()).await {
                    Ok(_) => 200,
                    Err(error) => error.status().as_u16(),
                };
                let mut reply = Response::new(ReplyBody::full(Bytes::from_static(b"seen")));
                *reply.status_mut() = status.try_into().unwrap();
                reply
            }
        },
    );
    (server, seen)
}

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Sends one case with a smuggled request behind it and checks what the server made of it.
async fn check(case: &str) {
    let (server, seen) = counting();
    let mut client = RawClient::connect(server.address).await;
    client.send(case.as_bytes()).await;
    client.send(SMUGGLED).await;
    // A case that leaves a body open ends when the client has no more to say.
    let _ = tokio::io::AsyncWriteExt::shutdown(&mut client.stream).await;
    let all = client.rest().await;
    let answers = all.matches("HTTP/1.1 ").count();
    let seen = seen.load(Ordering::SeqCst);
    assert!(seen <= 1, "{case:?}: {seen} requests were seen: {all}");
    assert!(answers <= 1, "{case:?}: {answers} answers: {all}");
    if seen == 0 && !all.is_empty() {
        let refused = [
            "HTTP/1.1 400 ",
            "HTTP/1.1 414 ",
            "HTTP/1.1 431 ",
            "HTTP/1.1 505 ",
        ];
        assert!(
            refused.iter().any(|line| all.starts_with(line)),
            "{case:?}: {all}"
        );
    }
    server.signal.drain();
}

fn post(headers: &str, body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n{body}")
}

/// A chunked body that ends at once.
const LAST: &str = "0\r\n\r\n";

/// Spellings of `Transfer-Encoding` beside a length: whichever a reader takes, the other one is wrong.
fn both_lengths() -> Vec<String> {
    let names = [
        "Transfer-Encoding",
        "transfer-encoding",
        "TRANSFER-ENCODING",
        "tRANSFER-eNCODING",
    ];
    let values = [
        "chunked",
        " chunked",
        "chunked ",
        "\tchunked",
        "Chunked",
        "CHUNKED",
        "chunked, chunked",
        "gzip, chunked",
        "identity, chunked",
        "chunked, identity",
        "chunked,gzip",
        "xchunked",
        "chunkedx",
        "x chunked",
        "\"chunked\"",
        "'chunked'",
        "chunked;q=1",
        "chunked\u{b}",
        "\u{b}chunked",
        "chunked,",
        ",chunked",
        "",
        "identity",
        "cow",
        "gzip",
    ];
    let mut cases = Vec::new();
    for name in names {
        for value in values {
            let te = format!("{name}:{value}\r\n");
            cases.push(post(&format!("Content-Length: 5\r\n{te}"), LAST));
        }
    }
    for value in values {
        let te = format!("Transfer-Encoding:{value}\r\n");
        cases.push(post(&format!("{te}Content-Length: 5\r\n"), LAST));
    }
    cases
}

/// Names and line ends that one reader takes for the header and another does not.
fn odd_headers() -> Vec<String> {
    let headers = [
        "Transfer-Encoding : chunked\r\n",
        " Transfer-Encoding: chunked\r\n",
        "\tTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding\t: chunked\r\n",
        "Transfer-Encoding\0: chunked\r\n",
        "Transfer-Encoding: chun\0ked\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        "Transfer-Encoding:\r\n\tchunked\r\n",
        "Transfer-Encoding\r\n: chunked\r\n",
        "X: y\r\n Transfer-Encoding: chunked\r\n",
        "X: y\nTransfer-Encoding: chunked\r\n",
        "X: y\rTransfer-Encoding: chunked\r\n",
        "X: y\n\nTransfer-Encoding: chunked\r\n",
        "X: y\r\r\nTransfer-Encoding: chunked\r\n",
        "\nTransfer-Encoding: chunked\r\n",
        "\rTransfer-Encoding: chunked\r\n",
        "X: y\0\r\nTransfer-Encoding: chunked\r\n",
        "X\0: y\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\nX: y\r\n",
        "Content-Length: 5\nX: y\r\n",
        "Content-Length : 5\r\n",
        " Content-Length: 5\r\n",
        "Content-Length\t: 5\r\n",
        "Content-Length:\r\n 5\r\n",
        "Content-Length: 5\r\n 0\r\n",
        ": empty\r\n",
        "no colon\r\n",
        "X\u{7f}: y\r\n",
        "X: y\u{1}\r\n",
        "X: y\u{7f}\r\n",
        "X@: y\r\n",
        "X y: z\r\n",
        "(X): z\r\n",
    ];
    let mut cases = Vec::new();
    for header in headers {
        cases.push(post(&format!("Content-Length: 5\r\n{header}"), LAST));
        cases.push(post(&format!("{header}Content-Length: 5\r\n"), LAST));
    }
    cases
}

/// Lengths that can be read in two ways.
fn odd_lengths() -> Vec<String> {
    let lengths = [
        "5, 5",
        "5,6",
        "5 6",
        "+5",
        "-5",
        "0x5",
        "5x",
        "5.0",
        "5;",
        "\"5\"",
        "'5'",
        "",
        " ",
        "5\u{b}",
        "\u{b}5",
        "99999999999999999999",
        "18446744073709551616",
        "-0",
        "1e1",
        "٥",
        "5\0",
        "5,",
    ];
    let mut cases: Vec<_> = lengths
        .iter()
        .map(|length| post(&format!("Content-Length: {length}\r\n"), LAST))
        .collect();
    for (first, second) in [
        ("5", "6"),
        ("0", "5"),
        ("5", "0"),
        ("5", "05x"),
        ("", "5"),
        ("5", ""),
    ] {
        let headers = format!("Content-Length: {first}\r\nContent-Length: {second}\r\n");
        cases.push(post(&headers, LAST));
    }
    cases
}

/// Chunks that can be read in two ways.
fn odd_chunks() -> Vec<String> {
    let bodies = [
        "+5\r\nabcde\r\n0\r\n\r\n",
        "-5\r\nabcde\r\n0\r\n\r\n",
        "0x5\r\nabcde\r\n0\r\n\r\n",
        " 5\r\nabcde\r\n0\r\n\r\n",
        "5 x\r\nabcde\r\n0\r\n\r\n",
        "g\r\nabcde\r\n0\r\n\r\n",
        "\r\nabcde\r\n0\r\n\r\n",
        "ffffffffffffffff5\r\nabcde\r\n0\r\n\r\n",
        "10000000000000005\r\nabcde\r\n0\r\n\r\n",
        "5\nabcde\n0\n\n",
        "5\rabcde\r0\r\r",
        "5\r\nabcdef\r\n0\r\n\r\n",
        "5\r\nabcd\r\n0\r\n\r\n",
        "5\r\nabcde\n0\r\n\r\n",
        "5\r\nabcdeX\n0\r\n\r\n",
        "5;\n\r\nabcde\r\n0\r\n\r\n",
        "5;a\nb\r\nabcde\r\n0\r\n\r\n",
        "5;a\0b\r\nabcde\r\n0\r\n\r\n",
        "0\r\n",
        "0\n\n",
        "0\r\nX: y\n\r\n",
        "0\r\n X: y\r\n\r\n",
        "0\r\nX\r\n\r\n",
        "5\r\nabcde",
        "5",
    ];
    let chunked = |body: &&str| post("Transfer-Encoding: chunked\r\nConnection: close\r\n", body);
    bodies.iter().map(chunked).collect()
}

/// Request lines that can be read in two ways.
fn odd_lines() -> Vec<String> {
    let lines = [
        "GET /\r\n",
        "GET / HTTP/1.1 \r\n",
        "GET  / HTTP/1.1\r\n",
        "GET\t/ HTTP/1.1\r\n",
        " GET / HTTP/1.1\r\n",
        "GET / x HTTP/1.1\r\n",
        "GET / HTTP/1.1\n",
        "GET / HTTP/1.1\r",
        "GET / HTTP/0.9\r\n",
        "GET / HTTP/1.2\r\n",
        "GET / HTTP/2.0\r\n",
        "GET / HTTP/1.10\r\n",
        "GET / HTTP/11\r\n",
        "GET / http/1.1\r\n",
        "GET / HTTP/1,1\r\n",
        "GET /\0 HTTP/1.1\r\n",
        "G\0T / HTTP/1.1\r\n",
        "GET /a\nb HTTP/1.1\r\n",
        "GET /a\rb HTTP/1.1\r\n",
        "(GET) / HTTP/1.1\r\n",
        "GET,POST / HTTP/1.1\r\n",
        "\nGET / HTTP/1.1\r\n",
        "\r\n\nGET / HTTP/1.1\r\n",
    ];
    let whole = |line: &&str| format!("{line}Host: localhost\r\nConnection: close\r\n\r\n");
    lines.iter().map(whole).collect()
}

/// RUSTSEC-2021-0020 and RUSTSEC-2021-0078: hyper took lengths that others read otherwise.
#[tokio::test]
async fn s62_smuggling_corpus() {
    let corpus = [
        both_lengths(),
        odd_headers(),
        odd_lengths(),
        odd_chunks(),
        odd_lines(),
    ]
    .concat();
    assert!(corpus.len() >= 200, "{} cases", corpus.len());
    let unique: std::collections::HashSet<_> = corpus.iter().collect();
    assert_eq!(unique.len(), corpus.len());
    for case in corpus {
        check(&case).await;
    }
}

#[tokio::test]
async fn s62_two_plain_requests_are_two() {
    for first in [
        post("Content-Length: 5\r\n", LAST),
        post("Transfer-Encoding: chunked\r\n", LAST),
        // An underscore is no hyphen: these are headers nobody knows, so the length that counts is the real one.
        post("Content-Length: 5\r\nTransfer_Encoding: chunked\r\n", LAST),
        post("Content_Length: 50\r\nContent-Length: 5\r\n", LAST),
        // Line feeds in a body are its own.
        post("Content-Length: 5\r\n", "{\n\n\n}"),
        post("Content-Length: 5\r\nContent-Length: 5\r\n", LAST),
    ] {
        let (server, seen) = counting();
        let mut client = RawClient::connect(server.address).await;
        client.send(&first).await;
        client.send(SMUGGLED).await;
        for _ in 0..2 {
            let answer = client.answer().await;
            assert!(answer.starts_with("HTTP/1.1 200 "), "{first:?}: {answer}");
        }
        assert_eq!(seen.load(Ordering::SeqCst), 2, "{first:?}");
    }
}
