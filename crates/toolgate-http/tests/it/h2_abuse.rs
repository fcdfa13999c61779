//! S-61 `h2_abuse`: a client that writes HTTP/2 frames by hand. Each kind of abuse ends its connection, and a good client
//! beside it is served.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use hyper::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use toolgate_http::{ReplyBody, ServeLimits};

use crate::support::{PATIENCE, RawClient, Served, served, soon};

const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `GET /` of `localhost`: three entries of the static table and one literal.
const GET: &[u8] = b"\x82\x86\x84\x41\x09localhost";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// What a flood came to.
struct End {
    /// Bytes that the server took.
    taken: usize,
    /// The error code of its GOAWAY, if it said one.
    goaway: Option<u32>,
}

struct Flood {
    server: Served,
    started: Arc<AtomicUsize>,
    alive: Arc<AtomicUsize>,
    most_alive: Arc<AtomicUsize>,
}

impl Flood {
    /// A server whose handlers take a while, and count themselves.
    fn new(limits: ServeLimits) -> Self {
        let counters: [Arc<AtomicUsize>; 3] = Default::default();
        let [started, alive, most_alive] = counters.clone();
        let server = served(limits, move |request: Request<hyper::body::Incoming>| {
            let [started, alive, most_alive] = counters.clone();
            async move {
                struct Leaves(Arc<AtomicUsize>);
                impl Drop for Leaves {
                    fn drop(&mut self) {
                        self.0.fetch_sub(1, SeqCst);
                    }
                }
                if request.uri().path() != "/good" {
                    started.fetch_add(1, SeqCst);
                    most_alive.fetch_max(alive.fetch_add(1, SeqCst) + 1, SeqCst);
                    let _leaves = Leaves(alive);
                    tokio::time::sleep(PATIENCE).await;
                }
                Response::new(ReplyBody::empty())
            }
        });
        Self {
            server,
            started,
            alive,
            most_alive,
        }
    }

    /// Sends what `next` makes of each number until the server closes; at most `most` times.
    async fn run(&self, most: u32, mut next: impl FnMut(u32) -> Vec<u8>) -> End {
        let stream = soon(TcpStream::connect(self.server.address)).await.unwrap();
        let (mut read, mut write) = stream.into_split();
        let reading = tokio::spawn(async move {
            let mut all = Vec::new();
            // The end may be a reset.
            let _ = read.read_to_end(&mut all).await;
            goaway(&all)
        });
        let mut taken = 0;
        let mut hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        hello.extend(frame(SETTINGS, 0, 0, &[]));
        soon(write.write_all(&hello)).await.unwrap();
        for number in 0..most {
            let bytes = next(number);
            if soon(write.write_all(&bytes)).await.is_err() {
                break;
            }
            taken += bytes.len();
        }
        let goaway = soon(reading).await.unwrap();
        self.a_good_client_is_served().await;
        End { taken, goaway }
    }

    async fn a_good_client_is_served(&self) {
        let mut client = RawClient::connect(self.server.address).await;
        assert!(client.get("/good").await.starts_with("HTTP/1.1 200 "));
    }

    /// Whatever the flood started has ended.
    async fn nothing_is_left(&self) {
        soon(async {
            while self.alive.load(SeqCst) > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }
}

/// The code of the last GOAWAY among these frames.
fn goaway(mut bytes: &[u8]) -> Option<u32> {
    let mut found = None;
    while bytes.len() >= 9 {
        let length = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]) as usize;
        let Some(payload) = bytes.get(9..9 + length) else {
            break;
        };
        if bytes[3] == GOAWAY {
            found = Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
        bytes = &bytes[9 + length..];
    }
    found
}

const PROTOCOL_ERROR: u32 = 1;
const FLOW_CONTROL_ERROR: u32 = 3;
const COMPRESSION_ERROR: u32 = 9;
const ENHANCE_YOUR_CALM: u32 = 11;

/// A stream's number; a client's are odd.
fn stream(number: u32) -> u32 {
    2 * number + 1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cve_2023_44487_rapid_reset() {
    let flood = Flood::new(ServeLimits::default());
    // 100 requests and their resets in each write.
    let end = flood
        .run(2_000, |write| {
            let pair = |number| {
                let id = stream(write * 100 + number);
                let mut pair = frame(HEADERS, END_STREAM | END_HEADERS, id, GET);
                pair.extend(frame(RST_STREAM, 0, id, &8_u32.to_be_bytes()));
                pair
            };
            (0..100).flat_map(pair).collect()
        })
        .await;
    assert_eq!(end.goaway, Some(ENHANCE_YOUR_CALM));
    assert!(flood.started.load(SeqCst) < 2_000, "{:?}", flood.started);
    assert!(
        flood.most_alive.load(SeqCst) <= 100,
        "{:?}",
        flood.most_alive
    );
    assert!(end.taken < 100 * 2_000 * 40, "{}", end.taken);
    flood.nothing_is_left().await;
}

/// CVE-2025-8671 (`MadeYouReset`) and RUSTSEC-2024-0003: the server is brought to reset the streams itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cve_2025_8671_rustsec_2024_0003_resets_that_the_server_makes() {
    let flood = Flood::new(ServeLimits::default());
    let end = flood
        .run(20_000, |number| {
            let id = stream(number);
            let mut bytes = frame(HEADERS, END_STREAM | END_HEADERS, id, GET);
            // A window over the limit is an error of its stream.
            let largest = 0x7fff_ffff_u32.to_be_bytes();
            bytes.extend(frame(WINDOW_UPDATE, 0, id, &largest));
            bytes
        })
        .await;
    assert_eq!(end.goaway, Some(ENHANCE_YOUR_CALM));
    assert!(
        flood.most_alive.load(SeqCst) <= 100,
        "{:?}",
        flood.most_alive
    );
    flood.nothing_is_left().await;
}

#[tokio::test]
async fn rustsec_2024_0332_continuation_flood() {
    let flood = Flood::new(ServeLimits::default());
    let header = [b"\x00\x08x-header\x7f\x81\x05".as_slice(), &[b'x'; 260]].concat();
    let end = flood
        .run(200_000, |number| match number {
            0 => frame(HEADERS, 0, 1, GET),
            _ => frame(CONTINUATION, 0, 1, &header),
        })
        .await;
    let expected = [ENHANCE_YOUR_CALM, PROTOCOL_ERROR, COMPRESSION_ERROR];
    assert!(
        end.goaway.is_some_and(|code| expected.contains(&code)),
        "{:?}",
        end.goaway
    );
    assert!(end.taken < 20 << 20, "{} bytes were taken", end.taken);
    assert_eq!(flood.started.load(SeqCst), 0);
}

/// RUSTSEC-2023-0034: resets of streams whose answers wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s61_no_more_streams_than_allowed() {
    let flood = Flood::new(ServeLimits::default());
    let limit = ServeLimits::default().max_streams as usize;
    let end = flood
        .run(5_000, |number| {
            frame(HEADERS, END_STREAM | END_HEADERS, stream(number), GET)
        })
        .await;
    assert!(
        flood.most_alive.load(SeqCst) <= limit,
        "{:?}",
        flood.most_alive
    );
    assert!(end.goaway.is_some(), "the connection is closed");
    flood.nothing_is_left().await;
}

#[tokio::test]
async fn s61_windows_cannot_be_abused() {
    let largest = 0x7fff_ffff_u32.to_be_bytes();
    let flood = Flood::new(ServeLimits::default());
    let end = flood.run(2, |_| frame(WINDOW_UPDATE, 0, 0, &largest)).await;
    assert_eq!(
        end.goaway,
        Some(FLOW_CONTROL_ERROR),
        "a window over the limit"
    );
    let end = flood.run(1, |_| frame(WINDOW_UPDATE, 0, 0, &[0; 4])).await;
    assert_eq!(end.goaway, Some(PROTOCOL_ERROR), "a window of nothing");
    let window = |size: u32| [[0, 4].as_slice(), &size.to_be_bytes()].concat();
    let end = flood
        .run(1, |_| frame(SETTINGS, 0, 0, &window(0x8000_0000)))
        .await;
    let codes = [FLOW_CONTROL_ERROR, PROTOCOL_ERROR].map(Some);
    assert!(
        codes.contains(&end.goaway),
        "a setting over the limit: {:?}",
        end.goaway
    );
}

/// Frames that belong to no request are answered, and keep nothing open: the connection ends when it was idle for too long.
#[tokio::test]
async fn s61_floods_of_pings_settings_and_priorities_keep_nothing_open() {
    let limits = ServeLimits {
        idle: Duration::from_millis(300),
        ..ServeLimits::default()
    };
    for (what, kind, stream, payload) in [
        ("pings", PING, 0, [7; 8].as_slice()),
        ("settings", SETTINGS, 0, &[]),
        ("settings that change", SETTINGS, 0, &[0, 4, 0, 0, 0x10, 0]),
        ("priorities", PRIORITY, 1, &[0, 0, 0, 0, 1]),
        ("window updates", WINDOW_UPDATE, 1, &[0, 0, 0, 1]),
        ("unknown frames", 0xee, 0, &[0; 100]),
    ] {
        let flood = Flood::new(limits);
        let burst: Vec<u8> = (0..100)
            .flat_map(|_| frame(kind, 0, stream, payload))
            .collect();
        let end = flood.run(5_000_000, |_| burst.clone()).await;
        assert!(
            end.taken < 5_000_000 * burst.len(),
            "{what}: the connection was closed"
        );
        assert_eq!(flood.started.load(SeqCst), 0, "{what}");
    }
}

/// A client that pings and never reads: the answers wait in a buffer of fixed size, and then in nobody's.
#[tokio::test]
async fn s61_pings_without_reading_end_the_connection() {
    let limits = ServeLimits {
        idle: Duration::from_mins(1),
        write_stall: Duration::from_millis(300),
        ..ServeLimits::default()
    };
    let flood = Flood::new(limits);
    let mut stream = soon(TcpStream::connect(flood.server.address))
        .await
        .unwrap();
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    let burst: Vec<u8> = (0..1000).flat_map(|_| frame(PING, 0, 0, &[7; 8])).collect();
    soon(async { while stream.write_all(&burst).await.is_ok() {} }).await;
    flood.a_good_client_is_served().await;
}
