//! Whatever belongs to one workspace is, for everybody of another, as if it had never existed (S-46).
//!
//! Two workspaces of equal shape. Everything that has a name in the first (ids, slugs, tools, prompts, URIs, cursors,
//! states, sessions, connections, events, questions, its tokens) is put wherever a request can hold a name, by every
//! credential of the second, on every route of the inventory of S-02. Beside each such request goes the same with a
//! made-up name of the same form: the two answers must be equal in all but the name.
//!
//! From: Asana June 2025, `ContextForge` 3891, CVE-2026-52870.

mod harvest;
mod line;
mod places;
mod world;

use std::time::{Duration, Instant};

use self::line::{Face, Line};
use self::places::{Ask, places};
use self::world::World;
use crate::effort::Effort;
use crate::rng::Rng;
use crate::score::{Bar, Score};

/// Connections that ask at the same time.
const LINES: u64 = 8;
/// How long the short form may ask.
const SHORT: Duration = Duration::from_secs(10);

/// Runs it.
pub(crate) fn run(effort: &Effort, score: &mut Score) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let world = World::new(&mut Rng(effort.seed)).await;
        let names = harvest::harvest(&world).await;
        let asks = places(&world, &names);
        #[expect(clippy::cast_precision_loss, reason = "told")]
        score.figure(
            "names × places × credentials",
            asks.len() as f64,
            "",
            Bar::Told,
        );
        let wanted = effort.size(100_000, 100_000);
        let until = Instant::now() + effort.size_of(SHORT, Duration::from_hours(1));
        let before = world.alpha_requests();
        let asked = (0..LINES).map(|number| {
            let (world, asks) = (&world, &asks);
            let mut rng = Rng(effort.seed * 1_000 + number);
            async move {
                let mut found = Found::default();
                let mut line = Line::new(&world.authority());
                while found.probes < wanted / LINES && Instant::now() < until {
                    let ask = &asks[rng.below(asks.len())];
                    found.compare(&mut line, ask, &mut rng).await;
                }
                found
            }
        });
        let mut all = Found::default();
        for found in futures_join(asked).await {
            all.add(found);
        }
        all.tell(score, until, wanted);
        let caused = world.alpha_requests() - before;
        score.never("a request at the first workspace's servers", caused as u64);
        score.never(
            "something said on its streams",
            world.heard_by_alpha().await,
        );
        score.never(
            "its session, cursor or state lost",
            world.lost_by_alpha(&names).await,
        );
    });
}

async fn futures_join<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    futures::future::join_all(all).await
}

/// What was found out.
#[derive(Default)]
struct Found {
    probes: u64,
    differences: u64,
    shown: Vec<String>,
    /// Microseconds of answers to real names and to made-up ones.
    real: Vec<u64>,
    made_up: Vec<u64>,
}

impl Found {
    async fn compare(&mut self, line: &mut Line, ask: &Ask, rng: &mut Rng) {
        let fake = rng.like(&ask.name);
        // In either order, so that neither profits from the other.
        let real_first = rng.below(2) == 0;
        let (first, second) = if real_first {
            (&ask.name, &fake)
        } else {
            (&fake, &ask.name)
        };
        let first = line.ask(ask, first).await;
        let second = line.ask(ask, second).await;
        self.probes += 1;
        let (real, made_up) = if real_first {
            (&first, &second)
        } else {
            (&second, &first)
        };
        self.real.push(real.micros);
        self.made_up.push(made_up.micros);
        if !Face::same(real, made_up) {
            self.differences += 1;
            if self.shown.len() < 3 {
                let what = &ask.what;
                self.shown.push(format!(
                    "{what}: {real:?} for {}, {made_up:?} for {fake}",
                    ask.name
                ));
            }
        }
    }

    fn add(&mut self, other: Self) {
        self.probes += other.probes;
        self.differences += other.differences;
        self.shown.extend(other.shown);
        self.real.extend(other.real);
        self.made_up.extend(other.made_up);
    }

    fn tell(&mut self, score: &mut Score, until: Instant, wanted: u64) {
        #[expect(clippy::cast_precision_loss, reason = "told")]
        let probes = self.probes as f64;
        // The short form asks for as long as it may.
        #[expect(clippy::cast_precision_loss, reason = "a bar")]
        let all = (wanted - wanted % LINES) as f64;
        let bar = Bar::AtLeast(if Instant::now() < until { all } else { 1_000.0 });
        score.figure("probes", probes, "", bar);
        for shown in self.shown.iter().take(5) {
            score.fail(shown);
        }
        score.never("an answer that tells the name exists", self.differences);
        let (real, made_up) = (median(&mut self.real), median(&mut self.made_up));
        score.figure("median answer to a real name", real, "µs", Bar::Told);
        score.figure("real over made-up", real / made_up, "", Bar::AtMost(1.25));
    }
}

fn median(micros: &mut [u64]) -> f64 {
    micros.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "microseconds")]
    let median = micros.get(micros.len() / 2).copied().unwrap_or(1) as f64;
    median
}
