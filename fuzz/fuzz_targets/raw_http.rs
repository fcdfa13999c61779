//! F-04: raw bytes into the live service. Each request that is seen has one answer, what is no request has one refusal at
//! most and then the connection closes, and a good client beside it is served.
#![no_main]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use hyper::{Request, Response, body::Incoming};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use toolgate_http::serve::{BodyPace, content_length};
use toolgate_http::{Drain, Handler, Listener, ReplyBody, ServeLimits, read_body, serve};

/// Answers with a word that no header holds, and counts.
struct Counting(AtomicUsize);

const WORD: &str = "answer-of-the-service";

impl Handler for Counting {
    async fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        _: SocketAddr,
    ) -> Response<ReplyBody> {
        let good = request.uri().path() == "/good";
        if !good {
            self.0.fetch_add(1, SeqCst);
        }
        let (parts, body) = request.into_parts();
        let _ = read_body(
            body,
            content_length(&parts.headers),
            4096,
            BodyPace::default(),
        )
        .await;
        let head_only = parts.method == hyper::Method::HEAD;
        let body = if head_only { "" } else { WORD };
        let mut reply = Response::new(ReplyBody::full(Bytes::from_static(body.as_bytes())));
        reply
            .headers_mut()
            .insert("x-answer", "1".parse().expect("a value"));
        reply
    }
}

struct Live {
    runtime: Runtime,
    address: SocketAddr,
    handler: Arc<Counting>,
}

fn live() -> &'static Live {
    static LIVE: OnceLock<Live> = OnceLock::new();
    LIVE.get_or_init(|| {
        let runtime = Runtime::new().expect("a runtime");
        let handler = Arc::new(Counting(AtomicUsize::new(0)));
        let _inside = runtime.enter();
        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("loopback");
        let address = listener.local_addr();
        let (signal, drain) = Drain::new();
        let serving = serve(
            listener,
            ServeLimits::default(),
            Arc::clone(&handler),
            drain,
        );
        runtime.spawn(async move {
            let _for_ever = signal;
            serving.await;
        });
        drop(_inside);
        Live {
            runtime,
            address,
            handler,
        }
    })
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let live = live();
    live.runtime.block_on(async {
        let before = live.handler.0.load(SeqCst);
        let asking = exchange(live.address, bytes, After::NothingMore);
        let all = tokio::time::timeout(Duration::from_secs(20), asking);
        let all = all
            .await
            .expect("the connection ends when the client has no more to say");
        let seen = live.handler.0.load(SeqCst) - before;
        // HTTP/2 has frames instead of lines.
        if !bytes.starts_with(b"PRI * HTTP/2.0") {
            let text = String::from_utf8_lossy(&all);
            let answers = text.matches("x-answer: 1\r\n").count();
            assert!(
                answers <= seen,
                "{answers} answers to {seen} requests: {text}"
            );
            let lines = text.matches("HTTP/1.").count() - text.matches("HTTP/1.1 100 ").count();
            assert!(
                lines <= seen + 1,
                "{lines} answers to {seen} requests: {text}"
            );
        }
        let good = exchange(
            live.address,
            b"GET /good HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            After::Listens,
        );
        let good = tokio::time::timeout(Duration::from_secs(20), good).await;
        let good = good.expect("the good client is answered");
        assert!(
            good.ends_with(WORD.as_bytes()),
            "{}",
            String::from_utf8_lossy(&good)
        );
    });
});

/// What a client does once it has written.
#[derive(PartialEq)]
enum After {
    /// It waits for its answer.
    Listens,
    /// It says that nothing more will come, which a server may take for its leaving.
    NothingMore,
}

/// Sends these bytes and reads to the end.
async fn exchange(address: SocketAddr, bytes: &[u8], after: After) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let mut all = Vec::new();
    // The service may have had enough at any point.
    let _ = stream.write_all(bytes).await;
    if after == After::NothingMore {
        let _ = stream.shutdown().await;
    }
    let _ = stream.read_to_end(&mut all).await;
    all
}
