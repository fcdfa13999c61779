//! S-37: guesses from ten thousand addresses cost bounded memory, and a client with a valid token is served beside them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use super::{Front, Kept, good_client, number, runtime};
use crate::effort::Effort;
use crate::score::{Bar, Score};

const ADDRESSES: u64 = 10_000;
const GUESSERS: usize = 4;

pub(crate) fn run(effort: &Effort, score: &mut Score) {
    let attempts = effort.size(20_000, 100_000);
    let front = Front::new(&["--behind-proxy", "127.0.0.1"]);
    runtime().block_on(async {
        let baseline = good_client(front.address(), &front.token, || true).await;
        let before = front.resident_mib();
        let [refused, limited, other] = [(); 3].map(|()| Arc::new(AtomicU64::new(0)));
        let began = Instant::now();
        let guessers: Vec<_> = (0..GUESSERS)
            .map(|guesser| {
                let address = front.address().to_owned();
                let counts = [&refused, &limited, &other].map(Arc::clone);
                let seed = effort.seed;
                tokio::spawn(async move {
                    let mut connection = Kept::connect(&address).await;
                    for attempt in (0..attempts).skip(guesser).step_by(GUESSERS) {
                        let request = guess(attempt, seed);
                        let [refused, limited, other] = &counts;
                        match connection.ask(&request).await {
                            401 => refused.fetch_add(1, Relaxed),
                            429 => limited.fetch_add(1, Relaxed),
                            _ => {
                                connection = Kept::connect(&address).await;
                                other.fetch_add(1, Relaxed)
                            }
                        };
                    }
                })
            })
            .collect();
        let over = || guessers.iter().all(tokio::task::JoinHandle::is_finished);
        let during = good_client(front.address(), &front.token, over).await;
        let seconds = began.elapsed().as_secs_f64();
        score.never("a valid request refused", baseline.failed + during.failed);
        score.never(
            "a guess answered otherwise than 401 or 429",
            other.load(Relaxed),
        );
        let count = |counter: &AtomicU64| number(counter.load(Relaxed));
        score.figure("guesses", number(attempts), "", Bar::Told);
        score.figure(
            "guesses a second",
            number(attempts) / seconds,
            "1/s",
            Bar::Told,
        );
        score.figure(
            "answered 401",
            count(&refused),
            "",
            // A second that has begun counts as a whole one at both ends.
            Bar::AtMost(1000.0 * (seconds.ceil() + 1.0)),
        );
        score.figure("answered 429", count(&limited), "", Bar::AtLeast(1.0));
        score.figure(
            "memory gained",
            front.resident_mib() - before,
            "MiB",
            Bar::AtMost(32.0),
        );
        let ratio = during.p99_ms / baseline.p99_ms;
        score.figure(
            "p99 of a valid client, beside its baseline",
            ratio,
            "×",
            Bar::Told,
        );
    });
}

/// A wrong token of the right form on behalf of one of the addresses, half of them IPv6.
fn guess(attempt: u64, seed: u64) -> String {
    let source = (attempt.wrapping_mul(2_654_435_761) ^ seed) % ADDRESSES;
    let (high, low) = (source / 250, source % 250);
    let source = match source % 2 {
        0 => format!("198.51.{high}.{low}"),
        _ => format!("2001:db8:{high:x}:{low:x}::1"),
    };
    let token = format!("mwt_{attempt:049}");
    Front::ping(&token, &format!("X-Forwarded-For: {source}\r\n"))
}
