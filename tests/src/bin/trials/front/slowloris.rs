//! S-60: thousands of clients that hold their connections without using them are closed in time, and a good client is
//! served meanwhile.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Front, good_client, runtime};
use crate::effort::Effort;
use crate::score::{Bar, Score};

/// A way to hold a connection, and when it has to be over.
struct Kind {
    name: &'static str,
    /// What is sent at once.
    opening: String,
    /// What is sent again and again, so that the connection is never silent.
    drip: &'static str,
    limit: Duration,
}

pub(crate) fn run(effort: &Effort, score: &mut Score) {
    let each = effort.size(150, 2_000);
    let front = Front::new(&[]);
    let body = Front::ping(&front.token, "");
    let (fields, _) = body.split_once("Content-Length").expect("a length");
    let kinds = [
        Kind {
            name: "no byte",
            opening: String::new(),
            drip: "",
            limit: Duration::from_secs(5),
        },
        Kind {
            name: "half a header",
            opening: "POST /ws/team HTTP/1.1\r\nHost: localhost\r\nX-Slow: ".to_owned(),
            drip: "x",
            limit: Duration::from_secs(10),
        },
        Kind {
            name: "slow body",
            opening: format!("{fields}Content-Length: 1000000\r\n\r\n"),
            drip: " ",
            limit: Duration::from_secs(6),
        },
    ];
    runtime().block_on(async {
        let baseline = good_client(front.address(), &front.token, || true).await;
        let before = front.resident_mib();
        let over = AtomicBool::new(false);
        let address = front.address().to_owned();
        let attack = async {
            let [silent, half, slow] = &kinds;
            let (first, second, third) = tokio::join!(
                hold(&address, silent, each),
                hold(&address, half, each),
                hold(&address, slow, each)
            );
            let lasted = [first, second, third];
            over.store(true, Relaxed);
            lasted
        };
        let good = good_client(&address, &front.token, || over.load(Relaxed));
        let (lasted, during) = tokio::join!(attack, good);
        for (kind, (longest, left)) in kinds.iter().zip(lasted) {
            let seconds = longest.as_secs_f64();
            // The drip is noticed at its next byte, and a busy machine takes its time.
            let bar = kind.limit.as_secs_f64() + 5.0;
            let name = format!("{}: {each} connections, the longest lasted", kind.name);
            score.figure(&name, seconds, "s", Bar::AtMost(bar));
            score.never(
                &format!("{}: a connection that was never closed", kind.name),
                left,
            );
        }
        score.never("a good request refused", baseline.failed + during.failed);
        let ratio = during.p99_ms / baseline.p99_ms;
        score.figure(
            "p99 of a good client, beside its baseline",
            ratio,
            "×",
            Bar::Told,
        );
        score.figure(
            "memory gained",
            front.resident_mib() - before,
            "MiB",
            Bar::Told,
        );
    });
}

/// Holds so many connections of a kind until each is closed: how long the longest lasted, and how many are still open.
async fn hold(address: &str, kind: &Kind, count: u64) -> (Duration, u64) {
    // A gateway that sheds for a moment accepts late.
    let patience = kind.limit + Duration::from_mins(1);
    let tasks: Vec<_> = (0..count)
        .map(|number| {
            let (address, opening) = (address.to_owned(), kind.opening.clone());
            let drip = kind.drip;
            tokio::spawn(async move {
                // One after the other: when the queue of a listener is full, the system lets a client believe in a
                // connection that no server ever sees.
                tokio::time::sleep(Duration::from_millis(3 * number)).await;
                let held = tokio::time::timeout(patience, hold_one(&address, &opening, drip));
                held.await
            })
        })
        .collect();
    let (mut longest, mut left) = (Duration::ZERO, 0);
    for task in tasks {
        match task.await.expect("it does not panic") {
            Ok(lasted) => longest = longest.max(lasted),
            Err(_) => left += 1,
        }
    }
    (longest, left)
}

async fn hold_one(address: &str, opening: &str, drip: &str) -> Duration {
    let began = Instant::now();
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    // Both may fail once the gateway has had enough, which the reading then finds.
    let _ = stream.write_all(opening.as_bytes()).await;
    let mut answer = [0; 1024];
    loop {
        let reading = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut answer));
        match reading.await {
            // An answer such as 408 comes before the end.
            Ok(Ok(read)) if read > 0 => {}
            Ok(_) => return began.elapsed(),
            Err(_) if drip.is_empty() => {}
            Err(_) => _ = stream.write_all(drip.as_bytes()).await,
        }
    }
}
