//! How long a refusal takes does not tell its cause (S-35, S-36): Welch's t between unknown, revoked, expired and
//! another workspace's tokens, each asked in turn over one connection.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use toolgate_policy::RawToken;
use toolgate_tests::Installation;

use crate::connection::{BEHIND_PROXY, Connection};
use crate::effort::Effort;
use crate::rng::Rng;
use crate::score::{Bar, Score};

/// Where a difference becomes one.
const T: f64 = 4.5;

/// How long a round of all classes takes at least.
const ROUND: Duration = Duration::from_millis(5);

/// Runs it.
pub(crate) fn run(effort: &Effort, score: &mut Score) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let installation = Installation::new();
        installation.workspace("team");
        let mut rng = Rng(effort.seed);
        let unknown = RawToken::from_random(rng.bytes()).expose().to_owned();
        let foreign = installation.workspace("other").token;
        let revoked = installation.token("team", &[]);
        let id = revoked.json["id"].as_str().expect("an id");
        installation.done(&["workspace", "token", "revoke", "team", id]);
        let expired = installation.token("team", &["--expires-in", "1"]).token;
        let gateway = installation.start_with(&BEHIND_PROXY);
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        let classes = [
            ("unknown", unknown),
            ("revoked", revoked.token),
            ("expired", expired),
            ("another workspace's", foreign),
        ];
        let authority = gateway.url.trim_start_matches("http://");
        let mut connection = Connection::new(authority);
        let attempts = effort.size(2_500, 1_000_000);
        let mut samples = vec![Sample::default(); classes.len()];
        for _ in 0..attempts {
            // In another order each time, so that no class has the better place.
            let first = rng.below(classes.len());
            let round = Instant::now();
            for step in 0..classes.len() {
                let class = (first + step) % classes.len();
                let request = Request::post("/ws/team")
                    .header("authorization", format!("Bearer {}", classes[class].1))
                    .header("content-type", "application/json")
                    .body(Full::new(Bytes::new()))
                    .expect("a request");
                let began = Instant::now();
                let (answer, _) = connection.ask(request).await;
                let took = began.elapsed().as_secs_f64() * 1e6;
                assert_eq!(answer.status(), 401, "{}", classes[class].0);
                samples[class].add(took);
            }
            // All guesses together are bounded as well: 1,000 in a second (S-37).
            tokio::time::sleep_until((round + ROUND).into()).await;
        }
        for (class, sample) in classes.iter().zip(&samples) {
            score.figure(
                &format!("{}: typical", class.0),
                sample.mean(),
                "µs",
                Bar::Told,
            );
        }
        for one in 0..classes.len() {
            for other in one + 1..classes.len() {
                let t = samples[one].welch(&samples[other]).abs();
                let what = format!("|t| between {} and {}", classes[one].0, classes[other].0);
                score.figure(&what, t, "", Bar::AtMost(T));
            }
        }
    });
}

/// Times of one class. What the scheduler made of some is cut off: beyond twice the median nothing is learnt.
#[derive(Debug, Clone, Default)]
struct Sample(Vec<f64>);

impl Sample {
    fn add(&mut self, micros: f64) {
        self.0.push(micros);
    }

    fn usual(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let median = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        sorted.retain(|micros| *micros <= 2.0 * median);
        sorted
    }

    fn mean(&self) -> f64 {
        moments(&self.usual()).0
    }

    fn welch(&self, other: &Self) -> f64 {
        let (one, other) = (self.usual(), other.usual());
        let ((m1, v1), (m2, v2)) = (moments(&one), moments(&other));
        (m1 - m2) / (v1 / count(&one) + v2 / count(&other)).sqrt()
    }
}

/// Mean and variance.
fn moments(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / count(values);
    let squares = values.iter().map(|value| (value - mean).powi(2));
    (mean, squares.sum::<f64>() / (count(values) - 1.0).max(1.0))
}

#[expect(clippy::cast_precision_loss, reason = "a count of samples")]
fn count(values: &[f64]) -> f64 {
    values.len().max(1) as f64
}
